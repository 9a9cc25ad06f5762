import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { connect } from "node:net";
import path from "node:path";

/** What the helpers of real services have in common: their programs, and how these are waited for and ended. */

/** Where a program is; undefined: it is not installed. */
export function program(name: string, ...folders: readonly string[]): string | undefined {
  for (const folder of [
    ...folders,
    ...(process.env.PATH ?? "").split(path.delimiter),
    "/usr/sbin",
    "/usr/local/sbin",
  ]) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not there
    }
  }
  return undefined;
}

export interface ServiceProcess {
  readonly child: ChildProcess;
  /** What it has written so far. */
  output(): string;
  /** Ends it and what it has started; settles when it is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a program in a process group of its own. `stdout`: an open file for it instead of `output()`. */
export function startService(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  stdout: "pipe" | number = "pipe",
): ServiceProcess {
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", stdout, "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-20_000);
    });
  }
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  child.on("error", () => undefined);
  const kill = (signal: NodeJS.Signals): void => {
    try {
      // Its whole group: a shell that runs the program does not hand signals on.
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // already gone
    }
  };
  // A test run that is ended half-way leaves nothing behind.
  const last = (): void => kill("SIGKILL");
  process.on("exit", last);
  return {
    child,
    output: () => output,
    async end(signal) {
      process.off("exit", last);
      kill(signal);
      const stubborn = setTimeout(() => kill("SIGKILL"), 20_000);
      await ended;
      kill("SIGKILL");
      clearTimeout(stubborn);
    },
  };
}

/** Settles when something listens on the port of this machine. */
export async function listening(port: number, service: ServiceProcess): Promise<void> {
  await until(
    () => canConnect(port),
    () => `nothing listens on ${port}:\n${service.output()}`,
    service,
  );
}

/** Settles when `holds` does; rejects after a minute, or when the service has ended. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  problem: () => string = () => "it never came true",
  service?: ServiceProcess,
): Promise<void> {
  const last = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > last || (service !== undefined && service.child.exitCode !== null))
      throw new Error(problem());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
