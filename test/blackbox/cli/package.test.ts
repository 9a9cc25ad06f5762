import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { castgate, copyFixture, runCommand, temporaryFolder } from "../../support/command-line.ts";

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
    assert.match(lint.stdout, /Checked \d+ files/);
  });

  test("gives the same bytes as the sources in the repository", async () => {
    const other = path.join(folder.path, "petstore");
    copyFixture("petstore", other);
    assert.equal((await castgate(["compile", other])).code, 0);
    const [ours, theirs] = [other, project].map((each) => readFileSync(path.join(each, "target/petstore.cjs"), "utf8"));
    assert.equal(ours, theirs);
  });

  test("the bundle runs where nothing is installed, and answers 200", async () => {
    const backend = createServer((_, response) => response.end("from the backend"));
    const port = await listen(backend);
    const bundle = path.join(folder.path, "elsewhere.cjs");
    writeFileSync(bundle, readFileSync(path.join(project, "target/petstore.cjs")));
    const manifest = JSON.parse(readFileSync(path.join(project, "target/petstore.manifest.json"), "utf8"));
    const gatewayPort = await freePort();
    writeFileSync(path.join(folder.path, "certificate-free.conf"), settings(gatewayPort));
    const overrides = manifest.endpoints.map(
      ({ key }: { key: string }) => `--${key}_endpoint_0=http://127.0.0.1:${port}`,
    );
    const gateway = spawn(process.execPath, [bundle, "--config", "certificate-free.conf", ...overrides], {
      cwd: folder.path,
      stdio: ["ignore", "pipe", "pipe"],
    });
    try {
      const answer = await firstAnswer(gateway, `http://127.0.0.1:${gatewayPort}/petstore/v3/user/logout`);
      assert.equal(answer.status, 200);
      assert.equal(await answer.text(), "from the backend");
    } finally {
      gateway.kill("SIGTERM");
      backend.close();
      backend.closeAllConnections();
    }
    const code = await new Promise((resolve) => gateway.once("exit", resolve));
    assert.equal(code, 0);
  });
});

function settings(port: number): string {
  return [
    "[listenerConfig]",
    'host = "127.0.0.1"',
    `httpPort = ${port}`,
    "httpsPort = 0",
    "[[jwtTokenConfig]]",
    'issuer = "https://issuer.test"',
    'audience = "https://gateway.test"',
    'jwksURL = "http://127.0.0.1:9/jwks"',
    "",
  ].join("\n");
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

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
