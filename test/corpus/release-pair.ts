import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, nodeHost, writeOutput } from "../../compiler/compile.ts";
import { runCommand } from "../support/command-line.ts";
import { generatedChurn } from "./generated-churn.ts";
import { compareTables, lostRequests, operationTable } from "./independent-count.ts";
import { writeProject } from "./measured-compile.ts";
import { projectFiles } from "./project.ts";

/** Two releases of one API, as OpenAPI 3 in JSON. */
export interface ReleasePair {
  readonly title: string;
  readonly base: string;
  readonly head: string;
  readonly compatibility: "wso2-3.2" | "standard";
  /** The base path of both, where it is not that of their servers. */
  readonly basePath?: string;
}

export interface PairOutcome {
  readonly title: string;
  readonly compatibility: string;
  readonly operations: number;
  /** `changed`: other security or servers, or some requests lost or gained to paths that were added or removed. */
  readonly counted: OperationCounts;
  readonly found: OperationCounts;
  /** Operations that one of the two calls added or removed, and the other does not. */
  readonly disputed: readonly string[];
  readonly exitCode: number;
  readonly verdict: string;
  readonly findings: number;
  /** Of the command, from its start to its end; and of the processor, which does not depend on what else the machine does. */
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly churn: { readonly added: number; readonly removed: number };
  /** Lines of generated code that changed for each operation that did; and without those that only moved to the right. */
  readonly linesPerOperation: number;
  readonly linesBesideIndent: number;
}

export interface OperationCounts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

/** What a report in JSON is asked here. */
interface Printed {
  readonly verdict: string;
  readonly operations: OperationCounts & { readonly head: number };
  readonly findings: readonly {
    readonly code: string;
    readonly message: string;
    readonly occurrences: readonly { readonly method?: string; readonly path?: string }[];
  }[];
}

/** Makes a project of each release, compiles both, and compares them with the command, as a reviewer would. */
export async function compareReleases({
  title,
  base,
  head,
  compatibility,
  basePath,
}: ReleasePair): Promise<PairOutcome> {
  const pass = { compatibility, withBackend: false };
  const project = (text: string) => writeProject(projectFiles("definition.json", mountedAt(basePath, text), pass));
  const folders = [await project(base), await project(head)] as const;
  try {
    for (const folder of folders) await generate(folder);
    const begun = performance.now();
    const { code, stdout, stderr, processorSeconds } = await measuredDiff(folders);
    const seconds = (performance.now() - begun) / 1000;
    if (stdout === "") throw new Error(stderr.slice(0, 2000));
    const printed: Printed = JSON.parse(stdout);
    const tables = [operationTable(base), operationTable(head)] as const;
    const difference = compareTables(...tables);
    const rerouted = [...lostRequests(...tables), ...lostRequests(tables[1], tables[0])];
    const counted = {
      added: difference.added.length,
      removed: difference.removed.length,
      changed: new Set([...difference.changed, ...rerouted]).size,
    };
    const generated = [join(folders[0], "generated"), join(folders[1], "generated")] as const;
    const churn = generatedChurn(...generated);
    const moved = generatedChurn(...generated, "-w");
    const touched = counted.added + counted.removed + counted.changed;
    const { added, removed, changed, head: operations } = printed.operations;
    return {
      title,
      compatibility,
      operations,
      counted,
      found: { added, removed, changed },
      disputed: [
        ...disputed(difference.added, printed, /operation-added$/),
        ...disputed(difference.removed, printed, /^operation-removed$/),
        ...disputed(rerouted, printed, /^requests-(?:now|no-longer)-taken$/),
      ],
      exitCode: code,
      verdict: printed.verdict,
      findings: printed.findings.length,
      seconds,
      processorSeconds,
      churn,
      linesPerOperation: touched === 0 ? 0 : (churn.added + churn.removed) / touched,
      linesBesideIndent: touched === 0 ? 0 : (moved.added + moved.removed) / touched,
    };
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** `generated/`, and no bundle: nobody runs it. */
async function generate(folder: string): Promise<void> {
  const { build, diagnostics } = await compile(folder, nodeHost(folder), { stopAfter: "audit" });
  if (build === undefined) throw new Error(JSON.stringify(diagnostics.filter(({ severity }) => severity === "error")));
  await writeOutput(nodeHost(folder), build.generated);
}

/** As text, so that all else stays where it was. */
function mountedAt(basePath: string | undefined, text: string): string {
  if (basePath === undefined) return text;
  return text.replace(/\}\s*$/, () => `,"x-wso2-basePath": ${JSON.stringify(basePath)}}`);
}

/** The command, by way of a shell that says how long the processor was busy. */
async function measuredDiff(folders: readonly string[]) {
  const cli = fileURLToPath(new URL("../../compiler/cli.ts", import.meta.url));
  const words = ["--import", "tsx", cli, "diff", ...folders, "--format=json"];
  const outcome = await runCommand("sh", [
    "-c",
    '"$@"; code=$?; times >&2; exit $code',
    "sh",
    process.execPath,
    ...words,
  ]);
  // Its own time, then that of what it ran: each of the user and of the system.
  const [, minutes, seconds, more, system] = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(outcome.stderr) ?? [];
  return { ...outcome, processorSeconds: Number(minutes) * 60 + Number(seconds) + Number(more) * 60 + Number(system) };
}

/**
 * What is in one of the two lists only. An operation that takes requests of another, or whose requests go to another, is compared
 * with that one: both are named where it is said that requests were rerouted.
 */
function disputed(counted: readonly string[], { findings }: Printed, codes: RegExp): readonly string[] {
  const named = (pattern: RegExp) =>
    findings
      .filter(({ code }) => pattern.test(code))
      .flatMap(({ occurrences }) => occurrences.map(({ method, path = "" }) => shaped(`${method} ${path}`)));
  const found = named(codes);
  const rerouted = findings.flatMap(({ code, message }) => (code === "requests-rerouted" ? [shaped(message)] : []));
  const known = [
    ...found,
    ...named(/^requests-rerouted$/),
    ...rerouted.map((text) => text.split("which went to ")[1] ?? ""),
  ];
  // The definition's paths stand below a base path.
  const isSame = (short: string, long: string) => {
    const [method, path = ""] = short.split(" ");
    return long.startsWith(`${method} `) && long.endsWith(path);
  };
  return [
    ...counted.filter((one) => !known.some((other) => isSame(one, other))),
    ...found.filter((one) => !counted.some((other) => isSame(other, one))),
  ];
}

function shaped(text: string): string {
  return text.replace(/\{[^}]*\}/g, "{}");
}
