import { at } from "../../diagnostics/place.ts";
import type { QuotaFact } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { type AddressRange, parseAddresses } from "./address.ts";
import type { Reading } from "./values.ts";

/** An entry for client addresses. `ranges` undefined: all others. */
export interface AddressEntry {
  readonly entry: Cursor;
  readonly ranges: readonly AddressRange[] | undefined;
  /** Undefined: without a limit. */
  readonly quota: QuotaFact | undefined | "denied";
}

/**
 * The entries of type IP of a file in the format of API Manager's `tiers.xml`. What such a file can say besides is reported, with its
 * place: tiers by role stand in policies.yaml.
 */
export function readTierFile(reading: Reading, root: Cursor): readonly AddressEntry[] {
  const assertion = nameOf(root) === "MediatorThrottleAssertion" ? root : childOf(root, "MediatorThrottleAssertion");
  if (assertion === undefined) {
    invalid(reading, root, "it has no throttle:MediatorThrottleAssertion");
    return [];
  }
  const entries: AddressEntry[] = [];
  for (const child of childrenOf(assertion)) {
    if (nameOf(child) !== "Policy") {
      ignored(reading, child, `throttle:${nameOf(child)}`);
      continue;
    }
    const entry = readEntry(reading, child);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

function readEntry(reading: Reading, policy: Cursor): AddressEntry | undefined {
  const id = childOf(policy, "ID");
  if (id === undefined) return invalid(reading, policy, "it has no throttle:ID");
  const type = attributeOf(id, "type").toUpperCase();
  const name = textOf(id);
  if (type !== "IP") {
    ignored(reading, id, `the tier ${name} of type ${type === "" ? "unknown" : type}`);
    return undefined;
  }
  const range = name.toLowerCase() === "other" ? undefined : parseAddresses(name);
  if (range !== undefined && "problem" in range) {
    reading.log.report("address-invalid", at(id.ref), { text: name, problem: range.problem });
    return undefined;
  }
  const rule = childOf(policy, "Policy");
  const found = rule && readRule(reading, rule);
  if (rule === undefined) return invalid(reading, policy, "it has no wsp:Policy with throttle:Control, Allow or Deny");
  return found && { entry: id, ranges: range && [range], quota: found === "allowed" ? undefined : found };
}

function readRule(reading: Reading, rule: Cursor): QuotaFact | "allowed" | "denied" | undefined {
  if (childOf(rule, "Allow") !== undefined) return "allowed";
  if (childOf(rule, "Deny") !== undefined) return "denied";
  const control = childOf(rule, "Control");
  const limits = control && childOf(control, "Policy");
  if (limits === undefined)
    return invalid(reading, rule, "it has no throttle:Control with a wsp:Policy, Allow or Deny");
  const count = readWhole(reading, limits, "MaximumCount", 0);
  const windowMs = readWhole(reading, limits, "UnitTime", 1);
  for (const child of childrenOf(limits)) {
    const name = nameOf(child);
    // Attributes are for API Manager's portal.
    if (["MaximumCount", "UnitTime", "Policy"].includes(name)) continue;
    if (name === "ProhibitTimePeriod" && textOf(child) === "0") continue;
    ignored(reading, child, `throttle:${name}`);
  }
  if (count === undefined || windowMs === undefined) return undefined;
  return { count, unitMs: windowMs, windowMs };
}

/** `UnitTime` is in milliseconds. */
function readWhole(reading: Reading, limits: Cursor, name: string, least: number): number | undefined {
  const element = childOf(limits, name);
  if (element === undefined) return invalid(reading, limits, `it has no throttle:${name}`);
  const text = textOf(element);
  const value = Number(text);
  if (/^\d{1,15}$/.test(text) && value >= least) return value;
  return invalid(reading, element, `throttle:${name} must be a whole number of at least ${least}, but is "${text}"`);
}

function invalid(reading: Reading, place: Cursor, problem: string): undefined {
  reading.log.report("tier-file-invalid", at(place.ref), { problem });
}

function ignored(reading: Reading, place: Cursor, what: string): void {
  reading.log.report("tier-file-ignored", at(place.ref), { what });
}

function nameOf(element: Cursor): string {
  return String(element.raw("name")?.value ?? "");
}

function textOf(element: Cursor): string {
  return String(element.raw("text")?.value ?? "");
}

function attributeOf(element: Cursor, name: string): string {
  return String(element.raw("attributes")?.raw(name)?.value ?? "");
}

function childrenOf(element: Cursor): readonly Cursor[] {
  return element.raw("children")?.items() ?? [];
}

function childOf(element: Cursor, name: string): Cursor | undefined {
  return childrenOf(element).find((child) => nameOf(child) === name);
}
