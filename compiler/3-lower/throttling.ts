import type { ApiFacts, Fact, OperationFacts, PolicyFacts, TierFact } from "../model/checked-project.ts";
import type { Access, Throttle, ThrottleTier, TierUse } from "../model/gateway-model.ts";
import type { Compatibility } from "../model/names.ts";

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

function tierUse(tier: Fact<string> | undefined, policies: PolicyFacts): TierUse | undefined {
  if (tier === undefined || tier.value === unlimited || tier.value === "") return undefined;
  const found = policies.resource.get(tier.value);
  if (found === undefined) return { kind: "undefined", name: tier.value, origin: tier.ref };
  return { kind: "tier", tier: lowerTier(found) };
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

export function callerTiersOf(policies: PolicyFacts): {
  application: readonly ThrottleTier[];
  subscription: readonly ThrottleTier[];
} {
  return { application: lowerTable(policies.application), subscription: lowerTable(policies.subscription) };
}

function lowerTable(table: ReadonlyMap<string, TierFact>): readonly ThrottleTier[] {
  return [...table.values()]
    .filter((tier) => tier.name !== unlimited)
    .map(lowerTier)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function lowerTier({ name, count, unitMs, windowMs, stopOnQuota }: TierFact): ThrottleTier {
  return { name, count, unitMs, windowMs, stopOnQuota };
}
