import { readFileSync } from "node:fs";
import { CompilerBug, compile } from "../../compiler/compile.ts";
import { type Pass, projectOf } from "./project.ts";

/** One definition to compile. */
export interface Job {
  readonly path: string;
  readonly pass: Pass;
}

export interface JobResult {
  readonly outcome: "compiled" | "diagnostics" | "bug";
  /** How often each code was reported as an error, and as a warning. */
  readonly errors: Readonly<Record<string, number>>;
  readonly warnings: Readonly<Record<string, number>>;
  readonly operations: number;
  readonly milliseconds: number;
  /** Of a bug: phase, message, where. Of errors: the first. */
  readonly detail: string | undefined;
}

process.on("message", (job: Job) => {
  run(job).then((result) => process.connected && process.send?.(result));
});
process.on("disconnect", () => process.exit());

async function run({ path, pass }: Job): Promise<JobResult> {
  const text = readFileSync(path, "utf8");
  const begun = performance.now();
  try {
    const stopAfter = pass.upTo === "emit" ? "emit" : undefined;
    const { diagnostics, failed, build } = await compile("corpus", projectOf(path, text, pass), { stopAfter });
    const made = stopAfter === undefined ? build?.target.some(({ file }) => file.endsWith(".cjs")) : !failed;
    const counted = (severity: string) => count(diagnostics.filter((one) => one.severity === severity));
    const first = diagnostics.find(({ severity }) => severity === "error");
    const silent = failed !== (first !== undefined) || failed === (made === true);
    return {
      outcome: silent ? "bug" : failed ? "diagnostics" : "compiled",
      errors: counted("error"),
      warnings: counted("warning"),
      operations: build?.model.apis.flatMap((api) => api.operations).length ?? 0,
      milliseconds: performance.now() - begun,
      detail: silent ? "neither errors nor a result, or both" : first && `${first.place.ref.pointer}: ${first.message}`,
    };
  } catch (error) {
    return {
      outcome: "bug",
      errors: {},
      warnings: {},
      operations: 0,
      milliseconds: performance.now() - begun,
      detail: describe(error),
    };
  }
}

function describe(error: unknown): string {
  const cause = error instanceof CompilerBug ? error.cause : error;
  const phase = error instanceof CompilerBug ? `${error.phase}: ` : "";
  return `${phase}${cause instanceof Error ? cause.stack : String(cause)}`;
}

function count(diagnostics: readonly { readonly code: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of diagnostics) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
