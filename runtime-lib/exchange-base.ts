import { AttemptSink } from "./attempt-sink.ts";
import type { AnswerSink, BackendCall, BodySource, Reach, RequestBody, UpgradedConnection } from "./backend.ts";
import type { EngineOptions } from "./engine-options.ts";
import {
  type Attempt,
  Exchange,
  type RelayHead,
  type RelayOutcome,
  type RelayTarget,
  type TransferMeter,
  type UnderOptions,
} from "./exchange.ts";
import type { BackendFailure, Faults } from "./faults.ts";
import { applyOverrides } from "./header-overrides.ts";
import { connectionNames, isRequestId } from "./headers.ts";
import { forwardedElement, mostPasses, ownVia, passesIn } from "./hops.ts";
import { identityOfCaller, loggedIdentity } from "./logged-identity.ts";
import { newRequestId } from "./request-id.ts";
import { depthBelow, parseRequestTarget, type RequestPath } from "./request-path.ts";
import { backendFault, fault } from "./respond.ts";
import { passingTrailerNames, passingTrailers } from "./trailers.ts";

/** Bodies up to this size are read before the backend is called: a slow client then occupies no backend connection. */
export const collectUpTo = 65_536;

/** Who is at the other end of a client's connection. */
export interface Peer {
  readonly address: string;
  /** One of the trusted proxies. */
  readonly trusted: boolean;
  /** DER of the certificate that it proved to own in the TLS handshake. Undefined: none, or no TLS. */
  certificate(): Uint8Array | undefined;
}

/** What `Expect` asks for; `unknown`: something other than `100-continue`, the only expectation that there is. */
export type Expectation = "none" | "continue" | "unknown";

