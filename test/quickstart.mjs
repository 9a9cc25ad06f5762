#!/usr/bin/env node
/**
 * `npm run quickstart`: from a fresh clone to a gateway that answers. Compiles the pet store, shows a piece of the code,
 * runs it against mocked backends and sends real requests. Plain JavaScript, so that it can install what is missing.
 * Exit code 0 only if every answer is the expected one. On a terminal it goes on serving until Ctrl-C.
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = path.dirname(import.meta.dirname);
const project = path.join(root, ".cache/quickstart/petstore");
const shown = path.relative(process.cwd(), project) || ".";
const interactive = process.stdout.isTTY === true;

install();
compile();
showCode();
process.exitCode = await serve();

/** Installs once; `npm ci` takes exactly what the lock file says. */
function install() {
  if (existsSync(path.join(root, "node_modules/.package-lock.json"))) return;
  say("> npm ci");
  run("npm", ["ci", "--no-audit", "--no-fund"], { shell: process.platform === "win32" });
}

function compile() {
  rmSync(project, { recursive: true, force: true });
  for (const part of ["api_definitions", "castgate.yaml", "policies.yaml"]) {
    cpSync(path.join(root, "fixtures/petstore", part), path.join(project, part), { recursive: true });
  }
  say(`> castgate compile ${shown}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, castgate("compile", project), {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) {
    say(stderr);
    process.exit(status ?? 1);
  }
  // Of each note its first line: the places would fill the screen.
  say(stderr.replaceAll(/^(?!note|warning).*\n/gm, "").trimEnd());
  say(stdout);
}

/** What a reviewer reads: one operation with its checks, in order. */
function showCode() {
  const code = readFileSync(path.join(project, "generated/petstore-v3/store.ts"), "utf8");
  const start = code.indexOf("// GET /store/inventory");
  const end = code.indexOf("\n// ", start);
  say(`> ${path.join(shown, "generated/petstore-v3/store.ts")}, in part\n`);
  say(indent(`${code.slice(start, end).trimEnd()}\n`));
}

async function serve() {
  const [port, tlsPort] = [await freePort(), await freePort()];
  say(`> castgate run ${shown} --dev\n`);
  const settings = [`--listenerConfig.httpPort=${port}`, `--listenerConfig.httpsPort=${tlsPort}`];
  const gateway = spawn(process.execPath, castgate("run", project, "--dev", "--", ...settings), {
    cwd: root,
    // Ctrl-C is meant for this script, which then stops the gateway.
    detached: interactive,
  });
  let log = "";
  for (const stream of [gateway.stdout, gateway.stderr]) stream.setEncoding("utf8").on("data", (text) => (log += text));
  const ended = new Promise((resolve) => gateway.once("exit", (code) => resolve(code ?? 1)));
  try {
    const origin = `http://127.0.0.1:${port}`;
    if (!(await ready(origin, gateway))) {
      say(`The gateway did not start:\n${log}`);
      return 1;
    }
    const wrong = await sendRequests(origin);
    if (wrong > 0) {
      say(`\n${wrong} answers are not the expected ones.`);
      return 1;
    }
    say(`\nThe code to review is in ${shown}/generated, the executable is ${shown}/target/petstore.cjs.`);
    if (interactive) await untilStopped(origin);
    return 0;
  } finally {
    gateway.kill("SIGTERM");
    await ended;
  }
}

async function sendRequests(origin) {
  const token = (name) => readFileSync(path.join(project, `.castgate-dev/tokens/${name}.jwt`), "utf8");
  const bearer = (name) => ({ authorization: `Bearer ${token(name)}` });
  const inventory = "/petstore/v3/store/inventory";
  const requests = [
    [200, "a token with the right scope", inventory, bearer("read-pets")],
    [200, "an API key, on the Swagger 2 API", "/petstore/v2/pet/1", { api_key: token("api-key-no-scopes") }],
    [401, "no token", inventory, {}],
    [403, "a token without the scope write:pets", "/petstore/v3/pet/findByStatus", bearer("read-pets")],
    [404, "a path that no API has", "/petstore/v3/nothing", bearer("read-pets")],
  ];
  let wrong = 0;
  for (const [expected, why, target, headers] of requests) {
    const { status, body } = await get(origin + target, headers);
    report(expected, status, target, why, body);
    if (status !== expected) wrong += 1;
  }
  // 5 a minute are allowed; the minute may end in between.
  let last = { status: 0, body: "" };
  for (let i = 0; i < 12 && last.status !== 429; i++) last = await get(origin + inventory, bearer("read-pets"));
  report(429, last.status, inventory, "more than the tier 5PerMin allows", last.body);
  return last.status === 429 ? wrong : wrong + 1;
}

async function get(url, headers) {
  const answer = await fetch(url, { headers });
  return { status: answer.status, body: await answer.text() };
}

function report(expected, status, target, why, body) {
  const line = body.replaceAll(/\s+/g, " ").trim();
  say(`${status}  GET ${target}  ${why}${status === expected ? "" : `: EXPECTED ${expected}`}`);
  say(`     ${line.length > 100 ? `${line.slice(0, 100)}...` : line}`);
}

async function untilStopped(origin) {
  say(
    `\nThe gateway goes on serving on ${origin}; Ctrl-C stops it. Requests to paste: ${shown}/.castgate-dev/requests.sh`,
  );
  await new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, resolve);
  });
}

async function ready(origin, gateway) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && gateway.exitCode === null) {
    try {
      if ((await fetch(`${origin}/readyz`)).status === 200) return true;
    } catch {
      // Not listening yet.
    }
    await sleep(100);
  }
  return false;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function castgate(...words) {
  return ["--import", "tsx", path.join(root, "compiler/cli.ts"), ...words];
}

function run(command, words, options = {}) {
  const { status } = spawnSync(command, words, { cwd: root, stdio: "inherit", ...options });
  if (status !== 0) process.exit(status ?? 1);
  say("");
}

function indent(text) {
  return text.replaceAll(/^(?=.)/gm, "    ");
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
