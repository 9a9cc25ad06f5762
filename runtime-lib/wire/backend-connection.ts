import {
  type AnswerFraming,
  announceTrailers,
  answerTrailers,
  keepAliveSeconds,
  maxInterims,
  noFraming,
  sendableReason,
  statusLineStart,
  takeAnswerFields,
} from "../answer-fields.ts";
import type { AnswerSink, HandedOver, UpgradedConnection } from "../backend.ts";
import type { BackendFailure } from "../faults.ts";
import { fieldLines } from "../sendable.ts";
import type { WireCall } from "./backend-call.ts";
import { HttpParser } from "./llhttp.ts";
import { clock, deadlineIn } from "./sweep.ts";
import {
  type ConnectingOwner,
  type ConnectOptions,
  connectTransport,
  type Taker,
  type Transport,
} from "./transport.ts";
import { type TunnelOptions, tunnelTransport } from "./transport-tunnel.ts";
import { atTurnEnd, type TurnEnd } from "./turn.ts";

/** What a pool is to its connections. */
export interface ConnectionOwner {
  readonly limits: ConnectionLimits;
  /** It is open and takes calls. */
  connected(connection: BackendConnection): void;
  /** It never opened. */
  connectFailed(connection: BackendConnection, failure: BackendFailure, reason: string): void;
  /** It takes another call. */
  released(connection: BackendConnection): void;
  /** It is closed. */
  gone(connection: BackendConnection): void;
  /** The next connection can resume this session of TLS. */
  resumable(session: Buffer): void;
  /** No byte of this call was written: it can take any other connection. */
  requeue(call: WireCall): void;
}

export interface ConnectionLimits {
  readonly connectMs: number;
  /** For the head of an answer. */
  readonly headersMs: number;
  /** Between two parts of its body. */
  readonly bodyMs: number;
  /** How long a connection is kept when the backend does not say for how long it does. */
  readonly idleMs: number;
  /** Bytes of all names and values. */
  readonly maxHeaderSize: number;
  readonly maxStatusLine: number;
  /** -1: any. */
  readonly maxBodySize: number;
  /** A proxy gets the requests: what it refuses is no answer of the backend. */
  readonly byProxy: boolean;
  /** Requests that may be on their way at the same time. */
  readonly pipelining: number;
}

/** A backend that says how long it keeps connections is left that much earlier: a request must not cross its goodbye. */
const keepAliveMarginMs = 2_000;
const longestIdleMs = 600_000;
/** How long requests wait on a connection because a client ahead of them takes nothing of its answer. */
const longestHoldMs = 1_000;
/** Chunks of request bodies up to this size leave in one piece with their frame. */
const smallChunk = 8_192;
/** The shortest field line has four bytes that `maxHeaderSize` does not count, and one that it does. */
const headBytesPerSize = 5;

/** Hears what nobody wants to know any more. */
const deaf: AnswerSink = {
  earlyHints: () => undefined,
  answerWhole: () => undefined,
  answerHead: () => undefined,
  flushHead: () => undefined,
  answerData: () => true,
  answerEnd: () => undefined,
  answerUpgrade: (_reason, _fields, connection) => connection.destroy(),
  answerFailed: () => undefined,
};

/**
 * One connection to a backend: it writes requests, and tells the sinks of their calls what comes back, in order. Whatever
 * leaves doubt about where the next answer begins closes it.
 */
export class BackendConnection implements ConnectingOwner, TurnEnd, UpgradedConnection {
  /** The pool has it in its list. */
  available = false;
  readonly #owner: ConnectionOwner;
  readonly #limits: ConnectionLimits;
  readonly #transport: Transport;
  readonly #parser = new HttpParser("response");
  #connected = false;
  #closed = false;
  /** Who has it since it speaks another protocol. */
  #taker: Taker | undefined;
  /** What came behind the answer that changed the protocol. */
  #beyond: Buffer | undefined;
  /** It takes no more calls. */
  #retiring = false;
  /** Calls on it in order: the first one is being answered, those from `#unsent` on are not written yet. */
  #first: WireCall | undefined;
  #last: WireCall | undefined;
  #unsent: WireCall | undefined;
  #count = 0;
  /** Answers that it has brought. */
  #served = 0;
  /** On the clock of the sweep, for what `#limit` names; 0: nothing is waited for. */
  #deadline: number;
  #limit: "CONNECT" | "HEADERS" | "BODY" = "CONNECT";
  #idleUntil = 0;
  /** When nothing was on its way any more, as of the sweep before. */
  #idleSince = 0;
  #scheduled = false;
  /** It brought an answer in this turn of the event loop. */
  #fresh = false;

