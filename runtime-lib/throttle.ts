import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";
import { quotaAddress } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";
import type { RuntimeModule } from "./module.ts";
import { addRateLimit } from "./rate-limit-fields.ts";
import type { Counted } from "./throttle-counted.ts";
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
  /** What is counted; absent: each request that all levels admit. */
  readonly counted?: Counted;
}

/** A tier that callers' tokens may name. */
export interface CallerTier extends Quota {
  /** `false`: requests beyond the quota pass, and are counted and flagged (R-THR-17). Subscriptions only (R-THR-03). */
  readonly stopOnQuota?: boolean;
  readonly counted?: Counted;
  /** Of an application's tier: its users share one count. Absent: each has a count of its own (section 3.2, K-09). */
  readonly key?: "app";
}

/** Tiers by name: as a record, or as pairs where a name would not be safe as a property (`__proto__`). */
export type TierTable<T> = Readonly<Record<string, T>> | readonly (readonly [name: string, tier: T])[];

export type ThrottleLevel = "address" | "api" | "resource" | "subscription" | "application" | "unauthenticated";

export type Verdict = Allowed | Denied;

export interface Allowed {
  readonly allowed: true;
  /** A subscription's quota is used up, but its tier does not stop at it. */
  readonly overQuota: boolean;
}

export interface Denied {
  readonly allowed: false;
  /** `deny` and `custom` are a traffic manager's: a deny condition, a custom policy. */
  readonly level: ThrottleLevel | "deny" | "custom";
  /**
   * 900800 address and API, 900802 resource, 900804 subscription and unauthenticated, 900803 application; 900809 unknown tier;
   * 503: where is counted nobody could be asked.
   */
  readonly code: number;
  /** The tier that is used up, or that nobody defined. */
  readonly tier: Tier;
  readonly retryAfterSeconds: number;
}

const codes = {
  address: 900800,
  api: 900800,
  resource: 900802,
  subscription: 900804,
  application: 900803,
  unauthenticated: 900804,
} as const satisfies Readonly<Record<ThrottleLevel, number>>;

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

  /** All levels admit the request. To be called in the same turn as `admits`. */
  count(x: Exchange, now: number): void {
    const { counted } = this.tier;
    if (counted === undefined) this.counter.count(this.tier, now);
    else counted.admitted(x, this, now);
  }

  /** Counts at any time. */
  countNow(now: number, amount?: number): void {
    if (this.counter.dropped) this.lookUp(now);
    this.counter.count(this.tier, now, amount);
  }

  private lookUp(now: number): void {
    const { table, tier, key } = this;
    this.counter = table === undefined ? counterOf(key, tier) : table.of(key, tier, now);
  }
}

/** A tier that depends on the request: `conditionalTier` makes it. */
export interface ChosenTier {
  /** Counters of their own, named after `key`, of a level. */
  limits(level: ThrottleLevel, key: string): LimitChoice;
}

export interface LimitChoice {
  choose(x: Exchange, caller: Caller | undefined): Limit;
}

/** Limits by client address: `addressLimits` makes them. */
export interface AddressLimits {
  limitOf(x: Exchange): Limit | undefined;
}

/** The limit of an API: one counter, shared by all operations of it (R-THR-04). */
export function limit(api: Api, tier: Tier): Limit;
export function limit(api: Api, tier: ChosenTier): LimitChoice;
export function limit(api: Api, tier: Tier | ChosenTier): Limit | LimitChoice {
  return limitFor("api", tier, `api:${keyOf(api)}`);
}

function limitFor(level: ThrottleLevel, tier: Tier | ChosenTier, key: string): Limit | LimitChoice {
  return "limits" in tier ? tier.limits(level, key) : new Limit(level, tier, key);
}

/** The tiers of callers, and what was counted against them: one value for the whole gateway. */
export class CallerTiers {
  readonly application: ReadonlyMap<string, NamedTier>;
  readonly subscription: ReadonlyMap<string, NamedTier>;
  /** By `appId:user` (section 3.2): an application's quota spans all APIs. */
  readonly applicationCounters = new CounterTable("app", capacity);
  /** By `appId:basePath:version`. */
  readonly subscriptionCounters = new CounterTable("sub", capacity);

