import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { authorityOf, type ForwardProxy, openTunnel } from "./forward-proxy.ts";
import { keysOfJwks, type VerificationKey } from "./jwt.ts";
import { log } from "./log.ts";
import { nodeTls } from "./node-tls.ts";

export interface JwksOptions {
  readonly timeoutMs: number;
  /** How old keys may get before they are fetched again; `max-age` of the answer may shorten or lengthen it. */
  readonly cacheMs: number;
  /** PEM certificates to trust for https; undefined: those of Node. */
  readonly ca: readonly string[] | undefined;
  /** Who is asked for a tunnel to an https URL; undefined: straight there. */
  readonly proxy?: ForwardProxy | undefined;
  /** Called when a key was removed or changed: what was verified with it must be forgotten. */
  readonly onRotation: () => void;
  /** Where the keys are, when the URL itself only leads there; asked before every fetch. */
  readonly locate?: (url: string, options: FetchOptions) => Promise<string>;
}

export type FetchOptions = Pick<JwksOptions, "timeoutMs" | "ca" | "proxy">;

const maxBytes = 262_144;
/** Unknown keys may cause one fetch in this time, however many tokens come with them (S-SEC-03). */
const refreshIntervalMs = 1_000;
/** A key that a fetch did not bring is not asked for again in this time. */
const missingMs = 10_000;
const mostMissing = 1_000;
const retryMs = 10_000;
const minCacheMs = 30_000;
const maxCacheMs = 86_400_000;

/** Why a URL may not be a key source, if so: keys come over https, or plain from the machine itself. */
export function jwksUrlFlaw(text: string): string | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "must be an https URL";
  }
  if (url.username !== "" || url.password !== "") return "must not hold a user or password";
  if (url.protocol === "https:") return undefined;
  const loopback = url.hostname === "localhost" || url.hostname === "[::1]" || /^127(\.\d+){3}$/.test(url.hostname);
  return url.protocol === "http:" && loopback ? undefined : "must be an https URL; plain http is only for loopback";
}

/**
 * The key set of one issuer, kept in memory and fetched anew from time to time, off the path of requests. While the
 * source is away the last good keys go on; a `kid` that they do not have is then undecidable (`away`), not wrong.
 */
export class JwksSource {
  readonly #url: string;
  readonly #options: JwksOptions;
  #keys: readonly VerificationKey[] = [];
  #fetched = false;
  #everUsable = false;
  /** Told once: each key that is refused, with why. */
  #refusals = "";
  #lastAttempt = Number.NEGATIVE_INFINITY;
  #lastFailed = false;
  #running: Promise<void> | undefined;
  /** A fetch that will begin once enough time has passed since the last. */
  #upcoming: Promise<void> | undefined;
  /** When keys that are not there were first asked for, by algorithm and `kid`. */
  readonly #missing = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: string, options: JwksOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** Whether a usable key has ever been here. */
  get ready(): boolean {
    return this.#everUsable;
  }

  /** Whether the last attempt failed. */
  get away(): boolean {
    return this.#lastFailed || !this.#fetched;
  }

  /** The key that a token names; without `kid`, the only one that fits its algorithm. Nothing is fetched. */
  find(alg: string, kid: string | undefined): VerificationKey | undefined {
    let found: VerificationKey | undefined;
    for (const key of this.#keys) {
      if (!key.algorithms.has(alg) || (kid !== undefined && key.kid !== kid)) continue;
      if (found !== undefined) return undefined;
      found = key;
    }
    return found;
  }

