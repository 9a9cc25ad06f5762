import { at } from "../../diagnostics/place.ts";
import type { AddressLimitFact, DenyFact, Fact, PolicyFacts, TierFact } from "../../model/checked-project.ts";
import type { Cursor, SourceRef } from "../../model/source.ts";
import { policiesTerm, quotaKeys, tierTerms } from "../../vocabulary/policies.ts";
import { termKeys } from "../../vocabulary/term.ts";
import type { AddressRange } from "./address.ts";
import { kindOf, readAddresses, readGroups, readTexts, textsOf } from "./conditions.ts";
import { minute, readQuota, readWord } from "./quota.ts";
import { type AddressEntry, readTierFile } from "./tier-files.ts";
import { isMap, keysOf, type Reading, readFlag, readList, reportUnknownKeys, wrongType } from "./values.ts";

type Level = "resource" | "application" | "subscription";
type Counts = Readonly<Record<string, number>>;

/** T-POL-01: what the original's `init` writes, all for one minute. */
const original: Readonly<Record<Level, Counts>> = {
  resource: { "50kPerMin": 50_000, "20kPerMin": 20_000, "10kPerMin": 10_000 },
  application: { "50PerMin": 50, "20PerMin": 20, "10PerMin": 10 },
  subscription: { Gold: 5000, Silver: 2000, Bronze: 10, Unauthenticated: 500, Default: 500 },
};

/** Whether a resource tier says what the original's `init`, and ours, writes into each new project. */
export function isOriginalTier({ name, count, windowMs }: TierFact): boolean {
  return original.resource[name] === count && windowMs === minute;
}

/** K-06: the tiers of API Manager 1.x, the same at all levels. Who names none has those of the original. */
const apiManager1: Counts = { Bronze: 1, Silver: 5, Gold: 20 };

/** `compat`: tiers that need not be written down. What is written with the same name counts instead. */
const presets: Readonly<Record<"apim1" | "mgw3", Readonly<Record<Level, Counts>>>> = {
  apim1: {
    resource: apiManager1,
    application: apiManager1,
    subscription: { ...apiManager1, Unauthenticated: 500, Default: 500 },
  },
  mgw3: original,
};

/** The file at the project's root. */
const policyFile = "policies.yaml";

/**
 * The tiers of policies.yaml; without the file, those of the original in `wso2-3.2` and none in `standard`. Limits of client addresses
 * may also stand in API Manager's tier files, which come after it.
 */
export function readPolicies(
  reading: Reading,
  policies: Cursor | undefined,
  tierFiles: readonly Cursor[],
): PolicyFacts {
  const facts = policies === undefined ? withoutFile(reading) : readFile(reading, policies);
  const entries = tierFiles.flatMap((root) => readTierFile(reading, root));
  const written = policies === undefined ? [] : readAddressEntries(reading, policies);
  return {
    ...facts,
    addressLimits: limitsOf(reading, [...written, ...inOrder(entries.filter(({ quota }) => quota !== "denied"))]),
    deny: [...facts.deny, ...deniedOf(reading, entries)],
  };
}

function readFile(reading: Reading, policies: Cursor): PolicyFacts {
  if (policies.value === null) {
    reading.log.report("value-empty", at(policies.ref), { what: policyFile });
  } else if (!isMap(policies.value)) {
    wrongType(reading, policies, policyFile, "a map");
  }
  reportUnknownKeys(reading, policies, termKeys(policiesTerm), policyFile);
  const compat = readWord(reading, policies, "compat", policiesTerm.keys.compat.words);
  const preset = compat === undefined ? undefined : presets[compat];
  const ref = policies.raw("compat")?.ref ?? policies.ref;
  const tiersOf = (level: Level): ReadonlyMap<string, TierFact> =>
    new Map([
      ...(preset === undefined ? [] : presetTiers(preset[level], ref)),
      ...readTiers(reading, policies, `${level}Policies`, level),
    ]);
  const forbid = readFlag(reading, policies, "forbidUnlimited");
  return {
    resource: tiersOf("resource"),
    application: tiersOf("application"),
    subscription: tiersOf("subscription"),
    addressLimits: [],
    deny: readDeny(reading, policies),
    forbidUnlimited: forbid?.value === true ? (forbid as Fact<true>) : undefined,
  };
}

