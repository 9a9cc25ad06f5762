import type { Socket } from "node:net";
import type { EngineOptions } from "../engine-options.ts";
import { HeadLines } from "./answer-head.ts";
import { Connection, type ConnectionHost, lingerMs } from "./connection.ts";
import { type Swept, startSweep, stopSweep } from "./sweep.ts";

/**
 * Connections that another engine accepted and gave up because a request on them asks for another protocol: they go on here, whatever
 * is answered. So that there is one way of changing protocols, not one for each engine.
 */
export class AdoptedConnections implements ConnectionHost, Swept {
  readonly options: EngineOptions;
  readonly lines: HeadLines;
  readonly shortestMs: number;
  draining = false;
  readonly #connections = new Set<Connection>();
  #whenEmpty: (() => void) | undefined;

  constructor(options: EngineOptions) {
    this.options = options;
    const { headerTimeoutMs, idleTimeoutMs, upgradeIdleMs } = options.limits;
    this.lines = new HeadLines(idleTimeoutMs);
    this.shortestMs = Math.min(headerTimeoutMs, idleTimeoutMs, upgradeIdleMs, lingerMs);
  }

  /** `socket` has no listeners left. `bytes`: what was read of it from the request on that asks. */
  adopt(scheme: "http" | "https", socket: Socket, bytes: Buffer): void {
    startSweep(this);
    this.lines.tick(Date.now());
    socket.setTimeout(0);
    socket.unshift(bytes);
    this.#connections.add(new Connection(this, scheme, socket));
  }

  /** No request is taken beyond those that are there. Resolves when all are closed. */
  drain(): Promise<void> {
    this.draining = true;
    for (const connection of [...this.#connections]) connection.closeIfIdle();
    return new Promise((resolve) => {
      if (this.#connections.size === 0) resolve();
      else this.#whenEmpty = resolve;
    });
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    stopSweep(this);
    this.#whenEmpty?.();
  }

  sweep(): void {
    this.lines.tick(Date.now());
    for (const connection of [...this.#connections]) {
      try {
        connection.sweep();
      } catch (error) {
        connection.crashed(error);
      }
    }
  }
}
