import { loadProject } from "./1-load/load-project.ts";
import { checkProject } from "./2-check/check-project.ts";
import { lowerProject } from "./3-lower/lower-project.ts";
import { planGateway } from "./4-plan/plan-gateway.ts";
import { requireAudited } from "./5-emit/audit.ts";
import { emitGateway } from "./5-emit/emit-gateway.ts";
import { bundleGateway } from "./6-bundle/bundle-gateway.ts";
import { describeGateway } from "./6-bundle/manifest.ts";
import { generatedFiles, type OutputFile, targetFiles } from "./6-bundle/output-files.ts";
import { packageVersion } from "./6-bundle/package-root.ts";
import type { Sources } from "./diagnostics/locate.ts";
import { type Diagnostic, DiagnosticLog } from "./diagnostics/log.ts";
import { at } from "./diagnostics/place.ts";
import { type CompileHost, HostError } from "./host.ts";
import type { CheckedProject } from "./model/checked-project.ts";
import type { GatewayModel, LoweringNote } from "./model/gateway-model.ts";
import type { GeneratedFile } from "./model/generated-file.ts";
import type { SourceRef } from "./model/source.ts";
import { CompilerBug, type Phase } from "./phases.ts";
import { prepareProof, requireProven } from "./verify/verify-bundle.ts";

export type { OutputFile } from "./6-bundle/output-files.ts";
export { writeOutput } from "./6-bundle/write-output.ts";
export type { Diagnostic } from "./diagnostics/log.ts";
export type { CompileHost } from "./host.ts";
export { nodeHost } from "./host-node.ts";
export { CompilerBug, type Phase, phases } from "./phases.ts";

export interface CompileOptions {
  /** Ends after this phase and hands out its result as `value`. */
  readonly stopAfter?: Phase | undefined;
  /** Warnings fail the compilation, as with `deny-warnings` in castgate.yaml. */
  readonly denyWarnings?: boolean | undefined;
  /** Told when a phase begins. */
  readonly onPhase?: ((phase: Phase) => void) | undefined;
}

export interface CompileResult {
  /** Sorted; those that castgate.yaml ignores are left out. */
  readonly diagnostics: readonly Diagnostic[];
  /** The texts that the places of diagnostics point into. */
  readonly sources: Sources;
  /** There are errors, or warnings where those are denied: nothing may be written. */
  readonly failed: boolean;
  /** The result of the last phase that ran. */
  readonly value: unknown;
  /** Once the project was lowered. */
  readonly lowered: Lowered | undefined;
  /** Once the code was emitted and audited. */
  readonly build: Build | undefined;
}

export interface Lowered {
  readonly checked: CheckedProject;
  readonly model: GatewayModel;
}

export interface Build extends Lowered {
  readonly name: string;
  /** `generated/`, for review. */
  readonly generated: readonly OutputFile[];
  /** `target/`: bundle, manifest and sources; empty when the compilation stopped before bundling. */
  readonly target: readonly OutputFile[];
}

/**
 * Compiles a gateway project. Resolves even when the input is wrong: look at `failed` and `diagnostics`. Writes nothing.
 * Throws `HostError` when the host cannot go on, and `CompilerBug` when a phase breaks its promise.
 */
export async function compile(root: string, host: CompileHost, options: CompileOptions = {}): Promise<CompileResult> {
  const log = new DiagnosticLog();
  log.denyWarnings = options.denyWarnings ?? false;
  const run = phaseRunner(options);
  const found = (value?: unknown, lowered?: Lowered, build?: Build): CompileResult => ({
    diagnostics: log.sorted(),
    sources: log.sources,
    failed: log.failed,
    value,
    lowered,
    build,
  });

  const loaded = await run("load", () => loadProject(root, host, log));
  if (loaded === undefined || options.stopAfter === "load") return found(loaded);
  const checked = await run("check", () => checkProject(loaded, log));
  if (checked === undefined || options.stopAfter === "check") return found(checked);
  const { model, notes } = await run("lower", () => lowerProject(checked));
  report(notes, log);
  const lowered = { checked, model };
  if (log.failed || options.stopAfter === "lower") return found(model, lowered);
  const plan = await run("plan", () => planGateway(model));
  if (options.stopAfter === "plan") return found(plan, lowered);
  // Needs nothing of the project, and mostly the time of another process.
  if (options.stopAfter === undefined || options.stopAfter === "verify") prepareProof();
  const emitted = await run("emit", () => emitGateway(plan));
  await run("audit", () => requireAudited(plan, emitted));
  const build = { name: loaded.name, ...lowered, generated: generatedFiles(emitted), target: [] };
  if (options.stopAfter === "emit" || options.stopAfter === "audit") return found(emitted, lowered, build);
  const describe = describeGateway(packageVersion(), loaded, model, emitted);
  const bundle = await run("bundle", () => bundleGateway(emitted, describe, loaded.code));
  if (options.stopAfter !== "bundle") await run("verify", () => requireProven(bundle.text, model));
  const target = targetFiles(bundle, loaded, model, (ref) => placeIn(log.sources, ref));
  return found(bundle.manifest, lowered, { ...build, target });
}

/** What a model is compiled to, by names below `generated/`, without the audit. Throws `CompilerBug`. */
export async function generate(model: GatewayModel): Promise<readonly GeneratedFile[]> {
  const run = phaseRunner({});
  const plan = await run("plan", () => planGateway(model));
  return run("emit", () => emitGateway(plan));
}

function placeIn(sources: Sources, ref: SourceRef): { readonly line: number; readonly column: number } | undefined {
  const span = sources.locate(at(ref, "key"));
  return span && { line: span.line, column: span.column };
}

type PhaseRunner = <T>(phase: Phase, work: () => T | Promise<T>) => Promise<T>;

function phaseRunner({ onPhase }: CompileOptions): PhaseRunner {
  return async (phase, work) => {
    onPhase?.(phase);
    try {
      return await work();
    } catch (error) {
      // The machine's fault: a folder that cannot be listed, a disk that fails.
      if (error instanceof HostError) throw error;
      throw new CompilerBug(phase, error);
    }
  };
}

function report(notes: readonly LoweringNote[], log: DiagnosticLog): void {
  for (const { code, ref, args } of notes) log.report(code, at(ref), args as never);
}