  /**
   * Fetches because a key is missing: at once, or when the last fetch is a second ago. A provider may have published a key
   * just after that, so nobody can say yet that it is wrong. Undefined: there is nothing to wait for, since a fetch that was
   * begun after the key was first asked for has not brought it, or the source is away.
   */
  refreshForMissingKey(alg: string, kid: string | undefined): Promise<void> | undefined {
    const now = performance.now();
    if (this.#running !== undefined) return this.#running;
    if (this.#lastFailed && now - this.#lastAttempt < retryMs) return undefined;
    const name = `${alg} ${kid ?? ""}`;
    const asked = this.#missing.get(name);
    if (asked !== undefined && now - asked < missingMs) return asked <= this.#lastAttempt ? undefined : this.#next(now);
    if (this.#missing.size >= mostMissing) this.#missing.clear();
    this.#missing.set(name, now);
    return this.#next(now);
  }

  #next(now: number): Promise<void> {
    const waitMs = this.#lastAttempt + refreshIntervalMs - now;
    if (waitMs <= 0) return this.refresh();
    this.#upcoming ??= new Promise<void>((resolve) => setTimeout(resolve, waitMs).unref())
      .then(() => (this.#closed ? undefined : this.refresh()))
      .finally(() => {
        this.#upcoming = undefined;
      });
    return this.#upcoming;
  }

  /** Fetches now; callers at the same time share one request. Never rejects: look at `away`. */
  refresh(): Promise<void> {
    this.#running ??= this.#fetch().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Stops fetching. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #fetch(): Promise<void> {
    clearTimeout(this.#timer);
    this.#lastAttempt = performance.now();
    let nextMs = retryMs;
    try {
      const url = (await this.#options.locate?.(this.#url, this.#options)) ?? this.#url;
      const { text, maxAgeMs } = await getDocument(url, this.#options);
      const refused: { readonly kid: string | undefined; readonly reason: string }[] = [];
      const keys = keysOfJwks(text, (kid, reason) => refused.push({ kid: kid?.slice(0, 100), reason }));
      if (typeof keys === "string") throw new Error(keys);
      const rotated = this.#keys.some((old) => !keys.some((key) => sameKey(old, key)));
      this.#keys = keys;
      this.#fetched = true;
      this.#everUsable ||= keys.length > 0;
      this.#tellRefused(refused);
      if (this.#lastFailed) log().info({ url: shown(this.#url) }, "key source back");
      this.#lastFailed = false;
      if (rotated) this.#options.onRotation();
      nextMs = Math.min(maxCacheMs, Math.max(minCacheMs, maxAgeMs ?? this.#options.cacheMs));
    } catch (error) {
      // Told once, not at each attempt; never to clients, who get 503 where it matters.
      if (!this.#lastFailed) log().warn({ url: shown(this.#url), reason: reasonOf(error) }, "key source away");
      this.#lastFailed = true;
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.refresh(), nextMs).unref();
  }

  #tellRefused(refused: readonly { readonly kid: string | undefined; readonly reason: string }[]): void {
    const refusals = JSON.stringify(refused);
    if (refusals === this.#refusals) return;
    this.#refusals = refusals;
    for (const { kid, reason } of refused.slice(0, 20))
      log().warn({ url: shown(this.#url), kid, reason }, "key refused");
  }
}

/** Without the query: it may hold a key. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === "string" ? code : String(message);
}

function sameKey(a: VerificationKey, b: VerificationKey): boolean {
  return a.kid === b.kid && a.key.equals(b.key) && [...a.algorithms].join() === [...b.algorithms].join();
}

/** TLS inside of the tunnel is with the key source itself. */
function tunnelled(url: string, proxy: ForwardProxy, timeoutMs: number, ca: { readonly ca?: string[] }) {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const servername = isIP(host) === 0 ? host : "";
  return (_options: object, done: (error: Error | null, socket: Duplex) => void): undefined => {
    openTunnel(proxy, authorityOf(url), timeoutMs, (error, tunnel) => {
      if (tunnel === undefined) done(error as Error, undefined as never);
      else done(null, nodeTls().connect({ ...ca, socket: tunnel, host, servername }));
    });
  };
}

/** One GET with limits on time and size, over node:http: undici would double the time to start. Redirects are failures. */
export async function getDocument(
  url: string,
  options: FetchOptions,
): Promise<{ text: string; maxAgeMs: number | undefined }> {
  const secure = url.toLowerCase().startsWith("https:");
  const { request } = secure ? await import("node:https") : await import("node:http");
  const signal = AbortSignal.timeout(options.timeoutMs);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const ca = options.ca === undefined ? {} : { ca: [...options.ca] };
    const settings = {
      signal,
      headers: { accept: "application/jwk-set+json, application/json", connection: "close" },
      ...ca,
    };
    const { proxy, timeoutMs } = options;
    const through =
      proxy === undefined || !secure
        ? { agent: false as const }
        : { createConnection: tunnelled(url, proxy, timeoutMs, ca) };
    request(url, { ...settings, ...through }, resolve)
      .on("error", reject)
      .end();
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error("too large");
    chunks.push(chunk);
  }
  if (response.statusCode !== 200) throw new Error("not 200");
  const seconds = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(response.headers["cache-control"] ?? "")?.[1];
  return {
    text: Buffer.concat(chunks).toString("utf8"),
    maxAgeMs: seconds === undefined ? undefined : Number(seconds) * 1000,
  };
}
