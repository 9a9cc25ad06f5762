import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { AnswerSink, BackendCall, BackendPool, BackendTls, RequestBody, TargetOptions } from "../backend.ts";
import type { RelayHead } from "../exchange.ts";
import type { BackendFailure } from "../faults.ts";
import { authorityOf, type ForwardProxy, proxyAuthorization } from "../forward-proxy.ts";
import { addressesOf, type HostAddresses } from "../host-addresses.ts";
import { identityCheck } from "../peer-identity.ts";
import { secureContextOf } from "../secure-context.ts";
import { WireCall } from "./backend-call.ts";
import { BackendConnection, type ConnectionLimits, type ConnectionOwner } from "./backend-connection.ts";
import { expectsBody, type RequestLines, requestHead, requestLines } from "./backend-request.ts";
import { CallQueue } from "./call-queue.ts";
import { clock, deadlineIn, type Swept, startSweep, stopSweep } from "./sweep.ts";
import type { ConnectOptions } from "./transport.ts";
import type { TunnelOptions } from "./transport-tunnel.ts";
import { atTurnEnd, type TurnEnd } from "./turn.ts";

/** Connections to backends on `node:net` and `node:tls`, without objects for streams, requests or answers. */

/** What only this pool knows. */
export interface WirePoolOptions extends TargetOptions {
  /** Milliseconds for which an idle connection is kept when the backend does not say; 4,000 unless given. */
  readonly idleMs?: number;
  /** Milliseconds for a request and the whole of its answer; unless given, there is no such limit. */
  readonly totalMs?: number;
}

/** Longest wait for a connection unless the upstream says otherwise; the answer's own time limit starts after it. */
const maxConnectMs = 10_000;
/** Shorter than the time for which any usual server keeps connections. */
const defaultIdleMs = 4_000;
/** Bodies up to this size leave in one write with their head. */
const smallBody = 8_192;

/** Opens a pool of this engine's own connections. */
export async function openPool(options: WirePoolOptions): Promise<BackendPool> {
  return newPool(options);
}

/** As `openPool`, at once. */
export function newPool(options: WirePoolOptions): BackendPool {
  return new WirePool(options);
}

class WirePool implements BackendPool, ConnectionOwner, Swept, TurnEnd {
  readonly lendsBytes = true;
  readonly limits: ConnectionLimits;
  readonly shortestMs: number;
  readonly #maxConnections: number;
  readonly #maxIdle: number;
  readonly #waitMs: number | undefined;
  readonly #totalMs: number;
  readonly #keepLines: RequestLines;
  readonly #closeLines: RequestLines;
  readonly #upgradeLines: RequestLines;
  readonly #host: string;
  readonly #port: number;
  readonly #tls: BackendTls | undefined;
  readonly #pins: readonly string[] | undefined;
  readonly #identityCheck: ReturnType<typeof identityCheck>;
  readonly #secure: boolean;
  readonly #authority: string;
  readonly #proxy: ForwardProxy | undefined;
  /** Undefined: the host is an address, or the proxy resolves its name. */
  readonly #addresses: HostAddresses | undefined;
  #connectOptions: ConnectOptions | undefined;
  /** Of TLS. */
  #session: Buffer | undefined;
  readonly #connections = new Set<BackendConnection>();
  /** Connections that take a call; the one used last is at the end. */
  readonly #available: BackendConnection[] = [];
  readonly #waiting = new CallQueue();
  #connecting = 0;
  /** Calls that cannot be sent, and why. */
  #refused: { readonly call: WireCall; readonly reason: string }[] = [];
  #closed = false;
  /** Who waits for the end of the last connection; set: no connection is kept without use. */
  #onEmpty: (() => void) | undefined;

