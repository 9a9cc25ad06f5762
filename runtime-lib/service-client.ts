import type { SecureContext } from "node:tls";
import type { buildConnector, Dispatcher, Pool } from "undici";
import { authorityOf, basic, type ForwardProxy, forwardProxy, openTunnel } from "./forward-proxy.ts";
import { jwksUrlFlaw } from "./jwks.ts";
import { nodeTls } from "./node-tls.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { loadTrustStore } from "./tls-stores.ts";

export { basic };

/**
 * Calls of the gateway's own to other systems: key manager, event hub, etcd. Never on behalf of a client's request as it
 * came: whoever calls says what is sent. Answers are read whole, within limits of time and size; redirects are answers
 * like any other and are not followed, so that credentials go nowhere else.
 */

/** How the service is reached and how much is taken from it. */
export interface ServiceOptions {
  /** For one call, from waiting for a connection to the end of the answer. */
  readonly timeoutMs: number;
  /** Longest body of an answer. */
  readonly maxBytes: number;
  /** Connections at the same time; further calls wait for one, within their time. 16 if not said. */
  readonly connections?: number;
  /** PEM certificates to trust for https beside the authorities of Node. Host names are always verified (S-BE-03). */
  readonly ca: readonly string[] | undefined;
  /** A forward proxy, which is asked for a tunnel; undefined: straight there. */
  readonly proxy: ForwardProxy | undefined;
}

export interface ServiceRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /**
   * Whether it does no harm when made twice: such a call is made again, once, when the connection that was kept open for it
   * turns out to be closed. GET and HEAD are, if not said.
   */
  readonly repeatable?: boolean;
}

export interface ServiceReply {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** Where an answer goes that is taken as it comes. */
export interface StreamSink {
  onStatus(status: number): void;
  onData(chunk: Buffer): void;
}

/** No answer could be had. Its message is a fixed text with a code: no URL, no credential, nothing that was received. */
export class ServiceAway extends Error {
  override readonly name = "ServiceAway";
  /** No connection was made: nobody is there, or nobody who can prove to be the one. */
  readonly unreached: boolean;

  constructor(reason: string, unreached: boolean) {
    super(reason);
    this.unreached = unreached;
  }
}

/** Longest wait for a connection. */
const maxConnectMs = 5_000;

/** One remote service. Costs nothing until the first call: only that loads what is needed to make it. */
export class ServiceClient {
  /** Scheme, host and port, for messages; never user, password, path or query. */
  readonly origin: string;
  readonly #prefix: string;
  readonly #options: ServiceOptions;
  #pool: Promise<Pool> | undefined;
  #closed = false;

  /** `baseUrl` has passed `serviceUrlFlaw`; its path is put before that of each call. */
  constructor(baseUrl: string, options: ServiceOptions) {
    const { origin, pathname } = new URL(baseUrl);
    this.origin = origin;
    this.#prefix = pathname.replace(/\/+$/, "");
    this.#options = options;
  }

