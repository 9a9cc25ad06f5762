import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { HostError } from "../../../compiler/host.ts";
import { nodeHost } from "../../../compiler/host-node.ts";

describe("project folder on disk", () => {
  let base: string;
  let root: string;

  before(async () => {
    base = await mkdtemp(join(tmpdir(), "castgate-host-"));
    root = join(base, "project");
    await mkdir(join(root, "a/b"), { recursive: true });
    await writeFile(join(root, "a/b/z.yaml"), "\uFEFFz");
    await writeFile(join(root, "a/é.yaml"), "é");
    await writeFile(join(root, "a/B.yaml"), "B");
    await writeFile(join(root, "a/bytes"), Uint8Array.of(0xff, 0xfe));
    await writeFile(join(base, "secret.yaml"), "secret");
    await mkdir(join(base, "outside"));
    await writeFile(join(base, "outside/x.yaml"), "secret");
    await symlink(join(base, "secret.yaml"), join(root, "a/leak.yaml"));
    await symlink(join(base, "outside"), join(root, "a/leak"));
    await symlink(join(root, "a"), join(root, "a/b/loop"));
    await symlink(join(root, "a/B.yaml"), join(root, "a/inside.yaml"));
    await symlink(join(root, "gone"), join(root, "a/dangling.yaml"));
  });
  after(() => rm(base, { recursive: true, force: true }));

  test("lists files at any depth, sorted; links that lead out or nowhere as such, none twice", async () => {
    assert.deepEqual(await nodeHost(root).list("a"), [
      "a/B.yaml",
      "a/b/z.yaml",
      "a/bytes",
      "a/dangling.yaml",
      "a/inside.yaml",
      "a/leak",
      "a/leak.yaml",
      "a/é.yaml",
    ]);
    for (const folder of ["a/leak", "a/dangling.yaml"])
      await assert.rejects(() => nodeHost(root).list(folder), HostError, folder);
    assert.deepEqual(await nodeHost(root).list("nothing"), []);
    assert.deepEqual(await nodeHost(join(root, "nothing")).list("a"), []);
  });

  test("reads UTF-8 text, and says what cannot be read without naming the machine's paths", async () => {
    const host = nodeHost(root);
    assert.equal(await host.read("a/b/z.yaml"), "\uFEFFz");
    assert.equal(await host.read("a/inside.yaml"), "B");
    assert.equal(await host.read("a/none.yaml"), undefined);
    assert.equal(await host.read("a/B.yaml/x"), undefined);
    for (const file of [
      "a/bytes",
      "a/b",
      "a/dangling.yaml",
      "a/leak.yaml",
      "a/leak/x.yaml",
      "../secret.yaml",
      "/etc/passwd",
    ]) {
      await assert.rejects(
        () => host.read(file),
        (error) => error instanceof HostError && !error.message.includes(base),
        file,
      );
    }
  });

  test("tells files from folders", async () => {
    const host = nodeHost(root);
    assert.equal(await host.stat(""), "folder");
    assert.equal(await host.stat("a/B.yaml"), "file");
    assert.equal(await host.stat("none"), undefined);
    assert.equal(await nodeHost(join(root, "a/B.yaml")).stat(""), "file");
  });

  test("writes whole files, and leaves unchanged ones untouched", async () => {
    const host = nodeHost(root);
    await host.write("out/x/bundle.cjs", "one", { executable: true });
    const first = await stat(join(root, "out/x/bundle.cjs"));
    assert.equal(first.mode & 0o777, 0o755);
    await host.write("out/x/bundle.cjs", "one", { executable: true });
    const second = await stat(join(root, "out/x/bundle.cjs"));
    assert.equal(second.ino, first.ino);
    assert.equal(second.mtimeMs, first.mtimeMs);
    await host.write("out/x/bundle.cjs", Uint8Array.of(50), { executable: true });
    assert.equal(await readFile(join(root, "out/x/bundle.cjs"), "utf8"), "2");
    assert.deepEqual(await readdir(join(root, "out/x")), ["bundle.cjs"]);
  });

  test("gives an unchanged file its run bit back", async () => {
    const host = nodeHost(root);
    await host.write("out/run", "x", { executable: true });
    await chmod(join(root, "out/run"), 0o644);
    await host.write("out/run", "x", { executable: true });
    assert.equal((await stat(join(root, "out/run"))).mode & 0o111, 0o111);
  });

  test("writes and removes nothing outside of the project", async () => {
    const host = nodeHost(root);
    for (const file of ["../x", "a/leak/new.yaml", "/tmp/x"])
      await assert.rejects(() => host.write(file, "x"), HostError);
    await host.remove("a/leak/x.yaml").catch(() => undefined);
    assert.deepEqual(await readdir(join(base, "outside")), ["x.yaml"]);
    // A link itself is replaced, what it leads to is not written.
    await host.write("a/leak.yaml", "mine");
    assert.equal(await readFile(join(base, "secret.yaml"), "utf8"), "secret");
    assert.equal(await readFile(join(root, "a/leak.yaml"), "utf8"), "mine");
  });

  test("removes files; what is absent is no error", async () => {
    const host = nodeHost(root);
    await host.write("out/old", "x");
    await host.remove("out/old");
    await host.remove("out/old");
    await host.remove("nowhere/at/all");
    assert.equal(await host.stat("out/old"), undefined);
    await host.write("stale/api/pets/a.ts", "x");
    await host.write("stale/b.ts", "x");
    await host.remove("stale/api/pets/a.ts");
    assert.deepEqual(await readdir(join(root, "stale")), ["b.ts"]);
  });
});
