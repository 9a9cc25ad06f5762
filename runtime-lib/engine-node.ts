import { randomFillSync } from "node:crypto";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import type { TlsOptions } from "node:tls";
import { type AnswerSink, BackendCall } from "./backend-client.ts";
import { plainAddress, type TrustedProxies } from "./client-address.ts";
import { Exchange, type RelayHead, type RelayOutcome, type RelayTarget, type UnderOptions } from "./exchange.ts";
import type { BackendFailure, Faults } from "./faults.ts";
import { reasonPhrase } from "./faults.ts";
import type { Handler } from "./gateway.ts";
import { isRequestId } from "./headers.ts";
import type { Log } from "./log.ts";
import { type PathRules, parseRequestTarget, type RequestPath } from "./request-path.ts";
import { backendFault, fault, faultContentType } from "./respond.ts";

/**
 * HTTP/1.1 by node:http. The only module that knows sockets: everything above sees an `Exchange`. On the way of a plain
 * request nothing is allocated that the answer does not need: no streams, no maps of headers, no timers.
 */

export interface EngineOptions {
  readonly handle: Handler;
  readonly faults: Faults;
  readonly pathRules: PathRules;
  readonly proxies: TrustedProxies;
  readonly limits: EngineLimits;
  readonly keepAlive: "auto" | "never";
  /** `Server` of the gateway's own answers; undefined: none is sent. A backend's passes (R-HDR-06). */
  readonly serverName: string | undefined;
  readonly log: Log;
  readonly accessLog: boolean;
}

export interface EngineLimits {
  /** Characters of the request target (414). */
  readonly maxUriLength: number;
  /** Bytes of all header fields (431). */
  readonly maxHeaderSize: number;
  /** Bytes of a request body (413); -1: any. */
  readonly maxBodySize: number;
  /** Milliseconds until the head of a request must be there (408). */
  readonly headerTimeoutMs: number;
  /** Milliseconds until the whole request must be there (408). */
  readonly requestTimeoutMs: number;
  /** Milliseconds without a byte: between requests, within a request body (408), while the client takes nothing. */
  readonly idleTimeoutMs: number;
}

export interface ListenerOptions {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsOptions;
}

/** Bodies up to this size are read before the backend is called: a slow client then occupies no backend connection. */
const collectUpTo = 65_536;
/** What is still read of a body after its request was answered, so that the client sees the answer before the close. */
const lingerBytes = 1_048_576;
const lingerMs = 5_000;
const sweepMs = 1_000;

/** What is remembered of a client's connection. */
interface Connection {
  readonly peer: string;
  readonly trusted: boolean;
  /** The youngest request on it. */
  current: NodeExchange | undefined;
  /** Bytes came that are no request: nothing more is read. */
  failed: boolean;
}

const connectionOf = Symbol("connection");
type ClientSocket = Socket & { [connectionOf]?: Connection };

class GatewayResponse extends ServerResponse<IncomingMessage> {
  exchange: NodeExchange | undefined = undefined;
}

/** The listeners of one process. */
export class Engine {
  readonly options: EngineOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  /** Exchanges that wait for their client: to send more of a body, or to take more of an answer. Swept once a second. */
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

