import { createSecureContext, type SecureContext } from "node:tls";
import type { buildConnector, Dispatcher, Pool } from "undici";
import type { RelayHead, RelayTarget } from "./exchange.ts";
import type { BackendFailure } from "./faults.ts";
import { connectionNames, isHopByHop } from "./headers.ts";

/** Connections to backends, by undici's dispatch interface: raw header lists, no request or response objects, no streams. */

/** What a pool of connections to one origin needs to know. */
export interface TargetOptions {
  /** `https://host:port`. */
  readonly origin: string;
  /** Longest wait for the head of an answer, and between parts of its body (R-EP-11). */
  readonly timeoutMs: number;
  /** Connections at a time; undefined: as many as are needed. */
  readonly connections: number | undefined;
  /** Longest wait for one of them to be free. */
  readonly waitMs: number;
  readonly maxHeaderSize: number;
  /** Longest body of an answer in bytes; -1: any. */
  readonly maxBodySize: number;
  readonly tls: BackendTls | undefined;
}

/** How a backend proves itself, and what the gateway shows it. PEM. */
export interface BackendTls {
  readonly ca: readonly string[] | undefined;
  readonly key: string | undefined;
  readonly cert: string | undefined;
  readonly rejectUnauthorized: boolean;
  readonly verifyHostname: boolean;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion: "TLSv1.2" | "TLSv1.3";
  readonly ciphers: string;
}

/** Longest wait for a connection; the answer's own time limit starts after it. */
const maxConnectMs = 10_000;

/** Opens a pool. Nothing is connected until the first request. The client library is loaded here, not at import time. */
export async function openTarget(options: TargetOptions): Promise<RelayTarget> {
  const { default: PoolClass } = await import("undici/lib/dispatcher/pool.js");
  const { tls } = options;
  const pool: Pool = new PoolClass(options.origin, {
    connections: options.connections ?? null,
    pipelining: 1,
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    connectTimeout: Math.min(options.timeoutMs, maxConnectMs),
    maxHeaderSize: options.maxHeaderSize,
    maxResponseSize: options.maxBodySize,
    ...(tls === undefined ? {} : { connect: await tlsConnector(tls, options.timeoutMs) }),
  });
  return { origin: options.origin, pool, waitMs: options.connections === undefined ? undefined : options.waitMs };
}

/**
 * Connects by TLS. What that needs is made at the first connection and then kept: reading the certificate authorities takes
 * some 20 ms for each backend, which the start should not wait for.
 */
async function tlsConnector(tls: BackendTls, timeoutMs: number): Promise<buildConnector.connector> {
  const { default: build } = await import("undici/lib/core/connect.js");
  let connect: buildConnector.connector | undefined;
  return (options, callback) => {
    connect ??= build({
      secureContext: secureContextOf(tls),
      rejectUnauthorized: tls.rejectUnauthorized,
      timeout: Math.min(timeoutMs, maxConnectMs),
      ...(tls.verifyHostname ? {} : { checkServerIdentity: () => undefined }),
    });
    connect(options, callback);
  };
}

/** Backends with the same settings share one. */
const secureContexts = new WeakMap<BackendTls, SecureContext>();

function secureContextOf(tls: BackendTls): SecureContext {
  let context = secureContexts.get(tls);
  if (context === undefined) {
    context = createSecureContext({
      ca: tls.ca === undefined ? undefined : [...tls.ca],
      key: tls.key,
      cert: tls.cert,
      minVersion: tls.minVersion,
      maxVersion: tls.maxVersion,
      ciphers: tls.ciphers,
    });
    secureContexts.set(tls, context);
  }
  return context;
}

/** Closes a pool's connections at once. */
export async function closeTarget(target: RelayTarget): Promise<void> {
  await (target.pool as Pool).destroy();
}

/** Where the answer of a backend goes: the client's side of the exchange. */
export interface AnswerSink {
  /** The whole answer is there: `body` is all of it. */
  answerWhole(status: number, reason: string, fields: string[], body: Buffer | undefined): void;
  answerHead(status: number, reason: string, fields: string[]): void;
  /** Sends the head now, when the body keeps one waiting. */
  flushHead(): void;
  /** False: wait for `resume` before sending more. */
  answerData(chunk: Buffer): boolean;
  answerEnd(): void;
  /** No answer, or it broke off. */
  answerFailed(failure: BackendFailure, reason: string, reach: Reach): void;
}

/**
 * How far a failed request came. `none`: no byte of it was sent. `stale`: it was written to a connection that had served
 * before and that the backend was about to close (RFC 9112 section 9.5). `maybe`: the backend may have acted on it.
 */
export type Reach = "none" | "stale" | "maybe";

