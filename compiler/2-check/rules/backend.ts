import { at } from "../../diagnostics/place.ts";
import type { ApiFacts, OperationFacts } from "../../model/checked-project.ts";
import { isStated } from "../read/values.ts";
import type { Rule } from "./rule.ts";

const keys = ["x-wso2-production-endpoints", "x-wso2-sandbox-endpoints"];

/** More say little more: the last one listed counts the rest. */
const listedAtMost = 5;

/** An operation whose requests could go nowhere (T-OAS-26). */
export const backend: Rule = {
  codes: ["backend-missing"],
  check({ apis, log }) {
    // Where servers were refused, that has been said, and says it better.
    const refused = new Set(
      log.all().flatMap(({ code, place }) => (code === "server-url-invalid" ? [place.ref.file] : [])),
    );
    for (const api of apis) {
      // Until gRPC is built nothing of a service is forwarded.
      if (api.protocol === "grpc" || hasBackend(api) || refused.has(api.file)) continue;
      const lacking = api.operations.filter((operation) => !hasBackend(operation));
      const left = lacking.length - listedAtMost;
      for (const [index, { method, path, origin }] of lacking.slice(0, listedAtMost).entries()) {
        const more = left > 0 && index === listedAtMost - 1 ? { more: String(left) } : {};
        log.report("backend-missing", at(origin, "key"), { operation: `${method} ${path}`, ...more });
      }
    }
  },
};

/** Also an endpoint that could not be read counts: its mistake has been reported. */
function hasBackend(level: ApiFacts | OperationFacts): boolean {
  const node = "root" in level ? level.root : level.node;
  return level.servers.length > 0 || keys.some((key) => isStated(node, key));
}
