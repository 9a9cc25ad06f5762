import type { ApiModel, OperationModel, ThrottleTier, TierUse } from "../../model/gateway-model.ts";
import type { ChangeCode } from "./catalogue.ts";
import { describeCondition } from "./deny.ts";
import type { FindingFacts, Findings } from "./findings.ts";
import { isEqual } from "./order.ts";
import { describeQuota, isAsStrict, nothing, type Quota } from "./quota.ts";

type Level = "api" | "resource" | "unauthenticated";

/** Which requests share a count: in that of an API are those of each of its operations, and of each client address. */
const levels: readonly (readonly [level: Level, holdsAll: readonly Level[], name: string])[] = [
  ["api", ["api", "resource", "unauthenticated"], "all operations of the API together"],
  ["resource", ["resource"], "the operation"],
  ["unauthenticated", ["unauthenticated"], "each client address without credentials"],
];

/** How often an operation may be called: by the tiers of its API, of itself, and of callers without credentials. */
export function diffLimits(
  base: OperationModel,
  head: OperationModel,
  { apiLimit: ofBase }: ApiModel,
  { apiLimit: ofHead }: ApiModel,
  findings: Findings,
): void {
  diffCallerLimits(base, head, findings);
  const isPublic = base.access.kind === "public" && head.access.kind === "public";
  const before = tiersOf(base, ofBase, isPublic);
  const after = tiersOf(head, ofHead, isPublic);
  const [allBefore, allAfter] = [before, after].map((uses) =>
    [...uses].map(([level, use]) => [level, withoutOrigin(use)]),
  );
  if (isEqual(allBefore, allAfter)) return;
  const isKept = (level: Level, use: TierUse, others: ReadonlyMap<Level, TierUse>) =>
    levels.some(([other, holdsAll]) => {
      const found = others.get(other);
      return found !== undefined && holdsAll.includes(level) && isUseAsStrict(found, use, other === level);
    });
  for (const [level, , name] of levels) {
    const [old, now] = [before.get(level), after.get(level)];
    if (isEqual(withoutOrigin(old), withoutOrigin(now))) continue;
    const facts: Omit<FindingFacts, "message"> = {
      before: describeUse(old),
      after: describeUse(now),
      ...placesOf(old, now),
      step: now?.kind === "undefined" ? "policy-missing" : "throttle",
    };
    const isLooser = old !== undefined && !isKept(level, old, after);
    const isTighter = now !== undefined && !isKept(level, now, before);
    for (const [code, message] of verdicts(old, now, isLooser, isTighter, name))
      findings.add(code, { ...facts, message });
  }
}

function withoutOrigin(use: TierUse | undefined): unknown {
  if (use === undefined) return undefined;
  if (use.kind === "undefined") return use.name;
  const { symbol: _generated, origin: _place, ...tier } = use.tier;
  return tier;
}

/** The tiers, where it is they that were changed; else the operation or the API, which asks for another tier. */
function placesOf(old: TierUse | undefined, now: TierUse | undefined): Pick<FindingFacts, "base" | "head"> {
  if (old?.kind === "tier" && now?.kind === "tier" && old.tier.name === now.tier.name)
    return { base: old.tier.origin, head: now.tier.origin };
  return {
    ...(old?.kind === "undefined" && { base: old.origin }),
    ...(now?.kind === "undefined" && { head: now.origin }),
  };
}

function tiersOf(
  { throttle }: OperationModel,
  api: TierUse | undefined,
  isPublic: boolean,
): ReadonlyMap<Level, TierUse> {
  const found = new Map<Level, TierUse>();
  if (api !== undefined) found.set("api", api);
  if (throttle.resource !== undefined) found.set("resource", throttle.resource);
  // Where one side is not public, callers without credentials are refused there anyway.
  if (isPublic && throttle.unauthenticated !== undefined) found.set("unauthenticated", throttle.unauthenticated);
  return found;
}

