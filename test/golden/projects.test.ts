import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { compile } from "../../compiler/compile.ts";
import { nodeHost } from "../../compiler/host-node.ts";

/**
 * Every project below `fixtures/` that has requests or an `expected/` folder is compiled and compared with what is
 * committed: model, plan and generated code. `UPDATE_GOLDEN=1` rewrites; then the diff is what a reviewer reads.
 */
const fixtures = path.join(import.meta.dirname, "../../fixtures");
const update = process.env.UPDATE_GOLDEN === "1";
const projects = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(path.join(fixtures, entry.name, "api_definitions")))
  .map((entry) => entry.name)
  .sort();

test("there are projects to compare", () => {
  assert.ok(projects.length >= 4, `found ${projects.join(", ")}`);
});

for (const name of projects) {
  describe(name, () => {
    const root = path.join(fixtures, name);
    const expected = path.join(root, "expected");

    test("model and plan are as expected", async () => {
      for (const stopAfter of ["lower", "plan"] as const) {
        const file = path.join(expected, stopAfter === "lower" ? "model.json" : "plan.json");
        const { value, diagnostics } = await compile(root, nodeHost(root), { stopAfter });
        assert.ok(value !== undefined, diagnostics.map((found) => found.message).join("\n"));
        compareFile(file, `${JSON.stringify(value, undefined, 2)}\n`);
      }
    });

    test("generated code is as expected, no file missing and none left over", async () => {
      const { build, diagnostics } = await compile(root, nodeHost(root), { stopAfter: "emit" });
      assert.ok(build !== undefined, diagnostics.map((found) => found.message).join("\n"));
      const folder = path.join(expected, "generated");
      const made = new Map(build.generated.map(({ file, text }) => [relativeName(file), text]));
      if (update) rmSync(folder, { recursive: true, force: true });
      for (const [file, text] of made) compareFile(path.join(folder, file), text);
      assert.deepEqual(filesBelow(folder), [...made.keys()].sort());
    });
  });
}

function relativeName(file: string): string {
  return file.replace(/^generated\//, "");
}

function compareFile(file: string, text: string): void {
  if (update) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  assert.ok(existsSync(file), `${path.relative(fixtures, file)} is missing: run npm run golden:update`);
  assert.equal(text, readFileSync(file, "utf8"));
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .sort();
}
