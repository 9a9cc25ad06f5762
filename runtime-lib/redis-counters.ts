import { createHash } from "node:crypto";
import { backOff } from "./back-off.ts";
import { CountedReport } from "./counted-report.ts";
import { type Ask, burstOf, type Grant, LeasedCounter, type Remainder, type WhileAway } from "./leased-counter.ts";
import { log } from "./log.ts";
import type { RuntimeModule } from "./module.ts";
import { nodeTls } from "./node-tls.ts";
import { RedisConnection, RedisError, type RedisServer, type Reply } from "./redis-connection.ts";
import { digestOf, takeTokens } from "./redis-script.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { countElsewhere, monotonicNow } from "./throttle-counter.ts";
import { loadTrustStore } from "./tls-stores.ts";

/** What policies.yaml says about counters. */
export interface CounterRules {
  /**
   * What becomes of requests with a limit while the store cannot be asked: `deny`: 503; `allow`: they pass, and the log says
   * how many did; `local`: each process counts for itself, so up to the quota pass in each.
   */
  readonly onUnavailable: WhileAway;
}

/**
 * Counts in a Redis or Valkey server (`[castgate.redis]`), for all gateways that use it: never more than a quota pass in all of
 * them together while the server is there. What it has counted ends with the windows; nothing else is kept there.
 */
export function redisCounters(rules: CounterRules): RuntimeModule {
  let source: RedisSource | undefined;
  return {
    name: "redis-counters",
    async configure(settings, report) {
      const options = await optionsFrom(settings, report);
      if (options === undefined) return;
      const made = new RedisSource(options, rules.onUnavailable);
      source = made;
      countElsewhere((key, quota) => new LeasedCounter(options.keyPrefix + storedName(key), quota, made));
      made.start();
    },
    waitingFor: () => source?.waitingFor(),
    close: () => source?.close(),
  };
}

/** Keys of APIs and resources as they are; those that hold a user's name or address as digests. */
export function storedName(key: string): string {
  const level = key.slice(0, key.indexOf(":"));
  if (level === "api" || level === "res") return key;
  return `${level}:${createHash("sha256").update(key).digest("base64url").slice(0, 22)}`;
}

export interface RedisOptions {
  readonly server: RedisServer;
  /** A call that takes longer counts as unanswered. */
  readonly timeoutMs: number;
  readonly keyPrefix: string;
}

/** What a process took and did not touch for so long goes back. */
const idleMs = 100;
const firstRetryMs = 50;
const longestRetryMs = 5_000;
/** A connection that held so long was a good one: the next failure is the first again. */
const steadyMs = 10_000;
const reportMs = 10_000;

