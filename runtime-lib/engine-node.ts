import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { plainAddress } from "./client-address.ts";
import type { Engine, ListenerOptions } from "./engine.ts";
import type { EngineOptions } from "./engine-options.ts";
import {
  type Connection,
  type EngineState,
  GatewayResponse,
  lingerMs,
  NodeExchange,
  onResponseClose,
} from "./exchange-node.ts";
import { reasonPhrase } from "./faults.ts";
import { fault, faultContentType } from "./respond.ts";
import { trustAtFirstClient, withoutTrust } from "./tls-options.ts";

/**
 * HTTP/1.1 by node:http. This and `exchange-node.ts` are the only modules that know clients' sockets: everything above
 * sees an `Exchange`. On the way of a plain request nothing is allocated that the answer does not need: no streams, no
 * maps of headers, no timers.
 */

const sweepMs = 1_000;

const connectionOf = Symbol("connection");
type ClientSocket = Socket & { [connectionOf]?: Connection };

/** Opens node:http's engine. */
export function createEngine(options: EngineOptions): Engine {
  return new NodeEngine(options);
}

class NodeEngine implements Engine, EngineState {
  readonly options: EngineOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly slow = new Set<NodeExchange>();
  readonly #closing = new Map<Socket, number>();
  #sweeper: NodeJS.Timeout | undefined;
  #draining = false;

  constructor(options: EngineOptions) {
    this.options = options;
  }

  get draining(): boolean {
    return this.#draining;
  }

  async listen(listener: ListenerOptions): Promise<AddressInfo> {
    const { limits } = this.options;
    const settings = {
      ServerResponse: GatewayResponse,
      // Both limits have faults of their own; this one only bounds what is read at all.
      maxHeaderSize: limits.maxUriLength + limits.maxHeaderSize + 1024,
      headersTimeout: limits.headerTimeoutMs,
      requestTimeout: Math.max(limits.requestTimeoutMs, limits.headerTimeoutMs),
      keepAliveTimeout: limits.idleTimeoutMs,
      handshakeTimeout: limits.headerTimeoutMs,
      connectionsCheckingInterval: sweepMs,
      requireHostHeader: false,
      noDelay: true,
    };
    const { scheme, tls = {} } = listener;
    const server = (
      scheme === "https" ? createTlsServer({ ...settings, ...withoutTrust(tls) }) : createServer(settings)
    ) as Server;
    if (scheme === "https") trustAtFirstClient(server as TlsServer, tls);
    server.maxHeadersCount = 0;
    server.on("request", (req: IncomingMessage, res: GatewayResponse) => this.#receive(req, res, scheme, false));
    server.on("checkContinue", (req: IncomingMessage, res: GatewayResponse) => this.#receive(req, res, scheme, true));
    server.on("checkExpectation", (req: IncomingMessage, res: GatewayResponse) => {
      const x = this.#exchange(req, res, scheme, false);
      fault(x, 417, "The only expectation that is understood is 100-continue");
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => this.#clientError(error, socket));
    server.on("connect", (_req: IncomingMessage, socket: Socket) => this.#refuseRaw(socket, 400, "No tunnels"));
    server.on("connection", (socket: Socket) => this.#track(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: listener.host, port: listener.port, backlog: 1024 }, () => {
        server.off("error", reject);
        server.on("error", (error) => this.options.log.error({ err: error }, "listener failed"));
        resolve();
      });
    });
    this.#servers.push(server);
    this.#sweeper ??= setInterval(() => this.#sweep(), sweepMs).unref();
    return server.address() as AddressInfo;
  }

  async drain(graceMs: number): Promise<boolean> {
    this.#draining = true;
    let finished = true;
    const deadline = setTimeout(() => {
      finished = false;
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
          }),
      ),
    );
    clearTimeout(deadline);
    clearInterval(this.#sweeper);
    return finished;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#closing.delete(socket);
    });
  }

  #connection(socket: ClientSocket): Connection {
    let connection = socket[connectionOf];
    if (connection === undefined) {
      const peer = plainAddress(socket.remoteAddress ?? "");
      connection = {
        address: peer,
        trusted: this.options.proxies.trusts(peer),
        pending: 0,
        current: undefined,
        queued: undefined,
        failed: false,
      };
      socket[connectionOf] = connection;
    }
    return connection;
  }

  #exchange(req: IncomingMessage, res: GatewayResponse, scheme: "http" | "https", expects: boolean): NodeExchange {
    const connection = this.#connection(req.socket);
    const x = new NodeExchange(this, connection, req, res, scheme, expects);
    connection.current = x;
    if (++connection.pending > 1) this.#queue(connection, x, req.socket);
    res.exchange = x;
    res.on("close", onResponseClose);
    if (this.#draining || this.options.keepAlive === "never") res.shouldKeepAlive = false;
    return x;
  }

  #queue(connection: Connection, x: NodeExchange, socket: Socket): void {
    if (connection.queued === undefined) {
      socket.once("close", () => {
        for (const queued of connection.queued ?? []) queued.onClosed();
      });
    }
    connection.queued = (connection.queued ?? []).filter((queued) => !queued.closed);
    connection.queued.push(x);
  }

  #receive(req: IncomingMessage, res: GatewayResponse, scheme: "http" | "https", expects: boolean): void {
    const x = this.#exchange(req, res, scheme, expects);
    const { pending } = x.connection;
    if (x.admit(req.url as string, req.httpVersionMajor, req.httpVersionMinor, pending)) x.handle();
  }

  /** Bytes that are not HTTP, too many of them, or none in time. */
  #clientError(error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: ClientSocket): void {
    const connection = this.#connection(socket);
    if (connection.failed) return;
    connection.failed = true;
    const current = connection.current;
    const timedOut = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    if (current !== undefined && !current.finished) {
      // What came cannot be told apart from the request in flight any more, unless that is itself late.
      if (timedOut && !current.answered) fault(current, 408, "The request did not arrive in time");
      else socket.destroy();
      return;
    }
    if (timedOut) return this.#refuseRaw(socket, 408, "The request did not arrive in time");
    if (error.code === "HPE_HEADER_OVERFLOW") {
      const inTarget = error.rawPacket !== undefined && error.rawPacket.indexOf(0x0a) === -1;
      if (inTarget) return this.#refuseRaw(socket, 414, "The request target is too long");
      return this.#refuseRaw(socket, 431, "The header fields are too long");
    }
    if (error.code?.startsWith("HPE_") === true) return this.#refuseRaw(socket, 400, "The request is not HTTP/1.1");
    socket.destroy();
  }

  /** An answer where there is no exchange; the connection ends with it. */
  #refuseRaw(socket: Socket, status: number, description: string): void {
    this.options.log.info({ status, reason: description, peer: plainAddress(socket.remoteAddress ?? "") }, "refused");
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const body = Buffer.from(this.options.faults.byStatus(status, description).body).toString("latin1");
    socket.end(
      `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\nContent-Type: ${faultContentType}\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      "latin1",
    );
    // Reading on for a while keeps a reset from overtaking the answer.
    socket.removeAllListeners("data");
    socket.resume();
    this.#closing.set(socket, Date.now() + lingerMs);
  }

  #sweep(): void {
    const now = Date.now();
    for (const [socket, deadline] of this.#closing) {
      if (now >= deadline) {
        this.#closing.delete(socket);
        socket.destroy();
      }
    }
    for (const x of this.slow) x.checkProgress(now);
  }
}
