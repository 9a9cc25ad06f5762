import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { loadCore } from "../pinned-process.ts";
import type { CountedJob, CountedResult } from "./counted.ts";
import type { FixedRateJob, FixedRateResult } from "./fixed-rate.ts";
import type { HeldJob, HeldResult } from "./held.ts";

/** Sends at a fixed rate, from a process of its own on the load core. */
export function runFixedRate(job: FixedRateJob): Promise<FixedRateResult> {
  return once<FixedRateResult>("fixed-rate.ts", job);
}

/** Sends so many requests as fast as they are answered. */
export function runCounted(job: CountedJob): Promise<CountedResult> {
  return once<CountedResult>("counted.ts", job);
}

export interface HeldConnections {
  readonly opened: HeldResult;
  /** Asks on every connection, closes all of them and says how many were still good. */
  finish(): Promise<HeldResult>;
  kill(): void;
}

/** Opens connections, asks once on each and holds them. */
export async function holdConnections(job: HeldJob): Promise<HeldConnections> {
  const load = new LoadProcess("held.ts", job);
  const opened = (await load.line()) as HeldResult;
  return {
    opened,
    finish: () => {
      load.tell();
      return load.line() as Promise<HeldResult>;
    },
    kill: () => load.kill(),
  };
}

async function once<T>(file: string, job: object): Promise<T> {
  const load = new LoadProcess(file, job);
  try {
    return (await load.line()) as T;
  } finally {
    load.kill();
  }
}

class LoadProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;
  #complaint = "";

  constructor(file: string, job: object) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const args = ["-c", loadCore, process.execPath, "--import", "tsx", path, JSON.stringify(job)];
    this.#child = spawn("taskset", args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint += text;
    });
    this.#interface = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  async line(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the load generator ended: ${this.#complaint.slice(0, 1000)}`);
    return JSON.parse(value);
  }

  tell(): void {
    this.#child.stdin?.write("\n");
  }

  kill(): void {
    this.#interface.close();
    this.#child.kill("SIGKILL");
  }
}
