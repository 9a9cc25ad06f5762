import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
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
import type { BenchOptions } from "./options.ts";
import { layOutPackage } from "./package-build.ts";
import { loadCore } from "./pinned-process.ts";
import { emptyServerId } from "./ratios.ts";
import type { BenchRecord } from "./record.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { measureStarts, precompiled, type Starter } from "./start-up.ts";
import { median } from "./statistics.ts";
import { expectedSeconds, measureThroughput } from "./throughput.ts";
import { type NodeUnderTest, toolVersions } from "./tools.ts";
import { measureWorkers } from "./workers.ts";

/** What the parts share. */
interface Parts {
  readonly bench: Bench;
  readonly options: BenchOptions;
  readonly nodes: readonly NodeUnderTest[];
  /** Of all that is compared, and of Node alone. */
  readonly versions: Readonly<Record<string, string>>;
  readonly ownVersions: Readonly<Record<string, string>>;
  readonly contenders: Contenders;
  readonly own: readonly OwnVariant[];
  /** Compiles a project; its folder is removed in the end. */
  compiled(folder: string): Promise<CompiledProject>;
}

/** Measures what the options ask for, and hands out each piece as soon as it is there. */
export async function* measureParts(
  options: BenchOptions,
  nodes: readonly NodeUnderTest[],
  say: (text: string) => void,
): AsyncGenerator<Partial<BenchRecord>> {
  // This process only waits; what it starts is pinned where it belongs.
  execFileSync("taskset", ["-a", "-c", "-p", loadCore, String(process.pid)], { stdio: "ignore" });
  if (options.only.some((part) => part !== "compile")) yield* measureRunning(options, nodes, say);
  if (options.only.includes("compile")) yield { compile: await compilePart(options, nodes, say) };
}

async function* measureRunning(
  options: BenchOptions,
  nodes: readonly NodeUnderTest[],
  say: (text: string) => void,
): AsyncGenerator<Partial<BenchRecord>> {
  const bench = await openBench(say);
  const projects: CompiledProject[] = [];
  const compiled = async (folder: string): Promise<CompiledProject> => {
    const project = await compileProject(folder);
    projects.push(project);
    return project;
  };
  try {
    const { folder, ports, credentials } = bench;
    const { bundle } = await compiled(writeBenchProject(join(folder, "bench"), backendOrigin(bench)));
    const settings = await credentials.settings(join(folder, "settings"), ports);
    const help = execFileSync(process.execPath, [bundle, "--help"], { encoding: "utf8" });
    const own = ownVariants(nodes, options.engines, enginesIn(help), options.transports);
    const peerNode = nodes.at(-1) as NodeUnderTest;
    const contenders = new Contenders({
      folder,
      ports,
      credentials,
      bundle,
      settings,
      own,
      peerNode,
      profile: options.profile,
    });
    const ownVersions = versionsOf(nodes);
    const versions = { ...ownVersions, ...toolVersions() };
    const parts: Parts = { bench, options, nodes, versions, ownVersions, contenders, own, compiled };

    const wanted = new Set(options.only);
    if (wanted.has("throughput")) yield* throughputPart(parts);
    if (wanted.has("latency")) yield { latency: await latencyPart(parts) };
    if (wanted.has("start")) yield { start: await startPart(parts) };
    if (wanted.has("memory")) yield { memory: await memoryPart(parts) };
    if (wanted.has("idle")) yield { idle: await idlePart(parts) };
    if (wanted.has("workers")) yield { workers: await workersPart(parts) };
  } finally {
    for (const project of projects) project.remove();
    await bench.close();
  }
}

function backendOrigin({ ports }: Bench): string {
  return `http://127.0.0.1:${ports.backend}`;
}

function versionsOf(nodes: readonly NodeUnderTest[]): Readonly<Record<string, string>> {
  return Object.fromEntries(nodes.map(({ name, version }) => [name, version]));
}

