import { createHash } from "node:crypto";
import type { CallerTier, Tier } from "../../../runtime-lib/throttle.ts";
import { type Counter, countElsewhere, FixedWindow, type Quota } from "../../../runtime-lib/throttle-counter.ts";
import type { Charge } from "./explanation.ts";

/** A counter that the limits of a request were looked up in, and by which quota. */
export interface UsedCounter {
  readonly key: string;
  readonly quota: Quota;
}

/** What one request did to counters. */
export interface CounterUse {
  /** In their order. */
  readonly asked: readonly UsedCounter[];
  readonly counted: readonly UsedCounter[];
}

let asked: UsedCounter[] = [];
let counted: UsedCounter[] = [];

/**
 * From now on nothing is counted in this process: each counter is as if nobody had used it, and which ones were asked is known
 * afterwards.
 */
export function recordCounters(): void {
  countElsewhere((key) => new RecordedCounter(key));
}

/** What was done since the last call. */
export function takeCounterUse(): CounterUse {
  const use = { asked, counted };
  asked = [];
  counted = [];
  return use;
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
    counted.push({ key: this.#key, quota });
    this.#fresh.count(quota, now, amount);
  }

  takeBack(): void {
    counted = counted.filter(({ key }) => key !== this.#key);
  }

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

/**
 * What a request is charged. `forwarded`: bytes are counted when they have passed. `storedWith`: the counters are in Redis, under
 * names with this prefix.
 */
export function chargesOf(use: CounterUse, forwarded: boolean, storedWith: string | undefined): readonly Charge[] {
  const bytes = use.asked.filter(({ quota }) => (quota as Tier).counted?.unit !== undefined);
  return [...use.counted, ...(forwarded ? bytes : [])].map((one) => chargeOf(one, storedWith));
}

function chargeOf({ key, quota }: UsedCounter, storedWith: string | undefined): Charge {
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
