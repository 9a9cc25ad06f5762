import type { GatewayModel, ThrottleTier } from "../../model/gateway-model.ts";
import type { SourceRef } from "../../model/source.ts";
import type { Findings } from "./findings.ts";
import { isEqual } from "./order.ts";
import { describeQuota, isAsStrict } from "./quota.ts";

type Table = "application" | "subscription";
type Side = Pick<GatewayModel, "callerTiers" | "compatibility">;

/** What the tiers mean that callers' tokens name (runtime-lib/throttle.ts). A name that no table has lets nothing pass. */
export function diffCallerTiers(base: Side, head: Side, findings: Findings): void {
  for (const table of ["application", "subscription"] as const) {
    const names = new Set([
      "Default",
      "Unlimited",
      ...[...base.callerTiers[table], ...head.callerTiers[table]].map(({ name }) => name),
    ]);
    for (const name of [...names].sort()) diffTier(table, name, base, head, findings);
  }
}

/** A tier, none at all, or one that refuses everything. */
type Meaning = ThrottleTier | "unlimited" | "refused";

function meaningOf({ callerTiers, compatibility }: Side, table: Table, name: string): Meaning {
  const mayBeUnlimited = table === "application" || callerTiers.unlimited !== false;
  if (mayBeUnlimited && name === "Unlimited") return "unlimited";
  const found = callerTiers[table].find((tier) => tier.name === name);
  if (found !== undefined) return found;
  return compatibility === "standard" && mayBeUnlimited && name === "Default" ? "unlimited" : "refused";
}

function withoutOrigin(meaning: Meaning): unknown {
  if (typeof meaning === "string") return meaning;
  const { origin: _place, ...tier } = meaning;
  return tier;
}

function originOf(meaning: Meaning): SourceRef | undefined {
  return typeof meaning === "string" ? undefined : meaning.origin;
}

function diffTier(table: Table, name: string, base: Side, head: Side, findings: Findings): void {
  const [before, after] = [meaningOf(base, table, name), meaningOf(head, table, name)];
  if (isEqual(withoutOrigin(before), withoutOrigin(after))) return;
  const facts = {
    before: `${name}: ${describe(before)}`,
    after: `${name}: ${describe(after)}`,
    step: "throttle",
    base: originOf(before),
    head: originOf(after),
  } as const;
  const whose = name === "Default" ? `${table}s that name no tier or Default` : `${table}s with the tier ${name}`;
  if (before === "refused") {
    const message = `${whose} may call now: ${describe(after)}; before, they were refused`;
    return findings.add("caller-tier-added", { ...facts, message });
  }
  if (after === "refused") {
    const message = `${whose} are refused now: no such tier is defined`;
    return findings.add("caller-tier-removed", { ...facts, message });
  }
  const [isLooser, isTighter] = [!isMeaningAsStrict(after, before, table), !isMeaningAsStrict(before, after, table)];
  const how = `${describe(after)} instead of ${describe(before)}`;
  const both = isLooser && isTighter;
  if (isLooser)
    findings.add("caller-tier-raised", {
      ...facts,
      message: `${whose} may call more often${both ? " in some time" : ""}: ${how}`,
    });
  if (isTighter)
    findings.add("caller-tier-lowered", {
      ...facts,
      message: `${whose} may call less often${both ? " in some time" : ""}: ${how}`,
    });
  if (!isLooser && !isTighter)
    findings.add("caller-tier-reworded", {
      ...facts,
      message: `the tier ${name} of ${table}s is written otherwise; it limits as before`,
    });
}

/** One count for all users of an application holds those of each; subscriptions may go on beyond their quota (R-THR-17). */
function isMeaningAsStrict(strict: Meaning, lax: Meaning, table: Table): boolean {
  if (strict === "refused" || lax === "unlimited") return true;
  if (strict === "unlimited" || lax === "refused") return false;
  if (table === "subscription" && !lax.stopOnQuota) return true;
  if (table === "subscription" && !strict.stopOnQuota) return false;
  if (table === "application" && strict.key !== "app" && lax.key === "app") return false;
  return isAsStrict(strict, lax);
}

function describe(meaning: Meaning): string {
  if (typeof meaning === "string") return meaning === "refused" ? "refused" : "no limit";
  const users = meaning.key === "app" ? " for all users together" : "";
  return `${describeQuota(meaning)}${users}${meaning.stopOnQuota ? "" : ", not enforced"}`;
}
