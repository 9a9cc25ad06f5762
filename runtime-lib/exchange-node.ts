import { type IncomingMessage, ServerResponse } from "node:http";
import { type AnswerSink, BackendCall, type Reach } from "./backend-client.ts";
import type { EngineOptions } from "./engine-options.ts";
import { Exchange, type RelayHead, type RelayOutcome, type RelayTarget, type UnderOptions } from "./exchange.ts";
import type { BackendFailure, Faults } from "./faults.ts";
import { applyOverrides } from "./header-overrides.ts";
import { isRequestId } from "./headers.ts";
import { type BodyOwner, RequestBody } from "./request-body.ts";
import { newRequestId } from "./request-id.ts";
import { depthBelow, type RequestPath } from "./request-path.ts";
import { backendFault, fault } from "./respond.ts";

/** Bodies up to this size are read before the backend is called: a slow client then occupies no backend connection. */
const collectUpTo = 65_536;
/** What is still read of a body after its request was answered, so that the client sees the answer before the close. */
const lingerBytes = 1_048_576;
export const lingerMs = 5_000;

/** What is remembered of a client's connection. */
export interface Connection {
  readonly peer: string;
  readonly trusted: boolean;
  /** Requests that have not been answered yet. */
  pending: number;
  /** The youngest request on it. */
  current: NodeExchange | undefined;
  /** Those that came while others waited: node does not tell their answers when the connection ends. */
  queued: NodeExchange[] | undefined;
  /** Bytes came that are no request: nothing more is read. */
  failed: boolean;
}

/** What an exchange asks of its engine. */
export interface EngineState {
  readonly options: EngineOptions;
  /** Exchanges that wait for their client: to send more of a body, or to take more of an answer. Swept once a second. */
  readonly slow: Set<NodeExchange>;
}

/** An answer that knows its exchange, so that its events need no closure. */
export class GatewayResponse extends ServerResponse<IncomingMessage> {
  exchange: NodeExchange | undefined = undefined;
}

export function onResponseClose(this: GatewayResponse): void {
  this.exchange?.onClosed();
}

