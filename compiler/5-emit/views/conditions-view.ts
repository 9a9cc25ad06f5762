import type { Condition } from "../../model/gateway-model.ts";
import type { ConditionsPlan } from "../../model/gateway-plan.ts";
import type { ImportList } from "../import-list.ts";
import type { ConditionsView, RequestConditionView } from "./template-views.ts";
import { tierView } from "./value-views.ts";

/** What the runtime calls a condition of each kind. */
const calls = {
  address: "fromAddress",
  header: "header",
  query: "queryParameter",
  claim: "claim",
  user: "user",
  application: "application",
} as const;

/** `conditions.ts`: tiers that depend on the request, limits by client address, deny conditions. */
export function conditionsView(plan: ConditionsPlan, imports: ImportList): ConditionsView {
  const conditions = (list: readonly Condition[]) => list.map((one, index) => conditionView(one, index === 0, imports));
  if (plan.tiers.length > 0) imports.runtime("throttle-conditions", "conditionalTier");
  if (plan.addressLimits.length > 0) imports.runtime("throttle-address", "addressLimits");
  if (plan.deny.length > 0) imports.runtime("conditions", "denied");
  return {
    tiers: plan.tiers.map((tier) => ({
      name: tier.name,
      symbol: tier.symbol ?? "",
      groups: (tier.groups ?? []).map((group) => ({ ...tierView(group, imports), when: conditions(group.when) })),
      otherwise: tierView(tier, imports),
    })),
    hasClientLimits: plan.addressLimits.length > 0,
    clientLimits: plan.addressLimits.map(({ addresses, quota }) => ({
      hasAddresses: addresses !== undefined,
      addresses: addresses ?? [],
      hasQuota: quota !== undefined,
      quota: quota && tierView(quota, imports),
    })),
    hasDeny: plan.deny.length > 0,
    deny: conditions(plan.deny),
  };
}

function conditionView(condition: Condition, first: boolean, imports: ImportList): RequestConditionView {
  const isInverted = "invert" in condition && condition.invert;
  if (isInverted) imports.runtime("conditions", "not");
  const call = imports.runtime("conditions", calls[condition.kind]);
  const common = { first, isInverted, call, isList: true, values: [], name: "", pattern: "" };
  switch (condition.kind) {
    case "address":
      return { ...common, values: condition.addresses };
    case "user":
    case "application":
      return { ...common, values: condition.names };
    case "header":
    case "query":
    case "claim":
      return { ...common, isList: false, name: condition.name, pattern: condition.pattern };
  }
}
