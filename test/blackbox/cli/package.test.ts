import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { castgate, copyFixture, runCommand, temporaryFolder } from "../../support/command-line.ts";
import { freePort } from "../../support/gateway-under-test.ts";

const repository = path.join(import.meta.dirname, "../../..");
const tool = (name: string) => path.join(repository, "node_modules/.bin", name);

/** What a stranger does: install the package into an empty folder, make a project, compile, check, run. */
describe("the installed package", () => {
  const folder = temporaryFolder();
  const home = path.join(folder.path, "home");
  const project = path.join(home, "x");
  after(() => folder.remove());

  before(async () => {
    const packed = await runCommand("npm", ["pack", "--pack-destination", folder.path], { cwd: repository });
    assert.equal(packed.code, 0, packed.stderr);
    mkdirSync(home);
    writeFileSync(path.join(home, "package.json"), "{}");
    const archive = packed.stdout.trim().split("\n").at(-1) ?? "";
    const installed = await npm(
      "install",
      "--prefer-offline",
      "--no-audit",
      "--no-fund",
      path.join(folder.path, archive),
    );
    assert.equal(installed.code, 0, installed.stderr);
  });

  const npm = (...words: string[]) => runCommand("npm", words, { cwd: home });
  const npx = (...words: string[]) => runCommand("npx", ["--no-install", "castgate", ...words], { cwd: home });

  test("leaves nothing behind in the repository", () => {
    assert.throws(() => statSync(path.join(repository, "npm-shrinkwrap.json")), { code: "ENOENT" });
  });

  test("makes a project and compiles it", async () => {
    const definition = path.join(repository, "fixtures/petstore/api_definitions/petstore-v3.yaml");
    const made = await npx("init", "x", "-a", definition);
    assert.equal(made.code, 0, made.stderr);
    const [first = ""] = readFileSync(path.join(project, "policies.yaml"), "utf8").split("\n");
    const schema = path.resolve(project, first.replace(/^.*\$schema=/, ""));
    assert.equal((JSON.parse(readFileSync(schema, "utf8")) as { title: string }).title, "policies.yaml");
    copyFixture("petstore", project);
    const compiled = await npx("compile", "x");
    assert.equal(compiled.code, 0, compiled.stderr);
    assert.match(compiled.stdout, /^petstore: 39 operations/);
  });

  test("the generated code passes the type checker and the linter with what the package ships", async () => {
    const types = await runCommand(tool("tsc"), ["-p", "."], { cwd: project });
    assert.equal(types.code, 0, types.stdout);
    const lint = await runCommand(tool("biome"), ["check", "--error-on-warnings", "."], { cwd: project });
    assert.equal(lint.code, 0, lint.stderr + lint.stdout);
    assert.match(lint.stdout + lint.stderr, /Checked \d+ files/);
  });

  test("gives the same bytes as the sources in the repository", async () => {
    const other = path.join(folder.path, "petstore");
    copyFixture("petstore", other);
    assert.equal((await castgate(["compile", other])).code, 0);
    const [ours, theirs] = [other, project].map((each) => readFileSync(path.join(each, "target/petstore.cjs"), "utf8"));
    assert.equal(ours, theirs);
  });

  test("can be called from a program", async () => {
    const program = `
      import { compile, nodeHost } from "castgate";
      const { failed, build } = await compile("x", nodeHost("x"));
      console.log(failed, build.target.map(({ file }) => file).join(" "));
    `;
    const { stdout } = await runCommand(process.execPath, ["--input-type=module", "-e", program], { cwd: home });
    assert.equal(
      stdout,
      "false target/petstore.cjs target/petstore.manifest.json target/petstore.sbom.json target/petstore.sources.json\n",
    );
  });

  test("a bundle runs where nothing is installed, and answers 200", async () => {
    const backend = createServer((_, response) => response.end("from the backend"));
    const port = await listen(backend);
    writeFileSync(path.join(home, "shop.json"), definition(`http://127.0.0.1:${port}`));
    assert.equal((await npx("init", "shop", "-a", "shop.json")).code, 0);
    const compiled = await npx("compile", "shop");
    assert.equal(compiled.code, 0, compiled.stderr);
    const elsewhere = path.join(folder.path, "elsewhere");
    mkdirSync(elsewhere);
    copyFileSync(path.join(home, "shop/target/shop.cjs"), path.join(elsewhere, "gateway"));
    const gatewayPort = await freePort();
    const words = ["--listenerConfig.host=127.0.0.1", `--listenerConfig.httpPort=${gatewayPort}`];
    const gateway = spawn("./gateway", words, { cwd: elsewhere, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => gateway.once("exit", resolve));
    try {
      const answer = await firstAnswer(gateway, `http://127.0.0.1:${gatewayPort}/shop/a`);
      assert.equal(answer.status, 200);
      assert.equal(await answer.text(), "from the backend");
    } finally {
      gateway.kill("SIGTERM");
      backend.close();
      backend.closeAllConnections();
    }
    assert.equal(await ended, 0);
  });
});

function definition(backend: string): string {
  return JSON.stringify({
    openapi: "3.0.3",
    info: { title: "Shop", version: "1" },
    "x-wso2-basePath": "/shop",
    "x-wso2-production-endpoints": { urls: [backend] },
    paths: { "/a": { get: { security: [], responses: { 200: { description: "ok" } } } } },
  });
}

async function firstAnswer(gateway: ChildProcess, url: string): Promise<Response> {
  let log = "";
  for (const stream of [gateway.stdout, gateway.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  for (;;) {
    assert.equal(gateway.exitCode, null, log);
    try {
      return await fetch(url);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