/** Stands in until the target was parsed, and for good when it was refused: no part of a refused target is repeated. */
const noPath: RequestPath = { raw: "-", query: "", segments: [], ends: [], plain: true, encodedSlash: false };
const noBody = Buffer.alloc(0);
/** RFC 3986 section 3.2.2 without sub-delims, which no host needs and of which `,` would make two hosts of one. */
const hostForm = /^(?:[\w.~%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/;

/** One request on a connection of node:http. */
export class NodeExchange extends Exchange implements AnswerSink, BodyOwner {
  override readonly id: string;
  override readonly method: string;
  override readonly scheme: "http" | "https";
  override readonly rawHeaders: readonly string[];
  override path: RequestPath = noPath;
  readonly headerBytes: number;
  readonly hosts: number;
  /** Not a host with or without a port: backends that build links from it would be misled (RFC 9112 section 3.2). */
  readonly malformedHost: boolean;
  /** -1: none was given. */
  readonly contentLength: number;
  /** A transfer coding other than a single `chunked`. */
  readonly foreignCoding: boolean;
  answered = false;
  closed = false;

  readonly #engine: EngineState;
  readonly #connection: Connection;
  readonly #req: IncomingMessage;
  readonly #res: GatewayResponse;
  readonly #chunked: boolean;
  #expectsContinue: boolean;
  #clientAddress: string | undefined;
  #call: BackendCall | undefined;
  #settle: ((outcome: RelayOutcome) => void) | undefined;
  #mayRetry = false;
  #target: RelayTarget | undefined;
  #head: RelayHead | undefined;
  #sentAgain = false;
  /** When it gives up to wait for a free connection; 0: there is no such limit. */
  #waitUntil = 0;
  /** The collected body, or the stream of it. */
  #body: Buffer | RequestBody | undefined;
  /** Sweep state: bytes seen on the socket, and when they last changed. */
  #progress = -1;
  #progressAt = 0;
  #lingerFrom = -1;
  #started = 0;
  #status = 0;

  constructor(
    engine: EngineState,
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
    let malformedHost = false;
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
          if (key.toLowerCase() === "host") {
            hosts++;
            if (!hostForm.test(value)) malformedHost = true;
          }
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
    this.malformedHost = malformedHost;
    this.contentLength = contentLength;
    this.#chunked = chunked;
    this.foreignCoding = foreignCoding;
    this.id = id ?? newRequestId();
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
    const depth = depthBelow(this.path, basePath);
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
    const { serverName } = this.#engine.options;
    if (serverName !== undefined) fields.push("Server", serverName);
    this.#addOwnFields(fields, "server");
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
    this.#target = target;
    this.#head = head;
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#relayWithBody();
    });
  }

  #relayWithBody(): void {
    if (this.#body !== undefined || (!this.#chunked && this.contentLength <= 0)) {
      this.#send();
      return;
    }
    if (!this.#chunked && this.contentLength <= collectUpTo) {
      this.#collect();
      return;
    }
    this.#body = new RequestBody(this, this.#req, this.#engine.options.limits.maxBodySize);
    this.#send();
  }

  #send(): void {
    const body = this.#body;
    const target = this.#target as RelayTarget;
    const head = this.#head as RelayHead;
    const { headerOverrides } = this.#engine.options;
    if (headerOverrides.length > 0) applyOverrides(head.headers, headerOverrides, "user-agent");
    const call = new BackendCall(this, this.method);
    this.#call = call;
    if (body instanceof RequestBody && !this.#chunked) head.headers.push("Content-Length", String(this.contentLength));
    call.send(target, head, body);
    if (target.waitMs !== undefined && !call.reached) {
      this.#waitUntil = Date.now() + target.waitMs;
      this.#engine.slow.add(this);
    }
  }

  /** Reads a short body whole; only then the backend is asked. */
  #collect(): void {
    const req = this.#req;
    const parts: Buffer[] = [];
    this.beginBody();
    req.on("data", (chunk: Buffer) => parts.push(chunk));
    req.on("end", () => {
      this.endBody();
      if (this.answered || this.closed) return;
      this.#body = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      this.#send();
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

  answerFailed(failure: BackendFailure, reason: string, reach: Reach): void {
    const body = this.#body;
    const settle = this.#settle;
    if (this.closed || settle === undefined) return this.#done();
    if (this.answered) {
      // The status is gone already: a cut connection is the only way left to say that the answer is not whole.
      this.#logBackend(reason);
      this.#res.destroy();
      return this.#done();
    }
    if (
      reach === "stale" &&
      !this.#sentAgain &&
      body === undefined &&
      (this.method === "GET" || this.method === "HEAD")
    ) {
      this.#sentAgain = true;
      this.#send();
      return;
    }
    const bodyIntact = body === undefined || Buffer.isBuffer(body) || body.untouched;
    if (this.#mayRetry && reach === "none" && bodyIntact) {
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
    if (this.closed) return;
    this.closed = true;
    this.#connection.pending--;
    // An answer that is out before the request was read is no reason to go on reading for ever.
    if (this.#lingerFrom < 0) this.#engine.slow.delete(this);
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

  /** How many requests on its connection wait for an answer, this one included. */
  get pipelined(): number {
    return this.#connection.pending;
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
    if (this.#waitUntil > 0) {
      const free = this.#call?.reached === true;
      if (!free && now < this.#waitUntil) return;
      this.#waitUntil = 0;
      if (free) this.#engine.slow.delete(this);
      else this.#giveUpWaiting();
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

  #giveUpWaiting(): void {
    this.#engine.slow.delete(this);
    if (this.answered) return;
    backendFault(this, "unavailable", "backend: no connection was free in time");
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

  #addOwnFields(fields: string[], always = ""): void {
    const { headerOverrides } = this.#engine.options;
    if (headerOverrides.length > 0) applyOverrides(fields, headerOverrides, always);
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
