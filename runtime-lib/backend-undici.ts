import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";
import type { buildConnector, Dispatcher, Pool } from "undici";
import {
  announceTrailers,
  answerTrailers,
  maxInterims,
  noFraming,
  sendableReason,
  statusLineStart,
  takeAnswerFields,
} from "./answer-fields.ts";
import type {
  AnswerSink,
  BackendCall,
  BackendPool,
  BodySink,
  BodySource,
  RequestBody,
  TargetOptions,
} from "./backend.ts";
import type { RelayHead } from "./exchange.ts";
import type { BackendFailure } from "./faults.ts";
import { authorityOf, type ForwardProxy, openTunnel, proxyAuthorization } from "./forward-proxy.ts";
import { addressesOf, type HostAddresses } from "./host-addresses.ts";
import { identityCheck } from "./peer-identity.ts";
import { secureContextOf } from "./secure-context.ts";
import { newPool } from "./wire/backend-wire.ts";

/** Connections to backends, by undici's dispatch interface: raw header lists, no request or response objects, no streams. */

/** Longest wait for a connection unless the upstream says otherwise; the answer's own time limit starts after it. */
const maxConnectMs = 10_000;
/** How often it is looked whether a name is to be resolved again. */
const followMs = 500;

/** Opens a pool of undici. The library is loaded here, not at import time. */
export async function openPool(options: TargetOptions): Promise<BackendPool> {
  const { default: PoolClass } = await import("undici/lib/dispatcher/pool.js");
  const { origin, tls, proxy, timeoutMs } = options;
  const connectMs = options.connectMs ?? Math.min(timeoutMs, maxConnectMs);
  const asked = tls === undefined && !origin.startsWith("https:") ? proxy : undefined;
  const host = new URL(origin).hostname.replace(/^\[|\]$/g, "");
  const addresses = proxy === undefined ? addressesOf(host, options.resolveMs) : undefined;
  const straight = await connector(options, connectMs, addresses?.lookup);
  const connect = proxy === undefined || asked !== undefined ? straight : tunnelled(origin, connectMs, proxy, straight);
  const open = (): Pool =>
    new PoolClass(asked === undefined ? origin : `http://${bracketed(asked.host)}:${asked.port}`, {
      connections: options.connections ?? null,
      pipelining: options.pipelining ?? 1,
      headersTimeout: options.headersMs ?? timeoutMs,
      bodyTimeout: options.bodyMs ?? timeoutMs,
      connectTimeout: connectMs,
      maxHeaderSize: options.maxHeaderSize,
      maxResponseSize: options.maxBodySize,
      connect,
    });
  const pool = new UndiciPool(open, options, asked && { origin, authorization: proxyAuthorization(asked) });
  if (addresses !== undefined) pool.follow(addresses);
  return pool;
}

class UndiciPool implements BackendPool {
  readonly lendsBytes = false;
  readonly #open: () => Pool;
  readonly #options: TargetOptions;
  readonly #waitMs: number | undefined;
  readonly #maxStatusLine: number;
  /** Undefined: retired. */
  #pool: Pool | undefined;
  /** Those that end with what is on its way. */
  readonly #ending = new Set<Pool>();
  /** For changes of protocol: undici forgets a connection that has made one, and nobody would count it. */
  #changing: BackendPool | undefined;
  #closed = false;

  /** What a proxy gets that asks for the requests itself. */
  readonly #asked: { readonly origin: string; readonly authorization: string | undefined } | undefined;
  #follower: NodeJS.Timeout | undefined;

  constructor(
    open: () => Pool,
    options: TargetOptions,
    asked: { readonly origin: string; readonly authorization: string | undefined } | undefined,
  ) {
    this.#open = open;
    this.#options = options;
    this.#pool = open();
    this.#waitMs = options.connections === undefined ? undefined : options.waitMs;
    this.#maxStatusLine = options.maxStatusLine ?? Number.POSITIVE_INFINITY;
    this.#asked = asked;
  }