type Body = Dispatcher.DispatchOptions["body"];

/** Other bytes may stand in a reason phrase, but node refuses to send most of them; it has a phrase for each status. */
const sendableReason = /^[\t\x20-\x7e]*$/;

/** Answers up to this size are held until complete and sent in one write. */
const wholeUpTo = 65_536;

/** One request to a backend. */
export class BackendCall implements Dispatcher.DispatchHandler {
  readonly #sink: AnswerSink;
  readonly #method: string;
  #abort: ((reason: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #cancelled = false;
  #reached = false;
  #status = 0;
  #reason = "";
  /** The head, while it waits for the first part of the body. */
  #fields: string[] | undefined;
  #length = -1;
  #ended = false;

  constructor(sink: AnswerSink, method: string) {
    this.#sink = sink;
    this.#method = method;
  }

  send(target: RelayTarget, head: RelayHead, body: Body): void {
    (target.pool as Pool).dispatch(
      { path: head.path, method: this.#method as Dispatcher.HttpMethod, headers: head.headers, body: body ?? null },
      this,
    );
  }

  /** The client went away, or the request was refused meanwhile: frees the connection. */
  cancel(): void {
    if (this.#ended) return;
    this.#cancelled = true;
    // Whoever cancels has no use for the error that follows.
    this.#ended = true;
    this.#fields = undefined;
    this.#abort?.(new Error("cancelled"));
  }

  /** The client takes more again. */
  resume(): void {
    this.#resume?.();
  }

  /** Whether any byte of the request may have left. */
  get reached(): boolean {
    return this.#reached;
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#reached = true;
    this.#abort = abort;
    if (this.#cancelled) abort(new Error("cancelled"));
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, reason: string): boolean {
    // Interim answers are between us and the backend.
    if (status < 200) return true;
    this.#resume = resume;
    const fields: string[] = [];
    let named: string[] | undefined;
    for (let i = 0; i < raw.length; i += 2) {
      const key = (raw[i] as Buffer).toString("latin1");
      const value = (raw[i + 1] as Buffer).toString("latin1");
      const name = key.toLowerCase();
      if (isHopByHop(name)) {
        if (name === "connection") named = connectionNames(value, named);
        continue;
      }
      // The answer carries the gateway's, which the backend was told.
      if (name.length === 12 && name === "x-request-id") continue;
      if (name.length === 14 && name === "content-length") {
        // RFC 9110 section 8.6: none with 204.
        if (status === 204) continue;
        this.#length = Number(value);
      }
      fields.push(key, value);
    }
    this.#status = status;
    this.#reason = sendableReason.test(reason) ? reason : "";
    this.#fields = named === undefined ? fields : without(fields, named);
    waitForBody(this);
    return true;
  }

  onData(chunk: Buffer): boolean {
    const fields = this.#fields;
    if (fields !== undefined) {
      this.#fields = undefined;
      if (chunk.length === this.#length && chunk.length <= wholeUpTo) {
        this.#ended = true;
        this.#sink.answerWhole(this.#status, this.#reason, fields, chunk);
        return true;
      }
      this.#sink.answerHead(this.#status, this.#reason, fields);
    }
    return this.#sink.answerData(chunk);
  }

  onComplete(): void {
    if (this.#ended) return;
    this.#ended = true;
    const fields = this.#fields;
    if (fields !== undefined) {
      this.#fields = undefined;
      this.#sink.answerWhole(this.#status, this.#reason, fields, undefined);
    } else {
      this.#sink.answerEnd();
    }
  }

  onError(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#fields = undefined;
    const reach = !this.#reached ? "none" : this.#status === 0 && isStale(error) ? "stale" : "maybe";
    this.#sink.answerFailed(failureOf(error), reasonOf(error), reach);
  }

  /** Called at the end of the turn in which the head came: what is still without a body by then goes out alone. */
  flushHead(): void {
    const fields = this.#fields;
    if (fields === undefined) return;
    this.#fields = undefined;
    this.#sink.answerHead(this.#status, this.#reason, fields);
    this.#sink.flushHead();
  }
}

/** Calls whose head came in this turn of the event loop. One immediate serves all of them. */
let waiting: BackendCall[] = [];

function waitForBody(call: BackendCall): void {
  if (waiting.length === 0) setImmediate(flushWaiting);
  waiting.push(call);
}

function flushWaiting(): void {
  const calls = waiting;
  waiting = [];
  for (const call of calls) call.flushHead();
}

function without(fields: string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const key = fields[i] as string;
    if (!names.includes(key.toLowerCase())) kept.push(key, fields[i + 1] as string);
  }
  return kept;
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
  if (typeof error.code === "string") return `backend: ${error.code}`;
  return `backend: ${error.name}`;
}
