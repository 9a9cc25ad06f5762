import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { ApiFacts, Fact, OperationFacts } from "../../model/checked-project.ts";
import { isMap, keysOf } from "../read/values.ts";
import type { Rule } from "./rule.ts";

/** Tiers that policies.yaml does not define (T-POL-09..11), and operation tiers that the API's replaces (T-POL-08). */
export const tiers: Rule = {
  codes: [
    "default-tier-missing",
    "deny-api-unknown",
    "throttling-tier-unknown",
    "tier-shadowed",
    "unauthenticated-tier-missing",
    "unlimited-forbidden",
  ],
  check({ apis, loaded, policies, compatibility, log }) {
    const written = loaded.policies?.get("resourcePolicies")?.items() ?? [];
    // A tier that is there with a mistake, or in a file that is none, has been reported where it stands.
    const unread = new Set(
      written.flatMap((item): readonly unknown[] => (isMap(item.value) ? keysOf(item) : [item.value])),
    );
    const broken = loaded.policies === undefined && log.all().some(({ place }) => place.ref.file === "policies.yaml");
    const judge = (tier: Fact<string> | undefined): void => {
      if (tier?.value === "Unlimited" && policies.forbidUnlimited !== undefined) {
        const related = [{ place: at(policies.forbidUnlimited.ref), label: "forbidden here" }];
        const hint = "name a tier of resourcePolicies";
        log.report("unlimited-forbidden", at(tier.ref), { problem: "the tier is Unlimited", hint }, related);
      }
      if (tier === undefined || tier.value === "Unlimited" || policies.resource.has(tier.value)) return;
      if (broken || unread.has(tier.value)) return;
      const suggestion = suggest(tier.value, [...policies.resource.keys(), "Unlimited"]);
      const meant = suggestion === undefined ? undefined : policies.resource.get(suggestion);
      const related = meant?.ref.pointer
        ? [{ place: at(meant.ref, "key"), label: `"${meant.name}" is defined here` }]
        : [];
      log.report(
        "throttling-tier-unknown",
        at(tier.ref),
        { tier: tier.value, ...(suggestion && { suggestion }) },
        related,
      );
    };
    const file = loaded.policies?.ref;
    if (compatibility === "wso2-3.2" && file !== undefined && !policies.subscription.has("Default")) {
      const secured = apis.some((api) => api.operations.some((operation) => !isOpened(api, operation)));
      if (secured) log.report("default-tier-missing", at(file, "missing"), {});
    }
    for (const fact of policies.deny) {
      if (fact.kind !== "api") continue;
      for (const { value, ref } of fact.names) {
        const paths = apis.map(({ basePath }) => basePath.value);
        if (paths.includes(value)) continue;
        const suggestion = suggest(value, paths);
        log.report("deny-api-unknown", at(ref), { basePath: value, ...(suggestion && { suggestion }) });
      }
    }
    for (const api of apis) {
      judge(api.tier);
      const open = api.operations.find((operation) => isOpened(api, operation));
      if (compatibility === "wso2-3.2" && open !== undefined && !policies.subscription.has("Unauthenticated")) {
        log.report("unauthenticated-tier-missing", at(open.origin, "key"), {
          operation: `${open.method} ${open.path}`,
        });
      }
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

/** Opened by an extension (T-EXT-10, T-EXT-11): nothing else opens an operation in `wso2-3.2` (T-SEC-04). */
function isOpened(api: ApiFacts, { security, authTypeNone, calls }: OperationFacts): boolean {
  const kind = calls.caller ?? (authTypeNone === undefined ? api.calls.caller : undefined);
  const opened = kind === undefined ? authTypeNone !== undefined : kind.value === "none";
  return (security.disable ?? api.security.disable)?.value ?? opened;
}
