#!/usr/bin/env node
/**
 * Builds and runs the conformance suite beside the repository against this gateway, as `npm run conformance`.
 *
 *   node test/conformance/run.mjs [--all] [--brief] [FILTER...]
 *
 * `pending.json` lists the cases that are still to come, with the reason. A case outside it must pass, one inside it must
 * not: what begins to work leaves the list. Optional cases count like active ones, and what the suite checks only with
 * `--strict` counts too, but for times. `--all` also runs areas of which every case is listed; `--brief` names only cases that are not as they should be. The environment variable
 * `TEST_ENGINE` names the engine to run on; `TEST_SCHEME=https` sends over TLS what a case leaves open.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { engineArguments } from "../support/engine-under-test.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const suite = path.resolve(root, "../shared/conformance");
const pending = JSON.parse(readFileSync(path.join(import.meta.dirname, "pending.json"), "utf8"));
const ports = [2379, 2380, 9443, 9590, 9595, 9596];
/** Lines of the suite's own runner that are left out. It fails listed cases as well. */
const hidden = process.argv.includes("--brief") ? /^(?:SKIP|PASS|FAIL) |^\d+ passed, \d+ failed / : /^SKIP /;
/** Held for the whole run: between two cases those above are free. */
const turnPort = 9597;
const args = process.argv.slice(2);
const filters = args.filter((arg) => !["--all", "--brief"].includes(arg));

if (existsSync(path.join(suite, "run.mjs"))) process.exitCode = await runSuite();
else close("there is no ../shared/conformance beside this repository", { passed: 0, failed: 0, skipped: 1 });

async function runSuite() {
  const cases = (await listCases()).filter((id) => filters.length === 0 || filters.some((text) => id.includes(text)));
  const open = new Set(cases.filter((id) => !Object.hasOwn(pending, id)).map(areaOf));
  const selected = cases.filter((id) => args.includes("--all") || open.has(areaOf(id)));
  const notRun = cases.length - selected.length;
  if (selected.length === 0) return close("no case selected", { passed: 0, failed: 0, skipped: cases.length });

  const turn = await portsFree();
  const work = mkdtempSync(path.join(os.tmpdir(), "castgate-conformance-"));
  const results = await runCases(selected, work);
  turn.close();
  const counts = { passed: 0, failed: 0, skipped: notRun };
  for (const id of selected) {
    const missed = missedBy(results.get(id));
    const passed = missed.length === 0;
    const listed = Object.hasOwn(pending, id);
    if (passed && !listed) counts.passed++;
    else if (!passed && listed) counts.skipped++;
    else {
      counts.failed++;
      say(`FAILED ${id}\n${passed ? "it passes: take it out of pending.json" : missed.join("; ")}`);
    }
  }
  if (filters.length === 0) {
    for (const id of Object.keys(pending).filter((id) => !cases.includes(id))) {
      counts.failed++;
      say(`FAILED ${id}\npending.json names a case that the suite does not have`);
    }
  }
  if (counts.failed === 0) rmSync(work, { recursive: true, force: true });
  else say(`logs: ${work}`);
  return close("", counts);
}

/** What a case expected in vain. How long an answer took is no failure: other work of the machine decides it. */
function missedBy(result) {
  if (result?.fails === undefined) return ["it did not run"];
  return [...result.fails, ...result.soft.filter((text) => !/: took \d+ ms, expected/.test(text))];
}

/** The suite's cases name these ports. Another run on this machine may have them: waits for its end, and holds `turnPort`. */
async function portsFree() {
  for (let tries = 0; tries < 900; tries++) {
    const turn = await listening(turnPort);
    if (turn !== undefined && !(await Promise.all(ports.map(isInUse))).some(Boolean)) return turn;
    turn?.close();
    if (tries === 0) say(`waiting: one of the ports ${[...ports, turnPort].join(", ")} is in use`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error("the ports of the suite did not become free");
}

async function isInUse(port) {
  const server = await listening(port);
  server?.close();
  return server === undefined;
}

/** A server on this port of loopback; undefined: the port is in use. */
function listening(port) {
  return new Promise((resolve) => {
    const server = createServer()
      .once("error", () => resolve(undefined))
      .listen(port, "127.0.0.1", () => resolve(server));
  });
}

/** Active and optional cases by id. */
async function listCases() {
  const { output } = await runner(["--list"], {}, true);
  return [...output.matchAll(/^(?:active|optional) +(\S+) /gm)].map((match) => match[1]);
}

async function runCases(selected, work) {
  const report = path.join(work, "report.json");
  const only = `/^(${selected.map((id) => id.replace(/[^\w/]/g, "\\$&")).join("|")})$/`;
  const node = quote(process.execPath);
  const scheme = process.env.TEST_SCHEME ?? "http";
  await runner([only, "--optional", `--scheme=${scheme}`, `--json=${report}`], {
    // tsx keeps a cache that all processes of a machine share and write at once.
    TSX_DISABLE_CACHE: "1",
    ACCEPT_WORK: path.join(work, "work"),
    ACCEPT_BUILD: `${node} ${quote(path.join(root, "test/support/compile-once.mjs"))} {project}`,
    ACCEPT_RUN: `${node} {project}/target/{name}.cjs ${engineArguments.join(" ")} --config {conf} --allow-known-defaults {args}`,
    ACCEPT_START_TIMEOUT: "20",
    ACCEPT_BUILD_TIMEOUT: "60",
  });
  if (!existsSync(report)) return new Map();
  return new Map(JSON.parse(readFileSync(report, "utf8")).cases.map((one) => [one.id, one]));
}

function runner(runnerArgs, env, quiet = false) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(suite, "run.mjs"), ...runnerArgs], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    if (!quiet) createInterface(child.stdout).on("line", (line) => hidden.test(line) || say(line));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

function areaOf(id) {
  return id.slice(0, id.indexOf("/"));
}

function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function close(why, { passed, failed, skipped }) {
  if (why !== "") say(why);
  say(`conformance: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
