import type { AddressLimit, GatewayModel, QuotaModel } from "../../model/gateway-model.ts";
import { addressSet, cutAt, everyAddress, holds } from "./address-set.ts";
import type { Findings } from "./findings.ts";
import { isEqual, listed } from "./order.ts";
import { describeQuota, isAsStrict } from "./quota.ts";

/** How often each client address may call: of a list, the first entry that it belongs to holds. Every stretch of addresses is compared. */
export function diffAddressLimits(
  ofBase: Pick<GatewayModel, "addressLimits">,
  ofHead: Pick<GatewayModel, "addressLimits">,
  findings: Findings,
): void {
  const base: readonly AddressLimit[] = ofBase.addressLimits ?? [];
  const head: readonly AddressLimit[] = ofHead.addressLimits ?? [];
  if (isEqual(base, head)) return;
  const [before, after] = [base.map(entryOf), head.map(entryOf)];
  const seen = new Set<string>();
  let found = false;
  for (const [position] of cutAt([...before, ...after].map(({ set }) => set))) {
    const old = before.find(({ set }) => holds(set, position));
    const now = after.find(({ set }) => holds(set, position));
    const pair = `${old === undefined ? -1 : before.indexOf(old)} ${now === undefined ? -1 : after.indexOf(now)}`;
    if (seen.has(pair)) continue;
    seen.add(pair);
    found = diffQuota(old, now, findings) || found;
  }
  if (!found) {
    const message = "the limits by client address are written otherwise; they limit as before";
    findings.add("address-limit-reworded", {
      message,
      before: describeAll(base),
      after: describeAll(head),
      step: "throttle",
    });
  }
}

interface Entry {
  readonly name: string;
  readonly set: ReturnType<typeof addressSet>;
  readonly quota: QuotaModel | undefined;
}

function entryOf({ addresses, quota }: AddressLimit): Entry {
  if (addresses === undefined) return { name: "all other addresses", set: everyAddress, quota };
  return { name: listed(addresses), set: addressSet(addresses), quota };
}

function diffQuota(old: Entry | undefined, now: Entry | undefined, findings: Findings): boolean {
  const [before, after] = [old?.quota, now?.quota];
  const isLooser = before !== undefined && !(after !== undefined && isAsStrict(after, before));
  const isTighter = after !== undefined && !(before !== undefined && isAsStrict(before, after));
  if (!isLooser && !isTighter) return false;
  // The entry that says more of whom it is about.
  const whose = now === undefined || (old !== undefined && now.name === "all other addresses") ? old?.name : now.name;
  const facts = { before: describe(before), after: describe(after), step: "throttle" } as const;
  const how = `${describe(after)} instead of ${describe(before)}`;
  if (isLooser)
    findings.add("address-limit-raised", { ...facts, message: `clients of ${whose} may call more often: ${how}` });
  if (isTighter)
    findings.add("address-limit-lowered", { ...facts, message: `clients of ${whose} may call less often: ${how}` });
  return true;
}

function describe(quota: QuotaModel | undefined): string {
  return quota === undefined ? "no limit" : describeQuota(quota);
}

function describeAll(limits: readonly AddressLimit[]): string {
  const texts = limits.map(
    ({ addresses, quota }) => `${addresses === undefined ? "all others" : listed(addresses)}: ${describe(quota)}`,
  );
  return texts.length === 0 ? "none" : texts.join("; ");
}
