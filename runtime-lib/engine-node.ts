import type { IncomingMessage, Server } from "node:http";
import type { Server as TlsServer } from "node:https";
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import { type EngineState, NodeConnection } from "./connection-node.ts";
import type { Engine, ListenerOptions } from "./engine.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { Expectation } from "./exchange-base.ts";
import { type GatewayResponse, gatewayResponse, NodeExchange, onResponseClose } from "./exchange-node.ts";
import { listen } from "./listening.ts";
import { trustAtFirstClient, withoutTrust } from "./tls-options.ts";
import { AdoptedConnections } from "./wire/adopted.ts";

/**
 * HTTP/1.1 by node:http. This, `connection-node.ts` and `exchange-node.ts` are the only modules that know clients' sockets: everything above
 * sees an `Exchange`. On the way of a plain request nothing is allocated that the answer does not need: no streams, no
 * maps of headers, no timers.
 */

const sweepMs = 1_000;

const connectionOf = Symbol("connection");
type ClientSocket = Socket & { [connectionOf]?: NodeConnection };

/** Opens node:http's engine. */
export function createEngine(options: EngineOptions): Engine {
  return new NodeEngine(options);
}

class NodeEngine implements Engine, EngineState {
  readonly options: EngineOptions;
  readonly #servers: Server[] = [];
  /** They listen on the same ports, and hand over what they accept. */
  readonly #beside: NetServer[] = [];
  readonly #sockets = new Set<Socket>();
  readonly slow = new Set<NodeExchange>();
  readonly open = new Set<NodeConnection>();
  readonly closing = new Set<NodeConnection>();
  #adopted: AdoptedConnections | undefined;
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
    const http = process.getBuiltinModule("node:http");
    const settings = {
      ServerResponse: gatewayResponse(http),
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
      scheme === "https"
        ? process.getBuiltinModule("node:https").createServer({ ...settings, ...withoutTrust(tls) })
        : http.createServer(settings)
    ) as Server;
    if (scheme === "https") trustAtFirstClient(server as TlsServer, tls);
    server.maxHeadersCount = 0;
    const receive = (expectation: Expectation) => (req: IncomingMessage, res: GatewayResponse) =>
      this.#receive(req, res, scheme, expectation);
    server.on("request", receive("none"));
    server.on("checkContinue", receive("continue"));
    server.on("checkExpectation", receive("unknown"));
    server.on("clientError", (error: Error, socket: Socket) => this.#connection(socket).onError(error));
    server.on("connect", (req: IncomingMessage) => this.#connection(req.socket).onConnect());
    if (this.options.upgrades === true) {
      server.on("upgrade", (req: IncomingMessage, socket: Socket, rest: Buffer) => {
        this.#connection(socket).onUpgrade(() => this.#adopt(scheme, req, socket, rest));
      });
    }
    server.on("connection", (socket: Socket) => this.#track(socket));
    server.on(scheme === "https" ? "secureConnection" : "connection", dropNameless);
    const watched = <One extends NetServer>(one: One): One =>
      one.on("error", (error) => this.options.log.error({ err: error }, "listener failed"));
    await listen(server, listener, () => {
      if (this.#draining) return undefined;
      const beside = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        server.emit("connection", socket),
      );
      this.#beside.push(watched(beside));
      return beside;
    });
    watched(server);
    this.#servers.push(server);
    this.#sweeper ??= setInterval(() => this.#sweep(), sweepMs).unref();
    return server.address() as AddressInfo;
  }

  async drain(graceMs: number): Promise<boolean> {
    this.#draining = true;
    let finished = true;
    const deadline = setTimeout(() => {
      finished = false;
      for (const connection of this.open) connection.cut();
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    const closed = [...this.#servers, ...this.#beside].map(
      (server) => new Promise<unknown>((resolve) => server.close(resolve)),
    );
    for (const server of this.#servers) server.closeIdleConnections();
    await Promise.all([this.#adopted?.drain(), ...closed]);
    // One may have come with a request that was waiting for its turn.
    await this.#adopted?.drain();
    clearTimeout(deadline);
    clearInterval(this.#sweeper);
    return finished;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #connection(socket: ClientSocket): NodeConnection {
    let connection = socket[connectionOf];
    if (connection === undefined) {
      connection = new NodeConnection(this, socket);
      socket[connectionOf] = connection;
    }
    return connection;
  }

  #receive(req: IncomingMessage, res: GatewayResponse, scheme: "http" | "https", expectation: Expectation): void {
    const connection = this.#connection(req.socket);
    if (connection.ignores()) {
      req.resume();
      return;
    }
    const x = new NodeExchange(this, connection, req, res, scheme, expectation);
    res.exchange = x;
    res.on("close", onResponseClose);
    // Of what comes in one read behind a request that asks for an upgrade, node drops all when nobody listens for those,
    // and goes on with the next read, wherever in a request that begins: nothing of it may be taken for one.
    const dropsBytes = req.headers.upgrade !== undefined;
    if (dropsBytes || this.#draining || this.options.keepAlive === "never") res.shouldKeepAlive = false;
    connection.take(x, !res.shouldKeepAlive);
  }

  /** node has read the head and takes all behind it for another protocol, be it or not. */
  #adopt(scheme: "http" | "https", req: IncomingMessage, socket: Socket, rest: Buffer): void {
    const { method, url, httpVersion, rawHeaders } = req;
    let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
    for (let i = 0; i < rawHeaders.length; i += 2) head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
    this.#adopted ??= new AdoptedConnections(this.options);
    this.#adopted.draining = this.#draining;
    this.#adopted.adopt(scheme, socket, Buffer.concat([Buffer.from(`${head}\r\n`, "latin1"), rest]));
  }

  #sweep(): void {
    const now = Date.now();
    for (const connection of this.closing) connection.sweep(now);
    for (const x of this.slow) x.checkProgress(now);
  }
}

/** Reset before it was accepted: whose requests wait in it cannot be told any more. */
function dropNameless(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
}
