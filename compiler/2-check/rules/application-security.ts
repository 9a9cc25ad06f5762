import { at } from "../../diagnostics/place.ts";
import type { Rule } from "./rule.ts";

/** `optional: true` without mandatory mutual TLS would let everyone in (T-SEC-07). */
export const applicationSecurity: Rule = {
  codes: ["application-security-optional"],
  check({ apis, log }) {
    for (const api of apis) {
      if (api.mutualSsl?.value === "mandatory") continue;
      for (const { application } of [api.security, ...api.operations.map((operation) => operation.security)]) {
        if (application?.value.optional === true)
          log.report("application-security-optional", at(application.ref, "key"), {});
      }
    }
  },
};
