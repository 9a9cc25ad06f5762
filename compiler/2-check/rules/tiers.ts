import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { Fact } from "../../model/checked-project.ts";
import type { Rule } from "./rule.ts";

/** Tiers that policies.yaml does not define (T-POL-09), and operation tiers that the API's replaces (T-POL-08). */
export const tiers: Rule = {
  codes: ["throttling-tier-unknown", "tier-shadowed"],
  check({ apis, policies, compatibility, log }) {
    const judge = (tier: Fact<string> | undefined): void => {
      if (tier === undefined || tier.value === "Unlimited" || policies.resource.has(tier.value)) return;
      const suggestion = suggest(tier.value, [...policies.resource.keys(), "Unlimited"]);
      log.report("throttling-tier-unknown", at(tier.ref), { tier: tier.value, ...(suggestion && { suggestion }) });
    };
    for (const api of apis) {
      judge(api.tier);
      for (const { tier } of api.operations) {
        if (tier === undefined) continue;
        if (api.tier === undefined || compatibility === "standard") judge(tier);
        else {
          const related = [{ place: at(api.tier.ref), label: "this one applies to all operations" }];
          log.report("tier-shadowed", at(tier.ref), { tier: tier.value, winner: api.tier.value }, related);
        }
      }
    }
  },
};
