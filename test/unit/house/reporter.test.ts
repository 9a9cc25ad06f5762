import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const reporter = pathToFileURL(path.resolve(import.meta.dirname, "../../support/reporter.mjs")).href;

const sample = `
import { describe, test } from "node:test";
test("alone", () => {});
describe("a suite", () => {
  test("passes", () => {});
  test("fails", () => { throw new Error("as it should"); });
  test("skipped", { skip: true }, () => {});
  describe("inside", () => test("fails too", () => { throw new Error("again"); }));
});
`;

test("the reporter counts tests, not suites, and names what failed", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-reporter-"));
  try {
    writeFileSync(path.join(folder, "sample.test.mjs"), sample);
    writeFileSync(path.join(folder, "broken.test.mjs"), "this is no JavaScript");
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout, status } = spawnSync(
      process.execPath,
      ["--test", `--test-reporter=${reporter}`, "sample.test.mjs", "broken.test.mjs"],
      { cwd: folder, env, encoding: "utf8" },
    );
    assert.equal(status, 1);
    assert.match(stdout, /FAILED sample\.test\.mjs: a suite > fails\nError: as it should/);
    assert.match(stdout, /FAILED sample\.test\.mjs: a suite > inside > fails too\nError: again/);
    assert.match(stdout, /FAILED .*broken\.test\.mjs/);
    assert.match(stdout, /\ntests: 2 passed, 3 failed, 1 skipped\n$/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