function withoutFile(reading: Reading): PolicyFacts {
  const ref: SourceRef = { file: policyFile, pointer: "" };
  const nothing = { addressLimits: [], deny: [], forbidUnlimited: undefined };
  if (reading.compatibility === "standard") {
    return { resource: new Map(), application: new Map(), subscription: new Map(), ...nothing };
  }
  // A file that could not be read is not missing.
  const unread = reading.log.all().some(({ place }) => place.ref.file === policyFile);
  if (!unread) reading.log.report("policies-missing", at(ref, "missing"), {});
  return {
    resource: presetTiers(original.resource, ref),
    application: presetTiers(original.application, ref),
    subscription: presetTiers(original.subscription, ref),
    ...nothing,
  };
}

function presetTiers(counts: Counts, ref: SourceRef): ReadonlyMap<string, TierFact> {
  return new Map(
    Object.entries(counts).map(([name, count]) => [
      name,
      { name, count, unitMs: minute, windowMs: minute, stopOnQuota: true, ref },
    ]),
  );
}

/** A list of one-key maps, name to tier (T-POL-02). */
function readTiers(reading: Reading, policies: Cursor, key: string, level: Level): ReadonlyMap<string, TierFact> {
  const tiers = new Map<string, TierFact>();
  const places = new Map<string, SourceRef>();
  for (const item of readList(reading, policies, key)?.items() ?? []) {
    const names = keysOf(item);
    if (!isMap(item.value) || names.length === 0) {
      wrongType(reading, item, `an entry of ${key}`, "a map from a name to a tier");
      continue;
    }
    for (const name of names) {
      const entry = item.get(name);
      if (entry === undefined) continue;
      const earlier = places.get(name);
      if (earlier !== undefined) {
        const related = [{ place: at(earlier, "key"), label: "first defined here" }];
        reading.log.report("policy-duplicate", at(entry.ref, "key"), { name, list: key }, related);
        continue;
      }
      places.set(name, entry.ref);
      const tier = readTier(reading, name, entry, level);
      if (tier !== undefined) tiers.set(name, tier);
    }
  }
  return tiers;
}

function readTier(reading: Reading, name: string, entry: Cursor, level: Level): TierFact | undefined {
  const what = `the tier "${name}"`;
  if (!isMap(entry.value)) {
    wrongType(reading, entry, what, "a map with count, unitTime and timeUnit");
    return undefined;
  }
  reportUnknownKeys(reading, entry, termKeys(tierTerms[level]), what);
  const quota = readQuota(reading, entry, what);
  const stopOnQuota = readFlag(reading, entry, "stopOnQuota")?.value ?? true;
  const groups = level === "resource" ? readGroups(reading, entry, name) : [];
  const key =
    level === "application" ? readWord(reading, entry, "key", tierTerms.application.keys.key.words) : undefined;
  if (quota === undefined) return undefined;
  return {
    name,
    ...quota,
    stopOnQuota,
    ...(key && { key }),
    ...(groups.length > 0 && { groups }),
    ref: entry.ref,
  };
}

