import type {
  ApiModel,
  AuthScheme,
  Backend,
  GatewayModel,
  OperationModel,
  ScopeRule,
  ThrottleTier,
  TierUse,
} from "../model/gateway-model.ts";
import type {
  AlternativePlan,
  FinalStep,
  LimitsPlan,
  ManagedPlan,
  PolicyChain,
  PolicyStep,
} from "../model/gateway-plan.ts";
import type { Identifier, NonEmpty } from "../model/names.ts";
import type { SourceRef } from "../model/source.ts";
import { openedBy } from "./route-summary.ts";

/** Names that the chain refers to: declared in `shared.ts` or beside the handler. */
export interface ChainSymbols {
  readonly schemeOf: (scheme: AuthScheme) => Identifier;
  readonly limits: Identifier;
  readonly production: Identifier | undefined;
  readonly sandbox: Identifier | undefined;
}

/**
 * The checks of one operation in the order of execution: authenticate, kind of caller, scopes, domain, origin of an upgrade, deny
 * conditions, throttle, key type, forward. An operation
 * that asks for something not built has no checks because it has no backend call: it answers 501 to everyone.
 */
export function policyChain(
  gateway: Pick<GatewayModel, "addressLimits" | "deny" | "features">,
  api: ApiModel,
  operation: OperationModel,
  symbols: ChainSymbols,
): PolicyChain {
  const { access, backend } = operation;
  if (backend.kind === "not-built") return [{ kind: "not-built", features: backend.features }];
  const steps: PolicyStep[] = [];
  if (access.kind === "public") {
    steps.push({ kind: "public", why: openedBy(access), origin: access.origin });
  } else {
    const shared = sharedScopes(access.anyOf.map((alternative) => alternative.scopes));
    const anyOf = access.anyOf.map(
      (alternative): AlternativePlan => ({
        allOf: alternative.allOf.map(symbols.schemeOf) as unknown as NonEmpty<Identifier>,
        scopes: shared === undefined ? alternative.scopes : undefined,
      }),
    );
    steps.push({ kind: "authenticate", anyOf: anyOf as unknown as NonEmpty<AlternativePlan>, origin: access.origin });
    if (operation.caller !== undefined) {
      const { kind: caller, origin } = operation.caller;
      steps.push({ kind: "require-caller", caller, origin });
    }
    if (shared !== undefined) steps.push({ kind: "require-scopes", scopes: shared, origin: access.origin });
  }
  if (operation.domains !== undefined) steps.push({ kind: "require-domain", ...operation.domains });
  if (operation.upgrades !== undefined) {
    steps.push({ kind: "upgrade", ...operation.upgrades, crossOrigin: api.cors !== undefined });
  }
  if (operation.denied === true) return [...steps, { kind: "blocked" }];
  if (gateway.deny !== undefined) steps.push({ kind: "deny" });
  const missing = missingTier(api, operation);
  const managed = gateway.features.includes("traffic-manager") ? managedOf(api, operation) : undefined;
  if (missing !== undefined && managed === undefined) return [...steps, { kind: "policy-missing", ...missing }];
  const limits =
    managed === undefined
      ? limitsOf(gateway, api, operation)
      : managedLimits(gateway, api, operation, managed, missing?.tier);
  if (limits !== undefined) steps.push({ kind: "throttle", symbol: symbols.limits, limits });
  const [keyType, final] = forwarding(backend, access.kind === "public", symbols);
  if (keyType !== undefined) steps.push(keyType);
  return [...steps, final];
}

/** The rule that all alternatives have in common; undefined when they differ or have none. */
function sharedScopes(rules: readonly (ScopeRule | undefined)[]): ScopeRule | undefined {
  const [first] = rules;
  const same = rules.every((rule) => JSON.stringify(rule) === JSON.stringify(first));
  return same ? first : undefined;
}

function missingTier(api: ApiModel, { throttle }: OperationModel): { tier: string; origin: SourceRef } | undefined {
  for (const use of [api.apiLimit, throttle.resource, throttle.unauthenticated]) {
    if (use?.kind === "undefined") return { tier: use.name, origin: use.origin };
  }
  return undefined;
}

function limitsOf(
  { addressLimits }: Pick<GatewayModel, "addressLimits">,
  api: ApiModel,
  { throttle }: OperationModel,
): LimitsPlan | undefined {
  const limits: LimitsPlan = {
    ...(addressLimits && { address: true }),
    api: tierOf(api.apiLimit) !== undefined,
    resource: tierOf(throttle.resource),
    fromCaller: throttle.fromCaller,
    unauthenticated: tierOf(throttle.unauthenticated),
  };
  const any =
    limits.address ||
    limits.api ||
    limits.fromCaller ||
    limits.resource !== undefined ||
    limits.unauthenticated !== undefined;
  return any ? limits : undefined;
}

function managedOf(api: ApiModel, { method, template, throttle }: OperationModel): ManagedPlan {
  const [apiTier, resourceTier] = [nameOf(api.apiLimit), nameOf(throttle.resource)];
  return {
    method,
    template,
    ...(apiTier !== undefined && { apiTier }),
    ...(resourceTier !== undefined && { resourceTier }),
  };
}

function managedLimits(
  gateway: Pick<GatewayModel, "addressLimits">,
  api: ApiModel,
  operation: OperationModel,
  managed: ManagedPlan,
  missing: string | undefined,
): LimitsPlan {
  const none = { api: false, resource: undefined, fromCaller: false, unauthenticated: undefined };
  if (missing !== undefined) return { ...none, missing, managed };
  return { ...(limitsOf(gateway, api, operation) ?? none), managed };
}

function nameOf(use: TierUse | undefined): string | undefined {
  return use?.kind === "tier" ? use.tier.name : use?.name;
}

export function tierOf(use: TierUse | undefined): ThrottleTier | undefined {
  return use?.kind === "tier" ? use.tier : undefined;
}

/** Callers without a token count as PRODUCTION (T-END-13), so a public operation needs no look at the key type. */
function forwarding(
  backend: Extract<Backend, { kind: "forward" }>,
  open: boolean,
  symbols: ChainSymbols,
): readonly [PolicyStep | undefined, FinalStep] {
  const { production, sandbox } = symbols;
  if (backend.production !== undefined && production !== undefined) {
    if (open) return [undefined, { kind: "forward", upstream: production }];
    if (backend.sandbox !== undefined && sandbox !== undefined) {
      return [undefined, { kind: "forward-by-key-type", production, sandbox }];
    }
    return [
      { kind: "require-key-type", keyType: "PRODUCTION" },
      { kind: "forward", upstream: production },
    ];
  }
  if (sandbox === undefined) throw new Error("an operation without a backend passed the checks");
  if (open) return [undefined, { kind: "no-endpoint", keyType: "PRODUCTION" }];
  return [
    { kind: "require-key-type", keyType: "SANDBOX" },
    { kind: "forward", upstream: sandbox },
  ];
}
