import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { ApiFacts, SecurityFacts } from "../../model/checked-project.ts";
import type { SourceRef } from "../../model/source.ts";
import { malformedKey, scopesOf } from "../read/schemes.ts";
import { unreadable } from "../read/security.ts";
import type { CheckContext, Rule } from "./rule.ts";

/** Schemes and scopes that `security` names and the definition does not declare, and schemes of an unknown kind. */
export const securitySchemes: Rule = {
  codes: ["api-key-in-cookie", "security-scheme-undeclared", "security-scheme-unsupported", "scope-undeclared"],
  check(context) {
    for (const api of context.apis) {
      const scopes = new Map([...api.schemes.keys()].map((name) => [name, scopesOf(api.root, name)]));
      const reported = new Set<string>();
      for (const level of [api.security, ...api.operations.map((operation) => operation.security)]) {
        checkLevel(context, api, level, scopes, reported);
      }
    }
  },
};

function checkLevel(
  context: CheckContext,
  api: ApiFacts,
  level: SecurityFacts,
  declared: ReadonlyMap<string, readonly string[] | undefined>,
  reported: Set<string>,
): void {
  for (const { ref, schemes } of level.requirements ?? []) {
    for (const { name, scopes } of schemes) {
      // Each scheme once for each definition: the first use says enough. What could not be read was reported then.
      if (name !== unreadable && once(reported, `scheme ${name}`)) checkScheme(context, api, name, ref);
      const known = declared.get(name);
      if (known === undefined) continue;
      for (const scope of scopes) {
        if (known.includes(scope) || !once(reported, `scope ${name}\0${scope}`)) continue;
        const suggestion = suggest(scope, known);
        context.log.report("scope-undeclared", at(ref), { scope, scheme: name, ...(suggestion && { suggestion }) });
      }
    }
  }
}

function checkScheme({ compatibility, log }: CheckContext, api: ApiFacts, name: string, ref: SourceRef): void {
  const scheme = api.schemes.get(name);
  if (scheme === undefined) {
    const suggestion = suggest(name, api.schemes.keys());
    log.report("security-scheme-undeclared", at(ref), { scheme: name, ...(suggestion && { suggestion }) });
    return;
  }
  const related = [{ place: at(scheme.ref), label: "declared here" }];
  if (scheme.kind === "unknown" && scheme.what !== malformedKey) {
    log.report("security-scheme-unsupported", at(ref), { scheme: name, what: scheme.what }, related);
  }
  // `standard` takes keys in cookies, and asks for client certificates.
  if (compatibility === "standard") return;
  // The original does not know this scheme: `x-wso2-mutual-ssl` is what asks for certificates (S-SEL-01).
  if (scheme.kind === "mutual-tls") {
    log.report("security-scheme-unsupported", at(ref), { scheme: name, what: "mutualTLS" }, related);
  }
  if (scheme.kind === "api-key" && scheme.in === "cookie")
    log.report("api-key-in-cookie", at(ref), { scheme: name }, related);
}

function once(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}