/** Speaks to the server for all counters: one call for those that want something in a turn of the event loop. */
export class RedisSource {
  away: WhileAway | undefined;
  readonly #options: RedisOptions;
  readonly #whileAway: WhileAway;
  readonly #digest = digestOf(takeTokens);
  #connection: RedisConnection | undefined;
  #connectedAt = 0;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;
  #tried = false;
  #everConnected = false;
  #closed = false;
  readonly #wanting = new Set<LeasedCounter>();
  #flushing = false;
  /** Counters that may have tokens, and how many they had spent when they were looked at last. */
  readonly #holding = new Map<LeasedCounter, number>();
  #looking: NodeJS.Timeout | undefined;
  #uncounted = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RedisOptions, whileAway: WhileAway) {
    this.#options = options;
    this.#whileAway = whileAway;
  }

  start(): void {
    this.#waitForConnection(this.#patientMs);
    void this.#connect();
  }

  /** With `deny` there is nothing to serve before the server was there once; the others wait for the first try only. */
  waitingFor(): string | undefined {
    const known = this.#everConnected || (this.#tried && this.#whileAway !== "deny");
    return known ? undefined : "the counter store";
  }

  enqueue(counter: LeasedCounter): void {
    this.#wanting.add(counter);
    this.#flushSoon();
  }

  regained(counter: LeasedCounter): void {
    this.#watch(counter);
  }

  uncounted(): void {
    this.#uncounted++;
    const now = monotonicNow();
    if (now - this.#reportedAt < reportMs) return;
    this.#reportedAt = now;
    log().warn({ requests: this.#uncounted }, "requests passed uncounted");
  }

  /** Gives back what was not spent, if the server answers in time. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#patience);
    clearTimeout(this.#looking);
    const back = this.#remainders(() => true);
    if (this.#connection !== undefined && back.length > 0) await this.#send(this.#connection, [], back, monotonicNow());
    this.#connection?.close();
  }

  async #connect(): Promise<void> {
    const { server, keyPrefix } = this.#options;
    const patientMs = this.#patientMs;
    try {
      const connection = await RedisConnection.open(server, patientMs, (reason) => this.#lost(connection, reason));
      // Whether it does what is wanted: one that is full, or only reads, is as good as away.
      const probe = [`${keyPrefix}probe`, "fixed", "1", "1000", "1000", "1:1:0"] as const;
      const reply = await connection.call(this.#command("EVAL", [probe[0]], probe.slice(1)), patientMs);
      if (reply instanceof RedisError) {
        connection.close();
        throw new Error(reply.code);
      }
      if (this.#closed) return connection.close();
      this.#back(connection);
    } catch (error) {
      this.#goAway((error as Error).message);
      this.#tryAgain();
    }
    this.#tried = true;
  }

  #tryAgain(): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    const wait = backOff(this.#failures++, firstRetryMs, longestRetryMs);
    this.#retry = setTimeout(() => void this.#connect(), wait).unref();
  }

  #back(connection: RedisConnection): void {
    clearTimeout(this.#patience);
    this.#connection = connection;
    this.#connectedAt = monotonicNow();
    if (this.away !== undefined) {
      const uncounted = this.#uncounted === 0 ? undefined : this.#uncounted;
      log().info({ uncounted }, "counter store back");
    }
    this.away = undefined;
    this.#uncounted = 0;
    this.#everConnected = true;
    if (this.#wanting.size > 0) this.#flushSoon();
  }

  /** It may only have been closed for being idle: what is wanted waits for a new one as long as for an answer. */
  #lost(connection: RedisConnection | undefined, reason: string): void {
    if (this.#connection !== connection || connection === undefined) return;
    this.#connection = undefined;
    if (this.#closed) return;
    const steady = monotonicNow() - this.#connectedAt > steadyMs;
    if (steady) this.#failures = 0;
    if (!steady || reason === "timeout") {
      this.#goAway(reason);
      this.#tryAgain();
      return;
    }
    this.#waitForConnection(this.#options.timeoutMs);
    void this.#connect();
  }

  /** For a connection: it takes several exchanges, and a process that starts is busy. */
  get #patientMs(): number {
    return Math.max(1_000, 10 * this.#options.timeoutMs);
  }

  #waitForConnection(ms: number): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#goAway("timeout"), ms).unref();
  }

  #goAway(reason: string): void {
    clearTimeout(this.#patience);
    if (this.away === undefined && !this.#closed) {
      const { host, port } = this.#options.server;
      log().warn({ store: `${host}:${port}`, reason, onUnavailable: this.#whileAway }, "counter store away");
    }
    this.away = this.#whileAway;
    for (const counter of this.#wanting) counter.missed();
    this.#wanting.clear();
  }

  #flushSoon(): void {
    if (this.#flushing || this.#connection === undefined) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (this.#connection === undefined) return;
      const now = monotonicNow();
      const asks = [...this.#wanting].map((counter) => [counter, counter.ask(now)] as const);
      this.#wanting.clear();
      if (asks.length > 0) void this.#send(this.#connection, asks, [], now);
    });
  }

  /** Never rejects. */
  async #send(
    connection: RedisConnection,
    asks: readonly (readonly [LeasedCounter, Ask])[],
    back: readonly Remainder[],
    now: number,
  ): Promise<void> {
    const keys = [...asks.map(([, { key }]) => key), ...back.map(({ key }) => key)];
    const words = [...asks.flatMap(([, ask]) => wordsOf(ask)), ...back.flatMap(wordsOfRemainder)];
    const { timeoutMs } = this.#options;
    try {
      let reply = await connection.call(this.#command("EVALSHA", keys, words), timeoutMs);
      if (reply instanceof RedisError && reply.code === "NOSCRIPT")
        reply = await connection.call(this.#command("EVAL", keys, words), timeoutMs);
      const grants = grantsOf(reply, keys.length, asks);
      if (typeof grants === "string") {
        this.#goAwayFrom(connection, grants);
        for (const [counter] of asks) counter.missed();
        return;
      }
      for (const [index, [counter, ask]] of asks.entries()) {
        const grant = grants[index] as Grant;
        counter.granted(grant, ask, now);
        if (grant.tokens > 0) this.#watch(counter);
      }
    } catch {
      // The connection has said why.
      for (const [counter] of asks) counter.missed();
    }
  }

  #goAwayFrom(connection: RedisConnection, reason: string): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    connection.close();
    if (monotonicNow() - this.#connectedAt > steadyMs) this.#failures = 0;
    this.#goAway(reason);
    this.#tryAgain();
  }

  #command(name: "EVAL" | "EVALSHA", keys: readonly string[], words: readonly string[]): string[] {
    return [name, name === "EVAL" ? takeTokens : this.#digest, String(keys.length), ...keys, ...words];
  }

  #watch(counter: LeasedCounter): void {
    // Its requests spend first.
    this.#holding.set(counter, -1);
    this.#looking ??= setTimeout(() => this.#look(), idleMs).unref();
  }

  #look(): void {
    this.#looking = undefined;
    const back = this.#remainders((counter, before) => counter.spent === before);
    if (this.#connection !== undefined && back.length > 0) void this.#send(this.#connection, [], back, monotonicNow());
    if (this.#holding.size > 0) this.#looking = setTimeout(() => this.#look(), idleMs).unref();
  }

  #remainders(isIdle: (counter: LeasedCounter, before: number) => boolean): readonly Remainder[] {
    const back: Remainder[] = [];
    const now = monotonicNow();
    for (const [counter, before] of this.#holding) {
      // What is spent meanwhile without a server goes on.
      if (this.#connection !== undefined && isIdle(counter, before)) {
        const remainder = counter.takeRemainder(now);
        if (remainder !== undefined) back.push(remainder);
        this.#holding.delete(counter);
      } else this.#holding.set(counter, counter.spent);
      if (!counter.holds(now)) this.#holding.delete(counter);
    }
    return back;
  }
}

function wordsOf({ quota, need, want, owed }: Ask): string[] {
  const burst = burstOf(quota);
  const { count, windowMs, unitMs = windowMs } = quota;
  const kind = burst === 0 ? "fixed" : "sliding";
  return [kind, String(count), String(windowMs), String(burst === 0 ? unitMs : burst), `${need}:${want}:${owed}`];
}

function wordsOfRemainder({ tokens, at, step, until }: Remainder): string[] {
  return ["back", String(tokens), String(at), String(step), String(until)];
}

/** What the script has answered, or what is wrong with it. */
function grantsOf(
  reply: Reply,
  keys: number,
  asks: readonly (readonly [LeasedCounter, Ask])[],
): readonly Grant[] | string {
  if (reply instanceof RedisError) return reply.code;
  if (!Array.isArray(reply) || reply.length !== 1 + 5 * keys) return "another answer than that of the script";
  const numbers = reply.map(Number);
  if (!numbers.every(Number.isFinite)) return "another answer than that of the script";
  const [now = 0] = numbers;
  return asks.map(([, { quota }], index) => {
    const [tokens = 0, at = 0, until = 0, left = 0, again = 0] = numbers.slice(1 + 5 * index, 6 + 5 * index);
    const sliding = burstOf(quota) > 0;
    return {
      now,
      tokens,
      at,
      step: sliding ? quota.windowMs / quota.count : 0,
      until,
      left,
      opens: again,
      // What others hold may come back before.
      again: Math.min(again, now + idleMs),
    };
  });
}

const own = "castgate.redis";

async function optionsFrom(settings: Settings, findings: SettingsReport): Promise<RedisOptions | undefined> {
  const report = new CountedReport(findings);
  const url = settings.string(`${own}.url`) ?? "";
  const key = `${own}.url`;
  const place = url === "" ? "is required: the limits of this gateway are counted in Redis" : placeOf(url);
  if (typeof place === "string") report.error(key, place);
  else if (!place.tls && !isLoopback(place.host)) {
    const flaw = "speaks to Redis without TLS: what is counted, and the password, can be read and changed on the way";
    if (settings.compatibility === "standard") report.error(key, `${flaw}; use rediss://`);
    else report.warn(key, `${flaw}; rediss:// is better`);
  }
  const trust = await loadTrustStore(
    settings,
    "listenerConfig.trustStorePath",
    "listenerConfig.trustStorePassword",
    report,
  );
  if (typeof place === "string" || report.hasErrors) return undefined;
  const username = settings.string(`${own}.username`) || place.username;
  const password = settings.string(`${own}.password`) || place.password;
  if (username !== undefined && password === undefined) {
    report.error(`${own}.password`, "is required where there is a user");
    return undefined;
  }
  return {
    server: {
      ...place,
      username,
      password,
      ca: () => (trust === undefined ? undefined : [...nodeTls().rootCertificates, ...trust.ca]),
    },
    timeoutMs: settings.number(`${own}.timeoutMs`) ?? 100,
    keyPrefix: settings.string(`${own}.keyPrefix`) ?? "castgate:",
  };
}

type Place = Omit<RedisServer, "ca">;

/** Where a URL points to, or what is wrong with it, without any part of it: it may hold a password. */
export function placeOf(text: string): Place | string {
  const wanted = "must be a URL: rediss://host:port, or redis:// without TLS";
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return wanted;
  }
  const tls = url.protocol === "rediss:";
  if ((!tls && url.protocol !== "redis:") || url.hostname === "") return wanted;
  if (url.search !== "" || url.hash !== "") return "must not have a query or fragment";
  const database = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1];
  if (database === undefined) return "may have the number of a database as its path, nothing else";
  try {
    return {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? 6379 : Number(url.port),
      tls,
      database: Number(database),
      username: decodeURIComponent(url.username) || undefined,
      password: decodeURIComponent(url.password) || undefined,
    };
  } catch {
    return "has a user or password that is not percent-encoded";
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}