  constructor(options: WirePoolOptions) {
    const { origin, timeoutMs, connections, waitMs, tls } = options;
    const url = new URL(origin);
    this.#secure = url.protocol === "https:";
    this.#host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
    this.#port = url.port === "" ? (this.#secure ? 443 : 80) : Number(url.port);
    this.#tls = tls;
    this.#pins = options.pins;
    this.#identityCheck = identityCheck(tls?.verifyHostname !== false, options.pins);
    const { proxy } = options;
    this.#proxy = proxy;
    this.#authority = authorityOf(origin);
    // TLS goes through a tunnel; what is plain, the proxy itself asks for.
    const asked =
      proxy === undefined || this.#secure ? undefined : { origin, authorization: proxyAuthorization(proxy) };
    this.#keepLines = requestLines(url.host, "keep-alive", asked);
    this.#closeLines = requestLines(url.host, "close", asked);
    this.#upgradeLines = requestLines(url.host, "upgrade", asked);
    if (proxy === undefined) this.#addresses = addressesOf(this.#host, options.resolveMs);
    this.#maxConnections = connections ?? Number.POSITIVE_INFINITY;
    this.#maxIdle = options.idleConnections ?? Number.POSITIVE_INFINITY;
    this.#waitMs = connections === undefined ? undefined : waitMs;
    this.#totalMs = options.totalMs ?? 0;
    this.limits = {
      connectMs: options.connectMs ?? Math.min(timeoutMs, maxConnectMs),
      headersMs: options.headersMs ?? timeoutMs,
      bodyMs: options.bodyMs ?? timeoutMs,
      idleMs: options.idleMs ?? defaultIdleMs,
      maxHeaderSize: options.maxHeaderSize,
      maxStatusLine: options.maxStatusLine ?? Number.POSITIVE_INFINITY,
      maxBodySize: options.maxBodySize,
      byProxy: asked !== undefined,
      pipelining: options.pipelining ?? 1,
    };
    this.shortestMs = Math.min(
      this.limits.connectMs,
      this.limits.headersMs,
      this.limits.bodyMs,
      this.limits.idleMs,
      this.#waitMs ?? timeoutMs,
      this.#totalMs === 0 ? timeoutMs : this.#totalMs,
    );
  }

