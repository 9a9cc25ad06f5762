import { at } from "../../diagnostics/place.ts";
import type { Rule } from "./rule.ts";

/** More say little more: the rest is counted. */
const listedAtMost = 20;

/**
 * What the OpenAPI specification itself has against a definition. A place that another rule already named, or a member
 * of it, says no more; so this rule runs last.
 */
export const definitionFindings: Rule = {
  codes: ["openapi-invalid"],
  check({ loaded, log }) {
    const known = new Set(
      log.all().flatMap(({ place: { ref } }) => (ref.pointer === "" ? [] : [`${ref.file}#${ref.pointer}`])),
    );
    for (const { findings, root } of loaded.definitions) {
      const fresh = findings.filter(
        ({ ref: { file, pointer } }) =>
          !known.has(`${file}#${pointer}`) && !known.has(`${file}#${pointer.slice(0, pointer.lastIndexOf("/"))}`),
      );
      for (const { ref, message, target } of fresh.slice(0, listedAtMost))
        log.report("openapi-invalid", at(ref, target), { problem: message });
      const left = fresh.length - listedAtMost;
      if (left > 0) log.report("openapi-invalid", at(root.ref), { problem: `${left} more findings of this kind` });
    }
  },
};
