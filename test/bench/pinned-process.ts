import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

/** Core of the process under test, and core of everything that serves the measurement. */
export const testedCore = "0";
export const loadCore = "1";

/** Ticks of /proc a second: fixed at 100 in the interface to user space on all that we run on. */
const ticksPerSecond = 100;

/** Those that run. */
const running = new Set<PinnedProcess>();

/** Kills all that was started and has not been stopped, with all that it had started: for a sudden end. */
export function killAll(): void {
  for (const one of running) {
    for (const pid of processTree(one.pid)) kill(pid);
  }
}

/** A command that runs on one core; its output is kept for error messages. Linux only. */
export class PinnedProcess {
  readonly #child: ChildProcess;
  #output = "";

  constructor(
    command: readonly string[],
    options: { readonly core?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    this.#child = spawn("taskset", ["-c", options.core ?? testedCore, ...command], {
      // Further certificate authorities of this machine: Node 20 reads them, and then all of its own, before anything else.
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, NODE_ENV: "production", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        if (this.#output.length < 20_000) this.#output += text;
      });
    }
    running.add(this);
    this.#child.on("exit", () => running.delete(this));
    this.#child.on("error", (error) => {
      this.#output += error.message;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until it accepts connections. Throws with its output when it ends before, or takes longer than 15 seconds. */
  async listening(port: number): Promise<void> {
    const deadline = performance.now() + 15_000;
    while (performance.now() < deadline && !this.ended) {
      if (await accepts(port)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`it does not listen on ${port}: ${this.#output.slice(0, 2000)}`);
  }

  /** Waits until it ends by itself. */
  async exit(): Promise<number | undefined> {
    if (!this.ended) await once(this.#child, "exit");
    return this.#child.exitCode ?? undefined;
  }

  /** SIGTERM, then SIGKILL after three seconds; what it had started goes with it. */
  async stop(): Promise<void> {
    const descendants = processTree(this.pid).slice(1);
    if (!this.ended) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      const force = setTimeout(() => this.#child.kill("SIGKILL"), 3000);
      await exited;
      clearTimeout(force);
    }
    for (const pid of descendants) kill(pid);
  }

  /** Seconds of user and system time that it and its children have used. */
  cpuSeconds(): number {
    return processTree(this.pid).reduce((sum, pid) => sum + cpuTicks(pid), 0) / ticksPerSecond;
  }

  /** Resident memory of it and its children: now, or the peaks added up. */
  residentMiB(field: "VmRSS" | "VmHWM" = "VmRSS"): number {
    return processTree(this.pid).reduce((sum, pid) => sum + statusKiB(pid, field), 0) / 1024;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it is gone
  }
}

/** A process and all that descend from it. */
export function processTree(pid: number): readonly number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).trim();
  return [pid, ...(children === "" ? [] : children.split(" ").map(Number)).flatMap(processTree)];
}

/** User and system time that a process has used, in seconds. */
export function cpuSecondsOf(pid: number): number {
  return cpuTicks(pid) / ticksPerSecond;
}

export interface CoreTimes {
  readonly total: number;
  readonly idle: number;
  readonly stolen: number;
}

/** Ticks of each core since the machine was started. */
export function coreTimes(): readonly CoreTimes[] {
  return read("/proc/stat")
    .split("\n")
    .filter((line) => /^cpu\d/.test(line))
    .map((line) => {
      const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, stolen = 0] = line
        .split(/\s+/)
        .slice(1)
        .map(Number);
      return { total: user + nice + system + idle + wait + irq + soft + stolen, idle: idle + wait, stolen };
    });
}

/** How busy a core was between two readings, 0 to 1. */
function busyShare(before: CoreTimes | undefined, after: CoreTimes | undefined): number {
  if (before === undefined || after === undefined || after.total === before.total) return 0;
  return 1 - (after.idle - before.idle) / (after.total - before.total);
}

export interface Usage<T> {
  readonly result: T;
  /** Seconds of user and system time that the process used meanwhile. */
  readonly cpuSeconds: number;
  /** Of core 0, 0 to 1: what it got, and what others took. */
  readonly share: number;
  readonly others: number;
  /** How busy core 1 was, 0 to 1. */
  readonly loadCore: number;
}

/** Watches the process under test and both cores while something is done. Throws when the process ends meanwhile. */
export async function watchUsage<T>(running: PinnedProcess, work: () => Promise<T>): Promise<Usage<T>> {
  const coresBefore = coreTimes();
  const usedBefore = running.cpuSeconds();
  const begun = performance.now();
  const result = await work();
  const seconds = (performance.now() - begun) / 1000;
  const cpuSeconds = running.cpuSeconds() - usedBefore;
  const coresAfter = coreTimes();
  if (running.ended) throw new Error(`it ended under load: ${running.output.slice(0, 1000)}`);
  const share = cpuSeconds / seconds;
  return {
    result,
    cpuSeconds,
    share,
    others: Math.max(0, busyShare(coresBefore[0], coresAfter[0]) - share),
    loadCore: busyShare(coresBefore[1], coresAfter[1]),
  };
}

/** Share of all cores' time that other machines on the same host took. */
export function stolenShare(before: readonly CoreTimes[], after: readonly CoreTimes[]): number {
  const sum = (times: readonly CoreTimes[], of: (core: CoreTimes) => number) =>
    times.reduce((total, core) => total + of(core), 0);
  const total = sum(after, (core) => core.total) - sum(before, (core) => core.total);
  return total === 0 ? 0 : (sum(after, (core) => core.stolen) - sum(before, (core) => core.stolen)) / total;
}

function cpuTicks(pid: number): number {
  const text = read(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

function statusKiB(pid: number, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** Empty when the process is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
