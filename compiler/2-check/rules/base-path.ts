import { at } from "../../diagnostics/place.ts";
import type { ApiFacts } from "../../model/checked-project.ts";
import { type Compatibility, type FeatureName, servicePaths } from "../../model/names.ts";
import type { Rule } from "./rule.ts";

/** T-OAS-12: paths that every gateway answers itself. */
const own = ["/health", "/livez", "/readyz"];

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
      if (own.includes(value) || services.includes(firstSegment(value)))
        log.report("base-path-reserved", at(ref), { basePath: value });
    }
  },
};

/** Paths of the features that can be switched on. */
export function servicesOf(compatibility: Compatibility, features: readonly FeatureName[]): readonly string[] {
  const there = servicePaths.filter(([, feature]) => compatibility === "wso2-3.2" || features.includes(feature));
  return there.map(([path]) => path);
}

/** `/token` of `/token/v1`. */
export function firstSegment(path: string): string {
  return `/${path.split("/", 2)[1] ?? ""}`;
}
