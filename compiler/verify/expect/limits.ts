import type {
  ApiModel,
  Condition,
  GatewayModel,
  OperationModel,
  QuotaModel,
  ThrottleTier,
  TierUse,
} from "../../model/gateway-model.ts";
import { call, constant, type Expected, list, literal, record, runtime, texts } from "./value.ts";

/** The limits of an operation as a value that admits requests; undefined: it has none, or an undefined tier says no to all. */
export function expectedLimits(
  gateway: GatewayModel,
  api: ApiModel,
  operation: OperationModel,
  apiConstant: Expected,
): Expected | undefined {
  const { throttle, id } = operation;
  const missing = missingTier(api, operation);
  const levels = {
    address: expectedAddressLimits(gateway),
    api: api.apiLimit?.kind === "tier" ? apiLimit(api, api.apiLimit.tier, apiConstant) : undefined,
    resource: throttle.resource?.kind === "tier" ? chosenTier(throttle.resource.tier) : undefined,
    caller: throttle.fromCaller ? constant("tiers of callers", () => expectedCallerTiers(gateway)) : undefined,
    unauthenticated: throttle.unauthenticated?.kind === "tier" ? plainTier(throttle.unauthenticated.tier) : undefined,
  };
  const isLimited = Object.values(levels).some((level) => level !== undefined);
  const local = isLimited && call("throttle/throttle", apiConstant, literal(id), record(levels));
  const key = `limits of ${api.slug} ${id}`;
  if (gateway.features.includes("traffic-manager")) {
    const managed = record({
      method: literal(operation.method),
      template: literal(operation.template),
      apiTier: optional(nameOf(api.apiLimit)),
      resourceTier: optional(nameOf(throttle.resource)),
    });
    const instead = missing === undefined ? local : call("throttle-managed/unknownTier", literal(missing));
    const args = [apiConstant, managed, ...(instead === false ? [] : [instead])];
    return constant(key, () => call("throttle-managed/managed", ...args));
  }
  return missing !== undefined || local === false ? undefined : constant(key, () => local);
}

/** The name of a tier that policies.yaml does not define, where one is asked for. */
export function missingTier(api: ApiModel, { throttle }: OperationModel): string | undefined {
  const uses = [api.apiLimit, throttle.resource, throttle.unauthenticated];
  return uses.find((use) => use?.kind === "undefined") && nameOf(uses.find((use) => use?.kind === "undefined"));
}

/** Who is refused wherever they call. */
export function expectedDeny(deny: readonly Condition[]): Expected {
  return constant("deny conditions", () => call("conditions/denied", list(deny.map(expectedCondition))));
}

function apiLimit(api: ApiModel, tier: ThrottleTier, apiConstant: Expected): Expected {
  return constant(`limit of ${api.slug}`, () => call("throttle/limit", apiConstant, chosenTier(tier)));
}

function nameOf(use: TierUse | undefined): string | undefined {
  return use?.kind === "tier" ? use.tier.name : use?.name;
}

/** A tier, or one that depends on the request. */
function chosenTier(tier: ThrottleTier): Expected {
  if (tier.symbol === undefined) return plainTier(tier);
  return constant(`tier ${tier.name}`, () => {
    const groups = (tier.groups ?? []).map((group) =>
      record({ ...quota(group), tier: literal(group.name), when: list(group.when.map(expectedCondition)) }),
    );
    return call("throttle-conditions/conditionalTier", list(groups), plainTier(tier));
  });
}

function plainTier(tier: QuotaModel): Expected {
  return record({ tier: literal(tier.name), ...quota(tier) });
}

const counted = {
  all: "throttle-counted/everyRequest",
  success: "throttle-counted/successes",
  bytes: "throttle-counted/bodyBytes",
} as const;

function quota(tier: QuotaModel): Record<string, Expected | undefined> {
  const { count, windowMs, unitMs, burst } = tier;
  return {
    count: literal(count),
    windowMs: literal(windowMs),
    unitMs: unitMs === windowMs ? undefined : literal(unitMs),
    algorithm: burst === undefined ? undefined : call("throttle-sliding/sliding", record({ burst: literal(burst) })),
    counted: tier.counted && runtime(counted[tier.counted]),
  };
}

function expectedCallerTiers({ callerTiers }: GatewayModel): Expected {
  const { application, subscription, unlimited } = callerTiers;
  const table = (tiers: readonly ThrottleTier[]) =>
    list(
      tiers.map((tier) => {
        const own = { stopOnQuota: tier.stopOnQuota ? undefined : literal(false), key: optional(tier.key) };
        return list([literal(tier.name), record({ ...quota(tier), ...own })]);
      }),
    );
  const options = {
    application: table(application),
    subscription: table(subscription),
    unlimited: optional(unlimited),
  };
  return call("throttle/callerTiers", record(options));
}

function expectedAddressLimits({ addressLimits }: GatewayModel): Expected | undefined {
  if (addressLimits === undefined) return undefined;
  return constant("limits by address", () => {
    const entries = addressLimits.map(({ addresses, quota: tier }) =>
      record({
        addresses: addresses && texts(addresses),
        ...(tier && { tier: literal(tier.name), ...quota(tier) }),
      }),
    );
    return call("throttle-address/addressLimits", list(entries));
  });
}

function expectedCondition(condition: Condition): Expected {
  const plain = plainCondition(condition);
  return "invert" in condition && condition.invert ? call("conditions/not", plain) : plain;
}

function plainCondition(condition: Condition): Expected {
  switch (condition.kind) {
    case "address":
      return call("conditions/fromAddress", texts(condition.addresses));
    case "user":
      return call("conditions/user", texts(condition.names));
    case "application":
      return call("conditions/application", texts(condition.names));
    case "header":
      return call("conditions/header", literal(condition.name), literal(condition.pattern));
    case "query":
      return call("conditions/queryParameter", literal(condition.name), literal(condition.pattern));
    case "claim":
      return call("conditions/claim", literal(condition.name), literal(condition.pattern));
  }
}

function optional(value: string | boolean | undefined): Expected | undefined {
  return value === undefined ? undefined : literal(value);
}
