import { at } from "../../diagnostics/place.ts";
import type { ConditionFact, Fact, TierGroupFact } from "../../model/checked-project.ts";
import type { NonEmpty } from "../../model/names.ts";
import type { Cursor } from "../../model/source.ts";
import { groupTerm } from "../../vocabulary/policies.ts";
import { termKeys } from "../../vocabulary/term.ts";
import { type AddressRange, parseAddresses } from "./address.ts";
import { patternProblem } from "./pattern.ts";
import { readQuota } from "./quota.ts";
import {
  isMap,
  present,
  type Reading,
  readFlag,
  readList,
  readText,
  reportUnknownKeys,
  textOf,
  wrongType,
} from "./values.ts";

/** `conditionGroups` of a tier, in their order. */
export function readGroups(reading: Reading, entry: Cursor, tier: string): readonly TierGroupFact[] {
  const groups: TierGroupFact[] = [];
  const names = new Map<string, Cursor>();
  for (const [index, item] of (readList(reading, entry, "conditionGroups")?.items() ?? []).entries()) {
    if (!isMap(item.value)) {
      wrongType(reading, item, "an entry of conditionGroups", "a map with when, count, unitTime and timeUnit");
      continue;
    }
    const what = `group ${index + 1} of the tier "${tier}"`;
    reportUnknownKeys(reading, item, termKeys(groupTerm), what);
    const name = readText(reading, item, "name")?.value ?? String(index + 1);
    const earlier = names.get(name);
    if (earlier !== undefined) {
      const related = [{ place: at(earlier.ref), label: "first defined here" }];
      reading.log.report("policy-duplicate", at(item.ref), { name, list: "conditionGroups" }, related);
    }
    names.set(name, item);
    const when = readConditions(reading, item, what);
    const quota = readQuota(reading, item, what);
    if (when !== undefined && quota !== undefined) groups.push({ name: `${tier}/${name}`, when, ...quota });
  }
  return groups;
}

function readConditions(reading: Reading, group: Cursor, what: string): NonEmpty<ConditionFact> | undefined {
  const list = readList(reading, group, "when");
  if (list === undefined || list.items().length === 0) {
    reading.log.report("policy-incomplete", at(list?.ref ?? group.ref, list ? "value" : "missing"), {
      what,
      key: "when",
    });
    return undefined;
  }
  const items = list.items();
  const conditions = items.flatMap((item) => readCondition(reading, item) ?? []);
  return conditions.length === items.length ? (conditions as unknown as NonEmpty<ConditionFact>) : undefined;
}

const kinds = ["ip", "header", "query", "claim"] as const;

function readCondition(reading: Reading, item: Cursor): ConditionFact | undefined {
  const kind = kindOf(reading, item, kinds, "a condition", ["invert", "matches"]);
  if (kind === undefined) return undefined;
  const invert = readFlag(reading, item, "invert")?.value ?? false;
  if (kind === "ip") {
    reportUnknownKeys(reading, item, ["ip", "invert"], "a condition on the address");
    const addresses = readAddresses(reading, item, "ip");
    return addresses && { kind: "address", addresses: textsOf(addresses), invert };
  }
  reportUnknownKeys(reading, item, [kind, "matches", "invert"], `a condition on a ${kind}`);
  const name = readText(reading, item, kind);
  const pattern = readPattern(reading, item, `a condition on a ${kind}`);
  if (name !== undefined && kind === "header" && !/^[\w!#$%&'*+.^`|~-]+$/.test(name.value)) {
    const problem = `must be the name of a header field, but is "${name.value}"`;
    reading.log.report("value-invalid", at(name.ref), { what: "header", problem });
    return undefined;
  }
  if (name === undefined || pattern === undefined) return undefined;
  return { kind, name: kind === "header" ? name.value.toLowerCase() : name.value, pattern, invert };
}

/** Which one of some keys a map has; reported when it is none or several. `others` are keys that it may have beside that one. */
export function kindOf<const T extends string>(
  reading: Reading,
  item: Cursor,
  keys: readonly T[],
  what: string,
  others: readonly string[],
): T | undefined {
  if (!isMap(item.value)) {
    wrongType(reading, item, what, `a map with one of ${keys.join(", ")}`);
    return undefined;
  }
  const stated = keys.filter((key) => item.raw(key) !== undefined);
  const [only, second] = stated;
  if (only !== undefined && second === undefined) return only;
  if (second !== undefined) {
    const problem = `says ${stated.join(" and ")}: each is a condition of its own`;
    reading.log.report("policy-conflict", at(item.raw(second)?.ref ?? item.ref, "key"), { what, key: second, problem });
  } else {
    reading.log.report("policy-incomplete", at(item.ref, "missing"), { what, key: keys.join(" or ") });
    // Whatever else it says may be a misspelt one of them.
    reportUnknownKeys(reading, item, [...keys, ...others], what);
  }
  return undefined;
}

function readPattern(reading: Reading, item: Cursor, what: string): string | undefined {
  if (item.raw("matches") === undefined) {
    reading.log.report("policy-incomplete", at(item.ref, "missing"), { what, key: "matches" });
    return undefined;
  }
  const value = present(reading, item, "matches");
  // `matches: 2` is meant as the text.
  if (typeof value?.value === "number" || typeof value?.value === "boolean") return String(value.value);
  if (value === undefined) return undefined;
  if (typeof value.value !== "string") {
    wrongType(reading, value, "matches", "a pattern");
    return undefined;
  }
  const problem = patternProblem(value.value);
  if (problem === undefined) return value.value;
  reading.log.report("pattern-invalid", at(value.ref), { problem });
  return undefined;
}

/** One text or a list of them: addresses, networks, ranges. Undefined, and reported, when one of them is none. */
export function readAddresses(reading: Reading, item: Cursor, key: string): readonly AddressRange[] | undefined {
  const texts = readTexts(reading, item, key);
  const ranges = texts?.flatMap(({ value, ref }) => {
    const range = parseAddresses(value);
    if (!("problem" in range)) return [range];
    reading.log.report("address-invalid", at(ref), { text: value, problem: range.problem });
    return [];
  });
  return ranges !== undefined && ranges.length === texts?.length ? ranges : undefined;
}

/** One text or a list of them, at least one. */
export function readTexts(reading: Reading, item: Cursor, key: string): NonEmpty<Fact<string>> | undefined {
  const value = present(reading, item, key);
  if (value === undefined) return undefined;
  const items = Array.isArray(value.value) ? value.items() : [value];
  const texts = items.flatMap((one) => textOf(reading, one, key) ?? []);
  if (items.length === 0) wrongType(reading, value, key, "a text or a list of texts");
  return texts.length === items.length && texts.length > 0 ? (texts as unknown as NonEmpty<Fact<string>>) : undefined;
}

export function textsOf(ranges: readonly AddressRange[]): NonEmpty<string> {
  return ranges.map(({ text }) => text) as unknown as NonEmpty<string>;
}
