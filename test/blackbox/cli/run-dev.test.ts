import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { copyFixture, runCommand, temporaryFolder } from "../../support/command-line.ts";
import { until } from "../../support/debian-services.ts";
import { freePort } from "../../support/gateway-under-test.ts";

const repository = path.join(import.meta.dirname, "../../..");
const withCurl = { skip: spawnSync("curl", ["--version"]).status === 0 ? false : "curl is not installed" };

describe("castgate run --dev", () => {
  const folder = temporaryFolder();
  const project = path.join(folder.path, "petstore");
  let running: Running;
  before(async () => {
    copyFixture("petstore", project);
    running = await start("run", project, folder.path, "--dev");
  });
  after(async () => {
    await running.stop();
    folder.remove();
  });

  test("every curl line that it prints works when pasted", withCurl, async () => {
    const lines = running.output().match(/^curl .*$/gm) ?? [];
    assert.ok(lines.length >= 8, running.output());
    for (const line of lines) {
      const { stdout } = await runCommand("sh", ["-c", `${line} -s`], { cwd: folder.path });
      assert.match(stdout, /^HTTP\/1\.1 2\d\d /, line);
    }
  });

  test("so does every line of requests.sh: each operation has one", withCurl, async () => {
    const script = path.join(project, ".castgate-dev/requests.sh");
    const lines = readFileSync(script, "utf8").match(/^curl .*$/gm) ?? [];
    assert.equal(lines.length, 39);
    const silent = lines.map((line) => `${line} -s -o /dev/null -w '%{http_code} '`).join("\n");
    const { stdout } = await runCommand("sh", ["-c", silent], { cwd: folder.path });
    assert.match(stdout, /^(?:20\d ){39}$/);
  });

  test("backends answer with the examples of the definitions", async () => {
    const token = readFileSync(path.join(project, ".castgate-dev/tokens/read-pets.jwt"), "utf8");
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${running.origin}/petstore/v3/store/inventory`, { headers });
    assert.deepEqual(await answer.json(), { available: 7, pending: 2, sold: 5 });
    const order = await fetch(`${running.origin}/petstore/v3/store/order/1`, { headers });
    assert.equal(((await order.json()) as { petId: number }).petId, 198_772);
  });

  test("keys are readable for their owner alone, and git ignores them", () => {
    const dev = path.join(project, ".castgate-dev");
    for (const name of ["server.key", "issuer.key", "basic-password", "tokens/read-pets.jwt"]) {
      assert.equal(statSync(path.join(dev, name)).mode & 0o077, 0, name);
    }
    assert.equal(readFileSync(path.join(dev, ".gitignore"), "utf8"), "*\n");
  });

  test("ends cleanly on SIGTERM", async () => {
    assert.equal(await running.stop(), 0);
  });
});

describe("castgate dev", () => {
  const folder = temporaryFolder();
  const project = path.join(folder.path, "petstore");
  const definition = path.join(project, "api_definitions/petstore-v3.yaml");
  let running: Running;
  before(async () => {
    copyFixture("petstore", project);
    running = await start("dev", project, folder.path);
  });
  after(async () => {
    await running.stop();
    folder.remove();
  });

  test("serves a change after a restart on the same port", async () => {
    assert.equal(await statusOf(`${running.origin}/petstore/v3/added`), 404);
    const text = readFileSync(definition, "utf8");
    const path = "  /added:\n    get:\n      security: []\n      responses:\n        '200': { description: ok }\n";
    writeFileSync(definition, text.replace("paths:\n", `paths:\n${path}`));
    await until(async () => (await statusOf(`${running.origin}/petstore/v3/added`)) === 200);
  });

  test("goes on with the last good one when there are errors", async () => {
    const text = readFileSync(definition, "utf8");
    writeFileSync(definition, `${text}\nbroken: [`);
    await until(async () => running.output().includes("The last good gateway goes on running."));
    assert.match(running.output(), /error\[[a-z-]+\]/);
    assert.equal(await statusOf(`${running.origin}/petstore/v3/added`), 200);
  });
});

interface Running {
  readonly origin: string;
  output(): string;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
}

async function start(command: string, project: string, cwd: string, ...words: string[]): Promise<Running> {
  const [port, tlsPort] = [await freePort(), await freePort()];
  const settings = [`--listenerConfig.httpPort=${port}`, `--listenerConfig.httpsPort=${tlsPort}`];
  const tsx = `file://${path.join(repository, "node_modules/tsx/dist/loader.mjs")}`;
  const child: ChildProcess = spawn(
    process.execPath,
    ["--import", tsx, path.join(repository, "compiler/cli.ts"), command, project, ...words, "--", ...settings],
    { cwd, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const origin = `http://127.0.0.1:${port}`;
  await until(async () => {
    assert.equal(child.exitCode, null, output);
    return (await statusOf(`${origin}/readyz`)) === 200;
  });
  return {
    origin,
    output: () => output,
    stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** 0 while nobody answers. */
async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url)).status;
  } catch {
    return 0;
  }
}
