import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { syntheticDefinition } from "../../bench/synthetic-definition.ts";
import { writeWrkScript } from "../../bench/wrk.ts";

test("a synthetic definition has exactly as many operations as were asked for, and the same text each time", () => {
  const text = syntheticDefinition(503);
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { operationId: string }>> };
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  assert.equal(operations.length, 503);
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, 503);
  assert.equal(syntheticDefinition(503), text);
});

test("wrk sends one field with every request, or several in turn", () => {
  const folder = mkdtempSync(join(tmpdir(), "castgate-test-"));
  try {
    const one = { url: "", method: "GET", fields: ["X-Key: a:b"], body: "" } as const;
    const single = readFileSync(writeWrkScript(folder, "one", one), "utf8");
    assert.ok(single.startsWith('wrk.method = "GET"\nwrk.headers["X-Key"] = "a:b"\nfunction done('), single);
    const several = { ...one, method: "POST", fields: ["A: 1", "A: 2"], body: '{"a":1}' } as const;
    const turns = readFileSync(writeWrkScript(folder, "several", several), "utf8");
    assert.match(turns, /^wrk\.body = "\{\\"a\\":1\}"$/m);
    assert.equal(turns.match(/requests\[#requests \+ 1\] = wrk\.format\(\)/g)?.length, 2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
