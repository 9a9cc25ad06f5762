import type { DomainRule } from "../../model/checked-project.ts";
import type { OperationModel } from "../../model/gateway-model.ts";
import type { FindingFacts, Findings } from "./findings.ts";
import { isEqual, listed, setDifference } from "./order.ts";

/** From where calls may come, as they say themselves (K-15). */
export function diffDomains(base: OperationModel, head: OperationModel, findings: Findings): void {
  const [before, after] = [base.domains?.rule, head.domains?.rule];
  if (isEqual(before, after)) return;
  const facts: Omit<FindingFacts, "message"> = {
    before: describe(before),
    after: describe(after),
    base: base.domains?.origin,
    head: head.domains?.origin,
    step: "require-domain",
  };
  if (before === undefined) {
    return findings.add("domains-required", {
      ...facts,
      message: `calls must say now that they come from ${describe(after)}`,
    });
  }
  if (after === undefined) {
    return findings.add("domains-dropped", { ...facts, message: "calls need not say any more where they come from" });
  }
  const isOtherField = before.header.toLowerCase() !== after.header.toLowerCase();
  if (isOtherField || "claim" in before || "claim" in after) {
    const isSame = !isOtherField && "claim" in before && "claim" in after && before.claim === after.claim;
    const isWords = isSame || (!isOtherField && isEqual(lowered(before), lowered(after)));
    const code = isWords ? "domains-reworded" : "domains-other-rule";
    return findings.add(code, {
      ...facts,
      message: `where calls must come from is ${isWords ? "written" : "decided"} otherwise`,
    });
  }
  const covers = (domains: readonly string[], domain: string) => domains.some((one) => includes(one, domain));
  const [old, now] = [before.values.map(lower), after.values.map(lower)];
  const added = now.filter((domain) => !covers(old, domain));
  const removed = old.filter((domain) => !covers(now, domain));
  if (added.length > 0)
    findings.add("domains-widened", { ...facts, message: `calls may come from ${listed(added)} too now` });
  if (removed.length > 0)
    findings.add("domains-narrowed", { ...facts, message: `calls may no longer come from ${listed(removed)}` });
  if (added.length + removed.length > 0) return;
  const difference = setDifference(old, now);
  const message =
    difference.added.length + difference.removed.length > 0
      ? "the domains are listed otherwise"
      : "the domains are spelt otherwise";
  findings.add("domains-reworded", { ...facts, message });
}

function lower(text: string): string {
  return text.toLowerCase();
}

function lowered(rule: DomainRule): unknown {
  return "claim" in rule ? rule : { header: lower(rule.header), values: rule.values.map(lower) };
}

/** `*.shop.test` stands for all below it. */
function includes(rule: string, domain: string): boolean {
  return rule === domain || (rule.startsWith("*.") && domain.endsWith(rule.slice(1)));
}

function describe(rule: DomainRule | undefined): string {
  if (rule === undefined) return "anywhere";
  const what = "claim" in rule ? `a domain of the caller's claim ${rule.claim}` : listed(rule.values, "or");
  return `${what} (${rule.header})`;
}