  /**
   * Makes one call. `path` begins with a slash, may be empty, and may have a query. Resolves with whatever was answered,
   * whatever its status; rejects with `ServiceAway` alone.
   */
  async request(method: string, path: string, request: ServiceRequest = {}): Promise<ServiceReply> {
    if (this.#closed) throw new ServiceAway("closed", true);
    const deadline = performance.now() + this.#options.timeoutMs;
    const target = `${this.#prefix}${path}` || "/";
    const { repeatable = method === "GET" || method === "HEAD" } = request;
    const first = await this.#call(method, target, request, deadline);
    if (!(first instanceof Stale)) return first;
    const again = repeatable ? await this.#call(method, target, request, deadline) : first;
    if (again instanceof Stale) throw new ServiceAway("connection closed", false);
    return again;
  }

  /**
   * Makes a call whose answer goes on for as long as both sides like; `sink` gets what comes, without a limit of size. The
   * limit of time holds until the head of the answer is there. Resolves when the answer has ended, also because `signal` was
   * aborted; rejects with `ServiceAway` when there is none, or it breaks off.
   */
  async stream(
    method: string,
    path: string,
    request: ServiceRequest,
    sink: StreamSink,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#closed) throw new ServiceAway("closed", true);
    const pool = await this.#open();
    if (signal.aborted) return;
    await new Promise<void>((resolve, reject) => {
      const call = new StreamCall(sink, resolve, reject);
      call.timer = setTimeout(() => call.giveUp(new ServiceAway("timeout", false)), this.#options.timeoutMs);
      signal.addEventListener("abort", () => call.giveUp(undefined), { once: true });
      this.#dispatch(pool, method, `${this.#prefix}${path}` || "/", request, call);
    });
  }

  /** Ends every call and connection. */
  async close(): Promise<void> {
    this.#closed = true;
    const pool = await this.#pool?.catch(() => undefined);
    await pool?.destroy();
  }

  async #call(method: string, path: string, request: ServiceRequest, deadline: number): Promise<ServiceReply | Stale> {
    const pool = await this.#open();
    return new Promise((resolve, reject) => {
      const call = new ServiceCall(this.#options.maxBytes, resolve, reject);
      call.timer = setTimeout(() => call.giveUp(new ServiceAway("timeout", false)), deadline - performance.now());
      this.#dispatch(pool, method, path, request, call);
    });
  }

  async #open(): Promise<Pool> {
    this.#pool ??= openPool(this.origin, this.#options);
    try {
      return await this.#pool;
    } catch {
      this.#pool = undefined;
      throw new ServiceAway("cannot connect", true);
    }
  }

  #dispatch(pool: Pool, method: string, path: string, request: ServiceRequest, call: ServiceCall | StreamCall): void {
    try {
      pool.dispatch(
        {
          path,
          method: method as Dispatcher.HttpMethod,
          headers: { ...request.headers },
          body: request.body ?? null,
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        call,
      );
    } catch (error) {
      call.giveUp(awayFor(error, true));
    }
  }
}

/** The connection had been closed by the other side before the call. */
class Stale {}

class ServiceCall implements Dispatcher.DispatchHandler {
  timer: NodeJS.Timeout | undefined;
  readonly #maxBytes: number;
  readonly #resolve: (outcome: ServiceReply | Stale) => void;
  readonly #reject: (reason: ServiceAway) => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #ended = false;
  #size = 0;
  #status = 0;
  #headers: ServiceReply["headers"] = {};