async function* throughputPart({
  bench,
  options,
  versions,
  contenders,
}: Parts): AsyncGenerator<Pick<BenchRecord, "throughput">> {
  const all = options.scenarios.map((name) => {
    const scenario: Scenario = scenarios[name];
    return { name, scenario, compared: contenders.of(scenario, options.peers) };
  });
  for (const [i, { name, scenario, compared }] of all.entries()) {
    const left = all.slice(i).reduce((sum, each) => sum + each.compared.length, 0);
    const minutes = Math.ceil(expectedSeconds(left, options) / 60);
    bench.say(`throughput: ${all.length - i} scenarios, ${left} measurements a round: about ${minutes} min`);
    const done = watchMachine(versions, options);
    const measured = await measureThroughput(bench, name, scenario, compared, options);
    yield { throughput: [{ scenario: name, circumstances: done(), contenders: measured }] };
  }
}

/**
 * At a low rate V8 is still compiling what is hot after a few seconds, on the one core that there is: with 2 s of warming up p99 was 4 ms
 * with Node 26, with 12 s 1.3. What runs for days is wanted here.
 */
const latencyWarmSeconds = 12;

async function latencyPart({ bench, options, versions, contenders }: Parts): Promise<BenchRecord["latency"]> {
  const scenario: Scenario = { ...scenarios.full, peers: ["haproxy-jwt", "fastify-jwt"] };
  const done = watchMachine(versions, options);
  const durations = { ...options, warm: Math.max(options.warm, latencyWarmSeconds) };
  const measured = await measureLatency(
    bench,
    scenario,
    contenders.of(scenario, options.peers),
    durations,
    options.rate,
  );
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

async function workersPart({ bench, ownVersions, contenders, own, compiled }: Parts): Promise<BenchRecord["workers"]> {
  const project = writeBenchProject(join(bench.folder, "unlimited"), backendOrigin(bench), { limits: false });
  const { bundle } = await compiled(project);
  const done = watchMachine(ownVersions, { rounds: 1, seconds: 0 });
  const rows = [];
  for (const variant of own) {
    const { id, command } = contenders.own(variant, scenarios.full);
    const [node = "", , ...rest] = command;
    for (const [kind, started] of [
      ["without limits", [node, bundle, ...rest]],
      ["with limits", command],
    ] as const) {
      const row = await measureWorkers(bench, `${id}, ${kind}`, started);
      bench.say(`workers: ${row.id}: ${row.failure ?? `${row.answered} of ${row.requests} answered`}`);
      rows.push(row);
    }
  }
  return { circumstances: done(), rows };
}

/** The pet store's bundle: a product of ordinary size, whose backend is the bench's. */
async function startPart({ bench, options, nodes, ownVersions, own, compiled }: Parts): Promise<BenchRecord["start"]> {
  const petstore = await compiled(fileURLToPath(new URL("../../fixtures/petstore", import.meta.url)));
  const issuer = new TestIssuer("https://issuer.example.com");
  const ports = await freePorts();
  const settings = await writeSettings(join(bench.folder, "petstore"), issuer, ports);
  const backend = `${backendOrigin(bench)}/petstore`;
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
  const bundles = own.map((variant) => ({
    id: ownId(variant),
    node: variant.node.version,
    command: [variant.node.binary, petstore.bundle, "--config", settings, ...variant.flags, ...overrides],
    ask,
  }));
  const quick: Starter[] = [];
  for (const [index, bundle] of bundles.entries())
    quick.push(await precompiled(bundle, join(bench.folder, `start-${index}.cjs`)));
  const starters: Starter[] = [
    ...bundles,
    ...quick,
    ...nodes.flatMap(({ binary, version }) => [
      { id: emptyServerId, node: version, command: [binary, server], ask },
      { id: "an empty script, to its end", node: version, command: [binary, nothing], ask: undefined },
    ]),
  ];
  const done = watchMachine(ownVersions, { rounds: options.starts, seconds: 0 });
  const rows = await measureStarts(starters, options.starts);
  for (const { id, node, times, failure } of rows)
    bench.say(`start: ${id} (${node}): ${failure ?? `${median(times).toFixed(0)} ms`}`);
  return { circumstances: done(), rows };
}

async function compilePart(
  options: BenchOptions,
  nodes: readonly NodeUnderTest[],
  say: (text: string) => void,
): Promise<BenchRecord["compile"]> {
  const folder = mkdtempSync(join(tmpdir(), "castgate-bench-package-"));
  try {
    const compiler = layOutPackage(folder);
    const done = watchMachine(versionsOf(nodes), { rounds: 1, seconds: 0 });
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
