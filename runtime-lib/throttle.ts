import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";
import { quotaAddress } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";
import type { RuntimeModule } from "./module.ts";
import {
  type Counter,
  CounterTable,
  counterOf,
  countsElsewhere,
  FixedWindow,
  monotonicNow,
  type Quota,
} from "./throttle-counter.ts";
import { countInParent, keepCounts } from "./worker-counts.ts";
import { isWorker } from "./workers.ts";

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
  /**
   * 900800 API, 900802 resource, 900804 subscription and unauthenticated, 900803 application; 900809 unknown tier; 503: where
   * is counted nobody could be asked.
   */
  readonly code: number;
  /** Name of the tier that is used up, or that nobody defined. */
  readonly tier: string;
  readonly count: number;
  readonly windowMs: number;
  readonly retryAfterSeconds: number;
}

const codes = { api: 900800, resource: 900802, subscription: 900804, application: 900803, unauthenticated: 900804 };

/** Keys with a counter of their own, a level. At 200 bytes each (measured) the three levels stay below 60 MiB. */
const capacity = 100_000;

const notLookedUp = new FixedWindow();
notLookedUp.dropped = true;

/** A tier and what was counted against it: a level of one request. */
export class Limit {
  readonly level: ThrottleLevel;
  readonly tier: Tier;
  /** Requests beyond the quota are refused. */
  readonly stops: boolean;
  /** Where its counter comes from, and by which name; without a table it is the counter's whole key. */
  readonly key: string;
  readonly table: CounterTable | undefined;
  /** Dropped at first: counters may be made elsewhere, which is known only once the settings are read. */
  counter: Counter = notLookedUp;

  constructor(level: ThrottleLevel, tier: Tier, key: string, table?: CounterTable, stops = true) {
    this.level = level;
    this.tier = tier;
    this.key = key;
    this.table = table;
    this.stops = stops;
  }

  /** Whether one more fits. The counter is looked up again where the one that is held was dropped. */
  admits(now: number): boolean {
    if (this.counter.dropped) this.lookUp(now);
    return this.counter.admits(this.tier, now);
  }

  /** To be called in the same turn as `admits`. */
  count(now: number): void {
    this.counter.count(this.tier, now);
  }

  private lookUp(now: number): void {
    const { table, tier, key } = this;
    this.counter = table === undefined ? counterOf(key, tier) : table.of(key, tier, now);
  }
}

/** The limit of an API: one counter, shared by all operations of it (R-THR-04). */
export function limit(api: Api, tier: Tier): Limit {
  return new Limit("api", tier, `api:${keyOf(api)}`);
}

/** The tiers of callers, and what was counted against them: one value for the whole gateway. */
export class CallerTiers {
  readonly application: ReadonlyMap<string, NamedTier>;
  readonly subscription: ReadonlyMap<string, NamedTier>;
  /** By `appId:user` (section 3.2): an application's quota spans all APIs. */
  readonly applicationCounters = new CounterTable("app", capacity);
  /** By `appId:basePath:version`. */
  readonly subscriptionCounters = new CounterTable("sub", capacity);

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

/** The limits of one operation, which its name tells from the others of its API. Made once, at start. */
export function throttle(api: Api, operation: string, limits: OperationLimits): Throttle {
  return new Throttle(api, operation, limits);
}

/**
 * Counts exactly: within one synchronous call all levels are asked, and only when all of them admit the request is it
 * counted at all of them. So no more than the quota pass, however many requests are in flight, and a refused request
 * costs no quota anywhere. Levels are asked in the order API, resource, subscription, application (section 3.4), or API,
 * resource, unauthenticated. Where a counter has to ask elsewhere, all levels are asked anew once it has.
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

  constructor(api: Api, operation: string, limits: OperationLimits) {
    this.at = api;
    this.api = limits.api;
    this.apiKey = keyOf(api);
    this.resource =
      limits.resource === undefined
        ? undefined
        : new Limit("resource", limits.resource, `res:${joined(this.apiKey, operation)}`);
    this.tiers = limits.caller;
    this.unauthenticated = limits.unauthenticated;
    this.apiName = api.name;
    this.apiVersion = api.version;
  }

  /**
   * Asks all levels and counts the request when all admit it. At once, unless a counter has to ask elsewhere. `now` in
   * milliseconds since the epoch.
   */
  admit(x: Exchange, caller: Caller | undefined, now: number = monotonicNow()): Verdict | Promise<Verdict> {
    const { api, resource } = this;
    let third: Limit | undefined;
    let fourth: Limit | undefined;
    if (caller === undefined || caller.scheme === "anonymous") {
      if (this.unauthenticated !== undefined) third = this.ofAddress(x, this.unauthenticated);
    } else if (this.tiers !== undefined) {
      const quotas = this.quotasOf(caller, this.tiers, x);
      third = quotas.subscription;
      fourth = quotas.application;
    }
    let over = false;
    if (api !== undefined && !api.admits(now)) return this.refused(api, x, caller, now, resource, third, fourth);
    if (resource !== undefined && !resource.admits(now)) return this.refused(resource, x, caller, now, third, fourth);
    if (third !== undefined && !third.admits(now)) {
      const answer = this.refused(third, x, caller, now, fourth);
      if (third.stops || answer instanceof Promise) return answer;
      over = true;
    }
    if (fourth !== undefined && !fourth.admits(now)) return this.refused(fourth, x, caller, now);
    if (api !== undefined) api.count(now);
    if (resource !== undefined) resource.count(now);
    if (third !== undefined) third.count(now);
    if (fourth !== undefined) fourth.count(now);
    return over ? allowedOverQuota : allowed;
  }