/** Stands in until the target was parsed, and for good when it was refused: no part of a refused target is repeated. */
const noPath: RequestPath = { raw: "-", query: "", segments: [], ends: [], plain: true, encodedSlash: false };
const noBody = Buffer.alloc(0);
/** RFC 3986 section 3.2.2 without sub-delims, which no host needs and of which `,` would make two hosts of one. */
const hostForm = /^(?:[\w.~%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/;
/** The last one that passed: most requests name the same host as the one before. */
let knownHost = "";

/**
 * What exchanges of all engines do alike: which requests are refused before any route is looked at, what an answer
 * carries, when a backend may be asked again, what is logged. An engine adds how bytes come and go.
 */
export abstract class BaseExchange extends Exchange implements AnswerSink {
  override readonly id: string;
  override readonly method: string;
  override readonly scheme: "http" | "https";
  override readonly rawHeaders: readonly string[];
  override path: RequestPath = noPath;
  /** -1: none was given. */
  readonly contentLength: number;
  readonly chunked: boolean;
  /** An answer was begun, perhaps only just. */
  answered = false;
  /** The answer is out, or the client is gone. */
  closed = false;

  protected readonly options: EngineOptions;
  protected call: BackendCall | undefined;
  /** The collected body, or the stream of it. */
  protected body: RequestBody;
  readonly #peer: Peer;
  readonly #headerBytes: number;
  readonly #hosts: number;
  /** Not a host with or without a port: backends that build links from it would be misled (RFC 9112 section 3.2). */
  readonly #malformedHost: boolean;
  readonly #minorVersion: number;
  /** There is a `Via`. */
  readonly #cameByOthers: boolean;
  /** A transfer coding other than a single `chunked`. */
  protected foreignCoding: boolean;
  #clientAddress: string | undefined;
  #settle: ((outcome: RelayOutcome) => void) | undefined;
  /** Who waits for the whole body. */
  #reader: ((body: Uint8Array | undefined) => void) | undefined;
  #attempt: Attempt | undefined;
  /** Who waits until the next attempt. */
  #waiter: ((goesOn: boolean) => void) | undefined;
  #target: RelayTarget | undefined;
  #head: RelayHead | undefined;
  #sentAgain = false;
  readonly #started: number;

  constructor(
    options: EngineOptions,
    peer: Peer,
    scheme: "http" | "https",
    method: string,
    minorVersion: number,
    raw: readonly string[],
  ) {
    super();
    this.options = options;
    this.#peer = peer;
    this.scheme = scheme;
    this.method = method;
    this.rawHeaders = raw;
    let bytes = 0;
    let hosts = 0;
    let malformedHost = false;
    let contentLength = -1;
    let chunked = false;
    let foreignCoding = false;
    let cameByOthers = false;
    let id: string | undefined;
    for (let i = 0; i < raw.length; i += 2) {
      const key = raw[i] as string;
      const value = raw[i + 1] as string;
      bytes += key.length + value.length + 4;
      switch (key.length) {
        case 3:
          if (key.toLowerCase() === "via") cameByOthers = true;
          break;
        case 4:
          if (key.toLowerCase() === "host") {
            hosts++;
            if (value !== knownHost) {
              if (hostForm.test(value)) knownHost = value;
              else malformedHost = true;
            }
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
            if (chunked || value.toLowerCase() !== "chunked" || minorVersion === 0) foreignCoding = true;
            chunked = true;
          }
          break;
      }
    }
    this.#headerBytes = bytes;
    this.#hosts = hosts;
    this.#malformedHost = malformedHost;
    this.contentLength = contentLength;
    this.chunked = chunked;
    this.foreignCoding = foreignCoding;
    this.#minorVersion = minorVersion;
    this.#cameByOthers = cameByOthers;
    this.id = id ?? newRequestId();
    this.#started = options.accessLog ? performance.now() : 0;
  }

  /** Sends a whole answer; `fields` are complete but for what belongs to the connection. */
  protected abstract sendWhole(status: number, reason: string, fields: string[], body: Uint8Array | undefined): void;
  /** Begins an answer whose body follows. */
  protected abstract sendHead(status: number, reason: string, fields: string[]): void;
  /** No request follows on the connection of this one. */
  protected abstract closeAfter(): void;
  /** Ends the connection at once: the only way left to say that a begun answer is not whole. */
  protected abstract cut(): void;
  /** Reads a body of at most `collectUpTo` bytes, then calls `collected`. */
  protected abstract collect(): void;
  /** The body, to be read while it is sent. */
  protected abstract streamed(): RequestBody;
  /** After an early answer: what is left of the body is read and dropped, but not for ever. */
  protected abstract leaveBody(): void;
  abstract flushHead(): void;
  abstract answerData(chunk: Buffer): boolean;
  /** Ends an answer whose body was sent; `trailers` follow it where they can. */
  protected abstract sendEnd(trailers: string[] | undefined): void;
  /** Sends what the answer's head will probably say, where it is understood. */
  protected abstract sendHints(fields: string[]): void;

  /**
   * Answers what can be refused without a route: false then. `waiting`: requests on its connection that have no answer
   * yet, this one included. What ends the connection is looked at first: an answer that others would have given must
   * not keep it open.
   */
  admit(
    target: string,
    majorVersion: number,
    minorVersion: number,
    expectation: Expectation,
    waiting: number,
  ): boolean {
    const { limits, pathRules } = this.options;
    if (waiting > limits.maxPipelined) return this.#refuseLast(503, "Too many requests wait on this connection");
    if (this.foreignCoding) return this.#refuseLast(501, "The only transfer coding that is understood is chunked");
    if (majorVersion !== 1) return this.#refuseLast(400, "The request is not HTTP/1.1");
    if (expectation === "unknown") {
      return this.#refuseFramed(417, "The only expectation that is understood is 100-continue");
    }
    if (target.length > limits.maxUriLength) return this.#refuse(414, "The request target is too long");
    if (this.#headerBytes > limits.maxHeaderSize) return this.#refuse(431, "The header fields are too long");
    if (this.#hosts !== 1 && (this.#hosts > 1 || minorVersion > 0)) {
      return this.#refuseFramed(400, "A request has exactly one Host field");
    }
    if (this.#malformedHost) return this.#refuseFramed(400, "The Host field is malformed");
    if (this.#cameByOthers && this.options.via === true) {
      const passes = this.headerValues("via").reduce((sum, value) => sum + passesIn(value), 0);
      if (passes >= mostPasses) return this.#refuseFramed(508, "The request goes round in a circle");
    }
    const path = parseRequestTarget(target, pathRules);
    if (typeof path === "string") return this.#refuseFramed(400, `The request target is refused: ${path}`);
    this.path = path;
    if (limits.maxBodySize >= 0 && this.contentLength > limits.maxBodySize) return this.bodyTooLong();
    return true;
  }

  #refuse(status: number, description: string): false {
    fault(this, status, description);
    return false;
  }

  /** Whoever gets this wrong may be wrong about where the body ends, too, or not send it: then nothing may follow. */
  #refuseFramed(status: number, description: string): false {
    if (this.chunked || this.contentLength > 0) this.closeAfter();
    return this.#refuse(status, description);
  }

  /** What follows on the connection cannot be told apart, or must not be waited for. */
  #refuseLast(status: number, description: string): false {
    this.closeAfter();
    return this.#refuse(status, description);
  }

  /** Hands the request to the gateway. Whatever goes wrong there is answered. */
  handle(): void {
    try {
      const pending = this.options.handle(this);
      if (pending === undefined) this.#checkAnswered();
      else void settled(this, pending);
    } catch (error) {
      this.crashed(error);
    }
  }

  /** A handler that returns without an answer has a bug; the client must not wait for it, and nothing was let through. */
  #checkAnswered(): void {
    if (!this.answered && !this.closed && this.#settle === undefined) {
      this.crashed(new Error("the handler returned without an answer"));
    }
  }

  handled(): void {
    this.#checkAnswered();
  }

  crashed(error: unknown): void {
    this.options.log.error({ id: this.id, operation: this.operation, err: error }, "request failed");
    if (this.answered) this.cut();
    else fault(this, 500, "The gateway failed");
  }

  override get faults(): Faults {
    return this.options.faults;
  }

  override get peerAddress(): string {
    return this.#peer.address;
  }

  override get peerTrusted(): boolean {
    return this.#peer.trusted;
  }

  override clientCertificate(): Uint8Array | undefined {
    return this.#peer.certificate();
  }

  override get clientAddress(): string {
    if (!this.#peer.trusted) return this.#peer.address;
    this.#clientAddress ??= this.options.proxies.clientOf(this.#peer.address, this.headerValues("x-forwarded-for"));
    return this.#clientAddress;
  }

  override under(basePath: string, options?: UnderOptions): boolean {
    if (this.answered) return false;
    const depth = depthBelow(this.path, basePath);
    if (depth < 0) return false;
    if (this.path.encodedSlash && options?.encodedSlash !== true) {
      return this.#refuseFramed(400, "The request target is refused: encoded slash");
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
    this.status = status;
    this.call?.cancel();
    this.call = undefined;
    const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : body;
    const bodiless = status === 204 || status === 304;
    const fields = [...headers];
    const { serverName } = this.options;
    if (serverName !== undefined) fields.push("Server", serverName);
    this.#addOwnFields(fields, "server");
    if (!bodiless) fields.push("Content-Length", String(bytes.length));
    this.sendWhole(status, "", fields, bodiless ? noBody : bytes);
    if (this.refusal !== undefined) this.#logRefusal(status);
    this.done();
  }

  override relay(target: RelayTarget, head: RelayHead, attempt?: Attempt): Promise<RelayOutcome> {
    if (this.answered || this.closed) return Promise.resolve("done");
    this.#attempt = attempt;
    this.#sentAgain = false;
    this.#target = target;
    this.#head = head;
    const { headerOverrides, via, forwarded } = this.options;
    if (via === true || this.#cameByOthers) this.#addVia(head.headers, via === true);
    if (forwarded === true) this.#addForwarded(head.headers);
    if (headerOverrides.length > 0) applyOverrides(head.headers, headerOverrides, "user-agent");
    return new Promise((resolve) => {
      this.#settle = resolve;
      if (this.body !== undefined || (!this.chunked && this.contentLength <= 0)) return this.#send();
      if (!this.chunked && this.contentLength <= collectUpTo) return this.collect();
      const body = this.streamed();
      const metered = this.meter !== undefined && body !== undefined && !Buffer.isBuffer(body);
      this.body = metered ? (this.meter as TransferMeter).body(body) : body;
      this.#send();
    });
  }

  /** What others have said passes, whether or not the gateway adds itself (R-HDR-04). */
  #addVia(headers: string[], own: boolean): void {
    const ways = this.#cameByOthers ? this.headerValues("via") : [];
    if (own) ways.push(ownVia(this.#minorVersion));
    headers.push("Via", ways.join(", "));
  }

  /** A trusted proxy's words are kept and added to, anybody else's are replaced, as those of `X-Forwarded-For`. */
  #addForwarded(headers: string[]): void {
    const before = this.peerTrusted ? this.headerValues("forwarded") : [];
    before.push(forwardedElement(this.peerAddress, this.scheme, this.header("host")));
    headers.push("Forwarded", before.join(", "));
  }

  override wholeBody(limit: number): Promise<Uint8Array | undefined> {
    const { body } = this;
    if (this.answered || this.closed) return Promise.resolve(undefined);
    if (Buffer.isBuffer(body)) return Promise.resolve(body.length <= limit ? body : undefined);
    // A body is read once; of one that was too long, a part is gone.
    if (body !== undefined) return Promise.resolve(undefined);
    if (!this.chunked && this.contentLength <= 0) return Promise.resolve(noBody);
    if (this.contentLength > limit) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#reader = resolve;
      const source = this.streamed() as BodySource;
      this.body = source;
      const parts: Buffer[] = [];
      let length = 0;
      source.start({
        bodyData: (chunk) => {
          length += chunk.length;
          if (length > limit) this.#endReading(undefined);
          else parts.push(Buffer.from(chunk));
          return length <= limit;
        },
        bodyEnd: () => {
          // What was read of a longer one is not the whole.
          if (length > limit) return;
          const whole = Buffer.concat(parts);
          this.body = whole;
          this.#endReading(whole);
        },
        bodyAborted: () => this.#endReading(undefined),
      });
    });
  }

  #endReading(body: Uint8Array | undefined): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(body);
  }

  /** The bytes of the answer are the pool's: they are copied by who keeps them. */
  protected get lent(): boolean {
    // Who changes protocols, or is only asked to, belongs to the wire engine, whatever the pool.
    return this.#target?.pool.lendsBytes === true || this.upgrade !== undefined;
  }

  #send(): void {
    const { pool } = this.#target as RelayTarget;
    this.call = undefined;
    const trial = this.#attempt === undefined ? undefined : new AttemptSink(this);
    const call = pool.send(trial ?? this, this.method, this.#head as RelayHead, this.body, this.#sentAgain);
    trial?.began(call);
    // The answer may be here already, and another attempt with it.
    this.call ??= call;
  }

  /** Whether the request can be sent once more: nothing of a streamed body was. */
  get #canGoAgain(): boolean {
    const { body } = this;
    return body === undefined || Buffer.isBuffer(body) || body.untouched;
  }

  /** Whether the client gets this answer. False: whoever relays goes on to the next attempt, and the answer is to be dropped. */
  wants(status: number, fields: readonly string[]): boolean {
    const attempt = this.#attempt;
    if (attempt === undefined || this.answered || this.closed || this.#settle === undefined) return true;
    const again = this.#canGoAgain;
    if (attempt.takes(status, fields, again) || !again) return true;
    this.#logBackend(`backend: status ${status}`);
    this.#again();
    return false;
  }

  #again(): void {
    const settle = this.#settle;
    this.#settle = undefined;
    this.call = undefined;
    settle?.("again");
  }

  override wait(ms: number): Promise<boolean> {
    if (this.answered || this.closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#waiter?.(true), ms);
      this.#waiter = (goesOn) => {
        this.#waiter = undefined;
        clearTimeout(timer);
        resolve(goesOn);
      };
    });
  }

  override expire(): void {
    if (this.closed || (this.#settle === undefined && this.#waiter === undefined)) return;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    // It is the backend that takes its time, and not the client.
    if (this.call !== undefined && !this.answered) attempt?.gives("timeout", "maybe", false);
    this.call?.cancel();
    this.#failed("timeout", "backend: TOTAL_TIMEOUT");
  }

  /** The whole body is there. */
  protected collected(body: Buffer): void {
    if (this.answered || this.closed) return;
    this.body = body;
    this.#send();
  }

  /** Names of the trailers that the client has announced, as far as they pass. */
  get trailerNames(): string {
    const values = this.headerValues("trailer");
    return values.length === 0 ? "" : passingTrailerNames(values.join(","), this.#notInTrailers());
  }

  /** What goes to the backend of the fields behind the request's body. No check has seen or will see them. */
  passingTrailers(fields: readonly string[]): string[] | undefined {
    const passing = passingTrailers(fields, this.#notInTrailers());
    const { headerOverrides } = this.options;
    if (passing !== undefined && headerOverrides.length > 0) applyOverrides(passing, headerOverrides, "");
    return passing;
  }

  #notInTrailers(): string[] {
    let named: string[] | undefined;
    for (const value of this.headerValues("connection")) named = connectionNames(value, named);
    return [...this.withheld, ...(named ?? [])];
  }

  /** The body is longer than it may be, perhaps seen only while it was streamed. */
  bodyTooLong(): false {
    if (this.answered) this.cut();
    else fault(this, 413, "The body is too long");
    return false;
  }

  earlyHints(fields: string[]): void {
    if (this.answered || this.closed) return;
    if (this.ownsCrossOrigin) dropCrossOrigin(fields);
    const { headerOverrides } = this.options;
    if (headerOverrides.length > 0) applyOverrides(fields, headerOverrides, "");
    if (fields.length > 0) this.sendHints(fields);
  }

  answerWhole(status: number, reason: string, fields: string[], body: Buffer | undefined, trailers?: string[]): void {
    if (trailers !== undefined && !this.answered && !this.closed) {
      // Nothing can follow a body of known length.
      this.answerHead(status, reason, fields);
      if (body !== undefined) this.answerData(body);
      return this.answerEnd(trailers);
    }
    if (!this.#beginAnswer(status, fields)) return this.done();
    if (this.meter !== undefined && body !== undefined) this.meter.bytes += body.length;
    this.sendWhole(status, reason, fields, body);
    this.done();
  }

  answerHead(status: number, reason: string, fields: string[]): void {
    if (this.#beginAnswer(status, fields)) this.sendHead(status, reason, fields);
  }

  #beginAnswer(status: number, fields: string[]): boolean {
    if (this.answered || this.closed) return false;
    this.answered = true;
    this.status = status;
    if (this.ownsCrossOrigin) dropCrossOrigin(fields);
    this.#addOwnFields(fields, "");
    if (this.options.via === true) fields.push("Via", ownVia(1));
    return true;
  }

  answerUpgrade(reason: string, fields: string[], connection: UpgradedConnection): void {
    if (this.#beginAnswer(101, fields)) this.sendUpgrade(reason, fields, connection);
    else connection.destroy();
    this.done();
  }

  /** Says 101 and joins both connections; only where the request has asked for it. */
  protected sendUpgrade(_reason: string, _fields: string[], connection: UpgradedConnection): void {
    connection.destroy();
    this.cut();
  }

  answerEnd(trailers?: string[]): void {
    const { headerOverrides } = this.options;
    if (trailers !== undefined && headerOverrides.length > 0) applyOverrides(trailers, headerOverrides, "");
    this.sendEnd(trailers);
    this.done();
  }

  answerFailed(failure: BackendFailure, reason: string, reach: Reach): void {
    if (this.closed || this.#settle === undefined) return this.done();
    if (this.answered) return this.#failed(failure, reason);
    const repeatable = this.method === "GET" || this.method === "HEAD";
    if (reach === "stale" && !this.#sentAgain && this.body === undefined && repeatable) {
      this.#sentAgain = true;
      return this.#send();
    }
    if (this.#attempt !== undefined) {
      const again = this.#canGoAgain;
      if (!this.#attempt.gives(failure, reach, again) && again) {
        this.#logBackend(reason);
        return this.#again();
      }
    }
    this.#failed(failure, reason);
  }

  /** The client is told that there is no answer, or no more of it. */
  #failed(failure: BackendFailure, reason: string): void {
    if (this.answered) {
      this.#logBackend(reason);
      this.cut();
    } else {
      backendFault(this, failure, reason);
    }
    this.done();
  }

  /** The exchange is over for the backend: whoever waits for it goes on. */
  protected done(): void {
    this.leaveBody();
    if (this.#reader !== undefined) this.#endReading(undefined);
    this.#waiter?.(false);
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    settle("done");
  }

  /** The client went away before its answer was out. */
  protected abandon(): void {
    this.call?.cancel();
    const { body } = this;
    if (body !== undefined && !Buffer.isBuffer(body)) body.destroy();
    this.done();
  }

  #addOwnFields(fields: string[], always: string): void {
    const { headerOverrides } = this.options;
    if (headerOverrides.length > 0) applyOverrides(fields, headerOverrides, always);
    const own = this.answerHeaders;
    for (let i = 0; i < own.length; i++) fields.push(own[i] as string);
    fields.push("X-Request-ID", this.id);
  }

  /** Nothing more happens with the request. `whole`: all of the answer left. */
  protected over(whole: boolean): void {
    const { meter } = this;
    if (meter !== undefined) {
      if (Buffer.isBuffer(this.body)) meter.bytes += this.body.length;
      meter.over(this.status);
    }
    this.#logAccess(whole);
  }

  /** One line for each request, when asked for. */
  #logAccess(whole: boolean): void {
    const { accessLog, log } = this.options;
    if (!accessLog) return;
    log.info(
      {
        id: this.id,
        client: this.clientAddress,
        method: this.method,
        path: this.path.raw,
        status: this.status,
        operation: this.operation,
        scheme: this.caller?.scheme,
        ...identityOfCaller(this.caller),
        ms: Math.round((performance.now() - this.#started) * 10) / 10,
        aborted: !whole || undefined,
      },
      "access",
    );
  }

  #logRefusal(status: number): void {
    const { log } = this.options;
    const { code, reason, issuer, clientId } = this.refusal as NonNullable<typeof this.refusal>;
    const entry = {
      id: this.id,
      client: this.clientAddress,
      method: this.method,
      path: this.path.raw,
      operation: this.operation,
      status,
      code,
      reason,
      ...identityOfCaller(this.caller),
      ...loggedIdentity(issuer, clientId),
    };
    if (status >= 500) log.warn(entry, "refused");
    else log.info(entry, "refused");
  }

  #logBackend(reason: string): void {
    const { id, operation } = this;
    this.options.log.warn({ id, operation, backend: this.#target?.origin, reason }, "backend failed");
  }
}

async function settled(x: BaseExchange, pending: Promise<void>): Promise<void> {
  try {
    await pending;
    x.handled();
  } catch (error) {
    x.crashed(error);
  }
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
