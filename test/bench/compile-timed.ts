import { CompilerBug, compile, nodeHost, type Phase, writeOutput } from "../../compiler/compile.ts";

/** What the process prints as JSON. */
export interface TimedCompile {
  readonly operations: number;
  /** In order; `write` is last. Seconds. */
  readonly phases: readonly (readonly [name: string, seconds: number])[];
  readonly peakMiB: number;
  readonly failure?: string | undefined;
}

/* Compiles the project of its only argument as `castgate compile` does, and says how long each phase took. */
const root = process.argv[2] ?? "";
const phases: [name: Phase | "write", seconds: number][] = [];
let begun = performance.now();
const end = () => {
  const last = phases.at(-1);
  if (last !== undefined) last[1] = (performance.now() - begun) / 1000;
  begun = performance.now();
};
const begin = (name: Phase | "write") => {
  end();
  phases.push([name, 0]);
};

let operations = 0;
let failure: string | undefined;
try {
  const { build, failed, diagnostics } = await compile(root, nodeHost(root), { onPhase: begin });
  operations = build?.model.apis.reduce((sum, api) => sum + api.operations.length, 0) ?? 0;
  if (failed || build === undefined)
    failure = diagnostics.find(({ severity }) => severity === "error")?.message ?? "failed";
  else {
    begin("write");
    await writeOutput(nodeHost(root), [...build.generated, ...build.target]);
  }
} catch (error) {
  failure = error instanceof CompilerBug ? `${error.phase}: ${error.message}` : String(error);
}
end();
const found: TimedCompile = { operations, phases, peakMiB: process.resourceUsage().maxRSS / 1024, failure };
process.stdout.write(`${JSON.stringify(found)}\n`);
