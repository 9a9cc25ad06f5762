import { at } from "../../diagnostics/place.ts";
import type { ApiFacts, OperationFacts, UnbuiltFeature } from "../../model/checked-project.ts";
import type { CheckContext, Rule } from "./rule.ts";

/**
 * What this version cannot do. In `standard` each operation that needs it is an error here; in `wso2-3.2` lowering turns
 * it into a handler that answers 501, and says so.
 */
export const unbuiltFeatures: Rule = {
  codes: ["feature-not-built"],
  check(context) {
    for (const api of context.apis) {
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

function neededBy({ loaded }: CheckContext, api: ApiFacts, operation: OperationFacts): readonly UnbuiltFeature[] {
  const features = new Set<UnbuiltFeature>();
  if (api.protocol === "grpc") features.add("grpc");
  if ((operation.requestInterceptor ?? api.requestInterceptor) !== undefined) features.add("request-interceptor");
  if ((operation.responseInterceptor ?? api.responseInterceptor) !== undefined) features.add("response-interceptor");
  if (api.responseCache?.value === true) features.add("response-cache");
  if (loaded.extras.filters.length > 0) features.add("filter");
  return [...features].sort();
}