  /** Whether a subscription may be `Unlimited` (K-14). */
  readonly unlimited: boolean;

  constructor(
    application: ReadonlyMap<string, NamedTier>,
    subscription: ReadonlyMap<string, NamedTier>,
    unlimited: boolean,
  ) {
    this.application = application;
    this.subscription = subscription;
    this.unlimited = unlimited;
  }
}

/** The tiers that a caller's token may name, from policies.yaml. `unlimited: false`: no subscription is without a limit. */
export function callerTiers(tiers: {
  readonly application: TierTable<CallerTier>;
  readonly subscription: TierTable<CallerTier>;
  readonly unlimited?: false;
}): CallerTiers {
  return new CallerTiers(tableOf(tiers.application), tableOf(tiers.subscription), tiers.unlimited !== false);
}

/** What limits an operation. A level that is left out has no limit. */
export interface OperationLimits {
  /** By client address, shared by all operations. */
  readonly address?: AddressLimits;
  /** Shared by the operations of the API. */
  readonly api?: Limit | LimitChoice;
  readonly resource?: Tier | ChosenTier;
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
 * costs no quota anywhere. Levels are asked in the order address, API, resource, subscription, application (section 3.4), or
 * address, API, resource, unauthenticated. Where a counter has to ask elsewhere, all levels are asked anew once it has.
 */
export class Throttle {
  private readonly at: Api;
  private readonly addresses: AddressLimits | undefined;
  private readonly api: Limit | undefined;
  private readonly resource: Limit | undefined;
  private readonly apiChoice: LimitChoice | undefined;
  private readonly resourceChoice: LimitChoice | undefined;
  private readonly tiers: CallerTiers | undefined;
  private readonly unauthenticated: Tier | undefined;
  private readonly apiName: string;
  private readonly apiVersion: string;
  /** `basePath:version`, the end of keys. */
  private readonly apiKey: string;

  constructor(api: Api, operation: string, limits: OperationLimits) {
    this.at = api;
    this.addresses = limits.address;
    this.apiKey = keyOf(api);
    if (limits.api instanceof Limit) this.api = limits.api;
    else this.apiChoice = limits.api;
    const resource = limits.resource && limitFor("resource", limits.resource, `res:${joined(this.apiKey, operation)}`);
    if (resource instanceof Limit) this.resource = resource;
    else this.resourceChoice = resource;
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
    const address = this.addresses?.limitOf(x);
    const api = this.api ?? this.apiChoice?.choose(x, caller);
    const resource = this.resource ?? this.resourceChoice?.choose(x, caller);
    let third: Limit | undefined;
    let fourth: Limit | undefined;
    if (caller === undefined || caller.scheme === "anonymous") {
      if (this.unauthenticated !== undefined) third = this.ofAddress(x, this.unauthenticated);
    } else if (this.tiers !== undefined) {
      const quotas = this.quotasOf(caller, this.tiers, x);
      third = quotas.subscription;
      fourth = quotas.application;
    }
    const full = firstFull(address, api, resource, third, fourth, now);
    if (full !== undefined) {
      const levels = [address, api, resource, third, fourth];
      const asked = this.askAgain(full, levels, x, caller, now);
      if (asked !== undefined) return asked;
      if (full.stops) return refusal(full, levels, now);
      // The subscription's tier does not stop at its quota; the application's may.
      if (fourth !== undefined && !fourth.admits(now)) {
        return this.askAgain(fourth, levels, x, caller, now) ?? refusal(fourth, levels, now);
      }
    }
    if (address !== undefined) address.count(x, now);
    if (api !== undefined) api.count(x, now);
    if (resource !== undefined) resource.count(x, now);
    if (third !== undefined) third.count(x, now);
    if (fourth !== undefined) fourth.count(x, now);
    if (x.faults.compatibility === "standard") announce(x, address, api, resource, third, fourth, now);
    return full === undefined ? allowed : allowedOverQuota;
  }

