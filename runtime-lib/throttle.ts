import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";
import { quotaAddress } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";
import type { RuntimeModule } from "./module.ts";
import { Counter, CounterTable, monotonicNow, type Quota } from "./throttle-counter.ts";

/** A tier of policies.yaml as generated code states it. */
export interface Tier extends Quota {
  readonly tier: string;
}

/** A tier that callers' tokens may name. */
export interface CallerTier extends Quota {
  /** `false`: requests beyond the quota pass, and are counted and flagged (R-THR-17). Subscriptions only (R-THR-03). */
  readonly stopOnQuota?: boolean;
}

/** Tiers by name: as a record, or as pairs where a name would not be safe as a property (`__proto__`). */
export type TierTable<T> = Readonly<Record<string, T>> | readonly (readonly [name: string, tier: T])[];

export type ThrottleLevel = "api" | "resource" | "subscription" | "application" | "unauthenticated";

export type Verdict = Allowed | Denied;

export interface Allowed {
  readonly allowed: true;
  /** A subscription's quota is used up, but its tier does not stop at it. */
  readonly overQuota: boolean;
}

export interface Denied {
  readonly allowed: false;
  readonly level: ThrottleLevel;
  /** 900800 API, 900802 resource, 900804 subscription and unauthenticated, 900803 application; 900809 unknown tier. */
  readonly code: number;
  /** Name of the tier that is used up, or that nobody defined. */
  readonly tier: string;
  readonly count: number;
  readonly windowMs: number;
  readonly retryAfterSeconds: number;
}

/** One tier with one counter: shared by all operations of an API that name it (R-THR-04). */
export interface Limit extends Tier {
  readonly counter: Counter;
}

/** Keys with a counter of their own, a level. At 200 bytes each (measured) the three levels stay below 60 MiB. */
const capacity = 100_000;

/** A limit with a counter of its own. */
export function limit(tier: Tier): Limit {
  return { ...tier, counter: new Counter() };
}

/** The tiers of callers, and what was counted against them: one value for the whole gateway. */
export class CallerTiers {
  readonly application: ReadonlyMap<string, NamedTier>;
  readonly subscription: ReadonlyMap<string, NamedTier>;
  /** By `appId:user` (section 3.2): an application's quota spans all APIs. */
  readonly applicationCounters = new CounterTable(capacity);
  /** By `appId:basePath:version`. */
  readonly subscriptionCounters = new CounterTable(capacity);

  constructor(application: ReadonlyMap<string, NamedTier>, subscription: ReadonlyMap<string, NamedTier>) {
    this.application = application;
    this.subscription = subscription;
  }
}

/** The tiers that a caller's token may name, from policies.yaml. */
export function callerTiers(tiers: {
  readonly application: TierTable<CallerTier>;
  readonly subscription: TierTable<CallerTier>;
}): CallerTiers {
  return new CallerTiers(tableOf(tiers.application), tableOf(tiers.subscription));
}

/** What limits an operation. A level that is left out has no limit. */
export interface OperationLimits {
  /** Shared by the operations of the API. */
  readonly api?: Limit;
  readonly resource?: Tier;
  /** Look up the caller's own subscription and application tiers. */
  readonly caller?: CallerTiers;
  /** For requests without a caller, by client address (IPv6: its /64) and API. */
  readonly unauthenticated?: Tier;
}

/** The limits of one operation. Made once, at start. */
export function throttle(api: Api, limits: OperationLimits): Throttle {
  return new Throttle(api, limits);
}

/**
 * Counts exactly: within one synchronous call all levels are asked, and only when all of them admit the request is it
 * counted at all of them. So no more than the quota pass, however many requests are in flight, and a refused request
 * costs no quota anywhere. Levels are asked in the order API, resource, subscription, application (section 3.4), or API,
 * resource, unauthenticated.
 */
export class Throttle {
  private readonly at: Api;
  private readonly api: Limit | undefined;
  private readonly resource: Limit | undefined;
  private readonly tiers: CallerTiers | undefined;
  private readonly unauthenticated: Tier | undefined;
  private readonly apiName: string;
  private readonly apiVersion: string;
  /** `basePath:version`, the end of keys. */
  private readonly apiKey: string;

  constructor(api: Api, limits: OperationLimits) {
    this.at = api;
    this.api = limits.api;
    this.resource = limits.resource === undefined ? undefined : limit(limits.resource);
    this.tiers = limits.caller;
    this.unauthenticated = limits.unauthenticated;
    this.apiName = api.name;
    this.apiVersion = api.version;
    this.apiKey = `${api.basePath}:${api.version}`;
  }

  /** Asks all levels and counts the request when all admit it. `now` in milliseconds since the epoch. */
  admit(x: Exchange, caller: Caller | undefined, now: number = monotonicNow()): Verdict {
    const { api, resource } = this;
    if (api !== undefined && !api.counter.admits(api, now)) return exceeded("api", 900800, api, api.counter, now);
    if (resource !== undefined && !resource.counter.admits(resource, now)) {
      return exceeded("resource", 900802, resource, resource.counter, now);
    }
    const verdict =
      caller === undefined || caller.scheme === "anonymous"
        ? this.admitAnonymous(x, now)
        : this.admitCaller(caller, x.faults.compatibility === "standard", now);
    if (!verdict.allowed) return verdict;
    if (api !== undefined) api.counter.count(api, now);
    if (resource !== undefined) resource.counter.count(resource, now);
    return verdict;
  }