  /**
   * Unless its counter has to ask elsewhere first: then all levels are asked again. Those `after` it ask in the same breath.
   */
  private refused(
    limit: Limit,
    x: Exchange,
    caller: Caller | undefined,
    now: number,
    ...after: readonly (Limit | undefined)[]
  ): Verdict | Promise<Verdict> {
    const asked = limit.counter.refill?.(limit.tier, now);
    if (asked === undefined) return refusal(limit, now);
    for (const other of after) if (other?.admits(now) === false) void other.counter.refill?.(other.tier, now);
    return asked.then(() => this.admit(x, caller));
  }

  private ofAddress(x: Exchange, tier: Tier): Limit {
    const key = `${quotaAddress(x.clientAddress)} ${this.apiKey}`;
    return new Limit("unauthenticated", tier, key, unauthenticatedCounters);
  }

  private quotasOf(caller: Caller, tiers: CallerTiers, x: Exchange): CallerQuotas {
    let quotas = caller.quotas;
    while (quotas !== undefined && (quotas.at !== this.at || quotas.tiers !== tiers)) quotas = quotas.next;
    if (quotas !== undefined) return quotas;
    quotas = this.lookUp(caller, tiers, x.faults.compatibility === "standard");
    caller.quotas = quotas;
    return quotas;
  }

  private lookUp(caller: Caller, tiers: CallerTiers, standard: boolean): CallerQuotas {
    const { id, tier, subscriptions } = caller.application;
    const found = subscriptions.find(
      (one) => one.name === this.apiName && (one.version === this.apiVersion || one.version === "*"),
    );
    const subscription = quotaOf(tiers.subscription, found?.tier || "Default", standard);
    const application = quotaOf(tiers.application, tier || unlimited, standard);
    return {
      at: this.at,
      tiers,
      next: caller.quotas,
      subscription: limitOf("subscription", subscription, joined(id, this.apiKey), tiers.subscriptionCounters),
      application: limitOf("application", application, joined(id, caller.name), tiers.applicationCounters),
    };
  }
}

/**
 * Nothing to read from the settings: all limits are compiled in, and old counters go without a timer. Of several workers, the
 * parent counts, unless another module has counters made elsewhere.
 */
export const throttleModule: RuntimeModule = {
  name: "throttle",
  configure() {
    if (isWorker() && !countsElsewhere()) countInParent();
  },
  serveWorkers: keepCounts,
};

/** A caller's limits at one API; undefined is none. */
export interface CallerQuotas {
  readonly at: Api;
  readonly tiers: CallerTiers;
  /** At another API. */
  readonly next: CallerQuotas | undefined;
  readonly subscription: Limit | undefined;
  readonly application: Limit | undefined;
}

interface NamedTier extends Tier {
  readonly stopOnQuota?: boolean;
  /** Nobody defined it: no request passes. */
  readonly unknown?: true;
}

/** Built in, case-sensitive (R-THR-01). */
const unlimited = "Unlimited";
const allowed: Allowed = { allowed: true, overQuota: false };
const allowedOverQuota: Allowed = { allowed: true, overQuota: true };
/** Of a tier that nobody defined: its quota is 0. */
const neverCounted = new FixedWindow();
const unauthenticatedCounters = new CounterTable("open", capacity);

function quotaOf(table: ReadonlyMap<string, NamedTier>, name: string, standard: boolean): NamedTier | undefined {
  if (name === unlimited) return undefined;
  const tier = table.get(name);
  if (tier !== undefined) return tier;
  // The original needs a policy `Default` for every token that names no tier (T-POL-11).
  return standard && name === "Default" ? undefined : { tier: name, count: 0, windowMs: 0, unknown: true };
}

function limitOf(
  level: "subscription" | "application",
  tier: NamedTier | undefined,
  key: string,
  table: CounterTable,
): Limit | undefined {
  if (tier === undefined) return undefined;
  const limit = new Limit(level, tier, key, table, level === "application" || tier.stopOnQuota !== false);
  if (tier.unknown) limit.counter = neverCounted;
  return limit;
}

function refusal({ level, tier, counter }: Limit, now: number): Denied {
  const unknown = (tier as NamedTier).unknown === true;
  return {
    allowed: false,
    level,
    code: unknown ? 900809 : counter.undecided ? 503 : codes[level],
    tier: tier.tier,
    count: tier.count,
    windowMs: tier.windowMs,
    retryAfterSeconds: unknown ? 0 : counter.secondsLeft(tier, now),
  };
}

/** `basePath:version` (section 3.2). */
function keyOf({ basePath, version }: Api): string {
  return `${basePath}:${version}`;
}

/** Two texts as one key. The length keeps `a:b` + `c` apart from `a` + `b:c`: both come from tokens. */
function joined(first: string, second: string): string {
  return `${first.length}:${first}:${second}`;
}

function tableOf(tiers: TierTable<CallerTier>): ReadonlyMap<string, NamedTier> {
  const pairs: readonly (readonly [string, CallerTier])[] = Array.isArray(tiers) ? tiers : Object.entries(tiers);
  return new Map(pairs.map(([name, tier]) => [name, { ...tier, tier: name }]));
}
