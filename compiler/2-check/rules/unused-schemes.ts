import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { ApiFacts, ApplicationSecurity, SchemeFact } from "../../model/checked-project.ts";
import { scopesOf } from "../read/schemes.ts";
import type { Rule } from "./rule.ts";

/** Of each scheme this many scopes are named. */
const namedAtMost = 5;

/** Security schemes and scopes that are declared and that nothing asks for. */
export const unusedSchemes: Rule = {
  codes: ["scope-unused", "security-scheme-unused"],
  check({ apis, log }) {
    for (const api of apis) {
      const used = usedScopes(api);
      const selected = selectedKinds(api);
      // A name that is not declared has been reported, and may mean any of them.
      const isUnsure = [...used.keys()].some((name) => !api.schemes.has(name));
      for (const [name, { ref, kind }] of api.schemes) {
        const scopes = used.get(name);
        if (scopes === undefined) {
          if (!isUnsure && !selected.has(kind)) log.report("security-scheme-unused", at(ref, "key"), { scheme: name });
          continue;
        }
        if (kind !== "oauth2") continue;
        const declared = new Set(scopesOf(api.root, name) ?? []);
        const idle = [...declared].filter((scope) => !scopes.has(scope)).sort();
        // One that is misspelt where it is asked for has been reported there.
        const isMisspelt = [...scopes].some((scope) => !declared.has(scope) && suggest(scope, idle) !== undefined);
        if (idle.length === 0 || isMisspelt) continue;
        const left = idle.length - namedAtMost;
        const shown = idle.slice(0, namedAtMost).map((scope) => `"${scope}"`);
        const text = left > 0 ? `${shown.join(", ")} and ${left} more` : shown.join(", ");
        log.report("scope-unused", at(ref, "key"), { scheme: name, scopes: text, count: String(idle.length) });
      }
    }
  },
};

/** By scheme, for those that some requirement names: the scopes that are asked for. */
function usedScopes(api: ApiFacts): ReadonlyMap<string, ReadonlySet<string>> {
  const used = new Map<string, Set<string>>();
  const whole = api.operations.flatMap(({ scope }) => scope?.value ?? []);
  for (const { requirements = [] } of [api.security, ...api.operations.map((operation) => operation.security)]) {
    for (const { name, scopes } of requirements.flatMap(({ schemes }) => schemes)) {
      const found = used.get(name) ?? new Set(whole);
      used.set(name, found);
      for (const scope of scopes) found.add(scope);
    }
  }
  return used;
}

const kinds: Readonly<Record<ApplicationSecurity["types"][number], SchemeFact["kind"]>> = {
  api_key: "api-key",
  basic_auth: "basic",
  oauth2: "oauth2",
};

/** What extensions ask for without naming a scheme. */
function selectedKinds(api: ApiFacts): ReadonlySet<SchemeFact["kind"]> {
  const levels = [api.security, ...api.operations.map((operation) => operation.security)];
  const types = levels.flatMap(({ application }) => application?.value.types ?? []);
  return new Set([
    ...types.map((type) => kinds[type]),
    ...(api.mutualSsl === undefined ? [] : ["mutual-tls" as const]),
  ]);
}
