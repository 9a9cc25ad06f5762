import { at } from "../../diagnostics/place.ts";
import type { ApiFacts, OperationFacts } from "../../model/checked-project.ts";
import type { Rule } from "./rule.ts";

const keys = ["x-wso2-production-endpoints", "x-wso2-sandbox-endpoints"];

/** An operation whose requests could go nowhere (T-OAS-26). */
export const backend: Rule = {
  codes: ["backend-missing"],
  check({ apis, log }) {
    for (const api of apis) {
      if (statesEndpoint(api) || api.servers.length > 0) continue;
      const lacking = api.operations.filter(
        (operation) => !statesEndpoint(operation) && operation.servers.length === 0,
      );
      const [first] = lacking;
      // Servers that were refused have been reported already.
      if (
        first === undefined ||
        (log.hasErrors &&
          log.all().some((found) => found.code === "server-url-invalid" && found.place.ref.file === api.file))
      )
        continue;
      const listed = lacking.slice(0, 5);
      for (const operation of listed) {
        log.report("backend-missing", at(operation.origin, "key"), {
          operation: `${operation.method} ${operation.path}`,
          ...(operation === listed.at(-1) &&
            lacking.length > listed.length && { more: String(lacking.length - listed.length) }),
        });
      }
    }
  },
};

/** Also an endpoint that could not be read counts: its mistake has been reported. */
function statesEndpoint(level: ApiFacts | OperationFacts): boolean {
  const node = "root" in level ? level.root : level.node;
  return keys.some((key) => node.get(key) !== undefined);
}
