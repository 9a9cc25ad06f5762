import { at } from "../../diagnostics/place.ts";
import type { ApiFacts, EndpointPair } from "../../model/checked-project.ts";
import type { SourceRef } from "../../model/source.ts";
import { keysOf } from "../read/values.ts";
import type { Rule } from "./rule.ts";

const environments = ["production", "sandbox"] as const;

/** Entries of `x-wso2-endpoints` that nothing refers to, and endpoints of an API that each operation replaces. */
export const unusedEndpoints: Rule = {
  codes: ["endpoint-unused"],
  check({ apis, log }) {
    // A reference with a mistake may mean one of them.
    if (log.hasErrors) return;
    for (const api of apis) {
      const own = api.operations.map(({ endpoints }) => endpoints);
      const used = new Set([api.endpoints, ...own].flatMap(refsOf).map(keyOf));
      for (const item of api.root.get("x-wso2-endpoints")?.items() ?? []) {
        for (const name of keysOf(item)) {
          const entry = item.get(name);
          if (entry === undefined || used.has(keyOf(entry.ref))) continue;
          log.report("endpoint-unused", at(entry.ref, "key"), {
            what: `the endpoint "${name}" is never used`,
            hint: `refer to it: x-wso2-production-endpoints: "#/x-wso2-endpoints/${name}"`,
          });
        }
      }
      for (const environment of environments) reportReplaced(api, environment);
    }

    function reportReplaced(api: ApiFacts, environment: (typeof environments)[number]): void {
      const shared = api.endpoints[environment];
      if (shared === undefined || api.operations.length === 0) return;
      const isReplaced = api.operations.every(
        ({ endpoints, servers }) =>
          endpoints[environment] !== undefined || (environment === "production" && servers.length > 0),
      );
      if (!isReplaced) return;
      const key = `x-wso2-${environment}-endpoints`;
      log.report("endpoint-unused", at(api.root.raw(key)?.ref ?? shared.ref, "key"), {
        what: `${key} of the API is never used: each operation has its own`,
        hint: "remove it, or those of the operations",
      });
    }
  },
};

function refsOf({ production, sandbox }: EndpointPair): readonly SourceRef[] {
  return [production, sandbox].flatMap((endpoint) => (endpoint === undefined ? [] : [endpoint.ref]));
}

function keyOf({ file, pointer }: SourceRef): string {
  return `${file}#${pointer}`;
}
