import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TlsOptions, Server as TlsServer } from "node:tls";
import type { Engine, ListenerOptions } from "../engine.ts";
import type { EngineOptions } from "../engine-options.ts";
import { listen } from "../listening.ts";
import { nodeTls } from "../node-tls.ts";
import { HeadLines } from "./answer-head.ts";
import { Connection, type ConnectionHost, lingerMs } from "./connection.ts";
import { prepareParser } from "./llhttp.ts";
import { type Swept, startSweep, stopSweep } from "./sweep.ts";

/**
 * HTTP/1.1 on plain sockets: bytes in, bytes out, nothing between them that a request does not need. One sweep a second
 * looks after the time limits of all connections; no request has a timer.
 */

/** Opens the wire engine. */
export function createEngine(options: EngineOptions): Engine {
  return new WireEngine(options);
}

class WireEngine implements Engine, ConnectionHost, Swept {
  readonly options: EngineOptions;
  readonly lines: HeadLines;
  readonly shortestMs: number;
  readonly #servers: Server[] = [];
  readonly #connections: Connection[] = [];
  /** Sockets below TLS, from their accept on. */
  readonly #underTls = new Set<Socket>();
  #draining = false;
  #whenEmpty: (() => void) | undefined;

  constructor(options: EngineOptions) {
    this.options = options;
    const { headerTimeoutMs, idleTimeoutMs, upgradeIdleMs } = options.limits;
    this.lines = new HeadLines(idleTimeoutMs);
    this.shortestMs = Math.min(headerTimeoutMs, idleTimeoutMs, upgradeIdleMs, lingerMs);
  }

  get draining(): boolean {
    return this.#draining;
  }

  async listen(listener: ListenerOptions): Promise<AddressInfo> {
    const make = listener.scheme === "https" ? this.#secureServers(listener) : () => this.#plainServer();
    const server = make();
    await listen(server, listener, () => (this.#draining ? undefined : this.#watched(make())));
    this.#watched(server);
    // The first client is seldom there yet.
    setImmediate(prepareParser);
    startSweep(this);
    return server.address() as AddressInfo;
  }

  /** One that is closed in the end. */
  #watched(server: Server): Server {
    server.on("error", (error) => this.options.log.error({ err: error }, "listener failed"));
    this.#servers.push(server);
    return server;
  }

  #plainServer(): Server {
    return createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) =>
      this.#accept(socket, "http"),
    );
  }

  /**
   * TLS itself begins with the first client: with a start it would take 7 ms of CPU (Node 26), or 3, and 20 more where clients
   * are recognised by certificates (Node 20).
   */
  #secureServers({ tls = {} }: ListenerOptions): () => Server {
    let above: TlsServer | undefined;
    const accept = (socket: Socket): void => {
      this.#underTls.add(socket);
      socket.once("close", () => this.#underTls.delete(socket));
      try {
        above ??= this.#tlsServer(tls);
      } catch (error) {
        this.options.log.error({ err: error }, "no TLS");
        return void socket.destroy();
      }
      above.emit("connection", socket);
    };
    return () => createServer({ allowHalfOpen: true, noDelay: true }, accept);
  }

  /** Listens to nothing itself: it is given connections. */
  #tlsServer(tls: TlsOptions): TlsServer {
    const server = nodeTls().createServer(
      {
        ALPNProtocols: ["http/1.1"],
        ...tls,
        allowHalfOpen: true,
        handshakeTimeout: this.options.limits.headerTimeoutMs,
      },
      (socket) => this.#accept(socket, "https"),
    );
    // No handshake, no answer: what could be said would not be understood.
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    return server;
  }

  async drain(graceMs: number): Promise<boolean> {
    this.#draining = true;
    for (const server of this.#servers) server.close();
    for (const connection of [...this.#connections]) connection.closeIfIdle();
    let finished = true;
    const deadline = setTimeout(() => {
      finished = false;
      for (const connection of [...this.#connections]) connection.destroy();
    }, graceMs);
    if (this.#connections.length > 0) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    // Those that have not even shaken hands.
    for (const socket of this.#underTls) socket.destroy();
    clearTimeout(deadline);
    stopSweep(this);
    return finished;
  }

  #accept(socket: Socket, scheme: "http" | "https"): void {
    // Reset before it was accepted: whose requests wait in it cannot be told any more.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const connection = new Connection(this, scheme, socket);
    connection.slot = this.#connections.length;
    this.#connections.push(connection);
  }

  forget(connection: Connection): void {
    const { slot } = connection;
    const last = this.#connections.pop();
    if (last !== undefined && last !== connection) {
      this.#connections[slot] = last;
      last.slot = slot;
    }
    if (this.#connections.length === 0) this.#whenEmpty?.();
  }

  sweep(): void {
    this.lines.tick(Date.now());
    // Backwards: who closes at once makes room for the last one, which was looked at already.
    for (let i = this.#connections.length - 1; i >= 0; i--) {
      const connection = this.#connections[i];
      try {
        connection?.sweep();
      } catch (error) {
        // One that fails must not suspend the others' limits.
        connection?.crashed(error);
      }
    }
  }
}
