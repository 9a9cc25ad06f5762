import { createHash } from "node:crypto";
import type { CallerTier, Tier } from "../../../runtime-lib/throttle.ts";
import { type Counter, countElsewhere, FixedWindow, type Quota } from "../../../runtime-lib/throttle-counter.ts";
import type { Charge } from "./explanation.ts";

/** A counter that the limits of a request were looked up in. */
export interface AskedCounter {
  readonly key: string;
  readonly quota: Quota;
}

let asked: AskedCounter[] = [];

/**
 * From now on nothing is counted in this process: each counter is as if nobody had used it, and which ones were asked is known
 * afterwards.
 */
export function recordCounters(): void {
  countElsewhere((key) => new RecordedCounter(key));
}

/** Those that were asked since the last call, in their order. */
export function askedCounters(): readonly AskedCounter[] {
  const found = asked;
  asked = [];
  return found;
}

/** Knows its key, and counts for one request at a time. */
class RecordedCounter implements Counter {
  /** What is held of it is looked up anew, so that it learns the tier of each request. */
  readonly dropped = true;
  readonly #key: string;
  #fresh: Counter = new FixedWindow();

  constructor(key: string) {
    this.#key = key;
  }

  admits(quota: Quota, now: number): boolean {
    asked.push({ key: this.#key, quota });
    this.#fresh = quota.algorithm === undefined ? new FixedWindow() : quota.algorithm.counter();
    return this.#fresh.admits(quota, now);
  }

  count(quota: Quota, now: number, amount?: number): void {
    this.#fresh.count(quota, now, amount);
  }

  takeBack(): void {}

  secondsLeft(quota: Quota, now: number): number {
    return this.#fresh.secondsLeft(quota, now);
  }

  remaining(quota: Quota, now: number): number {
    return this.#fresh.remaining(quota, now);
  }

  expired(): boolean {
    return false;
  }
}

const levels: Readonly<Record<string, Charge["level"]>> = {
  ip: "address",
  api: "api",
  res: "resource",
  sub: "subscription",
  app: "application",
  open: "unauthenticated",
};

/** `stored`: the counters are in Redis, under names with this prefix. */
export function chargeOf({ key, quota }: AskedCounter, storedWith: string | undefined): Charge {
  const tier = quota as Tier & CallerTier;
  const level = levels[key.slice(0, key.indexOf(":"))] ?? "resource";
  return {
    level,
    tier: tier.tier,
    key,
    ...(storedWith !== undefined && { storedAs: storedWith + storedName(key) }),
    count: tier.count,
    windowMs: tier.windowMs,
    counted: countedOf(tier),
    stops: level !== "subscription" || tier.stopOnQuota !== false,
  };
}

function countedOf({ counted }: Tier): Charge["counted"] {
  if (counted === undefined) return "requests";
  if (counted.unit !== undefined) return "bytes";
  return counted.refused === undefined ? "successes" : "all requests";
}

/** As the runtime has it (`redis-counters`): keys with a user's name or address are digests. */
function storedName(key: string): string {
  const level = key.slice(0, key.indexOf(":"));
  if (level === "api" || level === "res") return key;
  return `${level}:${createHash("sha256").update(key).digest("base64url").slice(0, 22)}`;
}
