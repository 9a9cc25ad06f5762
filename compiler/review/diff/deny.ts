import type { Condition, GatewayModel } from "../../model/gateway-model.ts";
import { type AddressSet, addressSet, everyAddress, union, without } from "./address-set.ts";
import type { Findings } from "./findings.ts";
import { isEqual, listed, setDifference } from "./order.ts";

/** Who is refused everywhere. */
export function diffDeny(base: Pick<GatewayModel, "deny">, head: Pick<GatewayModel, "deny">, findings: Findings): void {
  const before: readonly Condition[] = base.deny ?? [];
  const after: readonly Condition[] = head.deny ?? [];
  if (isEqual(before, after)) return;
  const facts = { before: describeAll(before), after: describeAll(after), step: "deny" } as const;
  let found = false;
  const add = (code: "deny-added" | "deny-removed", message: string) => {
    found = true;
    findings.add(code, { ...facts, message });
  };
  for (const kind of ["user", "application"] as const) {
    const { added, removed } = setDifference(namesOf(before, kind), namesOf(after, kind));
    const plural = (names: readonly string[]) => `the ${kind}${names.length === 1 ? "" : "s"} ${listed(names)}`;
    if (added.length > 0) add("deny-added", `${plural(added)} ${verb(added)} refused now`);
    if (removed.length > 0) add("deny-removed", `${plural(removed)} ${verb(removed)} no longer refused`);
  }
  const [old, now] = [addressesOf(before), addressesOf(after)];
  const texts = setDifference(before.flatMap(describe), after.flatMap(describe));
  const named = (list: readonly string[]) => (list.length === 0 ? "some" : listed(list));
  if (without(now, old).length > 0)
    add("deny-added", `requests from ${named(texts.added)} are refused now that were not`);
  if (without(old, now).length > 0)
    add("deny-removed", `requests from ${named(texts.removed)} are no longer all refused`);
  const other = setDifference(keysOf(before), keysOf(after));
  if (other.added.length + other.removed.length > 0) {
    found = true;
    findings.add("deny-other-conditions", { ...facts, message: "other requests are refused by their fields" });
  }
  if (!found)
    findings.add("deny-reworded", { ...facts, message: "who is refused is listed otherwise; it is the same" });
}

function verb(names: readonly string[]): string {
  return names.length === 1 ? "is" : "are";
}

function namesOf(conditions: readonly Condition[], kind: "user" | "application"): readonly string[] {
  return conditions.flatMap((condition) => (condition.kind === kind ? condition.names : []));
}

function addressesOf(conditions: readonly Condition[]): AddressSet {
  return union(
    conditions.flatMap((condition) => {
      if (condition.kind !== "address") return [];
      const set = addressSet(condition.addresses);
      return condition.invert ? without(everyAddress, set) : set;
    }),
  );
}

/** Conditions on fields, which cannot be ordered. */
function keysOf(conditions: readonly Condition[]): readonly string[] {
  return conditions.flatMap((condition) =>
    condition.kind === "header" || condition.kind === "query" || condition.kind === "claim"
      ? [describeCondition(condition)]
      : [],
  );
}

function describe(condition: Condition): readonly string[] {
  if (condition.kind !== "address") return [];
  return condition.invert ? [`all but ${listed(condition.addresses)}`] : condition.addresses;
}

/** `the address is one of 10.0.0.0/8`, `the claim tier is "gold"`. */
export function describeCondition(condition: Condition): string {
  switch (condition.kind) {
    case "address":
      return `the address is ${condition.invert ? "none" : "one"} of ${listed(condition.addresses)}`;
    case "user":
    case "application":
      return `the ${condition.kind} is ${listed(condition.names, "or")}`;
    case "header":
    case "query":
    case "claim": {
      const what = { header: "header field", query: "query parameter", claim: "claim" }[condition.kind];
      return `the ${what} ${condition.name} is ${condition.invert ? "not " : ""}like ${condition.pattern}`;
    }
  }
}

function describeAll(conditions: readonly Condition[]): string {
  return conditions.length === 0 ? "nobody" : conditions.map(describeCondition).join("; ");
}
