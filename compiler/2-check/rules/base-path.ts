import { at } from "../../diagnostics/place.ts";
import type { ApiFacts } from "../../model/checked-project.ts";
import { firstSegment, ownPaths, servicesOf } from "./own-paths.ts";
import type { Rule } from "./rule.ts";

/** One base path in two definitions, compared as resolved (T-OAS-10, 11), or a base path of the gateway's own. */
export const basePath: Rule = {
  codes: ["base-path-duplicate", "base-path-reserved"],
  check({ apis, compatibility, loaded, log }) {
    const services = servicesOf(compatibility, loaded.settings.features);
    const seen = new Map<string, ApiFacts>();
    for (const api of apis) {
      const { value, ref } = api.basePath;
      const first = seen.get(value);
      if (first === undefined) seen.set(value, api);
      else {
        const related = [{ place: at(first.basePath.ref), label: "first used here" }];
        log.report("base-path-duplicate", at(ref), { basePath: value, other: first.file }, related);
      }
      if (ownPaths.includes(value) || [...services, "/health"].includes(firstSegment(value)))
        log.report("base-path-reserved", at(ref), { basePath: value });
    }
  },
};
