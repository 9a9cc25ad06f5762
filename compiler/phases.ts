/** In the order in which they run. */
export const phases = ["load", "check", "lower", "plan", "emit", "audit", "bundle", "verify"] as const;
export type Phase = (typeof phases)[number];

/** A bug of the compiler, never a mistake in the input. */
export class CompilerBug extends Error {
  override name = "CompilerBug";
  readonly phase: Phase;

  constructor(phase: Phase, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.phase = phase;
  }
}
