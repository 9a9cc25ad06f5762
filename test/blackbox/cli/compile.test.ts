import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { castgate, copyFixture, filesBelow, runCommand, temporaryFolder } from "../../support/command-line.ts";

describe("castgate compile", () => {
  const folder = temporaryFolder();
  const shop = path.join(folder.path, "petstore");
  const compile = (...words: string[]) => castgate(["compile", "petstore", ...words], { cwd: folder.path });
  before(() => copyFixture("petstore", shop));
  after(() => folder.remove());

  test("--check writes nothing and fails before the first compilation", async () => {
    const { code, stderr } = await compile("--check");
    assert.equal(code, 1);
    assert.match(stderr, /generated\/ is stale; .*\n {2}generated\/gateway\.ts\n/);
    assert.ok(!existsSync(path.join(shop, "generated")));
    assert.ok(!existsSync(path.join(shop, "target")));
  });

  test("says what it wrote, how many operations there are, and how many are public", async () => {
    const { code, stdout, stderr } = await compile();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^petstore: 39 operations in 2 APIs, 4 of them public\n {2}wrote generated\/gateway\.ts\n/);
    assert.match(stderr, /note\[operation-public\]: GET \/user\/login is public/);
    assert.deepEqual(
      [...filesBelow(path.join(shop, "target")).keys()],
      ["petstore.cjs", "petstore.manifest.json", "petstore.sbom.json", "petstore.sources.json"],
    );
  });

  test("the bundle is an executable file that knows its manifest", async () => {
    const bundle = path.join(shop, "target/petstore.cjs");
    assert.equal(statSync(bundle).mode & 0o111, 0o111);
    const beside = JSON.parse(readFileSync(path.join(shop, "target/petstore.manifest.json"), "utf8"));
    const { files, bundle: digest, ...embedded } = beside;
    const { stdout } = await runCommand(process.execPath, [bundle, "--manifest"], { cwd: folder.path });
    assert.deepEqual(JSON.parse(stdout), embedded);
    assert.equal(embedded.operations.length, 39);
    assert.deepEqual(embedded.publicOperations, [
      "GET /petstore/v2/user/login",
      "GET /petstore/v2/user/logout",
      "GET /petstore/v3/user/login",
      "GET /petstore/v3/user/logout",
    ]);
    assert.match(digest.sha256, /^[0-9a-f]{64}$/);
    assert.ok(files.some((file: { file: string }) => file.file === "api_definitions/petstore-v3.yaml"));
  });

  test("sources.json has the line of each operation", () => {
    const sources = JSON.parse(readFileSync(path.join(shop, "target/petstore.sources.json"), "utf8"));
    const lines = readFileSync(path.join(shop, "api_definitions/petstore-v3.yaml"), "utf8").split("\n");
    const login = sources.operations.find((each: { path: string }) => each.path === "/petstore/v3/user/login");
    assert.equal(lines[login.line - 2]?.trim(), "/user/login:");
  });

  test("a second time it touches nothing, and --check is content", async () => {
    const files = ["generated/gateway.ts", "target/petstore.cjs"].map((name) => path.join(shop, name));
    const times = files.map((file) => statSync(file).mtimeMs);
    const { stdout } = await compile();
    assert.match(stdout, /everything was up to date/);
    assert.deepEqual(
      files.map((file) => statSync(file).mtimeMs),
      times,
    );
    assert.equal((await compile("--check")).code, 0);
  });

  test("an API that is gone takes its generated files with it, and a user's file stays", async () => {
    const second = path.join(shop, "api_definitions/petstore-v2.json");
    const text = readFileSync(second, "utf8");
    rmSync(second);
    writeFileSync(path.join(shop, "generated/petstore-v2/notes.md"), "mine");
    const { code, stdout } = await compile();
    assert.equal(code, 0);
    assert.match(stdout, /removed generated\/petstore-v2\/router\.ts, which is no longer generated/);
    assert.deepEqual([...filesBelow(path.join(shop, "generated/petstore-v2")).keys()], ["notes.md"]);
    writeFileSync(second, text);
    rmSync(path.join(shop, "generated/petstore-v2"), { recursive: true });
    assert.equal((await compile()).code, 0);
  });

  test("with errors, all of them are reported, and nothing is written", async () => {
    const broken = path.join(folder.path, "broken");
    mkdirSync(path.join(broken, "api_definitions"), { recursive: true });
    writeFileSync(path.join(broken, "castgate.yaml"), "compatibility: standrad\nnmae: x\n");
    writeFileSync(path.join(broken, "api_definitions/a.yaml"), "openapi: 3.0.3\ninfo: {\n");
    writeFileSync(path.join(broken, "api_definitions/b.yaml"), "just: text\n");
    const { code, stdout, stderr } = await castgate(["compile", "broken"], { cwd: folder.path });
    assert.equal(code, 1);
    assert.equal(stdout, "");
    for (const place of [
      "castgate.yaml:1:",
      "castgate.yaml:2:",
      "api_definitions/a.yaml:",
      "api_definitions/b.yaml:",
    ]) {
      assert.ok(stderr.includes(`--> ${place}`), `${place} in\n${stderr}`);
    }
    assert.doesNotMatch(stderr, /\n\s+at /);
    assert.deepEqual(
      [...filesBelow(broken).keys()],
      ["api_definitions/a.yaml", "api_definitions/b.yaml", "castgate.yaml"],
    );
  });

  test("--format prints nothing but the format to standard output", async () => {
    const json = JSON.parse((await compile("--format=json")).stdout);
    assert.ok(json.diagnostics.some(({ code }: { code: string }) => code === "operation-public"));
    const sarif = JSON.parse((await compile("--format=sarif")).stdout);
    assert.equal(sarif.version, "2.1.0");
    assert.match(
      (await compile("--format=github")).stdout,
      /^::notice .*file=petstore\/api_definitions\/petstore-v2\.json/,
    );
  });

  test("--deny-warnings fails on warnings, and writes nothing", async () => {
    const copy = path.join(folder.path, "warned");
    mkdirSync(path.join(copy, "api_definitions"), { recursive: true });
    writeFileSync(path.join(copy, "castgate.yaml"), "compatibility: standard\n");
    writeFileSync(path.join(copy, "api_definitions/shop.json"), withoutSecurity);
    const denied = await castgate(["compile", "warned", "--deny-warnings"], { cwd: folder.path });
    assert.equal(denied.code, 1);
    assert.match(denied.stderr, /warning\[security-unstated\]/);
    assert.ok(!existsSync(path.join(copy, "generated")));
  });

  test("--out puts the bundle elsewhere", async () => {
    assert.equal((await compile("--out=dist")).code, 0);
    const there = filesBelow(path.join(folder.path, "dist"));
    assert.equal(there.get("petstore.cjs"), readFileSync(path.join(shop, "target/petstore.cjs"), "utf8"));
  });

  test("--stop-after prints the result of any phase as JSON", async () => {
    for (const phase of ["load", "lower", "plan", "bundle", "verify"]) {
      const { code, stdout } = await compile(`--stop-after=${phase}`, "--print");
      assert.equal(code, 0);
      assert.equal(typeof JSON.parse(stdout), "object", phase);
    }
  });
});

const withoutSecurity = JSON.stringify({
  openapi: "3.0.3",
  info: { title: "Shop", version: "1" },
  servers: [{ url: "https://shop.test/v1" }],
  paths: { "/a": { get: { responses: { 200: { description: "ok" } } } } },
});