  /** Opens a listener; rejects with node's error when that fails. */
  async listen(listener: ListenerOptions): Promise<AddressInfo> {
    const { limits } = this.options;
    const settings = {
      ServerResponse: GatewayResponse,
      // Both limits have faults of their own; this one only bounds what is read at all.
      maxHeaderSize: limits.maxUriLength + limits.maxHeaderSize + 1024,
      headersTimeout: limits.headerTimeoutMs,
      requestTimeout: Math.max(limits.requestTimeoutMs, limits.headerTimeoutMs),
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: sweepMs,
      requireHostHeader: false,
      noDelay: true,
    };
    const server = (
      listener.scheme === "https" ? createTlsServer({ ...settings, ...listener.tls }) : createServer(settings)
    ) as Server;
    const { scheme } = listener;
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

  /**
   * Stops accepting, lets requests in flight finish, and closes what is left after `graceMs`. Resolves to whether all
   * requests finished.
   */
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
      connection = { peer, trusted: this.options.proxies.trusts(peer), current: undefined, failed: false };
      socket[connectionOf] = connection;
    }
    return connection;
  }

  #exchange(req: IncomingMessage, res: GatewayResponse, scheme: "http" | "https", expects: boolean): NodeExchange {
    const connection = this.#connection(req.socket);
    const x = new NodeExchange(this, connection, req, res, scheme, expects);
    connection.current = x;
    res.exchange = x;
    res.on("close", onResponseClose);
    if (this.#draining || this.options.keepAlive === "never") res.shouldKeepAlive = false;
    return x;
  }

  #receive(req: IncomingMessage, res: GatewayResponse, scheme: "http" | "https", expects: boolean): void {
    const x = this.#exchange(req, res, scheme, expects);
    const { limits, pathRules } = this.options;
    const target = req.url as string;
    if (target.length > limits.maxUriLength) return fault(x, 414, "The request target is too long");
    if (x.headerBytes > limits.maxHeaderSize) return fault(x, 431, "The header fields are too long");
    if (x.hosts !== 1 && (x.hosts > 1 || req.httpVersionMinor > 0)) {
      return fault(x, 400, "A request has exactly one Host field");
    }
    if (x.foreignCoding) {
      res.shouldKeepAlive = false;
      return fault(x, 501, "The only transfer coding that is understood is chunked");
    }
    const path = parseRequestTarget(target, pathRules);
    if (typeof path === "string") return fault(x, 400, `The request target is refused: ${path}`);
    x.path = path;
    if (limits.maxBodySize >= 0 && x.contentLength > limits.maxBodySize) return fault(x, 413, "The body is too long");
    try {
      const pending = this.options.handle(x);
      if (pending !== undefined) void settle(x, pending);
      else x.checkAnswered();
    } catch (error) {
      x.crashed(error);
    }
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

async function settle(x: NodeExchange, pending: Promise<void>): Promise<void> {
  try {
    await pending;
    x.checkAnswered();
  } catch (error) {
    x.crashed(error);
  }
}

function onResponseClose(this: GatewayResponse): void {
  this.exchange?.onClosed();
}

/** Stands in until the target was parsed, and for good when it was refused: no part of a refused target is repeated. */
const noPath: RequestPath = { raw: "-", query: "", segments: [], ends: [], plain: true, encodedSlash: false };
const noBody = Buffer.alloc(0);

class NodeExchange extends Exchange implements AnswerSink {
  override readonly id: string;
  override readonly method: string;
  override readonly scheme: "http" | "https";
  override readonly rawHeaders: readonly string[];
  override path: RequestPath = noPath;
  readonly headerBytes: number;
  readonly hosts: number;
  /** -1: none was given. */
  readonly contentLength: number;
  /** A transfer coding other than a single `chunked`. */
  readonly foreignCoding: boolean;
  answered = false;
  closed = false;

  readonly #engine: Engine;
  readonly #connection: Connection;
  readonly #req: IncomingMessage;
  readonly #res: GatewayResponse;
  readonly #chunked: boolean;
  #expectsContinue: boolean;
  #clientAddress: string | undefined;
  #call: BackendCall | undefined;
  #settle: ((outcome: RelayOutcome) => void) | undefined;
  #mayRetry = false;
  /** The collected body, or the stream of it. */
  #body: Buffer | RequestBody | undefined;
  /** Sweep state: bytes seen on the socket, and when they last changed. */
  #progress = -1;
  #progressAt = 0;
  #lingerFrom = -1;
  #started = 0;
  #status = 0;

  constructor(
    engine: Engine,
    connection: Connection,
    req: IncomingMessage,
    res: GatewayResponse,
    scheme: "http" | "https",
    expectsContinue: boolean,
  ) {
    super();
    this.#engine = engine;
    this.#connection = connection;
    this.#req = req;
    this.#res = res;
    this.#expectsContinue = expectsContinue;
    this.method = req.method as string;
    this.scheme = scheme;
    const raw = req.rawHeaders;
    this.rawHeaders = raw;
    let bytes = 0;
    let hosts = 0;
    let contentLength = -1;
    let chunked = false;
    let foreignCoding = false;
    let id: string | undefined;
    for (let i = 0; i < raw.length; i += 2) {
      const key = raw[i] as string;
      const value = raw[i + 1] as string;
      bytes += key.length + value.length + 4;
      switch (key.length) {
        case 4:
          if (key.toLowerCase() === "host") hosts++;
          break;
        case 12:
          if (key.toLowerCase() === "x-request-id" && isRequestId(value)) id ??= value;
          break;
        case 14:
          if (key.toLowerCase() === "content-length") contentLength = Number(value);
          break;
        case 17:
          if (key.toLowerCase() === "transfer-encoding") {
            // Any other coding would have to be undone: it does not reach the backend (RFC 9112 section 6.1).
            if (chunked || value.toLowerCase() !== "chunked" || req.httpVersionMinor === 0) foreignCoding = true;
            chunked = true;
          }
          break;
      }
    }
    this.headerBytes = bytes;
    this.hosts = hosts;
    this.contentLength = contentLength;
    this.#chunked = chunked;
    this.foreignCoding = foreignCoding;
    this.id = id ?? newId();
    if (engine.options.accessLog) this.#started = performance.now();
  }

