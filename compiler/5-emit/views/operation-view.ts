import type {
  AlternativePlan,
  ApiPlan,
  FinalStep,
  HandlerPlan,
  LimitsPlan,
  ManagedPlan,
  PolicyStep,
} from "../../model/gateway-plan.ts";
import type { ImportList } from "../import-list.ts";
import { apiSymbol } from "./shared-view.ts";
import type { AccessView, LimitsView, ManagedView, OperationView, StepView } from "./template-views.ts";
import { endpointView, tierUseView, tierView } from "./value-views.ts";

/** One handler with the constants beside it. */
export function operationView(api: ApiPlan, handler: HandlerPlan, imports: ImportList): OperationView {
  imports.runtimeType("exchange", "Exchange");
  const { symbol, method, template, origin, chain } = handler;
  const authenticate = chain.find((step) => step.kind === "authenticate");
  const throttle = chain.find((step) => step.kind === "throttle");
  return {
    symbol,
    method,
    template,
    file: origin.file,
    pointer: origin.pointer,
    isAsync: authenticate !== undefined || throttle !== undefined,
    upstreams: handler.upstreams.map((upstream) => endpointView(upstream, imports)),
    hasAccess: authenticate !== undefined,
    access: authenticate && accessView(symbol, authenticate.anyOf, imports),
    hasLimits: throttle !== undefined,
    limits: throttle && limitsView(api, handler, throttle, imports),
    steps: stepViews(api, handler, imports),
  };
}

/** The constant that holds an operation's alternatives: `getPetAccess`. */
export function accessSymbol(handler: HandlerPlan): string {
  return `${handler.symbol}Access`;
}

function accessView(symbol: string, anyOf: readonly AlternativePlan[], imports: ImportList): AccessView {
  const scoped = anyOf.some(({ scopes }) => scopes !== undefined);
  return {
    symbol: `${symbol}Access`,
    alternatives: anyOf.map(({ allOf, scopes }, index) => ({
      first: index === 0,
      scoped,
      allOf: allOf.map((scheme) => imports.local("./shared.js", scheme)),
      hasScopes: scopes !== undefined,
      rule: scopes === undefined ? "" : imports.runtime("scopes", scopes.need === "any" ? "anyScope" : "allScopes"),
      scopes: scopes?.names ?? [],
    })),
  };
}

function limitsView(
  api: ApiPlan,
  handler: HandlerPlan,
  { symbol, limits }: { readonly symbol: string; readonly limits: LimitsPlan },
  imports: ImportList,
): LimitsView {
  const { missing, managed } = limits;
  const isLimited =
    limits.address === true ||
    limits.api ||
    limits.resource !== undefined ||
    limits.fromCaller ||
    limits.unauthenticated !== undefined;
  if (isLimited) imports.runtime("throttle", "throttle");
  if (managed !== undefined) imports.runtime("throttle-managed", "managed");
  if (missing !== undefined) imports.runtime("throttle-managed", "unknownTier");
  if (limits.address) imports.local("../conditions.js", "clientLimits");
  if (limits.api) imports.local("./shared.js", "apiLimit");
  if (limits.fromCaller) imports.local("../tiers.js", "tiers");
  return {
    symbol,
    isManaged: managed !== undefined,
    managed: managed && managedView(managed),
    isLimited,
    isMissing: missing !== undefined,
    missing: missing ?? "",
    operation: handler.symbol,
    apiSymbol: imports.local("./shared.js", apiSymbol(api)),
    address: limits.address === true,
    api: limits.api,
    hasResource: limits.resource !== undefined,
    resource: limits.resource && tierUseView(limits.resource, imports),
    fromCaller: limits.fromCaller,
    hasUnauthenticated: limits.unauthenticated !== undefined,
    unauthenticated: limits.unauthenticated && tierView(limits.unauthenticated, imports),
  };
}

function managedView({ method, template, apiTier, resourceTier }: ManagedPlan): ManagedView {
  return {
    method,
    template,
    hasApiTier: apiTier !== undefined,
    apiTier: apiTier ?? "",
    hasResourceTier: resourceTier !== undefined,
    resourceTier: resourceTier ?? "",
  };
}