  private admitAnonymous(x: Exchange, now: number): Verdict {
    const tier = this.unauthenticated;
    if (tier === undefined) return allowed;
    const counter = unauthenticatedCounters.of(`${quotaAddress(x.clientAddress)} ${this.apiKey}`, now);
    if (!counter.admits(tier, now)) return exceeded("unauthenticated", 900804, tier, counter, now);
    counter.count(tier, now);
    return allowed;
  }

  private admitCaller(caller: Caller, standard: boolean, now: number): Verdict {
    const { tiers } = this;
    if (tiers === undefined) return allowed;
    let quotas = caller.quotas;
    while (quotas !== undefined && (quotas.at !== this.at || quotas.tiers !== tiers)) quotas = quotas.next;
    if (quotas === undefined) {
      quotas = this.quotasOf(caller, tiers, standard);
      caller.quotas = quotas;
    }
    const { subscription, application } = quotas;
    if (subscription === "unknown") return unknownTier("subscription", quotas.subscriptionTier);
    let subscriptionCounter: Counter | undefined;
    let overQuota = false;
    if (subscription !== undefined) {
      subscriptionCounter = quotas.subscriptionCounter;
      if (subscriptionCounter.dropped) {
        subscriptionCounter = tiers.subscriptionCounters.of(quotas.subscriptionKey, now);
        quotas.subscriptionCounter = subscriptionCounter;
      }
      if (!subscriptionCounter.admits(subscription, now)) {
        if (subscription.stopOnQuota) return exceeded("subscription", 900804, subscription, subscriptionCounter, now);
        overQuota = true;
      }
    }

    if (application === "unknown") return unknownTier("application", quotas.applicationTier);
    if (application !== undefined) {
      let counter = quotas.applicationCounter;
      if (counter.dropped) {
        counter = tiers.applicationCounters.of(quotas.applicationKey, now);
        quotas.applicationCounter = counter;
      }
      if (!counter.admits(application, now)) return exceeded("application", 900803, application, counter, now);
      counter.count(application, now);
    }
    if (subscription !== undefined) subscriptionCounter?.count(subscription, now);
    return overQuota ? allowedOverQuota : allowed;
  }

  private quotasOf(caller: Caller, tiers: CallerTiers, standard: boolean): CallerQuotas {
    const { id, tier, subscriptions } = caller.application;
    const found = subscriptions.find(
      (one) => one.name === this.apiName && (one.version === this.apiVersion || one.version === "*"),
    );
    const subscriptionTier = found?.tier || "Default";
    const applicationTier = tier || unlimited;
    return {
      at: this.at,
      tiers,
      next: caller.quotas,
      subscription: quotaOf(tiers.subscription, subscriptionTier, standard),
      subscriptionTier,
      subscriptionKey: joined(id, this.apiKey),
      subscriptionCounter: notLookedUp,
      application: quotaOf(tiers.application, applicationTier, standard),
      applicationTier,
      applicationKey: joined(id, caller.name),
      applicationCounter: notLookedUp,
    };
  }
}

/** Nothing to read from the settings: all limits are compiled in, and old counters go without a timer. */
export const throttleModule: RuntimeModule = {
  name: "throttle",
  configure() {},
};

/** A caller's quotas at one API: undefined is no limit, `unknown` a tier that nobody defined. */
export interface CallerQuotas {
  readonly at: Api;
  readonly tiers: CallerTiers;
  /** At another API. */
  readonly next: CallerQuotas | undefined;
  readonly subscription: NamedTier | undefined | "unknown";
  readonly subscriptionTier: string;
  readonly subscriptionKey: string;
  /** That of the key, until it is dropped. */
  subscriptionCounter: Counter;
  readonly application: NamedTier | undefined | "unknown";
  readonly applicationTier: string;
  readonly applicationKey: string;
  applicationCounter: Counter;
}

interface NamedTier extends Tier {
  readonly stopOnQuota: boolean;
}

/** Built in, case-sensitive (R-THR-01). */
const unlimited = "Unlimited";
const allowed: Allowed = { allowed: true, overQuota: false };
const allowedOverQuota: Allowed = { allowed: true, overQuota: true };
const notLookedUp = new Counter();
notLookedUp.dropped = true;
const unauthenticatedCounters = new CounterTable(capacity);

function quotaOf(
  table: ReadonlyMap<string, NamedTier>,
  name: string,
  standard: boolean,
): NamedTier | undefined | "unknown" {
  if (name === unlimited) return undefined;
  const tier = table.get(name);
  if (tier !== undefined) return tier;
  // The original needs a policy `Default` for every token that names no tier (T-POL-11).
  return standard && name === "Default" ? undefined : "unknown";
}

function exceeded(level: ThrottleLevel, code: number, tier: Tier, counter: Counter, now: number): Denied {
  return {
    allowed: false,
    level,
    code,
    tier: tier.tier,
    count: tier.count,
    windowMs: tier.windowMs,
    retryAfterSeconds: counter.secondsLeft(now),
  };
}

function unknownTier(level: ThrottleLevel, tier: string): Denied {
  return { allowed: false, level, code: 900809, tier, count: 0, windowMs: 0, retryAfterSeconds: 0 };
}

/** Two texts as one key. The length keeps `a:b` + `c` apart from `a` + `b:c`: both come from tokens. */
function joined(first: string, second: string): string {
  return `${first.length}:${first}:${second}`;
}

function tableOf(tiers: TierTable<CallerTier>): ReadonlyMap<string, NamedTier> {
  const pairs: readonly (readonly [string, CallerTier])[] = Array.isArray(tiers) ? tiers : Object.entries(tiers);
  return new Map(pairs.map(([name, tier]) => [name, { ...tier, tier: name, stopOnQuota: tier.stopOnQuota !== false }]));
}
