import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Terminal } from "./command.ts";

/** A bundle that runs in the foreground. */
export class RunningBundle {
  readonly #child: ChildProcess;
  /** Resolves to its exit code; 128 and the signal's number when a signal ended it. */
  readonly exited: Promise<number>;

  /** Starts the bundle in `folder`, where it looks for `conf/micro-gw.conf`. */
  constructor(terminal: Terminal, bundle: string, args: readonly string[], folder: string) {
    this.#child = spawn(terminal.node, [bundle, ...args], { cwd: folder, stdio: "inherit" });
    this.exited = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("exit", (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  }

  stop(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