  override get faults(): Faults {
    return this.#engine.options.faults;
  }

  override get peerAddress(): string {
    return this.#connection.peer;
  }

  override get peerTrusted(): boolean {
    return this.#connection.trusted;
  }

  override get clientAddress(): string {
    if (!this.#connection.trusted) return this.#connection.peer;
    this.#clientAddress ??= this.#engine.options.proxies.clientOf(
      this.#connection.peer,
      this.headerValues("x-forwarded-for"),
    );
    return this.#clientAddress;
  }

  override under(basePath: string, options?: UnderOptions): boolean {
    if (this.answered) return false;
    const depth = matchBase(this.path, basePath);
    if (depth < 0) return false;
    if (this.path.encodedSlash && options?.encodedSlash !== true) {
      fault(this, 400, "The request target is refused: encoded slash");
      return false;
    }
    const { segments, ends } = this.path;
    this.baseLength = depth === 0 ? 0 : (ends[depth - 1] as number);
    // The base path with a slash after it is the API's root, like the base path itself.
    const isRoot = segments.length === depth + 1 && segments[depth] === "";
    this.segments = isRoot ? [] : segments.slice(depth);
    return true;
  }

  override respond(status: number, headers: readonly string[], body: string | Uint8Array): void {
    if (this.answered) return;
    this.answered = true;
    this.#status = status;
    this.#call?.cancel();
    const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : body;
    const bodiless = status === 204 || status === 304;
    const fields = [...headers];
    this.#addOwnFields(fields);
    const { serverName } = this.#engine.options;
    if (serverName !== undefined) fields.push("Server", serverName);
    if (!bodiless) fields.push("Content-Length", String(bytes.length));
    const res = this.#res;
    res.writeHead(status, fields);
    res.end(bodiless ? noBody : bytes);
    if (this.refusal !== undefined) this.#logRefusal(status);
    this.#done();
  }

