import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import { isOriginalTier } from "../read/policies.ts";
import type { Rule } from "./rule.ts";

/** Tiers of resourcePolicies that no definition names. Those that every new project gets may stay, and so may presets. */
export const unusedTiers: Rule = {
  codes: ["tier-unused"],
  check({ apis, policies, log }) {
    // A definition with errors may name them where nobody could read it.
    if (log.hasErrors) return;
    const named = new Set(
      apis.flatMap(({ tier, operations }) => [tier?.value, ...operations.map((operation) => operation.tier?.value)]),
    );
    const unknown = [...named].filter(
      (name) => name !== undefined && !policies.resource.has(name),
    ) as readonly string[];
    for (const tier of policies.resource.values()) {
      const isWritten = tier.ref.pointer.startsWith("/resourcePolicies/");
      if (!isWritten || named.has(tier.name) || isOriginalTier(tier)) continue;
      // One that is misspelt where it is named has been reported there.
      if (suggest(tier.name, unknown) !== undefined) continue;
      log.report("tier-unused", at(tier.ref, "key"), { tier: tier.name });
    }
  },
};
