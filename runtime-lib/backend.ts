import type { RelayHead } from "./exchange.ts";
import type { BackendFailure } from "./faults.ts";
import type { ForwardProxy } from "./forward-proxy.ts";
import type { Taker, Transport } from "./wire/transport.ts";

/**
 * Between an exchange and its backend: what an engine's side of the clients and a pool of connections know of each other.
 * Nothing here is a term of one client library, so either side can be replaced alone.
 */

/** What a pool of connections to one origin needs to know. */
export interface TargetOptions {
  /** `https://host:port`. */
  readonly origin: string;
  /** Longest wait for the head of an answer, and between parts of its body (R-EP-11). */
  readonly timeoutMs: number;
  /** Longest wait for a connection; the shorter of `timeoutMs` and 10 s unless given. */
  readonly connectMs?: number | undefined;
  /** Longest wait for the head of an answer; `timeoutMs` unless given. */
  readonly headersMs?: number | undefined;
  /** Longest wait between parts of its body; `timeoutMs` unless given. */
  readonly bodyMs?: number | undefined;
  /**
   * `GET` requests that may be on their way on one connection at the same time, 1 unless given: then each waits for the answer
   * before it. A slow answer holds up those behind it, and a connection that ends takes up to this many requests with it: only
   * for backends that are known to bear it.
   */
  readonly pipelining?: number;
  /** Connections at a time; undefined: as many as are needed. */
  readonly connections: number | undefined;
  /** Connections that are kept although nothing has used them for more than a second; as many as there are unless given. */
  readonly idleConnections?: number;
  /** Longest wait for one of them to be free. */
  readonly waitMs: number;
  readonly maxHeaderSize: number;
  /** Longest status line of an answer, in characters; any unless given. */
  readonly maxStatusLine?: number;
  /** Longest body of an answer in bytes; -1: any. */
  readonly maxBodySize: number;
  readonly tls: BackendTls | undefined;
  /** SHA-256 of public keys (SubjectPublicKeyInfo) in base64: the backend must prove to have one of them, whatever else holds. */
  readonly pins?: readonly string[] | undefined;
  /** Milliseconds between two resolutions of the host's name while there are connections; 30,000 unless given. */
  readonly resolveMs?: number;
  /** Stands between the gateway and the origin; undefined: straight there. */
  readonly proxy?: ForwardProxy | undefined;
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

/** Opens a pool. Nothing is connected until the first request. */
export type OpenPool = (options: TargetOptions) => Promise<BackendPool>;

/** Connections to one origin. */
export interface BackendPool {
  /** The bytes that a sink gets are valid during the call only: it copies what it keeps. */
  readonly lendsBytes: boolean;
  /**
   * Sends a request; its answer, or why there is none, goes to `sink`, which may be called before this returns. `alone`: on no
   * connection together with others, because it was lost with one once.
   */
  send(sink: AnswerSink, method: string, head: RelayHead, body: RequestBody, alone?: boolean): BackendCall;
  /**
   * Keeps no connection without use any more. What still comes is served as before: requests that began with it may ask for it
   * late. Resolves when nothing is left that is on its way.
   */
  retire(): Promise<void>;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** None, the whole of it, or a stream. */
export type RequestBody = undefined | Buffer | BodySource;

/** One request on its way. */
export interface BackendCall {
  /** Whether any byte of the request may have left: it has a connection of its own. */
  readonly reached: boolean;
  /** The client went away, or the request was refused meanwhile: the sink hears no more, and the connection is freed. */
  cancel(): void;
  /** The client takes more of the answer again. */
  resume(): void;
}

/** A request body that is read while it is sent. Nothing of it is read before `start`. */
export interface BodySource {
  /** Bytes; -1: not known, the backend gets it chunked. */
  readonly length: number;
  /** Names of the trailers that may follow it, with commas between them; `""`: none were announced. */
  readonly trailerNames: string;
  /** Its bytes are the sink's to keep; otherwise they are valid during the call only. */
  readonly givesBytes?: boolean;
  /** Nothing of it was read: the request can still go to another member. */
  readonly untouched: boolean;
  /** Begins to read, once. */
  start(sink: BodySink): void;
  pause(): void;
  resume(): void;
  /** Nobody wants the rest. */
  destroy(): void;
}

/** Where a request body goes. */
export interface BodySink {
  /** Part of the body; the bytes are valid during the call only. False: the source pauses itself until `resume`. */
  bodyData(chunk: Buffer): boolean;
  /** `trailers`: what follows it and may be passed on, if anything (name, value, ...). A body with a length has none. */
  bodyEnd(trailers?: string[]): void;
  /** The client went away before the end. */
  bodyAborted(): void;
}

/** Where the answer of a backend goes: the client's side of the exchange. */
export interface AnswerSink {
  /** Fields that the answer will probably have, before there is one (RFC 8297). */
  earlyHints(fields: string[]): void;
  /** The whole answer is there: `body` is all of it. `trailers`: what followed it and may be passed on, if anything. */
  answerWhole(status: number, reason: string, fields: string[], body: Buffer | undefined, trailers?: string[]): void;
  answerHead(status: number, reason: string, fields: string[]): void;
  /** Sends the head now, when the body keeps one waiting. */
  flushHead(): void;
  /** Part of the body. False: wait for `resume` before sending more. */
  answerData(chunk: Buffer): boolean;
  answerEnd(trailers?: string[]): void;
  /** 101: the connection speaks the protocol that was asked for, from the next byte on. It is for this request alone. */
  answerUpgrade(reason: string, fields: string[], connection: UpgradedConnection): void;
  /** No answer, or it broke off. */
  answerFailed(failure: BackendFailure, reason: string, reach: Reach): void;
}

/** A connection that speaks another protocol than HTTP. Its pool counts it until it is closed. */
export interface UpgradedConnection {
  /** Gives it to somebody, who gets what comes from now on. `unread`: what came already; `ended`: nothing more will. */
  handOver(taker: Taker): HandedOver;
  /** Nobody wants it. */
  destroy(): void;
}

export interface HandedOver {
  readonly transport: Transport;
  readonly unread: Buffer;
  readonly ended: boolean;
}

/**
 * How far a failed request came. `none`: no byte of it was sent. `stale`: it was written to a connection that had served
 * before and that the backend was about to close (RFC 9112 section 9.5). `maybe`: the backend may have acted on it.
 */
export type Reach = "none" | "stale" | "maybe";
