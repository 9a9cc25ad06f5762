import { at } from "../../diagnostics/place.ts";
import type { ApiFacts, EndpointFact, OperationFacts, UnbuiltFeature } from "../../model/checked-project.ts";
import type { CheckContext, Rule } from "./rule.ts";

/**
 * What this version cannot do. In `standard` each operation that needs it is an error here; in `wso2-3.2` lowering turns
 * it into a handler that answers 501, and says so.
 */
export const unbuiltFeatures: Rule = {
  codes: ["feature-not-built", "pool-ignored"],
  check(context) {
    for (const api of context.apis) {
      reportPools(context, api);
      if (context.compatibility !== "standard") continue;
      for (const operation of api.operations) {
        for (const feature of neededBy(context, api, operation)) {
          const shown = `${operation.method} ${operation.path}`;
          context.log.report("feature-not-built", at(operation.origin, "key"), { operation: shown, feature });
        }
      }
    }
  },
};

/** Pool sizes decide nothing about who is served: said once for each endpoint. */
function reportPools({ log }: CheckContext, api: ApiFacts): void {
  const seen = new Set<EndpointFact>();
  for (const operation of api.operations) {
    for (const endpoint of endpointsOf(api, operation)) {
      if (seen.has(endpoint)) continue;
      seen.add(endpoint);
      for (const { value, ref } of endpoint.asksFor)
        if (value === "connection-pool") log.report("pool-ignored", at(ref, "key"), {});
    }
  }
}

function endpointsOf(api: ApiFacts, operation: OperationFacts): readonly EndpointFact[] {
  const shared = operation.servers.length > 0 ? undefined : api.endpoints.production;
  const chosen = [operation.endpoints.production ?? shared, operation.endpoints.sandbox ?? api.endpoints.sandbox];
  return chosen.filter((endpoint) => endpoint !== undefined);
}

function neededBy({ loaded }: CheckContext, api: ApiFacts, operation: OperationFacts): readonly UnbuiltFeature[] {
  const features = new Set<UnbuiltFeature>();
  if (api.protocol === "grpc") features.add("grpc");
  for (const endpoint of endpointsOf(api, operation)) {
    for (const { value } of endpoint.asksFor) if (value !== "connection-pool") features.add(value);
  }
  if ((operation.requestInterceptor ?? api.requestInterceptor) !== undefined) features.add("request-interceptor");
  if ((operation.responseInterceptor ?? api.responseInterceptor) !== undefined) features.add("response-interceptor");
  if (api.responseCache?.value === true) features.add("response-cache");
  if (loaded.extras.filters.length > 0) features.add("filter");
  return [...features].sort();
}
