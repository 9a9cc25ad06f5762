import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Job, JobResult } from "./compile-worker.ts";

export type PoolResult =
  | JobResult
  /** It did not end within the time limit, or the process died: out of memory, as a rule. */
  | { readonly outcome: "timeout" | "died"; readonly milliseconds: number; readonly detail: string };

export interface PoolLimits {
  readonly milliseconds: number;
  readonly heapMiB: number;
}

/** A process that compiles one definition after the other; it is replaced when one takes too long or ends it. */
export class CompileWorker {
  readonly #limits: PoolLimits;
  #child: ChildProcess | undefined;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  run(job: Job): Promise<PoolResult> {
    this.#child ??= this.#start();
    const child = this.#child;
    const begun = performance.now();
    return new Promise((resolve) => {
      const finish = (result: PoolResult) => {
        clearTimeout(timer);
        child.removeAllListeners("message").removeAllListeners("exit");
        resolve(result);
      };
      const end = (outcome: "timeout" | "died", detail: string) => {
        this.stop();
        finish({ outcome, milliseconds: performance.now() - begun, detail });
      };
      const timer = setTimeout(() => end("timeout", "no result in time"), this.#limits.milliseconds);
      child.once("message", (result) => finish(result as JobResult));
      child.once("exit", (code, signal) => end("died", `the process ended: ${signal ?? code}`));
      child.send(job);
    });
  }

  stop(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  #start(): ChildProcess {
    return fork(fileURLToPath(new URL("compile-worker.ts", import.meta.url)), {
      execArgv: ["--import", "tsx", `--max-old-space-size=${this.#limits.heapMiB}`],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  }
}
