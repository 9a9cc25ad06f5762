import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CompiledProject, compileProject } from "../support/gateway-under-test.ts";
import { TestIssuer } from "../support/test-issuer.ts";
import { echoBackend, freePorts, spawnGateway, waitForStatus } from "./gateway-process.ts";
import { writeSettings } from "./identity.ts";
import { type Memory, measureMemory } from "./memory.ts";
import { type BenchReport, type NodeRow, renderReport } from "./report.ts";
import {
  backendOrigin,
  benchIssuer,
  gatewayPort,
  layOut,
  missing,
  nodeBinary,
  type SideBySide,
  sideBySide,
} from "./side-by-side.ts";
import { measureStartUp } from "./start-up.ts";

/**
 * npm run bench [-- --parts=start,memory,throughput] [--starts=20] [--requests=200000] [--rounds=3] [--seconds=6]
 *
 * Start to first answer, memory after load, and speed beside nginx. Exit code 0 when the targets are met.
 */
const { values } = parseArgs({
  options: {
    parts: { type: "string", default: "start,memory,throughput" },
    starts: { type: "string", default: "20" },
    requests: { type: "string", default: "200000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "6" },
    out: { type: "string", default: fileURLToPath(new URL("RESULTS.md", import.meta.url)) },
  },
});
const parts = new Set(values.parts.split(","));
const [load = 0] = loadavg();

const absent = missing();
if (absent === undefined) layOut();
else say(`no side-by-side benchmark and only this Node: ${absent}`);

const nodes = new Map<string, string>();
for (const major of [20, 26]) {
  const binary = nodeBinary(major);
  if (binary !== undefined) nodes.set(versionOf(binary), binary);
}
if (nodes.size === 0) nodes.set(versionOf(process.execPath), process.execPath);

/** Of the issuer's tokens, so that no quota ends a long run. */
const unlimited = {
  aud: "bench",
  keytype: "PRODUCTION",
  application: { id: 1, name: "bench", tier: "Unlimited" },
  subscribedAPIs: [{ name: "Swagger Petstore OpenAPI 3", version: "1.0.27", subscriptionTier: "Unlimited" }],
};

const work = mkdtempSync(join(tmpdir(), "castgate-bench-"));
const rows: NodeRow[] = [];
let throughput: readonly SideBySide[] = [];
try {
  if (parts.has("start") || parts.has("memory")) {
    const project = await compileProject(fileURLToPath(new URL("../../fixtures/petstore", import.meta.url)));
    for (const [version, node] of nodes) rows.push(await measurePetstore(project, version, node));
    project.remove();
  }
  if (parts.has("throughput") && absent === undefined) throughput = await measureThroughput();
} finally {
  rmSync(work, { recursive: true, force: true });
}

const report: BenchReport = { date: new Date().toISOString().slice(0, 10), rows, throughput, load, absent };
writeFileSync(values.out, renderReport(report));
say(`written to ${values.out}`);
process.exitCode = meetsTargets() ? 0 : 1;

function meetsTargets(): boolean {
  return (
    rows.every(({ startUp, memory }) => (startUp?.median ?? 0) < 150 && (memory?.residentMiB ?? 0) < 150) &&
    throughput.every(({ ratio, errors }) => ratio >= 0.2 && errors === 0)
  );
}

async function measurePetstore(project: CompiledProject, version: string, node: string): Promise<NodeRow> {
  const issuer = new TestIssuer("https://issuer.example.com");
  const backend = await echoBackend();
  const ports = await freePorts();
  const port = ports.http;
  const settings = await writeSettings(join(work, version), issuer, ports);
  const overrides = project.manifest.endpoints.flatMap(({ key, urls }) =>
    urls.map((_, index) => `${key}_endpoint_${index} = "http://127.0.0.1:${backend.port}"\n`),
  );
  prepend(settings, overrides.join(""));
  const path = "/petstore/v3/pet/findByTags";
  const headers = { authorization: `Bearer ${issuer.token({ scope: "read:pets write:pets", ...unlimited })}` };
  try {
    const gateway = { bundle: project.bundle, settings, port, node };
    const starts = Number(values.starts);
    const startUp = parts.has("start") ? await measureStartUp(gateway, path, headers, starts) : undefined;
    const empty = { ...gateway, bundle: join(work, "empty.cjs") };
    writeFileSync(empty.bundle, `require("node:http").createServer((_, answer) => answer.end()).listen(${port});\n`);
    const emptyStart = parts.has("start") ? await measureStartUp(empty, path, {}, starts) : undefined;
    let memory: Memory | undefined;
    if (parts.has("memory")) {
      const running = spawnGateway(project.bundle, settings, { node });
      await waitForStatus(running, port, path, headers);
      memory = await measureMemory(running.pid, port, path, headers, Number(values.requests));
      await running.stop();
    }
    return { version, startUp, emptyStart, memory };
  } finally {
    backend.server.closeAllConnections();
    backend.server.close();
  }
}

async function measureThroughput(): Promise<readonly SideBySide[]> {
  const source = join(work, "echo");
  writeProject(source);
  const project = await compileProject(source);
  const issuer = new TestIssuer("https://unused.example.com");
  const trusted = [{ name: benchIssuer.name, audience: benchIssuer.audience, alias: "bench" }];
  const settings = await writeSettings(
    join(work, "run"),
    issuer,
    { http: gatewayPort, https: (await freePorts()).https },
    trusted,
  );
  writeFileSync(join(work, "run", "trust", "bench.pem"), benchIssuer.certificate());
  const contenders = [...nodes].map(([version, node]) => ({
    id: `castgate, Node ${version}`,
    command: [node, project.bundle, "--config", settings],
  }));
  try {
    return await sideBySide(contenders, { rounds: Number(values.rounds), seconds: Number(values.seconds) });
  } finally {
    project.remove();
  }
}

/** The benchmark's API: one protected path, with scopes and with the limits of the original's default project. */
function writeProject(folder: string): void {
  const definition = {
    openapi: "3.0.3",
    info: { title: "Bench", version: "1.0.0" },
    servers: [{ url: backendOrigin }],
    components: {
      securitySchemes: {
        oauth: {
          type: "oauth2",
          flows: { clientCredentials: { tokenUrl: "https://idp.example.com/token", scopes: { "pizza:read": "read" } } },
        },
      },
    },
    security: [{ oauth: ["pizza:read"] }],
    paths: Object.fromEntries(
      ["/p50", "/p1k", "/p10k"].map((path) => [path, { get: { responses: { "200": { description: "bytes" } } } }]),
    ),
  };
  mkdirSync(join(folder, "api_definitions"), { recursive: true });
  writeFileSync(join(folder, "api_definitions", "bench.json"), JSON.stringify(definition));
  writeFileSync(
    join(folder, "policies.yaml"),
    "subscriptionPolicies:\n  - Default: {count: 1000000000, unitTime: 1, timeUnit: min}\n",
  );
}

/** Keys before the first table belong to the root of a TOML file. */
function prepend(file: string, text: string): void {
  writeFileSync(file, text + readFileSync(file, "utf8"));
}

function versionOf(node: string): string {
  return execFileSync(node, ["--version"], { encoding: "utf8" }).trim().slice(1);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
