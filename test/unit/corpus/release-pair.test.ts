import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { compareTables, lostRequests, operationTable } from "../../corpus/independent-count.ts";
import { compareReleases } from "../../corpus/release-pair.ts";

const examples = dirname(createRequire(import.meta.url).resolve("@readme/oas-examples/package.json"));

// A sample of what `npm run releases` does: a published definition, and what might be its next release.
test("counts of a comparison are those of a plain count, and generated code changes with the operations", async () => {
  const base = readFileSync(join(examples, "3.1/json/train-travel.json"), "utf8");
  const next = JSON.parse(base);
  const { "/bookings/{bookingId}/payment": payment, ...paths } = next.paths;
  assert.ok(payment !== undefined);
  // From the left a literal wins: a booking called "recent" is asked for here, and can no longer be deleted.
  paths["/bookings/recent"] = { get: { operationId: "recent-bookings", responses: { 200: { description: "fine" } } } };
  paths["/stations"].get.security = [];
  paths["/trips"].get.servers = [{ url: "https://trips.example.com" }];
  const head = JSON.stringify({ ...next, paths: Object.fromEntries(Object.entries(paths).reverse()) });
  const outcome = await compareReleases({ title: "trains", base, head, compatibility: "standard" });
  assert.deepEqual(outcome.disputed, []);
  assert.deepEqual(outcome.counted, { added: 1, removed: 1, changed: 3 });
  assert.deepEqual(outcome.found, outcome.counted);
  assert.deepEqual([outcome.exitCode, outcome.verdict, outcome.operations], [10, "weaker", 7]);
  assert.ok(outcome.processorSeconds > 0);
  assert.ok(outcome.linesBesideIndent > 0 && outcome.linesBesideIndent < 45, String(outcome.linesBesideIndent));
});

test("the plain count reads what holds for an operation", () => {
  const definition = (paths: object, more: object = {}) =>
    operationTable(JSON.stringify({ servers: [{ url: "https://a.example.com" }], ...more, paths }));
  const base = definition({ "/a/{b}": { get: {}, delete: { security: [] }, trace: {}, servers: undefined } });
  const head = definition({ "/a/{c}": { delete: {}, get: {} }, "/a/x": { post: {} } }, { security: [] });
  assert.deepEqual(compareTables(base, head), {
    added: ["POST /a/x"],
    removed: [],
    changed: ["GET /a/{}"],
  });
  assert.deepEqual(lostRequests(base, head), ["DELETE /a/{}", "GET /a/{}"]);
  assert.deepEqual(lostRequests(head, base), []);
  const covered = definition({ "/{a}/b/{c}": { get: {} }, "/x/b/{c}": { get: {} } });
  const taken = definition({ "/{a}/b/{c}": { get: {} }, "/x/b/{c}": { get: {} }, "/x/b/y.json": { put: {} } });
  assert.deepEqual(lostRequests(covered, taken), ["GET /x/b/{}"]);
});