/** Steps in the plan's order. Throws when one needs a caller that no earlier one established. */
function stepViews(api: ApiPlan, handler: HandlerPlan, imports: ImportList): StepView[] {
  const own = new Set<string>(handler.upstreams.map((upstream) => upstream.symbol));
  const upstream = (symbol: string) => (own.has(symbol) ? symbol : imports.local("./shared.js", symbol));
  let authenticated = false;
  const needCaller = (step: PolicyStep | FinalStep) => {
    if (!authenticated) throw new Error(`${handler.symbol}: "${step.kind}" before anybody is authenticated`);
  };
  const viewOf = (step: PolicyStep | FinalStep): StepView => {
    switch (step.kind) {
      case "public":
        imports.runtime("authenticate", "withholdCredentials");
        return { kind: step.kind, why: step.why, apiSymbol: imports.local("./shared.js", apiSymbol(api)) };
      case "authenticate":
        authenticated = true;
        imports.runtime("authenticate", "authenticate");
        imports.runtime("respond", "refuse");
        return {
          kind: step.kind,
          summary: step.anyOf
            .map(({ allOf }) => allOf.map((scheme) => schemeText(api, scheme)).join(" and "))
            .join(", or "),
          apiSymbol: imports.local("./shared.js", apiSymbol(api)),
          accessSymbol: accessSymbol(handler),
        };
      case "require-scopes":
        needCaller(step);
        imports.runtime("respond", "forbidden");
        return {
          kind: step.kind,
          need: step.scopes.names.length === 1 ? "scope" : `${step.scopes.need} of the scopes`,
          held: imports.runtime("scopes", step.scopes.need === "any" ? "hasAnyScope" : "hasAllScopes"),
          names: step.scopes.names,
        };
      case "require-caller":
        needCaller(step);
        imports.runtime("respond", "wrongCaller");
        return {
          kind: step.kind,
          who: step.caller === "app" ? "an application" : "a user",
          check: imports.runtime("caller-kind", step.caller === "app" ? "isApplication" : "isUser"),
        };
      case "require-domain": {
        const { rule } = step;
        imports.runtime("respond", "domainRefused");
        if (!("claim" in rule)) {
          imports.runtime("domains", "fromDomain");
          return { kind: step.kind, header: rule.header, fromClaim: false, claim: "", values: rule.values };
        }
        needCaller(step);
        imports.runtime("domains", "fromClaimedDomain");
        return { kind: step.kind, header: rule.header, fromClaim: true, claim: rule.claim, values: [] };
      }
      case "upgrade":
        imports.runtime("upgrade", "mayUpgrade");
        imports.runtime("respond", "originRefused");
        if (step.crossOrigin) imports.local("./shared.js", "crossOrigin");
        return { kind: step.kind, protocols: step.protocols, hasCors: step.crossOrigin };
      case "deny":
        imports.local("../conditions.js", "isDenied");
        imports.runtime("respond", "blocked");
        return { kind: step.kind, caller: authenticated ? "caller" : "undefined" };
      case "blocked":
        imports.runtime("respond", "blocked");
        return step;
      case "throttle":
        imports.runtime("respond", "tooManyRequests");
        return {
          kind: step.kind,
          symbol: step.symbol,
          caller: authenticated ? "caller" : "undefined",
        };
      case "require-key-type":
        needCaller(step);
        imports.runtime("respond", "noEndpoint");
        return { kind: step.kind, keyType: step.keyType, environment: step.keyType.toLowerCase() };
      case "forward":
        imports.runtime("forward", "forward");
        return { kind: step.kind, upstream: upstream(step.upstream) };
      case "forward-by-key-type":
        needCaller(step);
        imports.runtime("forward", "forward");
        return { kind: step.kind, production: upstream(step.production), sandbox: upstream(step.sandbox) };
      case "no-endpoint":
        imports.runtime("respond", "noEndpoint");
        return step;
      case "policy-missing":
        imports.runtime("respond", "policyMissing");
        return step;
      case "not-built":
        imports.runtime("respond", "notBuilt");
        return step;
    }
  };
  return handler.chain.map(viewOf);
}

function schemeText(api: ApiPlan, symbol: string): string {
  const scheme = api.schemes.find((one) => one.symbol === symbol);
  if (scheme?.kind === "mutual-tls") {
    return scheme.presence === "mandatory" ? "client certificate" : "client certificate if one is presented";
  }
  if (scheme?.kind === "oauth2" && scheme.dpop === "required") return `${symbol} with proof of possession`;
  if (scheme?.kind !== "api-key") return symbol;
  return `API key in ${scheme.locations.map((place) => `${place.in} ${place.name}`).join(" or ")}`;
}