/** `ipLimits`: `{ip, count, unitTime, timeUnit}`, `{ip, unlimited: true}` and `{other: true, count, ...}` (K-10). */
function readAddressEntries(reading: Reading, policies: Cursor): readonly AddressEntry[] {
  const entries: AddressEntry[] = [];
  for (const [index, item] of (readList(reading, policies, "ipLimits")?.items() ?? []).entries()) {
    const kind = kindOf(reading, item, ["ip", "other"], "an entry of ipLimits", ["unlimited", ...quotaKeys]);
    if (kind === undefined) continue;
    const what = `entry ${index + 1} of ipLimits`;
    const unlimited = kind === "ip" && readFlag(reading, item, "unlimited")?.value === true;
    const flags = kind === "ip" ? ["ip", "unlimited"] : ["other"];
    reportUnknownKeys(reading, item, unlimited ? flags : [...flags, ...quotaKeys], what);
    if (kind === "other" && readFlag(reading, item, "other")?.value === false) {
      reading.log.report("value-invalid", at(item.raw("other")?.ref ?? item.ref), {
        what: "other",
        problem: "must be true: leave the entry out where other addresses have no limit",
      });
    }
    const ranges = kind === "ip" ? readAddresses(reading, item, "ip") : undefined;
    const quota = unlimited ? undefined : readQuota(reading, item, what);
    if ((kind === "ip" && ranges === undefined) || (!unlimited && quota === undefined)) continue;
    entries.push({ entry: item, ranges, quota });
  }
  return entries;
}

/** `Deny` of tier files. Of all others: whoever is in no other entry. */
function deniedOf(reading: Reading, entries: readonly AddressEntry[]): readonly DenyFact[] {
  const known = entries.flatMap(({ ranges }) => ranges ?? []);
  return entries.flatMap(({ entry, ranges, quota }): readonly DenyFact[] => {
    if (quota !== "denied") return [];
    if (ranges !== undefined) return [{ kind: "address", addresses: textsOf(ranges), invert: false }];
    if (known.length > 0) return [{ kind: "address", addresses: textsOf(known), invert: true }];
    reading.log.report("tier-file-invalid", at(entry.ref), { problem: "it denies everybody" });
    return [];
  });
}

/** Where the order means nothing: single addresses before ranges and networks, all others last. */
function inOrder(entries: readonly AddressEntry[]): readonly AddressEntry[] {
  const rank = ({ ranges }: AddressEntry) => (ranges === undefined ? 2 : ranges.every(isSingle) ? 0 : 1);
  return [...entries].sort((a, b) => rank(a) - rank(b));
}

function isSingle({ first, last }: AddressRange): boolean {
  return first === last;
}

function limitsOf(reading: Reading, entries: readonly AddressEntry[]): readonly AddressLimitFact[] {
  return entries.map(({ entry, ranges, quota }, index) => {
    const earlier = entries.slice(0, index).find((one) => isCovered(ranges, one.ranges));
    const name = `ip ${ranges?.map(({ text }) => text).join(" ") ?? "other"}`;
    if (earlier !== undefined) {
      const related = [{ place: at(earlier.entry.ref), label: "this entry comes first" }];
      reading.log.report("condition-unreachable", at(entry.ref), { what: `the limit "${name}"` }, related);
    }
    return { name, addresses: ranges && textsOf(ranges), quota: quota === "denied" ? undefined : quota };
  });
}

/** Whether all of these addresses belong to an earlier entry; undefined: all there are. */
function isCovered(ranges: readonly AddressRange[] | undefined, by: readonly AddressRange[] | undefined): boolean {
  if (by === undefined) return true;
  return ranges?.every((range) => by.some((one) => one.holds(range))) ?? false;
}

/** `denyConditions`: each entry says one of ip, user, application, api; an address may be inverted (R-DTH-07). */
function readDeny(reading: Reading, policies: Cursor): readonly DenyFact[] {
  const found: DenyFact[] = [];
  for (const item of readList(reading, policies, "denyConditions")?.items() ?? []) {
    const kind = kindOf(reading, item, ["ip", "user", "application", "api"], "a deny condition", ["invert"]);
    if (kind === undefined) continue;
    if (kind === "ip") {
      reportUnknownKeys(reading, item, ["ip", "invert"], "a deny condition on the address");
      const addresses = readAddresses(reading, item, "ip");
      const invert = readFlag(reading, item, "invert")?.value ?? false;
      if (addresses !== undefined) found.push({ kind: "address", addresses: textsOf(addresses), invert });
      continue;
    }
    reportUnknownKeys(reading, item, [kind], `a deny condition on the ${kind}`);
    const names = readTexts(reading, item, kind);
    if (names !== undefined) found.push({ kind, names });
  }
  return found;
}
