import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CompiledProject, compileProject } from "../support/gateway-under-test.ts";
import { TestIssuer } from "../support/test-issuer.ts";
import { type Bench, openBench } from "./bench.ts";
import { writeBenchProject } from "./bench-project.ts";
import { watchMachine } from "./circumstances.ts";
import { measureCompile } from "./compile.ts";
import { Contenders, enginesIn, type OwnVariant, ownId, ownVariants } from "./contenders.ts";
import { freePorts } from "./gateway-process.ts";
import { writeSettings } from "./identity.ts";
import { measureLatency } from "./latency.ts";
import { requestBytes } from "./load/raw-connection.ts";
import { measureIdle, measureMemory } from "./memory.ts";
import { type BenchOptions, readOptions, usage } from "./options.ts";
import { layOutPackage } from "./package-build.ts";
import { loadCore } from "./pinned-process.ts";
import { compare, emptyServerId, ratiosOf } from "./ratios.ts";
import { type BenchRecord, merge, nothingRecorded } from "./record.ts";
import { renderReport } from "./report.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { measureStarts, type Starter } from "./start-up.ts";
import { measureThroughput } from "./throughput.ts";
import { installPeers, missingTools, type NodeUnderTest, nodesUnderTest, toolVersions } from "./tools.ts";
import { measureWorkers } from "./workers.ts";

/*
 * npm run bench [-- options]: see options.ts for them and README.md for the method. Exit codes: 0 all was measured without
 * an error (with --check: nothing has become worse), 1 otherwise, 2 wrong usage.
 */
const options = readOptions(process.argv.slice(2));
if (typeof options === "string") {
  say(`${options}\n\n${usage}`);
  process.exit(2);
}
const missing = missingTools(cpus().length);
if (missing !== undefined) {
  say(`no benchmark here: ${missing}`);
  process.exit(2);
}
process.exitCode = await run(options);

async function run(options: BenchOptions): Promise<number> {
  const recorded = readRecord(options.out);
  if (options.check && ratiosOf(recorded).length === 0) {
    say(`nothing to compare with: ${join(options.out, "RESULTS.json")} has no ratios; \`npm run bench\` records them`);
    return 1;
  }
  if (options.peers) installPeers();
  const nodes = nodesUnderTest(options.nodes);
  const found = await measure(options, nodes);
  if (options.check) return check(recorded, found, options.margin);
  const merged = merge(recorded, found);
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, "RESULTS.json"), `${JSON.stringify(merged, undefined, 1)}\n`);
  writeFileSync(join(options.out, "RESULTS.md"), renderReport(merged));
  say(`written to ${join(options.out, "RESULTS.md")}`);
  const problems = problemsOf(found);
  for (const problem of problems) say(problem);
  return problems.length === 0 ? 0 : 1;
}

function readRecord(folder: string): BenchRecord {
  try {
    return { ...nothingRecorded, ...JSON.parse(readFileSync(join(folder, "RESULTS.json"), "utf8")) };
  } catch {
    return nothingRecorded;
  }
}

/** Prints each ratio that both have. */
function check(recorded: BenchRecord, found: BenchRecord, margin: number): number {
  const comparisons = compare(ratiosOf(recorded), ratiosOf(found), margin);
  for (const { name, recorded: before, now, worse, failed } of comparisons) {
    const change = `${Math.abs(worse * 100).toFixed(0)} % ${worse > 0 ? "worse" : "better"}`;
    say(`${failed ? "FAILED" : "fine  "} ${name}: recorded ${before.toFixed(2)}, now ${now.toFixed(2)}, ${change}`);
  }
  const problems = problemsOf(found);
  for (const problem of problems) say(problem);
  if (comparisons.length === 0) say("nothing that was measured is recorded");
  const failures = comparisons.filter(({ failed }) => failed).length;
  say(`${comparisons.length} ratios compared, ${failures} worse by more than ${Math.round(margin * 100)} %`);
  return failures === 0 && problems.length === 0 && comparisons.length > 0 ? 0 : 1;
}

/** What must not be: failures and wrong answers, whoever's they are. */
function problemsOf({ throughput, latency, memory, idle, workers, compile }: BenchRecord): readonly string[] {
  const problems: string[] = [];
  for (const { scenario, contenders } of [...throughput, ...latency]) {
    for (const { id, failure, samples } of contenders) {
      if (failure !== undefined) problems.push(`${scenario}: ${id}: ${failure}`);
      const errors = (samples as readonly { errors: number }[]).reduce((sum, one) => sum + one.errors, 0);
      if (errors > 0) problems.push(`${scenario}: ${id}: ${errors} errors`);
    }
  }
  for (const { id, failure, errors } of memory?.rows ?? []) {
    if (failure !== undefined || errors > 0) problems.push(`memory: ${id}: ${failure ?? `${errors} errors`}`);
  }
  for (const { id, failure, lost } of idle?.rows ?? []) {
    if (failure !== undefined || lost > 0) problems.push(`idle: ${id}: ${failure ?? `${lost} connections lost`}`);
  }
  for (const row of workers?.rows ?? []) {
    const right =
      row.answered === row.requests && row.backendSaw === row.requests && row.busyWorkers === 2 && row.refusal === 78;
    if (row.failure !== undefined || !right) problems.push(`workers: ${row.id}: ${row.failure ?? JSON.stringify(row)}`);
  }
  for (const { project, failure } of compile?.rows ?? []) {
    if (failure !== undefined) problems.push(`compile: ${project}: ${failure}`);
  }
  return problems;
}