  send(sink: AnswerSink, method: string, head: RelayHead, body: RequestBody, alone = false): BackendCall {
    const call = this.#callOf(sink, method, head, body, alone);
    if (call === undefined || this.#closed) {
      const never = new WireCall(sink, method, "", undefined, undefined, false, false);
      this.#refuse(never, this.#closed ? "backend: CLOSED" : "backend: INVALID_REQUEST");
      return never;
    }
    if (this.#totalMs !== 0) {
      startSweep(this);
      call.totalUntil = deadlineIn(this.#totalMs);
    }
    this.#dispatch(call);
    return call;
  }

  retire(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      for (const connection of [...this.#available]) connection.leave();
      this.#leaveIfEmpty();
    });
  }

  #leaveIfEmpty(): void {
    if (this.#connections.size === 0 && this.#waiting.length === 0) this.#onEmpty?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      call.fail("unreachable", "backend: CLOSED", "none");
    }
    for (const connection of this.#connections) connection.shut();
    stopSweep(this);
  }

  sweep(): void {
    let failure: { readonly error: unknown } | undefined;
    for (const connection of this.#connections) {
      try {
        connection.sweep();
      } catch (error) {
        // Told at the end: one that fails must not suspend the others' limits.
        failure ??= { error };
      }
    }
    if (this.#available.length > this.#maxIdle) this.#leaveUnused();
    this.#addresses?.refresh(this.#leaveOldAddresses);
    let call = this.#waiting.first;
    while (call !== undefined) {
      const { next } = call;
      if (call.waitUntil !== 0 && clock.now >= call.waitUntil) {
        this.#waiting.remove(call);
        call.fail("unavailable", "backend: no connection was free in time", "none");
      } else if (call.totalUntil !== 0 && clock.now >= call.totalUntil) {
        this.#waiting.remove(call);
        call.fail("timeout", "backend: TOTAL_TIMEOUT", "none");
      }
      call = next;
    }
    if (this.#connections.size === 0 && this.#waiting.length === 0) stopSweep(this);
    if (failure !== undefined) throw failure.error;
  }

  readonly #leaveOldAddresses = (): void => {
    for (const connection of [...this.#connections]) {
      if (connection.address !== "" && this.#addresses?.holds(connection.address) === false) connection.retire();
    }
  };

  endTurn(): void {
    const refused = this.#refused;
    this.#refused = [];
    for (const { call, reason } of refused) call.fail("unreachable", reason, "none");
  }

  connected(connection: BackendConnection): void {
    this.#connecting--;
    this.released(connection);
  }

  connectFailed(connection: BackendConnection, failure: BackendFailure, reason: string): void {
    this.#connecting--;
    this.#connections.delete(connection);
    this.#session = undefined;
    // Somebody waits for this very attempt, unless he was served by another connection meanwhile.
    const call = this.#waiting.length > this.#connecting ? this.#waiting.shift() : undefined;
    call?.fail(failure, reason, "none");
    this.#grow();
    if (this.#onEmpty !== undefined) this.#leaveIfEmpty();
  }

  released(connection: BackendConnection): void {
    let call = this.#waiting.first;
    while (call !== undefined && connection.open && (connection.idle || call.pipelines)) {
      this.#waiting.remove(call);
      connection.assign(call);
      call = this.#waiting.first;
    }
    if (this.#onEmpty !== undefined) return connection.leave();
    if (!connection.open || connection.available) return;
    connection.available = true;
    this.#available.push(connection);
  }

  gone(connection: BackendConnection): void {
    this.#connections.delete(connection);
    if (connection.available) this.#withdraw(this.#available.lastIndexOf(connection));
    this.#grow();
    if (this.#onEmpty !== undefined) this.#leaveIfEmpty();
  }

  resumable(session: Buffer): void {
    this.#session = session;
  }

  requeue(call: WireCall): void {
    if (this.#closed) return this.#refuse(call, "backend: CLOSED");
    if (this.#waiting.length === 0) return this.#dispatch(call);
    this.#waiting.unshift(call);
    this.#grow();
  }

  /** Undefined: it cannot be written without becoming another request. */
  #callOf(sink: AnswerSink, method: string, head: RelayHead, body: RequestBody, alone: boolean): WireCall | undefined {
    if (head.upgrade !== undefined) return this.#upgradeOf(sink, method, head, head.upgrade);
    const expected = expectsBody(method);
    // Backends that do not expect a body may take it for the next request; those that send one for `HEAD`, for an answer.
    // Some proxies close connections without a word: a request for one that is kept may be lost.
    const closes = method === "HEAD" || (body !== undefined && !expected) || this.limits.byProxy;
    const lines = closes ? this.#closeLines : this.#keepLines;
    let framing = "";
    let small = "";
    let bytes: Buffer | undefined;
    let source: Exclude<RequestBody, Buffer> | undefined;
    if (body === undefined) {
      if (expected) framing = "content-length: 0\r\n";
    } else if (Buffer.isBuffer(body)) {
      framing = `content-length: ${body.length}\r\n`;
      if (body.length <= smallBody) small = body.toString("latin1");
      else bytes = body;
    } else {
      source = body;
      framing = body.length < 0 ? "transfer-encoding: chunked\r\n" : `content-length: ${body.length}\r\n`;
      const { trailerNames } = body;
      if (body.length < 0 && trailerNames !== "") head.headers.push("Trailer", trailerNames);
    }
    const text = requestHead(method, head.path, lines, framing, head.headers);
    if (text === undefined) return undefined;
    const pipelines = method === "GET" && body === undefined && !alone;
    return new WireCall(sink, method, small === "" ? text : text + small, bytes, source, pipelines, closes);
  }

  /** Whatever the answer is, no other request is sent on that connection: it may be on the way to another protocol. */
  #upgradeOf(sink: AnswerSink, method: string, head: RelayHead, protocol: string): WireCall | undefined {
    const text = requestHead(method, head.path, this.#upgradeLines, `upgrade: ${protocol}\r\n`, head.headers);
    if (text === undefined) return undefined;
    const call = new WireCall(sink, method, text, undefined, undefined, false, true);
    call.upgrade = protocol;
    return call;
  }

  /** Its sink is told at the end of the turn: not before `send` has returned. */
  #refuse(call: WireCall, reason: string): void {
    if (this.#refused.length === 0) atTurnEnd(this);
    this.#refused.push({ call, reason });
  }

  /** To a connection that is free, or into the queue. */
  #dispatch(call: WireCall): void {
    const available = this.#available;
    // Nobody overtakes who waits: a stream of GETs would keep a POST from ever finding a connection without them.
    const last = this.#waiting.length === 0 ? available.length - 1 : -1;
    for (let i = last; i >= 0; i--) {
      const connection = available[i] as BackendConnection;
      if (!connection.open) {
        this.#withdraw(i);
        continue;
      }
      if (!connection.idle && !call.pipelines) continue;
      connection.assign(call);
      if (!connection.open) this.#withdraw(i);
      return;
    }
    startSweep(this);
    if (this.#waitMs !== undefined && call.waitUntil === 0) call.waitUntil = deadlineIn(this.#waitMs);
    this.#waiting.push(call);
    this.#grow();
  }

  /**
   * Closes connections beyond the number that may be idle, those first that were used least recently. Looked at by the sweep, and
   * of those alone that were idle since the one before: between two requests of a burst nothing is gained by closing them.
   */
  #leaveUnused(): void {
    const unused = this.#available.filter((connection) => connection.unused);
    for (let i = 0; i < unused.length - this.#maxIdle; i++) (unused[i] as BackendConnection).leave();
  }

  #withdraw(at: number): void {
    const available = this.#available;
    (available[at] as BackendConnection).available = false;
    if (at === available.length - 1) available.pop();
    else available.splice(at, 1);
  }

  /** Opens a connection for each who waits: it takes no second call before it has brought an answer. */
  #grow(): void {
    while (!this.#closed && this.#connecting < this.#waiting.length && this.#connections.size < this.#maxConnections) {
      const target = this.#target();
      if (typeof target === "string") {
        this.#refuse(this.#waiting.shift() as WireCall, target);
        continue;
      }
      this.#connecting++;
      startSweep(this);
      this.#connections.add(new BackendConnection(this, target));
    }
  }

  /** Where to connect to and how; or why that cannot be. */
  #target(): ConnectOptions | TunnelOptions | string {
    const proxy = this.#proxy;
    if (!this.#secure) {
      const { host, port } = proxy ?? { host: this.#host, port: this.#port };
      this.#connectOptions ??= { host, port, lookup: this.#addresses?.lookup };
      return this.#connectOptions;
    }
    try {
      const tls = this.#tlsOptions();
      if (proxy !== undefined) {
        // Without a host, node:tls would compare the certificate with the proxy's name where there is no server name.
        const inside = { ...tls, host: this.#host };
        return { proxy, authority: this.#authority, timeoutMs: this.limits.connectMs, tls: inside };
      }
      return { host: this.#host, port: this.#port, lookup: this.#addresses?.lookup, tls };
    } catch (error) {
      // Keys and certificates that OpenSSL does not take.
      return `backend: ${(error as { code?: string }).code ?? "TLS"}`;
    }
  }

  #tlsOptions(): ConnectionOptions {
    const tls = this.#tls;
    return {
      ALPNProtocols: ["http/1.1"],
      // RFC 6066 section 3: an address is no server name.
      servername: isIP(this.#host) === 0 ? this.#host : "",
      ...(this.#session === undefined ? {} : { session: this.#session }),
      ...(tls === undefined ? {} : { secureContext: secureContextOf(tls), rejectUnauthorized: tls.rejectUnauthorized }),
      ...(this.#pins === undefined ? {} : { rejectUnauthorized: true }),
      ...(this.#identityCheck && { checkServerIdentity: this.#identityCheck }),
    };
  }
}
