import { at } from "../../diagnostics/place.ts";
import type { ApiFacts } from "../../model/checked-project.ts";
import type { Rule } from "./rule.ts";

/** T-OAS-12: paths that the gateway answers itself, and those of the key manager that it may stand in for. */
const own = ["/health", "/livez", "/readyz"];
const keyManager = ["/token", "/revoke", "/authorize", "/userinfo", "/apikey"];

/** One base path in two definitions, compared as resolved (T-OAS-10, 11), or a base path of the gateway's own. */
export const basePath: Rule = {
  codes: ["base-path-duplicate", "base-path-reserved"],
  check({ apis, compatibility, log }) {
    const reserved = compatibility === "standard" ? own : [...own, ...keyManager];
    const seen = new Map<string, ApiFacts>();
    for (const api of apis) {
      const { value, ref } = api.basePath;
      const first = seen.get(value);
      if (first === undefined) seen.set(value, api);
      else {
        const related = [{ place: at(first.basePath.ref), label: "first used here" }];
        log.report("base-path-duplicate", at(ref), { basePath: value, other: first.file }, related);
      }
      if (reserved.includes(value)) log.report("base-path-reserved", at(ref), { basePath: value });
    }
  },
};
