import { at } from "../../diagnostics/place.ts";
import type { ApiFacts, Fact, QuotaFact, TierFact } from "../../model/checked-project.ts";
import type { Rule } from "./rule.ts";

/**
 * Tiers of operations that never refuse a call, because the API's tier lets fewer through over every window: in `standard` both
 * are enforced.
 */
export const quotaArithmetic: Rule = {
  codes: ["tier-unreachable"],
  check({ apis, policies, compatibility, log }) {
    if (compatibility !== "standard") return;
    for (const api of apis) {
      const outer = api.tier && policies.resource.get(api.tier.value);
      if (api.tier === undefined || outer === undefined) continue;
      for (const [tier, uses] of tiersOfOperations(api)) {
        const inner = policies.resource.get(tier.value);
        const [first, ...more] = uses;
        if (inner === undefined || first === undefined) continue;
        for (const name of unreachable(inner, outer)) {
          const args = { tier: name, winner: outer.name, ...(more.length > 0 && { more: String(more.length) }) };
          log.report("tier-unreachable", at(tier.ref), args, [
            { place: at(api.tier.ref), label: "this one holds for all operations together" },
          ]);
        }
      }
    }
  },
};

/** Each tier by its first use, and who uses it. */
function tiersOfOperations({ operations }: ApiFacts): ReadonlyMap<Fact<string>, readonly string[]> {
  const byName = new Map<string, { readonly first: Fact<string>; readonly uses: string[] }>();
  for (const { tier, method, path } of operations) {
    if (tier === undefined) continue;
    const found = byName.get(tier.value) ?? { first: tier, uses: [] };
    byName.set(tier.value, found);
    found.uses.push(`${method} ${path}`);
  }
  return new Map([...byName.values()].map(({ first, uses }) => [first, uses]));
}

/** Names of what an operation's tier says in vain: itself, or else those of its groups that no call reaches. */
function unreachable(inner: TierFact, outer: TierFact): readonly string[] {
  const groups = (inner.groups ?? []).filter((group) => neverReached(group, quotasOf(outer)));
  const own = neverReached(inner, quotasOf(outer));
  if (own && groups.length === (inner.groups ?? []).length) return [inner.name];
  return groups.map(({ name }) => name);
}

/** Each of them has a count of its own: all together may pass. */
function quotasOf(tier: TierFact): readonly QuotaFact[] {
  return [tier, ...(tier.groups ?? [])];
}

function neverReached(inner: QuotaFact, outer: readonly QuotaFact[]): boolean {
  if (!outer.every((quota) => bounds(quota, inner))) return false;
  if (inner.burst === undefined) return sum(outer.map((quota) => mostIn(inner, quota))) <= inner.count;
  // A bucket never runs over when at no time more can flow in than it holds, and never faster than it empties.
  const burst = sum(outer.map((quota) => quota.burst ?? 2 * quota.count));
  return burst <= inner.burst && sum(outer.map(rate)) <= rate(inner);
}

/** Whether what `outer` lets through is at least what `inner` counts. */
function bounds(outer: QuotaFact, inner: QuotaFact): boolean {
  // Refused calls count, too: nothing bounds them.
  if (inner.counted === "all") return false;
  if (outer.counted === "bytes" || outer.counted === "success") return inner.counted === outer.counted;
  return inner.counted !== "bytes";
}

/** What `outer` lets through at most during one window of `inner`. */
function mostIn(inner: QuotaFact, outer: QuotaFact): number {
  if (outer.burst !== undefined) return outer.burst + Math.floor(rate(outer) * inner.windowMs);
  return outer.count * windowsIn(inner, outer);
}

/** Windows start at multiples of their unit (R-THR-07): aligned ones hold, or lie in, whole others; else one more is touched. */
function windowsIn(inner: QuotaFact, outer: QuotaFact): number {
  if (outer.unitMs % inner.windowMs === 0 && inner.unitMs === inner.windowMs) return 1;
  if (inner.unitMs % outer.windowMs === 0 && outer.unitMs === outer.windowMs) return inner.windowMs / outer.windowMs;
  return Math.ceil(inner.windowMs / outer.windowMs) + 1;
}

/** A millisecond. */
function rate({ count, windowMs }: QuotaFact): number {
  return count / windowMs;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