  /**
   * Where its counter has to ask elsewhere, all levels are asked again once it has. Those that come after it ask in the same
   * breath.
   */
  private askAgain(
    limit: Limit,
    levels: readonly (Limit | undefined)[],
    x: Exchange,
    caller: Caller | undefined,
    now: number,
  ): Promise<Verdict> | undefined {
    const asked = limit.counter.refill?.(limit.tier, now);
    if (asked === undefined) return undefined;
    for (const other of levels.slice(levels.indexOf(limit) + 1)) {
      if (other?.admits(now) === false) void other.counter.refill?.(other.tier, now);
    }
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
    const subscription = quotaOf(tiers.subscription, found?.tier || "Default", standard, tiers.unlimited);
    const application = quotaOf(tiers.application, tier || unlimited, standard, true);
    const shared = application?.key === "app";
    return {
      at: this.at,
      tiers,
      next: caller.quotas,
      subscription: limitOf("subscription", subscription, joined(id, this.apiKey), tiers.subscriptionCounters),
      application: limitOf(
        "application",
        application,
        shared ? `${id.length}:${id}` : joined(id, caller.name),
        tiers.applicationCounters,
      ),
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

interface NamedTier extends Tier, CallerTier {
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

function quotaOf(
  table: ReadonlyMap<string, NamedTier>,
  name: string,
  standard: boolean,
  mayBeUnlimited: boolean,
): NamedTier | undefined {
  if (mayBeUnlimited && name === unlimited) return undefined;
  const tier = table.get(name);
  if (tier !== undefined) return tier;
  // The original needs a policy `Default` for every token that names no tier (T-POL-11).
  if (standard && mayBeUnlimited && name === "Default") return undefined;
  return { tier: name, count: 0, windowMs: 0, unknown: true };
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

/** The first level, in their order, that has no room for one more. */
function firstFull(
  address: Limit | undefined,
  api: Limit | undefined,
  resource: Limit | undefined,
  third: Limit | undefined,
  fourth: Limit | undefined,
  now: number,
): Limit | undefined {
  if (address !== undefined && !address.admits(now)) return address;
  if (api !== undefined && !api.admits(now)) return api;
  if (resource !== undefined && !resource.admits(now)) return resource;
  if (third !== undefined && !third.admits(now)) return third;
  return fourth === undefined || fourth.admits(now) ? undefined : fourth;
}

function refusal(full: Limit, levels: readonly (Limit | undefined)[], now: number): Denied {
  for (const limit of levels) limit?.tier.counted?.refused?.(limit, now);
  const { level, tier, counter } = full;
  const unknown = (tier as NamedTier).unknown === true;
  return {
    allowed: false,
    level,
    code: unknown ? 900809 : counter.undecided ? 503 : codes[level],
    tier,
    retryAfterSeconds: unknown ? 0 : counter.secondsLeft(tier, now),
  };
}

/** Tells the client, with whatever answer it gets, of the level that is nearest to its limit. */
function announce(
  x: Exchange,
  address: Limit | undefined,
  api: Limit | undefined,
  resource: Limit | undefined,
  third: Limit | undefined,
  fourth: Limit | undefined,
  now: number,
): void {
  const nearest = nearer(nearer(nearer(nearer(address, api, now), resource, now), third, now), fourth, now);
  if (nearest === undefined) return;
  const { tier, counter } = nearest;
  addRateLimit(x.answerHeaders, tier, counter.remaining(tier, now), counter.secondsLeft(tier, now));
}

function nearer(a: Limit | undefined, b: Limit | undefined, now: number): Limit | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return shareLeft(b, now) < shareLeft(a, now) ? b : a;
}

function shareLeft({ counter, tier }: Limit, now: number): number {
  return counter.remaining(tier, now) / tier.count;
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
