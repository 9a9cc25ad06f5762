import type { ApiPlan, SchemePlan } from "../../model/gateway-plan.ts";
import type { ImportList } from "../import-list.ts";
import type { SchemeView, SharedView } from "./template-views.ts";
import { corsView, endpointView, tierUseView } from "./value-views.ts";

/** `<slug>/shared.ts`: what the operations of one API have in common. */
export function sharedView(api: ApiPlan, imports: ImportList): SharedView {
  imports.runtime("api", "api");
  if (api.apiLimit !== undefined) imports.runtime("throttle", "limit");
  return {
    title: api.title,
    version: api.version,
    basePath: api.basePath,
    apiSymbol: apiSymbol(api),
    hasAuthHeader: api.authHeader !== undefined,
    authHeader: api.authHeader ?? "",
    challenges: api.challenges,
    schemes: api.schemes.map((scheme) => schemeView(scheme, api, imports)),
    hasCors: api.cors !== undefined,
    cors: api.cors && corsView(api.cors, imports),
    hasLimit: api.apiLimit !== undefined,
    limit: api.apiLimit && tierUseView(api.apiLimit, imports),
    upstreams: api.upstreams.map((upstream) => endpointView(upstream, imports)),
  };
}

/** The constant that stands for an API in its own files: `petstoreV1Api`. */
export function apiSymbol(api: ApiPlan): string {
  return `${api.symbol}Api`;
}

function schemeView(scheme: SchemePlan, api: ApiPlan, imports: ImportList): SchemeView {
  const { symbol } = scheme;
  const common = { symbol, apiSymbol: apiSymbol(api), locations: [], presence: "", isOptional: false };
  switch (scheme.kind) {
    case "oauth2":
      imports.runtime("auth-jwt", "bearerJwt");
      if (scheme.dpop !== undefined) {
        imports.runtime("auth-dpop", "dpop");
        return { ...common, kind: "dpop-jwt", presence: scheme.dpop };
      }
      return { ...common, kind: "jwt" };
    case "basic":
      imports.runtime("auth-basic", "basic", "basicAuth");
      return { ...common, kind: "basic" };
    case "api-key":
      imports.runtime("auth-api-key", "apiKey");
      return { ...common, kind: "api-key", locations: scheme.locations };
    case "mutual-tls": {
      const { presence } = scheme;
      imports.runtime("auth-mutual-tls", "mutualTls");
      return { ...common, kind: "mutual-tls", presence, isOptional: presence === "optional" };
    }
  }
}
