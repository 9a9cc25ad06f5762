import { rmSync } from "node:fs";
import { join } from "node:path";
import { castgate } from "../support/command-line.ts";
import { generatedChurn } from "./generated-churn.ts";
import { compareTables, operationTable } from "./independent-count.ts";
import { writeProject } from "./measured-compile.ts";
import { projectFiles } from "./project.ts";

/** Two releases of one API, as OpenAPI 3 in JSON. */
export interface ReleasePair {
  readonly title: string;
  readonly base: string;
  readonly head: string;
  readonly compatibility: "wso2-3.2" | "standard";
}

export interface PairOutcome {
  readonly title: string;
  readonly compatibility: string;
  readonly operations: number;
  readonly counted: OperationCounts;
  readonly found: OperationCounts;
  /** Operations that one of the two calls added or removed, and the other does not. */
  readonly disputed: readonly string[];
  readonly exitCode: number;
  readonly verdict: string;
  readonly findings: number;
  /** Of the command, from its start to its end. */
  readonly seconds: number;
  readonly churn: { readonly added: number; readonly removed: number };
  /** Lines of generated code that changed for each operation that did. */
  readonly linesPerOperation: number;
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
    readonly occurrences: readonly { readonly method?: string; readonly path?: string }[];
  }[];
}

/** Makes a project of each release, compiles both, and compares them with the command, as a reviewer would. */
export async function compareReleases({ title, base, head, compatibility }: ReleasePair): Promise<PairOutcome> {
  const pass = { compatibility, withBackend: false };
  const folders = [
    await writeProject(projectFiles("definition.json", base, pass)),
    await writeProject(projectFiles("definition.json", head, pass)),
  ] as const;
  try {
    for (const folder of folders) {
      const compiled = await castgate(["compile", folder]);
      if (compiled.code !== 0) throw new Error(compiled.stderr.slice(0, 2000));
    }
    const begun = performance.now();
    const { code, stdout, stderr } = await castgate(["diff", ...folders, "--format=json"]);
    const seconds = (performance.now() - begun) / 1000;
    if (stdout === "") throw new Error(stderr.slice(0, 2000));
    const printed: Printed = JSON.parse(stdout);
    const difference = compareTables(operationTable(base), operationTable(head));
    const counted = {
      added: difference.added.length,
      removed: difference.removed.length,
      changed: difference.changed.length,
    };
    const churn = generatedChurn(join(folders[0], "generated"), join(folders[1], "generated"));
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
      ],
      exitCode: code,
      verdict: printed.verdict,
      findings: printed.findings.length,
      seconds,
      churn,
      linesPerOperation: touched === 0 ? 0 : (churn.added + churn.removed) / touched,
    };
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** What is in one of the two lists only. */
function disputed(counted: readonly string[], { findings }: Printed, codes: RegExp): readonly string[] {
  const found = findings
    .filter(({ code }) => codes.test(code))
    .flatMap(({ occurrences }) =>
      occurrences.map(({ method, path = "" }) => `${method} ${path.replace(/\{[^}]*\}/g, "{}")}`),
    );
  // The definition's paths stand below a base path.
  const isSame = (short: string, long: string) => {
    const [method, path = ""] = short.split(" ");
    return long.startsWith(`${method} `) && long.endsWith(path);
  };
  return [
    ...counted.filter((one) => !found.some((other) => isSame(one, other))),
    ...found.filter((one) => !counted.some((other) => isSame(other, one))),
  ];
}
