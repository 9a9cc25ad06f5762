import type { ApiModel, OperationModel } from "../../model/gateway-model.ts";
import { allowedOrigins } from "./cors.ts";
import type { FindingFacts, Findings } from "./findings.ts";
import { listed, setDifference } from "./order.ts";

/** To which protocols connections may change, and on whose pages. */
export function diffUpgrades(
  base: OperationModel,
  head: OperationModel,
  { cors: before }: ApiModel,
  { cors: after }: ApiModel,
  findings: Findings,
): void {
  const [old, now] = [base.upgrades?.protocols ?? [], head.upgrades?.protocols ?? []];
  const { added, removed } = setDifference(old, now);
  const facts: Omit<FindingFacts, "message"> = {
    before: describe(old),
    after: describe(now),
    base: base.upgrades?.origin,
    head: head.upgrades?.origin,
    step: "upgrade",
  };
  if (added.length > 0)
    findings.add("upgrade-added", { ...facts, message: `connections may change to ${listed(added)} now` });
  if (removed.length > 0)
    findings.add("upgrade-removed", { ...facts, message: `connections may no longer change to ${listed(removed)}` });
  if (old.length === 0 || now.length === 0) return;
  if (added.length + removed.length === 0 && old.join() !== now.join())
    findings.add("upgrade-reworded", { ...facts, message: "the protocols are listed in another order" });
  // Browsers ask nobody before they open a WebSocket: without rules of origin all pages may.
  const [from, to] = [before && allowedOrigins(before), after && allowedOrigins(after)];
  if (from === undefined && to !== undefined)
    findings.add("upgrade-origins-limited", {
      ...facts,
      message: `only pages of ${listed(to)} may open a WebSocket now`,
    });
  if (from !== undefined && to === undefined)
    findings.add("upgrade-origins-unlimited", { ...facts, message: "pages of all origins may open a WebSocket now" });
}

function describe(protocols: readonly string[]): string {
  return protocols.length === 0 ? "none" : listed(protocols);
}