  override relay(target: RelayTarget, head: RelayHead, mayRetry: boolean): Promise<RelayOutcome> {
    if (this.answered || this.closed) return Promise.resolve("done");
    this.#mayRetry = mayRetry;
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#relayWithBody(target, head);
    });
  }

  #relayWithBody(target: RelayTarget, head: RelayHead): void {
    if (this.#body !== undefined || (!this.#chunked && this.contentLength <= 0)) {
      this.#send(target, head);
      return;
    }
    if (!this.#chunked && this.contentLength <= collectUpTo) {
      this.#collect(target, head);
      return;
    }
    this.#body = new RequestBody(this, this.#req, this.#engine.options.limits.maxBodySize);
    this.#send(target, head);
  }

  #send(target: RelayTarget, head: RelayHead): void {
    const body = this.#body;
    const call = new BackendCall(this, this.method);
    this.#call = call;
    if (body instanceof RequestBody && !this.#chunked) head.headers.push("Content-Length", String(this.contentLength));
    call.send(target, head, body);
  }

  /** Reads a short body whole; only then the backend is asked. */
  #collect(target: RelayTarget, head: RelayHead): void {
    const req = this.#req;
    const parts: Buffer[] = [];
    this.beginBody();
    req.on("data", (chunk: Buffer) => parts.push(chunk));
    req.on("end", () => {
      this.endBody();
      if (this.answered || this.closed) return;
      this.#body = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      this.#send(target, head);
    });
  }

  /** The client is asked for its body, if it waits to be. */
  beginBody(): void {
    if (this.#expectsContinue) {
      this.#expectsContinue = false;
      this.#res.writeContinue();
    }
    this.#watch();
  }

  endBody(): void {
    this.#engine.slow.delete(this);
  }

  /** The body grew past its limit while it was streamed. */
  bodyTooLong(): void {
    if (this.answered) this.#res.destroy();
    else fault(this, 413, "The body is too long");
  }

  answerWhole(status: number, reason: string, fields: string[], body: Buffer | undefined): void {
    if (this.answered || this.closed) return this.#done();
    this.answered = true;
    this.#status = status;
    if (this.ownsCrossOrigin) dropCrossOrigin(fields);
    this.#addOwnFields(fields);
    const res = this.#res;
    writeHead(res, status, reason, fields);
    // Up to 8 KiB as text: head and body then leave in one write.
    if (body === undefined) res.end();
    else if (body.length <= 8192) res.end(body.toString("latin1"), "latin1");
    else res.end(body);
    this.#done();
  }

  answerHead(status: number, reason: string, fields: string[]): void {
    if (this.answered || this.closed) return;
    this.answered = true;
    this.#status = status;
    if (this.ownsCrossOrigin) dropCrossOrigin(fields);
    this.#addOwnFields(fields);
    writeHead(this.#res, status, reason, fields);
  }

  flushHead(): void {
    this.#res.flushHeaders();
  }

  answerData(chunk: Buffer): boolean {
    if (this.closed) return true;
    if (this.#res.write(chunk)) return true;
    this.#res.once("drain", onResponseDrain);
    this.#watch();
    return false;
  }

  answerEnd(): void {
    this.#res.end();
    this.#done();
  }

  answerFailed(failure: BackendFailure, reason: string, reached: boolean): void {
    const body = this.#body;
    const settle = this.#settle;
    if (this.closed || settle === undefined) return this.#done();
    if (this.answered) {
      // The status is gone already: a cut connection is the only way left to say that the answer is not whole.
      this.#logBackend(reason);
      this.#res.destroy();
      return this.#done();
    }
    const bodyIntact = body === undefined || Buffer.isBuffer(body) || body.untouched;
    if (this.#mayRetry && !reached && bodyIntact) {
      this.#logBackend(reason);
      this.#settle = undefined;
      settle("retry");
      return;
    }
    backendFault(this, failure, reason);
    this.#done();
  }

  onDrain(): void {
    this.#engine.slow.delete(this);
    this.#call?.resume();
  }

  /** The answer is out, or the client is gone. */
  onClosed(): void {
    this.closed = true;
    this.#engine.slow.delete(this);
    if (!this.#res.writableFinished) {
      this.#call?.cancel();
      if (this.#body instanceof RequestBody) this.#body.destroy();
      this.#done();
    }
    const { accessLog, log } = this.#engine.options;
    if (accessLog) {
      log.info(
        {
          id: this.id,
          client: this.clientAddress,
          method: this.method,
          path: this.path.raw,
          status: this.#status,
          operation: this.operation,
          ms: Math.round((performance.now() - this.#started) * 10) / 10,
          aborted: !this.#res.writableFinished || undefined,
        },
        "access",
      );
    }
  }

  /** Answered, and its body read to the end: what comes next on the connection is another request. */
  get finished(): boolean {
    return this.closed && this.#req.complete;
  }

  /** A handler that returns without an answer has a bug; the client must not wait for it, and nothing was let through. */
  checkAnswered(): void {
    if (!this.answered && !this.closed && this.#settle === undefined) {
      this.crashed(new Error("the handler returned without an answer"));
    }
  }

  crashed(error: unknown): void {
    this.#engine.options.log.error({ id: this.id, operation: this.operation, err: error }, "request failed");
    if (this.answered) this.#res.destroy();
    else fault(this, 500, "The gateway failed");
  }

  /** Called once a second while the client keeps somebody waiting. */
  checkProgress(now: number): void {
    const { socket } = this.#req;
    if (this.#lingerFrom >= 0) {
      if (this.#req.complete) this.#engine.slow.delete(this);
      else if (now - this.#progressAt >= lingerMs || socket.bytesRead - this.#lingerFrom > lingerBytes) {
        this.#engine.slow.delete(this);
        socket.destroy();
      }
      return;
    }
    const progress = socket.bytesRead + socket.bytesWritten;
    if (progress !== this.#progress) {
      this.#progress = progress;
      this.#progressAt = now;
      return;
    }
    if (now - this.#progressAt < this.#engine.options.limits.idleTimeoutMs) return;
    this.#engine.slow.delete(this);
    if (this.answered) this.#res.destroy();
    else fault(this, 408, "The request did not arrive in time");
  }

  #watch(): void {
    if (this.#engine.slow.has(this)) return;
    this.#progress = -1;
    this.#engine.slow.add(this);
  }

  #done(): void {
    this.#leaveBody();
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    settle("done");
  }

  /** After an early answer the rest of the body is read and dropped, but not for ever. */
  #leaveBody(): void {
    const req = this.#req;
    if (req.complete || this.closed || this.#lingerFrom >= 0) return;
    if (!this.#chunked && this.contentLength <= 0) return;
    if (this.#body instanceof RequestBody) this.#body.destroy();
    this.#lingerFrom = req.socket.bytesRead;
    this.#progressAt = Date.now();
    this.#engine.slow.add(this);
    req.removeAllListeners("data");
    req.resume();
  }

  #addOwnFields(fields: string[]): void {
    const own = this.answerHeaders;
    for (let i = 0; i < own.length; i++) fields.push(own[i] as string);
    fields.push("X-Request-ID", this.id);
  }

  #logRefusal(status: number): void {
    const { log } = this.#engine.options;
    const { code, reason } = this.refusal as NonNullable<typeof this.refusal>;
    const entry = {
      id: this.id,
      client: this.clientAddress,
      method: this.method,
      path: this.path.raw,
      operation: this.operation,
      status,
      code,
      reason,
    };
    if (status >= 500) log.warn(entry, "refused");
    else log.info(entry, "refused");
  }

  #logBackend(reason: string): void {
    this.#engine.options.log.warn({ id: this.id, operation: this.operation, reason }, "backend failed");
  }
}

function onResponseDrain(this: GatewayResponse): void {
  this.exchange?.onDrain();
}

/** Removes `Access-Control-*` in place. */
function dropCrossOrigin(fields: string[]): void {
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length > 15 && name.slice(0, 15).toLowerCase() === "access-control-") continue;
    fields[kept++] = name;
    fields[kept++] = fields[i + 1] as string;
  }
  fields.length = kept;
}

function writeHead(res: GatewayResponse, status: number, reason: string, fields: string[]): void {
  if (reason === "") res.writeHead(status, fields);
  else res.writeHead(status, reason, fields);
}

/** How many segments of the path the base path covers; -1: the path does not lie below it. */
function matchBase(path: RequestPath, basePath: string): number {
  if (basePath === "/") return 0;
  const { raw, segments, ends } = path;
  if (path.plain) {
    if (!raw.startsWith(basePath)) return -1;
    const length = basePath.charCodeAt(basePath.length - 1) === 0x2f ? basePath.length - 1 : basePath.length;
    for (let i = 0; i < ends.length; i++) if (ends[i] === length) return i + 1;
    return -1;
  }
  const base = basePath.split("/");
  if (base[base.length - 1] === "") base.pop();
  for (let i = 1; i < base.length; i++) if (segments[i - 1] !== base[i]) return -1;
  return base.length - 1;
}

/** A long request body on its way to the backend, with its limit. Apart from node's stream, so that neither ends the other. */
class RequestBody extends Readable {
  readonly #x: NodeExchange;
  readonly #req: IncomingMessage;
  readonly #limit: number;
  #count = 0;
  #begun = false;

  constructor(x: NodeExchange, req: IncomingMessage, limit: number) {
    super();
    this.#x = x;
    this.#req = req;
    this.#limit = limit;
    // Whoever consumes it listens; an error after that is nobody's.
    this.on("error", ignore);
  }

  get untouched(): boolean {
    return !this.#begun && !this.destroyed;
  }

  override _read(): void {
    const req = this.#req;
    if (!this.#begun) {
      this.#begun = true;
      this.#x.beginBody();
      req.on("data", this.#onData);
      req.on("end", this.#onEnd);
      req.on("close", this.#onClose);
    }
    req.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#req.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#count += chunk.length;
    if (this.#limit >= 0 && this.#count > this.#limit) {
      this.#req.pause();
      this.#x.bodyTooLong();
      return;
    }
    if (!this.push(chunk)) this.#req.pause();
  };

  readonly #onEnd = (): void => {
    this.#x.endBody();
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.readableEnded && !this.#req.complete) this.destroy(new Error("the client went away"));
  };
}

function ignore(): void {}

const pool = Buffer.alloc(4096);
let poolAt = pool.length;

/** 32 random hex digits. Random bytes are drawn for 256 ids at a time. */
function newId(): string {
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const id = pool.toString("hex", poolAt, poolAt + 16);
  poolAt += 16;
  return id;
}