function verdicts(
  old: TierUse | undefined,
  now: TierUse | undefined,
  isLooser: boolean,
  isTighter: boolean,
  name: string,
): readonly (readonly [code: ChangeCode, message: string])[] {
  const [before, after] = [describeUse(old), describeUse(now)];
  if (now === undefined) {
    if (!isLooser) return [["limit-reworded", `a tier for ${name} is gone; another one is as strict`]];
    if (old?.kind === "undefined")
      return [["tier-now-defined", `calls are no longer refused for the tier ${old.name}, which is not defined`]];
    return [["limit-removed", `there is no limit any more for ${name}; it was ${before}`]];
  }
  if (old === undefined) {
    if (!isTighter) return [["limit-reworded", `there is a tier more for ${name}; another one is as strict`]];
    if (now.kind === "undefined")
      return [["tier-now-undefined", `every call is refused: the tier ${now.name} is not defined`]];
    return [["limit-added", `there is a limit now for ${name}: ${after}`]];
  }
  if (now.kind === "undefined" && isTighter)
    return [["tier-now-undefined", `every call is refused: the tier ${now.name} is not defined`]];
  if (old.kind === "undefined" && isLooser)
    return [["tier-now-defined", `calls are no longer all refused: the tier of ${name} is defined as ${after}`]];
  if (isLooser && isTighter) {
    if (old.kind === "tier" && now.kind === "tier" && haveOtherGroups(old.tier, now.tier))
      return [
        ["limit-other-kind", `other requests have a limit of their own for ${name}: ${after} instead of ${before}`],
      ];
    return [
      ["limit-raised", `more may pass in some time for ${name}: ${after} instead of ${before}`],
      ["limit-lowered", `less may pass in some time for ${name}: ${after} instead of ${before}`],
    ];
  }
  if (isLooser) return [["limit-raised", `the limit for ${name} is raised: ${after} instead of ${before}`]];
  if (isTighter) return [["limit-lowered", `the limit for ${name} is lowered: ${after} instead of ${before}`]];
  return [["limit-reworded", `the tier for ${name} is written otherwise; it limits as before`]];
}

/** Conditions of both choose a quota, and not the same: which requests meet which cannot be told in general. */
function haveOtherGroups({ groups: old }: ThrottleTier, { groups: now }: ThrottleTier): boolean {
  return (
    old !== undefined &&
    now !== undefined &&
    !isEqual(
      old.map(({ when }) => when),
      now.map(({ when }) => when),
    )
  );
}

/** Whether the first lets nothing pass that the second refuses. `isSameCount`: the same requests share a count. */
function isUseAsStrict(strict: TierUse, lax: TierUse, isSameCount: boolean): boolean {
  if (strict.kind === "undefined") return true;
  if (lax.kind === "undefined")
    return isTierAsStrict(strict.tier, { ...strict.tier, ...nothing, groups: undefined }, isSameCount);
  return isTierAsStrict(strict.tier, lax.tier, isSameCount);
}

type Quotas = Quota & { readonly groups?: ThrottleTier["groups"] | undefined };

/**
 * Each group has a count of its own, so that together they let more pass. One count for all is at least as strict as one for each group, if its quota is; otherwise
 * the same groups are compared one by one.
 */
function isTierAsStrict(strict: Quotas, lax: Quotas, isSameCount: boolean): boolean {
  if (strict.groups === undefined) return [lax, ...(lax.groups ?? [])].every((quota) => isAsStrict(strict, quota));
  const [of, others] = [strict.groups, lax.groups ?? []];
  if ([strict, ...of].every(({ count }) => count === 0)) return true;
  if (!isSameCount || of.length !== others.length) return false;
  return (
    isAsStrict(strict, lax) &&
    of.every((group, index) => {
      const other = others[index];
      return other !== undefined && isEqual(group.when, other.when) && isAsStrict(group, other);
    })
  );
}

/** Callers' own tiers are looked up. Between a public operation and one that is not, the access says it all. */
function diffCallerLimits(base: OperationModel, head: OperationModel, findings: Findings): void {
  const [before, after] = [base.throttle.fromCaller, head.throttle.fromCaller];
  if (before === after || base.access.kind !== head.access.kind) return;
  const facts = { before: String(before), after: String(after), step: "throttle" } as const;
  if (after)
    findings.add("caller-limits-added", {
      ...facts,
      message: "the tiers of callers' subscriptions and applications limit it now",
    });
  else
    findings.add("caller-limits-removed", {
      ...facts,
      message: "the tiers of callers' subscriptions and applications no longer limit it",
    });
}

/** `Bronze: 10 requests a minute`; an absent tier: `no limit`. */
export function describeUse(use: TierUse | undefined): string {
  if (use === undefined) return "no limit";
  if (use.kind === "undefined") return `${use.name}, which is not defined`;
  const { name, groups = [] } = use.tier;
  const texts = groups.map((group) => `${describeQuota(group)} if ${group.when.map(describeCondition).join(" and ")}`);
  return `${name}: ${[describeQuota(use.tier), ...texts].join("; ")}`;
}