  constructor(
    maxBytes: number,
    resolve: (outcome: ServiceReply | Stale) => void,
    reject: (reason: ServiceAway) => void,
  ) {
    this.#maxBytes = maxBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  giveUp(reason: ServiceAway): void {
    if (!this.#end()) return;
    this.#reject(reason);
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(new ServiceAway("given up", false));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ServiceReply["headers"]): void {
    // Interim answers say nothing that we asked for.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) return this.giveUp(new ServiceAway("answer too large", false));
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.#end()) return;
    this.#resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#end()) return;
    const reached = this.#controller !== undefined;
    if (reached && this.#status === 0 && isStale(error)) this.#resolve(new Stale());
    else this.#reject(awayFor(error, !reached));
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    clearTimeout(this.timer);
    return true;
  }
}

/** An answer that is not waited for to its end. */
class StreamCall implements Dispatcher.DispatchHandler {
  timer: NodeJS.Timeout | undefined;
  readonly #sink: StreamSink;
  readonly #resolve: () => void;
  readonly #reject: (reason: ServiceAway) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #ended = false;

  constructor(sink: StreamSink, resolve: () => void, reject: (reason: ServiceAway) => void) {
    this.#sink = sink;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Undefined: whoever asked has had enough. */
  giveUp(reason: ServiceAway | undefined): void {
    if (!this.#end()) return;
    if (reason === undefined) this.#resolve();
    else this.#reject(reason);
    this.#controller?.abort(reason ?? new ServiceAway("given up", false));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(new ServiceAway("given up", false));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.#ended) return;
    clearTimeout(this.timer);
    this.#sink.onStatus(status);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#ended) this.#sink.onData(chunk);
  }

  onResponseEnd(): void {
    if (this.#end()) this.#resolve();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#end()) this.#reject(awayFor(error, this.#controller === undefined));
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    clearTimeout(this.timer);
    return true;
  }
}

/** Closed after it had served something, before anything of this answer came. */
function isStale(error: Error & { code?: unknown; socket?: { bytesRead?: number } | null }): boolean {
  return error.code === "UND_ERR_SOCKET" && (error.socket?.bytesRead ?? 0) > 0;
}

/** By its code alone: messages repeat what was sent and received. */
function awayFor(error: unknown, unreached: boolean): ServiceAway {
  if (error instanceof ServiceAway) return error;
  const { code } = error as { code?: unknown };
  const known = typeof code === "string" && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : "failed";
  return new ServiceAway(unreached ? `cannot connect: ${known}` : known, unreached);
}

async function openPool(origin: string, options: ServiceOptions): Promise<Pool> {
  const { default: PoolClass } = await import("undici/lib/dispatcher/pool.js");
  const { default: build } = await import("undici/lib/core/connect.js");
  const connectMs = Math.min(options.timeoutMs, maxConnectMs);
  let straight: buildConnector.connector | undefined;
  const connect: buildConnector.connector = (target, callback) => {
    // The certificate authorities are read for the first connection (20 ms with Node 20).
    straight ??= build({
      timeout: connectMs,
      ...(origin.startsWith("https:") ? { secureContext: contextOf(options.ca), rejectUnauthorized: true } : {}),
    });
    straight(target, callback);
  };
  const { proxy } = options;
  return new PoolClass(origin, {
    connections: options.connections ?? 16,
    connect: proxy === undefined ? connect : tunnelled(origin, proxy, connectMs, connect),
  });
}

const contexts = new WeakMap<readonly string[], SecureContext>();
const noOthers: readonly string[] = [];

/** Services with the same trust share one. */
function contextOf(ca: readonly string[] = noOthers): SecureContext {
  let context = contexts.get(ca);
  if (context === undefined) {
    const { createSecureContext, rootCertificates } = nodeTls();
    context = createSecureContext({ ca: [...rootCertificates, ...ca], minVersion: "TLSv1.2" });
    contexts.set(ca, context);
  }
  return context;
}

/** TLS inside of the tunnel is with the service itself. */
function tunnelled(
  origin: string,
  proxy: ForwardProxy,
  timeoutMs: number,
  connect: buildConnector.connector,
): buildConnector.connector {
  const authority = authorityOf(origin);
  return (target, callback) => {
    openTunnel(proxy, authority, timeoutMs, (error, tunnel) => {
      if (tunnel === undefined) callback(error as Error, null);
      else if (origin.startsWith("https:")) connect({ ...target, httpSocket: tunnel }, callback);
      else callback(null, tunnel);
    });
  };
}

/** Why a URL may not be that of a service, if so: credentials and tokens go by https, or plain within the machine. */
export function serviceUrlFlaw(text: string): string | undefined {
  const flaw = jwksUrlFlaw(text);
  if (flaw !== undefined) return flaw;
  const { search, hash } = new URL(text);
  return search === "" && hash === "" ? undefined : "must not have a query or fragment";
}

/**
 * A client for the service whose URL is `url`, which stands in the setting `key`: trust is the listener's trust store
 * beside the authorities of Node (S-LSN-09, S-BE-03), the proxy is `httpClients.proxy`, if that is for internal services.
 * Undefined when something is wrong, which is reported.
 */
export async function serviceClientFor(
  settings: Settings,
  report: SettingsReport,
  key: string,
  url: string,
  limits: Pick<ServiceOptions, "timeoutMs" | "maxBytes" | "connections">,
): Promise<ServiceClient | undefined> {
  const flaw = serviceUrlFlaw(url);
  if (flaw !== undefined) report.error(settings.nameOf(key), flaw);
  const trust = await loadTrustStore(
    settings,
    "listenerConfig.trustStorePath",
    "listenerConfig.trustStorePassword",
    report,
  );
  const proxy = forwardProxy(settings, report, "enableInternalServices");
  if (flaw !== undefined || proxy === "wrong") return undefined;
  return new ServiceClient(url, { ...limits, ca: trust?.ca, proxy });
}
