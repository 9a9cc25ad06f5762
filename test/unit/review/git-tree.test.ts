import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { HostError } from "../../../compiler/host.ts";
import { type GitTree, openGitTree } from "../../../compiler/review/git-tree.ts";
import { readSide } from "../../../compiler/review/side.ts";
import { temporaryFolder } from "../../support/command-line.ts";

/** Nobody's own configuration may change what these do. */
const identity = [
  "-c",
  "user.name=t",
  "-c",
  "user.email=t@example.com",
  "-c",
  "commit.gpgsign=false",
  "-c",
  "core.autocrlf=false",
];

describe("a folder of a git revision", () => {
  const folder = temporaryFolder();
  const repository = path.join(folder.path, "repository");
  const git = (...words: string[]) =>
    execFileSync("git", [...identity, ...words], {
      cwd: repository,
      env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(repository, name)), { recursive: true });
    writeFileSync(path.join(repository, name), text);
  };
  const definition = (backend: string) =>
    JSON.stringify({
      openapi: "3.0.3",
      info: { title: "Shop", version: "1" },
      "x-wso2-basePath": "/shop",
      "x-wso2-production-endpoints": { urls: [backend] },
      paths: { "/a": { get: { security: [], responses: { 200: { description: "ok" } } } } },
    });
  let tree: GitTree;

  before(async () => {
    mkdirSync(repository);
    git("init", "-q", "-b", "main");
    write("gateway/api_definitions/shop.json", definition("https://old.test"));
    write("gateway/castgate.yaml", "compatibility: standard\n");
    write("gateway/conf/micro-gw.conf", "[castgate]\naccessLog = true\n");
    git("add", ".");
    git("commit", "-q", "-m", "one");
    write("gateway/api_definitions/shop.json", definition("https://new.test"));
    write("gateway/ünï còde.txt", "two words\n");
    write("gateway/big.txt", "0123456789abcde\n".repeat(40_000));
    write("gateway/pointer.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    writeFileSync(path.join(repository, "gateway/bytes.bin"), Buffer.from([0xff, 0xfe, 0]));
    symlinkSync("castgate.yaml", path.join(repository, "gateway/link.yaml"));
    symlinkSync("/etc", path.join(repository, "gateway/outside"));
    git("add", ".");
    const commit = git("rev-parse", "HEAD").trim();
    git("update-index", "--add", "--cacheinfo", `160000,${commit},gateway/module`);
    git("commit", "-q", "-m", "two");
    // What is not committed is in no revision.
    write("gateway/castgate.yaml", "compatibility: nonsense\n");
    tree = await openGitTree("HEAD:gateway", repository);
  });
  after(() => {
    tree.close();
    folder.remove();
  });

  test("has the files that were committed, with any name and any size", async () => {
    const { host } = tree;
    assert.deepEqual(await host.list("conf"), ["conf/micro-gw.conf"]);
    assert.deepEqual(
      [await host.stat(""), await host.stat("conf"), await host.stat("castgate.yaml"), await host.stat("nothing")],
      ["folder", "folder", "file", undefined],
    );
    const [settings, name, big, again] = await Promise.all(
      ["castgate.yaml", "ünï còde.txt", "big.txt", "castgate.yaml"].map((file) => host.read(file)),
    );
    assert.deepEqual(
      [settings, name, big?.length, again],
      ["compatibility: standard\n", "two words\n", 640_000, settings],
    );
    assert.equal(await host.read("nothing"), undefined);
  });

  const unreadable: readonly (readonly [file: string, why: RegExp])[] = [
    ["link.yaml", /is a link/],
    ["outside/passwd", /is a link/],
    ["module/file", /is a submodule/],
    ["pointer.yaml", /Git LFS/],
    ["bytes.bin", /not UTF-8 text/],
  ];
  for (const [file, why] of unreadable) {
    test(`says why ${file} cannot be read`, async () => {
      await assert.rejects(
        tree.host.read(file),
        (error: unknown) => error instanceof HostError && why.test(error.message),
      );
    });
  }

  test("is a side of its own: what is on disk does not matter", async () => {
    const backendOf = async (spec: string, from = repository) => {
      const found = await readSide(spec, from);
      assert.ok("side" in found);
      const { kind, model, settings } = found.side;
      const backend = model.apis[0]?.operations[0]?.backend;
      assert.equal(settings?.text, "[castgate]\naccessLog = true\n");
      return [kind, backend?.kind === "forward" && backend.production?.urls[0]];
    };
    assert.deepEqual(await backendOf("HEAD:gateway"), ["revision", "https://new.test"]);
    assert.deepEqual(await backendOf("main~1:gateway"), ["revision", "https://old.test"]);
    assert.deepEqual(await backendOf("HEAD~1:./", path.join(repository, "gateway")), ["revision", "https://old.test"]);
  });

  test("is refused in words when there is none", async () => {
    const cases: readonly (readonly [spec: string, problem: RegExp])[] = [
      ["HEAD:nowhere", /neither a project folder, nor a bundle, nor a folder of a revision/],
      ["HEAD:gateway/castgate.yaml", /is not a folder/],
      ["nowhere:gateway", /neither a project folder/],
      ["--help:gateway", /neither a project folder/],
      ["nowhere", /there is no such folder or file/],
    ];
    for (const [spec, problem] of cases) await assert.rejects(readSide(spec, repository), problem, spec);
    rmSync(path.join(repository, ".git"), { recursive: true });
    process.env.GIT_CEILING_DIRECTORIES = folder.path;
    try {
      await assert.rejects(readSide("HEAD:gateway", folder.path), /neither a project folder/);
    } finally {
      delete process.env.GIT_CEILING_DIRECTORIES;
    }
  });
});
