import type {
  AddressLimitFact,
  ApiFacts,
  Fact,
  OperationFacts,
  PolicyFacts,
  QuotaFact,
  TierFact,
} from "../model/checked-project.ts";
import type {
  Access,
  AddressLimit,
  Condition,
  GatewayModel,
  QuotaModel,
  Throttle,
  ThrottleTier,
  TierGroup,
  TierUse,
} from "../model/gateway-model.ts";
import type { Compatibility, NonEmpty } from "../model/names.ts";
import { derived, hashedIdentifier, identifierOf } from "../naming/names.ts";

/** Reserved: no limit, and need not be defined (T-POL-07). */
const unlimited = "Unlimited";
/** The subscription policy that holds for callers without a token (T-POL-10). */
const unauthenticated = "Unauthenticated";

/** The API level's own tier: one counter for all its operations. */
export function apiLimitOf(api: ApiFacts, policies: PolicyFacts): TierUse | undefined {
  return tierUse(api.tier, policies);
}

export function throttleOf(
  api: ApiFacts,
  operation: OperationFacts,
  access: Access,
  policies: PolicyFacts,
  compatibility: Compatibility,
): Throttle {
  // In `wso2-3.2` an API tier, also Unlimited, drops those of the operations (T-POL-08).
  const dropped = compatibility === "wso2-3.2" && api.tier !== undefined;
  const open = access.kind === "public";
  return {
    resource: dropped ? undefined : tierUse(operation.tier, policies),
    fromCaller: !open && (compatibility === "wso2-3.2" || policies.application.size + policies.subscription.size > 0),
    unauthenticated: open ? unauthenticatedTier(operation, policies, compatibility) : undefined,
  };
}

/** Whether some level limits every call of an operation, whoever makes it. */
export function isLimited(api: TierUse | undefined, throttle: Throttle, policies: PolicyFacts): boolean {
  const { resource, unauthenticated, fromCaller } = throttle;
  if (api !== undefined || resource !== undefined || unauthenticated !== undefined) return true;
  if (fromCaller && policies.subscription.size > 0) return true;
  return (
    policies.addressLimits.some(({ addresses }) => addresses === undefined) &&
    policies.addressLimits.every(({ quota }) => quota !== undefined)
  );
}

/** Whether a deny condition names the API. */
export function isDenied(api: ApiFacts, { deny }: PolicyFacts): boolean {
  return deny.some((fact) => fact.kind === "api" && fact.names.some(({ value }) => value === api.basePath.value));
}

function tierUse(tier: Fact<string> | undefined, policies: PolicyFacts): TierUse | undefined {
  if (tier === undefined || tier.value === unlimited || tier.value === "") return undefined;
  const found = policies.resource.get(tier.value);
  if (found === undefined) return { kind: "undefined", name: tier.value, origin: tier.ref };
  return { kind: "tier", tier: lowerResourceTier(found, policies) };
}

function unauthenticatedTier(
  operation: OperationFacts,
  policies: PolicyFacts,
  compatibility: Compatibility,
): TierUse | undefined {
  const found = policies.subscription.get(unauthenticated);
  if (found !== undefined) return { kind: "tier", tier: lowerTier(found) };
  // The original answers 500/900809 where its policy is missing; `standard` asks for no limit that nobody wrote.
  return compatibility === "wso2-3.2"
    ? { kind: "undefined", name: unauthenticated, origin: operation.origin }
    : undefined;
}

export function callerTiersOf(policies: PolicyFacts, compatibility: Compatibility): GatewayModel["callerTiers"] {
  // Users of an application have counts of their own in the original (R-THR-05); elsewhere a tier of an application is one.
  const shared = ({ key }: TierFact) => (key ?? (compatibility === "standard" ? "app" : "app+user")) === "app";
  return {
    application: lowerTable(policies.application, (fact) => ({
      ...lowerTier(fact),
      ...(shared(fact) && { key: "app" }),
    })),
    subscription: lowerTable(policies.subscription, lowerTier),
    ...(policies.forbidUnlimited && { unlimited: false }),
  };
}

function lowerTable(
  table: ReadonlyMap<string, TierFact>,
  lower: (fact: TierFact) => ThrottleTier,
): readonly ThrottleTier[] {
  return [...table.values()]
    .filter((tier) => tier.name !== unlimited)
    .map(lower)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function lowerTier(fact: TierFact): ThrottleTier {
  const { name, count, unitMs, windowMs, stopOnQuota, ref } = fact;
  const origin = ref.pointer === "" ? {} : { origin: ref };
  return { name, count, unitMs, windowMs, stopOnQuota, ...extras(fact), ...origin };
}

function extras({ burst, counted }: QuotaFact): Pick<QuotaModel, "burst" | "counted"> {
  return { ...(burst !== undefined && { burst }), ...(counted && { counted }) };
}

function lowerQuota(name: string, fact: QuotaFact): QuotaModel {
  const { count, unitMs, windowMs } = fact;
  return { name, count, unitMs, windowMs, ...extras(fact) };
}

function lowerResourceTier(fact: TierFact, policies: PolicyFacts): ThrottleTier {
  const [first, ...more] = fact.groups ?? [];
  if (first === undefined) return lowerTier(fact);
  const groups = [first, ...more].map(
    (group): TierGroup => ({
      ...lowerQuota(group.name, group),
      when: group.when,
    }),
  );
  const plain = identifierOf(fact.name, fact.name);
  const isShared = [...policies.resource.values()].some(
    (other) => other !== fact && other.groups !== undefined && identifierOf(other.name, other.name) === plain,
  );
  const symbol = derived(isShared ? hashedIdentifier(plain, fact.name) : plain, "Tier");
  return { ...lowerTier(fact), symbol, groups: groups as unknown as NonEmpty<TierGroup> };
}

/** For every operation; undefined: none. */
export function addressLimitsOf({ addressLimits }: PolicyFacts): NonEmpty<AddressLimit> | undefined {
  return nonEmpty(
    addressLimits.map(({ name, addresses, quota }: AddressLimitFact) => ({
      addresses,
      quota: quota && lowerQuota(name, quota),
    })),
  );
}

/** Who is refused everywhere; undefined: nobody. */
export function denyOf({ deny }: PolicyFacts): NonEmpty<Condition> | undefined {
  return nonEmpty(
    deny.flatMap((fact): readonly Condition[] => {
      if (fact.kind === "address") return [fact];
      if (fact.kind === "api") return [];
      return [{ kind: fact.kind, names: fact.names.map(({ value }) => value) as unknown as NonEmpty<string> }];
    }),
  );
}

function nonEmpty<T>(list: readonly T[]): NonEmpty<T> | undefined {
  return list.length === 0 ? undefined : (list as unknown as NonEmpty<T>);
}