  // The answer that comes in.
  /** A byte of it came. */
  #begun = false;
  /** Interim answers that came before it. */
  #interims = 0;
  #status = 0;
  #reason = "";
  /** Its head, while that waits for the first part of the body. */
  #fields: string[] | undefined;
  readonly #framing: AnswerFraming = noFraming();
  #received = 0;
  #paused = false;
  /** Until when others wait for a client that takes nothing. */
  #heldUntil = 0;

  constructor(owner: ConnectionOwner, options: ConnectOptions | TunnelOptions) {
    this.#owner = owner;
    this.#limits = owner.limits;
    this.#deadline = deadlineIn(owner.limits.connectMs);
    this.#transport = "proxy" in options ? tunnelTransport(options, this) : connectTransport(options, this);
  }

  /** It can take a call: any when nothing is on its way, else one that may stand behind others. */
  get open(): boolean {
    if (this.#retiring || !this.#connected || this.#paused) return false;
    const last = this.#last;
    // That the connection lasts is known only once it has brought an answer.
    return last === undefined || (this.#count < this.#limits.pipelining && last.pipelines && this.#served > 0);
  }

  /** Nothing is on its way. */
  get idle(): boolean {
    return this.#count === 0;
  }

  /** Nothing has used it for a whole period of the sweep. */
  get unused(): boolean {
    return this.#count === 0 && this.#connected && clock.real - this.#idleSince > 1.5 * clock.periodMs;
  }

  /** Sends a call, at the end of this turn. Only when `open`. */
  assign(call: WireCall): void {
    call.connection = this;
    call.next = undefined;
    if (this.#last === undefined) this.#first = call;
    else this.#last.next = call;
    this.#last = call;
    this.#unsent ??= call;
    this.#count++;
    if (call.closes) this.#retiring = true;
    this.#schedule();
  }

  /** Closes it because its time is over, if that is so. */
  sweep(): void {
    // The client may be gone already, and what it sent last stuck on its way to the backend.
    if (this.#taker !== undefined) return this.#taker.sweep?.();
    const first = this.#first;
    if (first === undefined && this.#connected) {
      if (clock.real >= this.#idleUntil) this.#detach();
      return;
    }
    if (this.#deadline !== 0 && clock.now >= this.#deadline) {
      const reason = `backend: ${this.#limit}_TIMEOUT`;
      if (!this.#connected) this.#notConnected("timeout", reason);
      else this.#break("timeout", reason, false);
    } else if (first !== undefined && first.totalUntil !== 0 && clock.now >= first.totalUntil) {
      this.#break("timeout", "backend: TOTAL_TIMEOUT", false);
    } else if (first?.next !== undefined && this.#paused && clock.now >= this.#heldUntil) {
      this.#release(first);
    }
  }

  /** Closes it if nothing is on its way. */
  leave(): void {
    if (this.#count === 0 && this.#taker === undefined) this.#detach();
  }

  /** The backend's; "" while there is none. */
  get address(): string {
    return this.#connected ? this.#transport.remoteAddress : "";
  }

  /** Takes no more calls, and closes it when those on it are done. */
  retire(): void {
    this.#retiring = true;
    this.leave();
  }

  /** Ends it at once. */
  shut(): void {
    if (this.#taker !== undefined) this.#transport.destroy();
    else if (!this.#connected) this.#notConnected("unreachable", "backend: CLOSED");
    else this.#break("unreachable", "backend: CLOSED", false);
  }

  // From its calls.

  /** Nobody waits for this call any more. Its answer is never taken for that of another one. */
  cancelled(call: WireCall): void {
    if (!call.sent) {
      this.#unlink(call);
      if (this.#count === 0 && this.#retiring) this.#detach();
      else if (this.open) this.#owner.released(this);
      return;
    }
    const alone = this.#count === 1;
    if (alone || (call === this.#first && this.#begun) || !call.bodyDone) {
      this.#break("unreachable", "backend: CANCELLED", false);
      return;
    }
    // It stands among others: they get theirs, and its own is read and dropped.
    call.sink = deaf;
    this.#retiring = true;
  }

  resumed(call: WireCall): void {
    if (!this.#paused || call !== this.#first) return;
    this.#paused = false;
    this.#arm("BODY");
    this.#transport.resume();
  }

  bodyData(call: WireCall, chunk: Buffer): boolean {
    const { length } = chunk;
    if (length === 0) return true;
    let more: boolean;
    if (call.bodyLeft < 0) {
      more = this.#writeChunk(chunk);
    } else if (length > call.bodyLeft) {
      this.#break("unreachable", "backend: REQUEST_LENGTH", false);
      return true;
    } else {
      call.bodyLeft -= length;
      more = this.#transport.writeCopy(chunk);
    }
    if (more) return true;
    call.blocked = true;
    if (!this.#answering) this.#arm("HEADERS");
    return false;
  }

  bodyEnd(call: WireCall, trailers: string[] | undefined): void {
    if (call.bodyLeft > 0) {
      this.#break("unreachable", "backend: REQUEST_LENGTH", false);
      return;
    }
    if (call.bodyLeft < 0) {
      this.#transport.write(trailers === undefined ? "0\r\n\r\n" : `0\r\n${fieldLines(trailers)}\r\n`);
    }
    call.bodyDone = true;
    if (!this.#answering) this.#arm("HEADERS");
  }

  bodyAborted(_call: WireCall): void {
    this.#break("unreachable", "backend: REQUEST_ABORTED", false);
  }

  // From its transport.

  onConnected(): void {
    if (this.#closed) return;
    this.#connected = true;
    this.#deadline = 0;
    this.#rest();
    this.#owner.connected(this);
  }

  onSession(session: Buffer): void {
    this.#owner.resumable(session);
  }

  onRead(bytes: Buffer, length: number): void {
    if (this.#taker !== undefined) return this.#taker.onRead(bytes, length);
    try {
      this.#read(bytes, length);
    } catch (error) {
      this.#crashed();
      throw error;
    }
  }

  #read(bytes: Buffer, length: number): void {
    const parser = this.#parser;
    let from = 0;
    while (from < length) {
      if (this.#closed) return;
      const call = this.#first;
      if (call === undefined || !call.sent) {
        // Nobody asked: whatever it is, it answers no later request.
        this.#break("unreachable", "backend: UNSOLICITED", false);
        return;
      }
      this.#begun = true;
      if (!parser.started) parser.noBody = call.method === "HEAD";
      from += parser.execute(bytes, from, length);
      const error = parser.failed ?? this.#refusal(call);
      if (error !== undefined) {
        this.#break("unreachable", `backend: ${error}`, false);
        return;
      }
      // Line ends alone, or a part of a head.
      if (!parser.ended && !(parser.started && parser.headDone)) continue;
      if (parser.status >= 200) {
        this.#take(call, bytes, from < length);
      } else if (parser.status === 101) {
        this.#change(call, bytes.subarray(from, length));
        return;
      } else if (++this.#interims > maxInterims) {
        // They are between us and the backend, and buy it no time: it could hold its client for ever with them.
        this.#break("unreachable", "backend: INTERIMS", false);
        return;
      } else if (parser.status === 103) {
        call.sink.earlyHints(parser.rawHeaders);
      }
    }
  }

  onEnd(): void {
    if (this.#taker !== undefined) return this.#taker.onEnd();
    if (this.#closed) return;
    const parser = this.#parser;
    const call = this.#first;
    if (call !== undefined && this.#answering && parser.finish()) this.#complete(call, undefined, false);
    else if (!this.#connected) this.#notConnected("unreachable", "backend: SOCKET");
    else this.#break("unreachable", "backend: SOCKET", true);
  }

  onDrain(): void {
    if (this.#taker !== undefined) return this.#taker.onDrain();
    const call = this.#first;
    if (this.#closed || call === undefined || !call.sent) return;
    if (call.blocked) {
      call.blocked = false;
      if (!this.#answering) this.#deadline = 0;
      call.source?.resume();
    } else if (call.bodyDone && !this.#begun) {
      this.#arm("HEADERS");
    }
  }

  onClosed(error: Error | undefined): void {
    if (this.#closed) return;
    if (this.#taker !== undefined) {
      this.#closed = true;
      this.#owner.gone(this);
      return this.#taker.onClosed(error);
    }
    const failure = codeOf(error) === "ETIMEDOUT" ? "timeout" : "unreachable";
    const reason = `backend: ${error === undefined ? "SOCKET" : (codeOf(error) ?? error.name)}`;
    if (!this.#connected) this.#notConnected(failure, reason);
    else this.#break(failure, reason, failure === "unreachable");
  }

  endTurn(): void {
    this.#scheduled = false;
    const fresh = this.#fresh;
    this.#fresh = false;
    if (this.#closed) return;
    try {
      this.#flushHead();
      if (this.#unsent === undefined) return;
      // It broke in this very turn: `onClosed` finds other connections for what is not written.
      if (!this.#transport.alive) return;
      // What the backend sent beyond its answer must be seen before the next request is written.
      if (fresh) this.#schedule();
      else this.#send();
    } catch (error) {
      this.#crashed();
      throw error;
    }
  }

  /** A sink or a source threw, which is a bug: nobody may wait for an answer for ever because of it. */
  #crashed(): void {
    if (!this.#closed) this.#break("unreachable", "backend: CRASHED", false);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    atTurnEnd(this);
  }

  #arm(limit: "HEADERS" | "BODY"): void {
    this.#limit = limit;
    this.#deadline = deadlineIn(limit === "HEADERS" ? this.#limits.headersMs : this.#limits.bodyMs);
  }

  /** The head of an answer came, all of its body did not. */
  get #answering(): boolean {
    return this.#begun && this.#parser.started && this.#parser.headDone && this.#parser.status >= 200;
  }

  /** Writes what is not written yet: what there is of it together. */
  #send(): void {
    const transport = this.#transport;
    if (this.#unsent === this.#first) this.#arm("HEADERS");
    let text = "";
    for (let call = this.#unsent; call !== undefined; call = call.next) {
      call.sent = true;
      text += call.text;
      if (call.bytes !== undefined) {
        transport.write(text);
        text = "";
        transport.writeBytes(call.bytes);
      }
    }
    this.#unsent = undefined;
    if (text !== "") transport.write(text);
    const { source } = this.#last as WireCall;
    // A call with a source is alone on its connection.
    if (source !== undefined) this.#startSource(this.#last as WireCall);
  }

  #startSource(call: WireCall): void {
    // While the client is slow the backend is not.
    this.#deadline = 0;
    call.sourceStarted = true;
    call.source?.start(call);
  }

  #writeChunk(chunk: Buffer): boolean {
    const { length } = chunk;
    const size = `${length.toString(16)}\r\n`;
    if (length <= smallChunk) return this.#transport.write(`${size}${chunk.toString("latin1")}\r\n`);
    return this.#transport.writeCopy(chunk, size, "\r\n");
  }

  /** Why the answer is not taken, although it is HTTP. Looks at a head once, when it is complete. */
  #refusal(call: WireCall): string | undefined {
    const parser = this.#parser;
    const { maxHeaderSize, maxStatusLine, maxBodySize } = this.#limits;
    if (!parser.headDone) return parser.headBytes > headBytesPerSize * maxHeaderSize ? "HEADERS_OVERFLOW" : undefined;
    if (parser.trailerBytes >= maxHeaderSize) return "HEADERS_OVERFLOW";
    if (!parser.headNow) return undefined;
    const { status, rawHeaders } = parser;
    const framing = this.#framing;
    const agreed = status !== 101 || (parser.upgrade && agreesTo(call.upgrade, rawHeaders));
    takeAnswerFields(rawHeaders, status, framing);
    if (framing.size >= maxHeaderSize) return "HEADERS_OVERFLOW";
    if (parser.reason.length > maxStatusLine - statusLineStart) return "STATUS_LINE_OVERFLOW";
    if (parser.major !== 1) return "HTTP_VERSION";
    // Nobody asked for it, or for something else.
    if (!agreed) return "UPGRADE";
    if (status < 100) return "STATUS";
    if (status === 407 && this.#limits.byProxy) return "PROXY_REFUSED";
    // RFC 9112 section 6: where the next answer begins must not be a matter of opinion.
    if (status < 200) return framing.contentLength > 0 || framing.coding !== "none" ? "INTERIM_BODY" : undefined;
    // The client would get it without being told what it is.
    if (framing.coding === "foreign") return "TRANSFER_CODING";
    if (status === 204 && framing.contentLength > 0 && call.method !== "HEAD") return "RES_CONTENT_LENGTH_MISMATCH";
    if (maxBodySize >= 0 && framing.contentLength > maxBodySize && call.method !== "HEAD" && status !== 304) {
      return "RES_EXCEEDED_MAX_SIZE";
    }
    this.#status = status;
    this.#reason = sendableReason(parser.reason);
    this.#fields = rawHeaders;
    this.#received = 0;
    return undefined;
  }

  /** The backend agrees: from here on its bytes are not HTTP, and no call will ever follow. */
  #change(call: WireCall, beyond: Buffer): void {
    this.#beyond = beyond;
    this.#retiring = true;
    this.#deadline = 0;
    this.#first = undefined;
    this.#last = undefined;
    this.#unsent = undefined;
    this.#count = 0;
    call.done = true;
    call.connection = undefined;
    const parser = this.#parser;
    try {
      call.sink.answerUpgrade(sendableReason(parser.reason), parser.rawHeaders, this);
    } catch (error) {
      call.sink.answerFailed("unreachable", "backend: CRASHED", "maybe");
      throw error;
    }
    // Nobody has taken it.
    if (this.#taker === undefined && !this.#closed) this.#detach();
  }

  handOver(taker: Taker): HandedOver {
    this.#taker = taker;
    const unread = Buffer.from(this.#beyond ?? []);
    this.#beyond = undefined;
    this.#parser.reset();
    return { transport: this.#transport, unread, ended: false };
  }

  destroy(): void {
    if (!this.#closed) this.#detach();
  }

  /** What the parser has found goes to the sink. `more`: other bytes follow. */
  #take(call: WireCall, bytes: Buffer, more: boolean): void {
    const parser = this.#parser;
    const body = parser.bodyParts === 0 ? undefined : joinedParts(parser, bytes);
    if (body !== undefined) {
      this.#received += body.length;
      const { maxBodySize } = this.#limits;
      if (maxBodySize >= 0 && this.#received > maxBodySize) {
        this.#break("unreachable", "backend: RES_EXCEEDED_MAX_SIZE", false);
        return;
      }
    }
    if (parser.ended) {
      this.#complete(call, body, more);
      return;
    }
    this.#arm("BODY");
    if (body === undefined) {
      if (parser.headNow) this.#schedule();
      return;
    }
    const fields = this.#fields;
    if (fields !== undefined) {
      this.#fields = undefined;
      announceTrailers(fields, this.#framing);
      call.sink.answerHead(this.#status, this.#reason, fields);
      if (this.#closed) return;
    }
    if (call.sink.answerData(body) || this.#closed) return;
    this.#paused = true;
    this.#heldUntil = deadlineIn(longestHoldMs);
    this.#deadline = 0;
    this.#transport.pause();
  }

  /** A head that is still without a body at the end of its turn goes out alone. */
  #flushHead(): void {
    const fields = this.#fields;
    const call = this.#first;
    if (fields === undefined || call === undefined) return;
    this.#fields = undefined;
    announceTrailers(fields, this.#framing);
    call.sink.answerHead(this.#status, this.#reason, fields);
    call.sink.flushHead();
  }

  /**
   * The answer is all there. The connection is settled before the sink hears of it, because that may send the next request
   * at once. `more`: bytes follow, which must be the answer to a request that was sent.
   */
  #complete(call: WireCall, body: Buffer | undefined, more: boolean): void {
    const next = call.next;
    const status = this.#status;
    const reason = this.#reason;
    const fields = this.#fields;
    const parser = this.#parser;
    let trailers: string[] | undefined;
    if (parser.trailerBytes > 0) {
      trailers = answerTrailers(parser.trailers, this.#framing);
      if (trailers !== undefined && fields !== undefined) announceTrailers(fields, this.#framing);
    }
    const lasts = this.#parser.keepAlive && !call.closes && call.bodyDone && this.#keeps();
    this.#fields = undefined;
    this.#begun = false;
    this.#interims = 0;
    this.#served++;
    call.dropSource();
    call.done = true;
    call.connection = undefined;
    let rest: WireCall | undefined;
    if (lasts && (!more || next?.sent === true)) {
      this.#unlink(call);
      this.#settle(more);
    } else {
      this.#detach();
      rest = next;
    }
    try {
      if (fields !== undefined) {
        call.sink.answerWhole(status, reason, fields, body, trailers);
      } else {
        if (body !== undefined) call.sink.answerData(body);
        call.sink.answerEnd(trailers);
      }
    } catch (error) {
      call.sink.answerFailed("unreachable", "backend: CRASHED", "maybe");
      throw error;
    } finally {
      if (rest !== undefined) this.#giveUp(rest, "unreachable", "backend: SOCKET");
    }
  }

  /** Goes on after an answer. */
  #settle(more: boolean): void {
    if (this.#first !== undefined) {
      if (this.#first.sent) this.#arm("HEADERS");
    } else if (this.#retiring) {
      this.#detach();
      return;
    } else {
      this.#rest();
      this.#parser.clear();
    }
    if (!more) {
      this.#fresh = true;
      this.#schedule();
    }
    if (this.open) this.#owner.released(this);
  }

  #rest(): void {
    this.#deadline = 0;
    this.#idleSince = clock.real;
    if (this.#idleUntil === 0 || this.#framing.keepAlive === "") this.#idleUntil = clock.real + this.#limits.idleMs;
  }

  /** Whether the backend grants the connection any time; notes how much. */
  #keeps(): boolean {
    const { keepAlive } = this.#framing;
    if (keepAlive === "") return true;
    const seconds = keepAliveSeconds(keepAlive);
    if (seconds < 0) {
      this.#framing.keepAlive = "";
      return true;
    }
    const ms = Math.min(seconds * 1_000 - keepAliveMarginMs, longestIdleMs);
    this.#idleUntil = clock.real + ms;
    return ms > 0;
  }

  #unlink(call: WireCall): void {
    let before: WireCall | undefined;
    for (let c = this.#first; c !== call && c !== undefined; c = c.next) before = c;
    if (this.#unsent === call) this.#unsent = call.next;
    if (before === undefined) this.#first = call.next;
    else before.next = call.next;
    if (this.#last === call) this.#last = before;
    call.next = undefined;
    call.connection = undefined;
    this.#count--;
  }

  /** Closes, and lets go of its calls. */
  #detach(): WireCall | undefined {
    const first = this.#first;
    this.#closed = true;
    this.#retiring = true;
    this.#first = undefined;
    this.#last = undefined;
    this.#unsent = undefined;
    this.#fields = undefined;
    this.#count = 0;
    this.#transport.destroy();
    this.#parser.reset();
    this.#owner.gone(this);
    return first;
  }

  #notConnected(failure: BackendFailure, reason: string): void {
    this.#closed = true;
    this.#retiring = true;
    this.#transport.destroy();
    this.#owner.connectFailed(this, failure, reason);
  }

  /**
   * Closes in the middle of something. The call that was being answered fails; those behind it were never begun to be.
   * `byPeer`: the backend closed it, and may have done so before it saw the request.
   */
  #break(failure: BackendFailure, reason: string, byPeer: boolean): void {
    const begun = this.#begun;
    const first = this.#detach();
    if (first === undefined) return;
    const rest = first.next;
    first.next = undefined;
    first.connection = undefined;
    if (first.sent) first.fail(failure, reason, byPeer && !begun && this.#served > 0 ? "stale" : "maybe");
    else this.#owner.requeue(first);
    this.#giveUp(rest, failure, reason);
  }

  /** Nobody may hold up the requests of others: those behind this one go elsewhere, and the connection ends with it. */
  #release(call: WireCall): void {
    const rest = call.next;
    call.next = undefined;
    this.#last = call;
    this.#unsent = undefined;
    this.#count = 1;
    this.#retiring = true;
    this.#giveUp(rest, "unreachable", "backend: HELD_UP");
  }

  /** Calls behind one with which the connection ended. */
  #giveUp(calls: WireCall | undefined, failure: BackendFailure, reason: string): void {
    let call = calls;
    while (call !== undefined) {
      const { next } = call;
      call.next = undefined;
      call.connection = undefined;
      if (call.sent) call.fail(failure, reason, this.#served > 0 ? "stale" : "maybe");
      else this.#owner.requeue(call);
      call = next;
    }
  }
}

/** Whether a 101 names the protocol that was asked for, and no other. */
function agreesTo(protocol: string | undefined, fields: readonly string[]): boolean {
  const named: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if ((fields[i] as string).toLowerCase() === "upgrade") named.push((fields[i + 1] as string).trim().toLowerCase());
  }
  return protocol !== undefined && named.length === 1 && named[0] === protocol;
}

/** The parts of a body side by side, in place. */
function joinedParts(parser: HttpParser, bytes: Buffer): Buffer {
  const start = parser.bodyStart(0);
  let end = parser.bodyEnd(0);
  for (let i = 1; i < parser.bodyParts; i++) {
    const from = parser.bodyStart(i);
    const to = parser.bodyEnd(i);
    if (from !== end) bytes.copyWithin(end, from, to);
    end += to - from;
  }
  return bytes.subarray(start, end);
}

function codeOf(error: (Error & { code?: unknown }) | undefined): string | undefined {
  return typeof error?.code === "string" ? error.code : undefined;
}
