import { at } from "../../diagnostics/place.ts";
import type { Rule } from "./rule.ts";

/** `stopOnQuota: false`: a limit that stops nobody, or, at levels that do not know it, two words without effect (T-POL-05). */
export const stopOnQuota: Rule = {
  codes: ["stop-on-quota-ignored", "tier-stops-nobody"],
  check({ policies, log }) {
    for (const level of ["resource", "application", "subscription"] as const) {
      for (const { name, stopOnQuota, ref } of policies[level].values()) {
        if (stopOnQuota) continue;
        // Public operations have a limit that stops, whoever calls them.
        const isSoft = level === "subscription" && name !== "Unauthenticated";
        const place = at({ file: ref.file, pointer: `${ref.pointer}/stopOnQuota` });
        log.report(isSoft ? "tier-stops-nobody" : "stop-on-quota-ignored", place, { tier: name });
      }
    }
  },
};
