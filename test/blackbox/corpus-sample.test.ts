import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { liveTable } from "../corpus/live-table.ts";

const examples = dirname(createRequire(import.meta.url).resolve("@readme/oas-examples/package.json"));

// A sample of what `npm run corpus` does: real definitions, and every operation asked for at the running bundle.
describe("published definitions, compiled and asked for every operation", () => {
  for (const [file, basePath, compatibility] of [
    ["2.0/json/petstore.json", "/v2", "standard"],
    ["3.0/json/star-trek.json", "/api/v1/rest", "wso2-3.2"],
    ["3.0/json/link-example.json", "", "standard"],
    ["3.1/json/train-travel.json", "", "wso2-3.2"],
  ] as const) {
    test(`${file}, ${compatibility}`, async () => {
      const outcome = await liveTable(readFileSync(join(examples, file), "utf8"), basePath, compatibility);
      assert.deepEqual(outcome.mismatches, []);
      assert.ok(outcome.met.forwarded > outcome.operations, "every operation was reached");
    });
  }
});
