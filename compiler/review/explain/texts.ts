import type { ScopeRule } from "../../model/gateway-model.ts";
import type { ApiPlan, FinalStep, LimitsPlan, PolicyStep } from "../../model/gateway-plan.ts";

/** What each check asks, in words. */
export const textOfCheck = {
  request: "the request is well-formed, and no larger than it may be",
  path: "the path reads alike for everybody",
  step: textOfStep,
} as const;

function textOfStep(step: PolicyStep | FinalStep, api: ApiPlan): string {
  switch (step.kind) {
    case "public":
      return `nobody has to log in: ${step.why}`;
    case "authenticate":
      return step.anyOf
        .map(({ allOf, scopes }) => {
          const schemes = allOf.map((symbol) => schemeText(api, symbol)).join(" and ");
          return scopes === undefined ? schemes : `${schemes} with ${scopeText(scopes)}`;
        })
        .join(", or ");
    case "require-caller":
      return step.caller === "app" ? "the credential is an application's" : "the credential is a user's";
    case "require-scopes":
      return scopeText(step.scopes);
    case "require-domain":
      return "claim" in step.rule
        ? `${step.rule.header} names a domain that the claim ${step.rule.claim} lists, if there is one`
        : `${step.rule.header} names one of ${step.rule.values.join(", ")}`;
    case "upgrade":
      return `the connection may change to ${step.protocols.join(", ")}${step.crossOrigin ? ", for pages of allowed origins" : ""}`;
    case "blocked":
      return "a deny condition of policies.yaml names this API";
    case "deny":
      return "no deny condition of policies.yaml is met";
    case "throttle":
      return limitsText(step.limits, api);
    case "policy-missing":
      return `the tier ${step.tier} is not defined in policies.yaml`;
    case "require-key-type":
      return `the key type is ${step.keyType}: there is no other backend`;
    case "no-endpoint":
      return "there is only a sandbox backend, and callers without a token count as production";
    case "not-built":
      return `the operation needs ${step.features.join(", ")}, which is not built`;
    case "forward":
      return "to the backend";
    case "forward-by-key-type":
      return "to the backend of the key type";
  }
}

function scopeText({ need, names }: ScopeRule): string {
  return names.length === 1 ? `the scope ${names[0]}` : `${need} of the scopes ${names.join(", ")}`;
}

function limitsText(limits: LimitsPlan, api: ApiPlan): string {
  if (limits.missing !== undefined) return `the tier ${limits.missing} is not defined in policies.yaml`;
  const levels = [
    ...(limits.address ? ["the client's address"] : []),
    ...(limits.api && api.apiLimit ? [`the API (${api.apiLimit.name})`] : []),
    ...(limits.resource ? [`the operation (${limits.resource.name})`] : []),
    ...(limits.fromCaller ? ["the caller's subscription and application"] : []),
    ...(limits.unauthenticated ? [`clients without credentials (${limits.unauthenticated.name})`] : []),
  ];
  return levels.length === 0 ? "no limit, unless a traffic manager decides" : `quota of ${levels.join(", ")}`;
}

function schemeText(api: ApiPlan, symbol: string): string {
  const scheme = api.schemes.find((one) => one.symbol === symbol);
  switch (scheme?.kind) {
    case undefined:
      return symbol;
    case "oauth2":
      if (scheme.dpop === undefined) return "token";
      return scheme.dpop === "required"
        ? "token with a proof of possession"
        : "token, perhaps with a proof of possession";
    case "basic":
      return "user and password";
    case "api-key":
      return `API key in ${scheme.locations.map((place) => `${place.in} ${place.name}`).join(" or ")}`;
    case "mutual-tls":
      return scheme.presence === "mandatory" ? "client certificate" : "client certificate, if one is shown";
  }
}
