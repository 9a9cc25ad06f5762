import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { freePort } from "../support/gateway-under-test.ts";
import type { BackendFault, Disturbance, History } from "./history.ts";
import type { Sight } from "./judge.ts";
import { type BackendName, endpoints } from "./setup.ts";
import { pause } from "./visits.ts";

/** More than the queue of a backend's listener holds. */
const toFillQueue = 40;

/** A backend process with a port for each endpoint, so that connections to a port say for which endpoint they are. */
export class Backend {
  readonly name: BackendName;
  readonly ports: ReadonlyMap<string, number>;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(name: BackendName, folder: string, ports: ReadonlyMap<string, number>) {
    this.name = name;
    this.#folder = folder;
    this.ports = ports;
  }

  static async start(name: BackendName, folder: string): Promise<Backend> {
    const ports = new Map<string, number>();
    for (const endpoint of endpoints) if (endpoint.members.includes(name)) ports.set(endpoint.name, await freePort());
    const backend = new Backend(name, folder, ports);
    await backend.#start();
    return backend;
  }

  url(endpoint: string): string {
    return `http://127.0.0.1:${this.ports.get(endpoint)}`;
  }

  /** Is wrong in this way for a while, and then well again. */
  async suffer(fault: BackendFault, ms: number, history: History): Promise<void> {
    const disturbance = history.disturb(this.name, fault);
    switch (fault) {
      case "kill":
        await this.#kill();
        await this.#dead(disturbance, ms, () => this.#start());
        return;
      case "pause":
        this.#child?.kill("SIGSTOP");
        await this.#dead(disturbance, ms, async () => void this.#child?.kill("SIGCONT"));
        return;
      case "queue": {
        this.#child?.kill("SIGSTOP");
        const sockets = [...this.ports.values()].flatMap((port) =>
          Array.from({ length: toFillQueue }, () => idle(port)),
        );
        await this.#dead(disturbance, ms, async () => {
          for (const socket of sockets) socket.destroy();
          this.#child?.kill("SIGCONT");
        });
        return;
      }
      default:
        await this.#tell(fault);
        await pause(ms);
        await this.#tell("well");
        disturbance.to = disturbance.wellAt = Date.now();
    }
  }

  async #dead(disturbance: Disturbance, ms: number, mend: () => Promise<void>): Promise<void> {
    await pause(ms);
    disturbance.to = Date.now();
    await mend();
    // What had to wait is answered by now, too.
    await this.#tell("well");
    disturbance.wellAt = Date.now();
  }

  async stop(): Promise<void> {
    await this.#kill();
  }

  /** What it has seen in all of its lives. */
  sights(): Sight[] {
    const lines = readFileSync(path.join(this.#folder, `${this.name}.seen`), "utf8")
      .split("\n")
      .slice(0, -1);
    return lines.map((line) => {
      const [what, id, method, endpoint = ""] = line.split(" ");
      return {
        backend: this.name,
        whole: what === "whole",
        id: Number(id),
        method: method === "POST" ? method : "GET",
        endpoint,
      };
    });
  }

  async #start(): Promise<void> {
    const args = [this.name, this.#folder, JSON.stringify(Object.fromEntries(this.ports))];
    const child = fork(path.join(import.meta.dirname, "backend.mjs"), args, { execArgv: [] });
    this.#child = child;
    // A stopped one does not see that its parent has gone.
    const last = () => child.kill("SIGKILL");
    process.on("exit", last);
    child.on("exit", () => process.off("exit", last));
    await once(child, "message");
  }

  async #kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Settles when it has heard of it. */
  async #tell(mood: string): Promise<void> {
    const child = this.#child as ChildProcess;
    const heard = once(child, "message");
    child.send(mood);
    await heard;
  }
}

function idle(port: number): Socket {
  return connect({ port, host: "127.0.0.1" }).on("error", () => undefined);
}
