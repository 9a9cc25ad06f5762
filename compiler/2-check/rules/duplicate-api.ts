import { at } from "../../diagnostics/place.ts";
import type { ApiFacts } from "../../model/checked-project.ts";
import type { Rule } from "./rule.ts";

/** Two definitions with one title and version (T-OAS-05). */
export const duplicateApi: Rule = {
  codes: ["api-duplicate"],
  check({ apis, log }) {
    const seen = new Map<string, ApiFacts>();
    for (const api of apis) {
      if (api.title.value === "") continue;
      const key = `${api.title.value}\0${api.version.value}`;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, api);
      else {
        const args = { title: api.title.value, version: api.version.value, other: first.file };
        log.report("api-duplicate", at(api.title.ref), args, [
          { place: at(first.title.ref), label: "first defined here" },
        ]);
      }
    }
  },
};