async function measure(options: BenchOptions, nodes: readonly NodeUnderTest[]): Promise<BenchRecord> {
  // This process only waits; what it starts is pinned where it belongs.
  execFileSync("taskset", ["-a", "-c", "-p", loadCore, String(process.pid)], { stdio: "ignore" });
  const versions = { ...Object.fromEntries(nodes.map(({ name, version }) => [name, version])), ...toolVersions() };
  const ownVersions = Object.fromEntries(nodes.map(({ name, version }) => [name, version]));
  let found = nothingRecorded;
  if (options.only.some((part) => part !== "compile"))
    found = await measureRunning(options, nodes, versions, ownVersions);
  if (!options.only.includes("compile")) return found;
  return { ...found, compile: await compilePart(options, nodes, ownVersions) };
}

async function compilePart(
  options: BenchOptions,
  nodes: readonly NodeUnderTest[],
  ownVersions: Readonly<Record<string, string>>,
): Promise<BenchRecord["compile"]> {
  const folder = mkdtempSync(join(tmpdir(), "castgate-bench-package-"));
  try {
    const compiler = layOutPackage(folder);
    const done = watchMachine(ownVersions, { rounds: 1, seconds: 0 });
    const rows = [];
    for (const node of nodes) {
      for (const project of options.projects) {
        const row = await measureCompile(project, node, compiler);
        say(`compile: ${row.project}, Node ${row.node}: ${row.failure ?? `${row.seconds.toFixed(1)} s`}`);
        rows.push(row);
      }
    }
    return { circumstances: done(), rows };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureRunning(
  options: BenchOptions,
  nodes: readonly NodeUnderTest[],
  versions: Readonly<Record<string, string>>,
  ownVersions: Readonly<Record<string, string>>,
): Promise<BenchRecord> {
  const bench = await openBench(say);
  const projects: CompiledProject[] = [];
  const compiled = async (folder: string): Promise<CompiledProject> => {
    const project = await compileProject(folder);
    projects.push(project);
    return project;
  };
  const benchProject = (name: string, limits: boolean): Promise<CompiledProject> => {
    const folder = join(bench.folder, name);
    writeBenchProject(folder, `http://127.0.0.1:${bench.ports.backend}`, { limits });
    return compiled(folder);
  };
  try {
    const { bundle } = await benchProject("bench", true);
    const settings = await bench.credentials.settings(join(bench.folder, "settings"), bench.ports);
    const help = execFileSync(process.execPath, [bundle, "--help"], { encoding: "utf8" });
    const own = ownVariants(nodes, options.engines, enginesIn(help));
    const peerNode = nodes.at(-1) as NodeUnderTest;
    const { folder, ports, credentials } = bench;
    const contenders = new Contenders({ folder, ports, credentials, bundle, settings, own, peerNode });
    const parts: Parts = { bench, options, versions, ownVersions, contenders, own };

    let found = nothingRecorded;
    if (options.only.includes("throughput")) found = { ...found, throughput: await throughputPart(parts) };
    if (options.only.includes("latency")) found = { ...found, latency: await latencyPart(parts) };
    if (options.only.includes("start")) {
      const petstore = await compiled(fileURLToPath(new URL("../../fixtures/petstore", import.meta.url)));
      found = { ...found, start: await startPart(parts, petstore, nodes) };
    }
    if (options.only.includes("memory")) found = { ...found, memory: await memoryPart(parts) };
    if (options.only.includes("idle")) found = { ...found, idle: await idlePart(parts) };
    if (options.only.includes("workers")) {
      found = { ...found, workers: await workersPart(parts, (await benchProject("unlimited", false)).bundle) };
    }
    return found;
  } finally {
    for (const project of projects) project.remove();
    await bench.close();
  }
}

interface Parts {
  readonly bench: Bench;
  readonly options: BenchOptions;
  /** Of all that is compared, and of Node alone. */
  readonly versions: Readonly<Record<string, string>>;
  readonly ownVersions: Readonly<Record<string, string>>;
  readonly contenders: Contenders;
  readonly own: readonly OwnVariant[];
}

async function throughputPart({ bench, options, versions, contenders }: Parts): Promise<BenchRecord["throughput"]> {
  const records = [];
  for (const name of options.scenarios) {
    const scenario: Scenario = scenarios[name];
    const done = watchMachine(versions, options);
    const measured = await measureThroughput(bench, name, scenario, contenders.of(scenario, options.peers), options);
    records.push({ scenario: name, circumstances: done(), contenders: measured });
  }
  return records;
}

async function latencyPart({ bench, options, versions, contenders }: Parts): Promise<BenchRecord["latency"]> {
  const scenario: Scenario = { ...scenarios.full, peers: ["haproxy-jwt", "fastify-jwt"] };
  const done = watchMachine(versions, options);
  const measured = await measureLatency(bench, scenario, contenders.of(scenario, options.peers), options, options.rate);
  return [{ scenario: "full", circumstances: done(), contenders: measured }];
}

async function memoryPart({ bench, options, ownVersions, contenders, own }: Parts): Promise<BenchRecord["memory"]> {
  const done = watchMachine(ownVersions, { rounds: 1, seconds: 0 });
  const rows = [];
  for (const variant of own) {
    const row = await measureMemory(bench, contenders.own(variant, scenarios.full), options.requests);
    bench.say(`memory: ${row.id}: ${row.failure ?? `${Math.round(row.loadedMiB)} MiB`}`);
    rows.push(row);
  }
  return { circumstances: done(), rows };
}

async function idlePart({ bench, options, ownVersions, contenders, own }: Parts): Promise<BenchRecord["idle"]> {
  const done = watchMachine(ownVersions, { rounds: 1, seconds: 0 });
  const rows = [];
  for (const variant of own) {
    const row = await measureIdle(bench, contenders.own(variant, scenarios.full), options.connections);
    bench.say(`idle: ${row.id}: ${row.failure ?? `${Math.round(row.residentMiB)} MiB, ${row.lost} lost`}`);
    rows.push(row);
  }
  return { circumstances: done(), rows };
}

async function workersPart(parts: Parts, unlimited: string): Promise<BenchRecord["workers"]> {
  const { bench, ownVersions, contenders, own } = parts;
  const done = watchMachine(ownVersions, { rounds: 1, seconds: 0 });
  const rows = [];
  for (const variant of own) {
    const { id, command } = contenders.own(variant, scenarios.jwt);
    const [node = "", , ...rest] = command;
    const row = await measureWorkers(bench, id, { unlimited: [node, unlimited, ...rest], limited: command });
    bench.say(`workers: ${id}: ${row.failure ?? `${row.answered} of ${row.requests} answered`}`);
    rows.push(row);
  }
  return { circumstances: done(), rows };
}

/** The pet store's bundle: a product of ordinary size, whose backend is the bench's. */
async function startPart(
  { bench, options, ownVersions, own }: Parts,
  petstore: CompiledProject,
  nodes: readonly NodeUnderTest[],
): Promise<BenchRecord["start"]> {
  const issuer = new TestIssuer("https://issuer.example.com");
  const ports = await freePorts();
  const settings = await writeSettings(join(bench.folder, "petstore"), issuer, ports);
  const backend = `http://127.0.0.1:${bench.ports.backend}/petstore`;
  const overrides = petstore.manifest.endpoints.flatMap(({ key, urls }) =>
    urls.map((_, index) => `--${key}_endpoint_${index}=${backend}`),
  );
  const token = issuer.token({ aud: "bench", scope: "read:pets write:pets", keytype: "PRODUCTION" });
  const request = requestBytes("GET", "/petstore/v3/pet/findByTags", [`Authorization: Bearer ${token}`]);
  const script = (name: string, text: string): string => {
    writeFileSync(join(bench.folder, name), text);
    return join(bench.folder, name);
  };
  const server = script("server.cjs", `require("node:http").createServer((_, a) => a.end()).listen(${ports.http});\n`);
  const nothing = script("nothing.cjs", "\n");
  const ask = { port: ports.http, request };
  const starters: Starter[] = [
    ...own.map((variant) => ({
      id: ownId(variant),
      node: variant.node.version,
      command: [variant.node.binary, petstore.bundle, "--config", settings, ...variant.flags, ...overrides],
      ask,
    })),
    ...nodes.flatMap(({ binary, version }) => [
      { id: emptyServerId, node: version, command: [binary, server], ask },
      { id: "an empty script, to its end", node: version, command: [binary, nothing], ask: undefined },
    ]),
  ];
  const done = watchMachine(ownVersions, { rounds: options.starts, seconds: 0 });
  const times = await measureStarts(starters, options.starts);
  const rows = starters.map(({ id, node }, index) => ({ id, node, times: times[index] ?? [] }));
  return { circumstances: done(), rows };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
