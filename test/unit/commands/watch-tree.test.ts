import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { watchTree } from "../../../compiler/commands/dev/watch-tree.ts";

describe("what `castgate dev` watches", () => {
  let root: string;
  let watcher: { close(): void };
  let wake: (() => void) | undefined;
  const seen = new Set<string>();

  before(() => {
    root = mkdtempSync(join(tmpdir(), "castgate-watch-"));
    mkdirSync(join(root, "api/deep"), { recursive: true });
    mkdirSync(join(root, "target"));
    writeFileSync(join(root, "api/deep/a.yaml"), "one\n");
    watcher = watchTree(
      root,
      (path) => !path.startsWith("target"),
      (path) => {
        seen.add(path);
        wake?.();
      },
    );
  });
  after(() => {
    watcher.close();
    rmSync(root, { recursive: true });
  });
  beforeEach(() => seen.clear());

  const told = async (path: string) => {
    while (!seen.has(path)) await new Promise<void>((resolve) => (wake = resolve));
    const all = [...seen];
    seen.clear();
    return all;
  };
  const replace = (path: string, text: string) => {
    writeFileSync(join(root, "target/new"), text);
    renameSync(join(root, "target/new"), join(root, path));
  };

  test("a file that is replaced, again and again, and then written to", { timeout: 10_000 }, async () => {
    const file = join("api", "deep", "a.yaml");
    replace(file, "two\n");
    await told(file);
    replace(file, "three\n");
    await told(file);
    appendFileSync(join(root, file), "four\n");
    await told(file);
  });

  test("a folder that is made later, removed, and made anew", { timeout: 10_000 }, async () => {
    const folder = join(root, "api", "late");
    const file = join("api", "late", "b.yaml");
    for (const _round of [1, 2]) {
      mkdirSync(folder);
      await told(join("api", "late"));
      // More than once: what was told may have been the end of the folder before.
      const writing = setInterval(() => appendFileSync(join(root, file), "b\n"), 10);
      await told(file).finally(() => clearInterval(writing));
      rmSync(folder, { recursive: true });
      await told(join("api", "late"));
    }
  });

  test("nothing that is of no interest", async () => {
    writeFileSync(join(root, "target/out.cjs"), "x");
    writeFileSync(join(root, "last.yaml"), "x");
    const all = await told("last.yaml");
    assert.ok(!all.some((path) => path.startsWith("target")), String(all));
  });
});
