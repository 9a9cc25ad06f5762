import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { compile } from "../../compiler/compile.ts";
import { catalogue } from "../../compiler/diagnostics/catalogue.ts";
import { renderPretty } from "../../compiler/diagnostics/render-pretty.ts";
import { nodeHost } from "../../compiler/host-node.ts";

/**
 * Every folder below `fixtures/diagnostics/` is the smallest project that triggers the code it is named after, with what
 * is printed for it. `UPDATE_GOLDEN=1` rewrites; then the diff is what a reviewer reads.
 */
const fixtures = path.join(import.meta.dirname, "../../fixtures/diagnostics");
const update = process.env.UPDATE_GOLDEN === "1";
const codes = readdirSync(fixtures).sort();
/** Codes about the project folder itself: the folder that is compiled lies below the fixture. */
const folderCodes = ["project-missing", "project-not-a-folder"];

test("every code has a fixture, and every fixture a code", () => {
  assert.deepEqual(codes, Object.keys(catalogue).sort());
});

test("the catalogue is sorted by code", () => {
  assert.deepEqual(Object.keys(catalogue), Object.keys(catalogue).sort());
});

describe("what is printed", () => {
  for (const code of codes) {
    test(code, async () => {
      const fixture = path.join(fixtures, code);
      const root = folderCodes.includes(code) ? path.join(fixture, "project") : fixture;
      const { diagnostics, sources } = await compile(root, nodeHost(root), { stopAfter: "lower" });
      const found = diagnostics.map((diagnostic) => diagnostic.code);
      assert.ok(found.includes(code as (typeof found)[number]), `reported: ${found.join(", ")}`);
      const text = renderPretty(diagnostics, sources);
      const file = path.join(fixture, "expected.txt");
      if (update) writeFileSync(file, text);
      assert.ok(existsSync(file), `${code}/expected.txt is missing: run npm run golden:update`);
      assert.equal(text, readFileSync(file, "utf8"));
    });
  }
});
