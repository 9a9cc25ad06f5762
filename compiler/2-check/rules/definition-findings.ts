import { at } from "../../diagnostics/place.ts";
import type { Rule } from "./rule.ts";

/** More say little more: the rest is counted. */
const listedAtMost = 20;

/**
 * What the OpenAPI specification itself has against a definition. A place that another rule already named says no more;
 * so this rule runs last.
 */
export const definitionFindings: Rule = {
  codes: ["openapi-invalid"],
  check({ loaded, log }) {
    const known = new Set(log.all().map(({ place }) => `${place.ref.file}#${place.ref.pointer}`));
    for (const { findings, root } of loaded.definitions) {
      const fresh = findings.filter(({ ref }) => !known.has(`${ref.file}#${ref.pointer}`));
      for (const { ref, message } of fresh.slice(0, listedAtMost))
        log.report("openapi-invalid", at(ref), { problem: message });
      const left = fresh.length - listedAtMost;
      if (left > 0) log.report("openapi-invalid", at(root.ref), { problem: `${left} more findings of this kind` });
    }
  },
};