  /** Leaves connections behind when one of the addresses is gone: undici does not tell which are to which. */
  follow(addresses: HostAddresses): void {
    const renew = (): void => {
      const old = this.#pool;
      if (old === undefined || this.#closed) return;
      this.#pool = this.#open();
      void this.#end(old);
    };
    this.#follower = setInterval(() => {
      if ((this.#pool?.stats.connected ?? 0) > 0) addresses.refresh(renew);
    }, followMs).unref();
  }

  send(sink: AnswerSink, method: string, head: RelayHead, body: RequestBody, alone = false): BackendCall {
    if (head.upgrade !== undefined) {
      this.#changing ??= newPool(this.#options);
      return this.#changing.send(sink, method, head, body, alone);
    }
    const shares = method === "GET" && body === undefined && !alone;
    const asked = this.#asked;
    const call = new UndiciCall(sink, asked !== undefined, this.#maxStatusLine);
    const { headers } = head;
    if (asked !== undefined) {
      headers.push("Host", new URL(asked.origin).host);
      if (asked.authorization !== undefined) headers.push("Proxy-Authorization", asked.authorization);
    }
    const streamed = body !== undefined && !Buffer.isBuffer(body);
    if (streamed && body.length >= 0) headers.push("Content-Length", String(body.length));
    const pool = this.#pool ?? this.#open();
    pool.dispatch(
      {
        path: asked === undefined ? head.path : asked.origin + head.path,
        method: method as Dispatcher.HttpMethod,
        headers,
        body: streamed ? new BodyStream(body) : (body ?? null),
        // Where pipelining is on: it waits until nothing else is on its way, and the next one for the head of its answer. A
        // connection that had a HEAD is not used again, and undici forgets to unblock it.
        idempotent: shares,
        // Some proxies close connections without a word.
        reset: asked !== undefined,
        blocking: !shares && method !== "HEAD",
      },
      call,
    );
    if (this.#pool === undefined) void this.#end(pool);
    if (this.#waitMs !== undefined && !call.reached) waitForConnection(call, this.#waitMs);
    return call;
  }

  async retire(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    clearInterval(this.#follower);
    await Promise.all([pool && this.#end(pool), this.#changing?.retire()]);
  }

  /** When all is done that it has. */
  async #end(pool: Pool): Promise<void> {
    this.#ending.add(pool);
    await (this.#closed ? pool.destroy() : pool.close()).catch(ignore);
    this.#ending.delete(pool);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#follower);
    await this.#changing?.close();
    const pools = this.#pool === undefined ? [...this.#ending] : [this.#pool, ...this.#ending];
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}

/** A streamed body in the form that undici takes. Apart from its source, so that neither ends the other. */
class BodyStream extends Readable implements BodySink {
  readonly #source: BodySource;
  #begun = false;

  constructor(source: BodySource) {
    super();
    this.#source = source;
    // Whoever consumes it listens; an error after that is nobody's.
    this.on("error", ignore);
  }

  override _read(): void {
    if (this.#begun) return this.#source.resume();
    this.#begun = true;
    this.#source.start(this);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    // One of which nothing was read can still go to another member.
    if (this.#begun) this.#source.destroy();
    callback(error);
  }

  bodyData(chunk: Buffer): boolean {
    return this.push(this.#source.givesBytes === true ? chunk : Buffer.from(chunk));
  }

  /** undici has no way to send trailers. */
  bodyEnd(): void {
    this.push(null);
  }

  bodyAborted(): void {
    this.destroy(new Error("the client went away"));
  }
}

function ignore(): void {}

/**
 * Connects, by TLS if the origin has it. What that needs is made at the first connection and then kept: reading the certificate
 * authorities takes some 20 ms for each backend, which the start should not wait for.
 */
async function connector(
  { tls, pins }: TargetOptions,
  connectMs: number,
  lookup: LookupFunction | undefined,
): Promise<buildConnector.connector> {
  const { default: build } = await import("undici/lib/core/connect.js");
  const check = identityCheck(tls?.verifyHostname !== false, pins);
  let connect: buildConnector.connector | undefined;
  return (options, callback) => {
    connect ??= build({
      timeout: connectMs,
      ...(lookup === undefined ? {} : { lookup }),
      ...(tls === undefined ? {} : { secureContext: secureContextOf(tls), rejectUnauthorized: tls.rejectUnauthorized }),
      ...(pins === undefined ? {} : { rejectUnauthorized: true }),
      ...(check && { checkServerIdentity: check }),
    } as buildConnector.BuildOptions);
    connect(options, callback);
  };
}

/** TLS inside of the tunnel is with the backend itself. */
function tunnelled(
  origin: string,
  connectMs: number,
  proxy: ForwardProxy,
  connect: buildConnector.connector,
): buildConnector.connector {
  const authority = authorityOf(origin);
  return (options, callback) => {
    openTunnel(proxy, authority, connectMs, (error, tunnel) => {
      if (tunnel === undefined) callback(error as Error, null);
      else connect({ ...options, httpSocket: tunnel }, callback);
    });
  };
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Answers up to this size are held until complete and sent in one write. */
const wholeUpTo = 65_536;

/** One request to a backend. */
class UndiciCall implements BackendCall, Dispatcher.DispatchHandler {
  readonly #sink: AnswerSink;
  #abort: ((reason: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #cancelled = false;
  #reached = false;
  #status = 0;
  #reason = "";
  /** The head, while it waits for the first part of the body. */
  #fields: string[] | undefined;
  readonly #framing = noFraming();
  #interims = 0;
  #ended = false;
  /** When it gives up to wait for a connection. */
  waitUntil = 0;

  readonly #byProxy: boolean;
  readonly #maxStatusLine: number;

  /** `byProxy`: a proxy gets the request, and what it refuses is no answer of the backend. */
  constructor(sink: AnswerSink, byProxy: boolean, maxStatusLine: number) {
    this.#sink = sink;
    this.#byProxy = byProxy;
    this.#maxStatusLine = maxStatusLine;
  }

  cancel(): void {
    if (this.#ended) return;
    this.#cancelled = true;
    // Whoever cancels has no use for the error that follows.
    this.#ended = true;
    this.#fields = undefined;
    this.#abort?.(new Error("cancelled"));
  }

  resume(): void {
    this.#resume?.();
  }

  get reached(): boolean {
    return this.#reached;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** No connection was free in time. */
  giveUp(): void {
    this.cancel();
    this.#sink.answerFailed("unavailable", "backend: no connection was free in time", "none");
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#reached = true;
    this.#abort = abort;
    if (this.#cancelled) abort(new Error("cancelled"));
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, reason: string): boolean {
    if (reason.length > this.#maxStatusLine - statusLineStart) {
      this.#abort?.(Object.assign(new Error("status line too long"), { code: "STATUS_LINE_OVERFLOW" }));
      return true;
    }
    const fields = raw.map((bytes) => bytes.toString("latin1"));
    takeAnswerFields(fields, status, this.#framing);
    if (status < 200) {
      if (++this.#interims > maxInterims) this.#abort?.(tooManyInterims());
      else if (status === 103) this.#sink.earlyHints(fields);
      return true;
    }
    if (status === 407 && this.#byProxy) {
      this.#abort?.(Object.assign(new Error("the proxy refused"), { code: "PROXY_REFUSED" }));
      return true;
    }
    this.#resume = resume;
    this.#status = status;
    this.#reason = sendableReason(reason);
    this.#fields = fields;
    waitForBody(this);
    return true;
  }

  onData(chunk: Buffer): boolean {
    const fields = this.#fields;
    if (fields !== undefined) {
      this.#fields = undefined;
      if (chunk.length === this.#framing.contentLength && chunk.length <= wholeUpTo) {
        this.#ended = true;
        this.#sink.answerWhole(this.#status, this.#reason, fields, chunk);
        return true;
      }
      announceTrailers(fields, this.#framing);
      this.#sink.answerHead(this.#status, this.#reason, fields);
    }
    return this.#sink.answerData(chunk);
  }

  /** undici says strings, and gives bytes. */
  onComplete(raw: readonly (string | Buffer)[] | null): void {
    if (this.#ended) return;
    this.#ended = true;
    const fields = this.#fields;
    let trailers: string[] | undefined;
    if (raw !== null && raw.length > 0) {
      const given = raw.map((text) => (typeof text === "string" ? text : text.toString("latin1")));
      trailers = answerTrailers(given, this.#framing);
    }
    if (fields !== undefined) {
      this.#fields = undefined;
      if (trailers !== undefined) announceTrailers(fields, this.#framing);
      this.#sink.answerWhole(this.#status, this.#reason, fields, undefined, trailers);
    } else {
      this.#sink.answerEnd(trailers);
    }
  }

  onError(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#fields = undefined;
    const silent = this.#status === 0 && this.#interims === 0;
    const reach = !this.#reached ? "none" : silent && isStale(error) ? "stale" : "maybe";
    this.#sink.answerFailed(failureOf(error), reasonOf(error), reach);
  }

  /** Called at the end of the turn in which the head came: what is still without a body by then goes out alone. */
  flushHead(): void {
    const fields = this.#fields;
    if (fields === undefined) return;
    this.#fields = undefined;
    announceTrailers(fields, this.#framing);
    this.#sink.answerHead(this.#status, this.#reason, fields);
    this.#sink.flushHead();
  }
}

/** They are between us and the backend: it could hold its client for ever with them. */
function tooManyInterims(): Error {
  return Object.assign(new Error("too many interim answers"), { code: "INTERIMS" });
}

const waitSweepMs = 1_000;
/** Calls that have no connection yet, of pools that are limited. Looked through once a second while there are any. */
const queued = new Set<UndiciCall>();
let queueSweeper: NodeJS.Timeout | undefined;

function waitForConnection(call: UndiciCall, waitMs: number): void {
  call.waitUntil = Date.now() + waitMs;
  queued.add(call);
  queueSweeper ??= setInterval(sweepQueue, waitSweepMs).unref();
}

function sweepQueue(): void {
  const now = Date.now();
  for (const call of queued) {
    if (call.reached || call.ended) queued.delete(call);
    else if (now >= call.waitUntil) {
      queued.delete(call);
      call.giveUp();
    }
  }
  if (queued.size > 0) return;
  clearInterval(queueSweeper);
  queueSweeper = undefined;
}

/** Calls whose head came in this turn of the event loop. One immediate serves all of them. */
let waiting: UndiciCall[] = [];

function waitForBody(call: UndiciCall): void {
  if (waiting.length === 0) setImmediate(flushWaiting);
  waiting.push(call);
}

function flushWaiting(): void {
  const calls = waiting;
  waiting = [];
  for (const call of calls) call.flushHead();
}

function failureOf(error: Error & { code?: unknown }): BackendFailure {
  switch (error.code) {
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return "timeout";
    default:
      return "unreachable";
  }
}

function isStale(error: Error & { code?: unknown; socket?: { bytesRead?: number } | null }): boolean {
  return error.code === "UND_ERR_SOCKET" && (error.socket?.bytesRead ?? 0) > 0;
}

/** For the log: a code where there is one, never a message that repeats what the backend sent. */
function reasonOf(error: Error & { code?: unknown }): string {
  if (typeof error.code === "string") return `backend: ${error.code.replace("UND_ERR_", "")}`;
  return `backend: ${error.name}`;
}
