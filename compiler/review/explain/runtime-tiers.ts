import {
  application,
  type Condition,
  claim,
  denied,
  fromAddress,
  header,
  not,
  queryParameter,
  user,
} from "../../../runtime-lib/conditions.ts";
import {
  type AddressLimits,
  type CallerTier,
  type CallerTiers,
  type ChosenTier,
  callerTiers,
  type Tier,
} from "../../../runtime-lib/throttle.ts";
import { addressLimits } from "../../../runtime-lib/throttle-address.ts";
import { conditionalTier } from "../../../runtime-lib/throttle-conditions.ts";
import { bodyBytes, everyRequest, successes } from "../../../runtime-lib/throttle-counted.ts";
import { sliding } from "../../../runtime-lib/throttle-sliding.ts";
import type * as Model from "../../model/gateway-model.ts";
import type { GatewayPlan } from "../../model/gateway-plan.ts";

/** The tiers and conditions of a gateway as its limits use them: what generated `tiers.ts` and `conditions.ts` say. */
export class RuntimeTiers {
  readonly callers: CallerTiers;
  readonly addresses: AddressLimits | undefined;
  /** Whoever meets it is refused. */
  readonly isDenied: Condition;
  readonly #chosen: ReadonlyMap<string, ChosenTier>;

  constructor({ callerTiers: named, conditions }: GatewayPlan) {
    this.callers = callerTiers({
      application: named.application.map((tier) => [tier.name, callerTierOf(tier)] as const),
      subscription: named.subscription.map((tier) => [tier.name, callerTierOf(tier)] as const),
      ...(named.unlimited === false && { unlimited: false as const }),
    });
    const { tiers = [], addressLimits: limits = [], deny = [] } = conditions ?? {};
    this.#chosen = new Map(tiers.map((tier) => [tier.symbol ?? "", chosenTierOf(tier)]));
    this.addresses = limits.length === 0 ? undefined : addressLimits(limits.map(addressTierOf));
    this.isDenied = denied(deny.map(conditionOf));
  }

  /** A tier, or the one that chooses by the request. */
  of(tier: Model.ThrottleTier): Tier | ChosenTier {
    return (tier.symbol === undefined ? undefined : this.#chosen.get(tier.symbol)) ?? tierOf(tier);
  }
}

const counted = { all: everyRequest, success: successes, bytes: bodyBytes } as const;

/** A tier with a quota that stops. */
export function tierOf(tier: Model.QuotaModel): Tier {
  const { name, count, unitMs, windowMs, burst } = tier;
  return {
    tier: name,
    count,
    windowMs,
    ...(unitMs !== windowMs && { unitMs }),
    ...(burst !== undefined && { algorithm: sliding({ burst }) }),
    ...(tier.counted !== undefined && { counted: counted[tier.counted] }),
  };
}

function callerTierOf(tier: Model.ThrottleTier): CallerTier {
  return { ...tierOf(tier), ...(!tier.stopOnQuota && { stopOnQuota: false }), ...(tier.key && { key: tier.key }) };
}

function chosenTierOf(tier: Model.ThrottleTier): ChosenTier {
  const groups = (tier.groups ?? []).map((group) => ({ ...tierOf(group), when: group.when.map(conditionOf) }));
  return conditionalTier(groups, tierOf(tier));
}

function addressTierOf({ addresses, quota }: Model.AddressLimit) {
  if (quota === undefined) return { addresses: addresses ?? [] };
  return { ...tierOf(quota), ...(addresses && { addresses }) };
}

function conditionOf(condition: Model.Condition): Condition {
  const plain = plainCondition(condition);
  return "invert" in condition && condition.invert ? not(plain) : plain;
}

function plainCondition(condition: Model.Condition): Condition {
  switch (condition.kind) {
    case "address":
      return fromAddress(condition.addresses);
    case "header":
      return header(condition.name, condition.pattern);
    case "query":
      return queryParameter(condition.name, condition.pattern);
    case "claim":
      return claim(condition.name, condition.pattern);
    case "user":
      return user(condition.names);
    case "application":
      return application(condition.names);
  }
}
