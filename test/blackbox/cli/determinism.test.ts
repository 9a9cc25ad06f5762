import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import yaml from "yaml";
import { castgate, copyFixture, filesBelow, temporaryFolder } from "../../support/command-line.ts";
import { compileBy, startCompiler } from "../../support/compile-once.mjs";

/** The same input gives the same bytes: in another folder, time zone, locale, home and umask, and with all keys in another order. */
describe("the same bytes", () => {
  const folder = temporaryFolder();
  const first = path.join(folder.path, "a/petstore");
  after(() => folder.remove());
  before(async () => {
    copyFixture("petstore", first);
    await compile(first, { TZ: "UTC", LC_ALL: "C", LANG: "C" });
  });

  test("in another folder, time zone, locale, home and umask", async () => {
    const other = path.join(folder.path, "another place/ünïcode/petstore");
    copyFixture("petstore", other);
    const env = { TZ: "Pacific/Chatham", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", HOME: folder.path, USER: "other" };
    // The command inherits it.
    const umask = process.umask(0o077);
    try {
      await compile(other, env);
    } finally {
      process.umask(umask);
    }
    sameFiles(other, ["generated", "target"]);
  });

  test("by one process for many projects, as tests have it", async () => {
    const again = path.join(folder.path, "again/petstore");
    const another = path.join(folder.path, "again/quotas");
    copyFixture("petstore", again);
    copyFixture("quotas", another);
    const compiler = await startCompiler(folder.path);
    assert.ok(compiler !== undefined);
    try {
      for (const project of [another, again, again]) assert.equal((await compileBy(compiler.socket, project)).code, 0);
    } finally {
      compiler.stop();
    }
    sameFiles(again, ["generated", "target"]);
  });

  test("with all keys shuffled: code and bundle are equal, only digests of raw files and lines differ", async () => {
    const shuffled = path.join(folder.path, "shuffled/petstore");
    copyFixture("petstore", shuffled);
    for (const file of readdirSync(shuffled, { recursive: true, encoding: "utf8" })) {
      if (/\.(?:json|ya?ml)$/.test(file)) shuffle(path.join(shuffled, file));
    }
    await compile(shuffled, {});
    sameFiles(shuffled, ["generated"]);
    assert.equal(bundleOf(shuffled), bundleOf(first));
  });

  test("under another name: the project's name is in no file, only in their names", async () => {
    const renamed = path.join(folder.path, "c/zoo");
    copyFixture("petstore", renamed);
    writeFileSync(path.join(renamed, "castgate.yaml"), "compatibility: standard\n");
    const plain = path.join(folder.path, "c/pond");
    copyFixture("petstore", plain);
    writeFileSync(path.join(plain, "castgate.yaml"), "compatibility: standard\n");
    await compile(renamed, {});
    await compile(plain, {});
    assert.equal(bundleOf(renamed), bundleOf(plain));
  });

  test("one edited operation: its part of the API's code, and its line of routes.txt", async () => {
    const edited = path.join(folder.path, "edited/petstore");
    copyFixture("petstore", edited);
    const definition = path.join(edited, "api_definitions/petstore-v3.yaml");
    const text = readFileSync(definition, "utf8");
    const before = "operationId: placeOrder\n";
    assert.ok(text.includes(before));
    writeFileSync(definition, text.replace(before, `${before}      x-wso2-throttling-tier: 10kPerMin\n`));
    await compile(edited, {});
    const [was, is] = [filesBelow(path.join(first, "generated")), filesBelow(path.join(edited, "generated"))];
    assert.deepEqual([...is.keys()], [...was.keys()]);
    const changed = [...is].filter(([name, content]) => was.get(name) !== content).map(([name]) => name);
    assert.deepEqual(changed, ["petstore-v3/routes.txt", "petstore-v3/store.ts"]);
    const routes = changedLines(was.get("petstore-v3/routes.txt") ?? "", is.get("petstore-v3/routes.txt") ?? "");
    assert.deepEqual([routes.removed, routes.added], [1, 1]);
    const [old, now] = [was, is].map((files) => blocks(files.get("petstore-v3/store.ts") ?? ""));
    const differing = now?.filter((block, i) => block !== old?.[i]).map((block) => block.split("\n")[0]);
    assert.equal(now?.length, old?.length);
    assert.deepEqual(differing, ["// POST /store/order: api_definitions/petstore-v3.yaml#/paths/~1store~1order/post"]);
  });

  function sameFiles(project: string, folders: readonly string[]): void {
    for (const name of folders) {
      assert.deepEqual(filesBelow(path.join(project, name)), filesBelow(path.join(first, name)));
    }
  }
});

async function compile(project: string, env: Readonly<Record<string, string>>): Promise<void> {
  mkdirSync(project, { recursive: true });
  const { code, stderr } = await castgate(["compile", "."], { cwd: project, env });
  assert.equal(code, 0, stderr);
}

function bundleOf(project: string): string {
  return readFileSync(path.join(project, "target", `${path.basename(project)}.cjs`), "utf8");
}

/** Writes a file anew with the keys of every object in reverse order, and its values as they were. */
function shuffle(file: string): void {
  const value = reverse(yaml.parse(readFileSync(file, "utf8")));
  writeFileSync(file, file.endsWith(".json") ? JSON.stringify(value) : yaml.stringify(value, { lineWidth: 60 }));
}

function reverse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverse);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reverse(item)]),
  );
}

/** The parts of a file of operations: imports, then one part an operation. */
function blocks(text: string): string[] {
  return text.split(/^(?=\/\/ [A-Z]+ \/)/m);
}

/** Lines between the common start and the common end of two texts. */
function changedLines(was: string, is: string): { readonly removed: number; readonly added: number } {
  const [a, b] = [was.split("\n"), is.split("\n")];
  let start = 0;
  while (a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return { removed: a.length - start - end, added: b.length - start - end };
}
