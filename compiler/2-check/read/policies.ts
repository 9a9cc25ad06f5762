import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { PolicyFacts, TierFact } from "../../model/checked-project.ts";
import type { Cursor, SourceRef } from "../../model/source.ts";
import {
  isMap,
  keysOf,
  type Reading,
  readFlag,
  readList,
  readNumber,
  readText,
  reportUnknownKeys,
  wrongType,
} from "./values.ts";

const minute = 60_000;
const day = 24 * 60 * minute;
/** T-POL-03. */
const units: ReadonlyMap<string, number> = new Map([
  ["min", minute],
  ["hour", 60 * minute],
  ["day", day],
  ["week", 7 * day],
  ["month", 30 * day],
  ["year", 365 * day],
]);

/** T-POL-01: what the original's `init` writes, all for one minute. */
const defaults = {
  resource: { "50kPerMin": 50_000, "20kPerMin": 20_000, "10kPerMin": 10_000 },
  application: { "50PerMin": 50, "20PerMin": 20, "10PerMin": 10 },
  subscription: { Gold: 5000, Silver: 2000, Bronze: 10, Unauthenticated: 500, Default: 500 },
} as const;

/** The file at the project's root. */
const policyFile = "policies.yaml";

/** The tiers of policies.yaml; without the file, those of the original in `wso2-3.2` and none in `standard`. */
export function readPolicies(reading: Reading, policies: Cursor | undefined): PolicyFacts {
  if (policies === undefined) return withoutFile(reading);
  if (policies.value === null) {
    reading.log.report("value-empty", at(policies.ref), { what: policyFile });
  } else if (!isMap(policies.value)) {
    wrongType(reading, policies, policyFile, "a map");
  }
  reportUnknownKeys(
    reading,
    policies,
    ["resourcePolicies", "applicationPolicies", "subscriptionPolicies", "counters"],
    policyFile,
  );
  return {
    resource: readTiers(reading, policies, "resourcePolicies"),
    application: readTiers(reading, policies, "applicationPolicies"),
    subscription: readTiers(reading, policies, "subscriptionPolicies"),
  };
}

function withoutFile(reading: Reading): PolicyFacts {
  const ref: SourceRef = { file: policyFile, pointer: "" };
  if (reading.compatibility === "standard") {
    return { resource: new Map(), application: new Map(), subscription: new Map() };
  }
  // A file that could not be read is not missing.
  const unread = reading.log.all().some(({ place }) => place.ref.file === policyFile);
  if (!unread) reading.log.report("policies-missing", at(ref, "missing"), {});
  const table = (counts: Readonly<Record<string, number>>): ReadonlyMap<string, TierFact> =>
    new Map(
      Object.entries(counts).map(([name, count]) => [
        name,
        { name, count, unitMs: minute, windowMs: minute, stopOnQuota: true, ref },
      ]),
    );
  return {
    resource: table(defaults.resource),
    application: table(defaults.application),
    subscription: table(defaults.subscription),
  };
}

/** A list of one-key maps, name to tier (T-POL-02). */
function readTiers(reading: Reading, policies: Cursor, key: string): ReadonlyMap<string, TierFact> {
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
      const tier = readTier(reading, name, entry);
      if (tier !== undefined) tiers.set(name, tier);
    }
  }
  return tiers;
}

function readTier(reading: Reading, name: string, entry: Cursor): TierFact | undefined {
  if (!isMap(entry.value)) {
    wrongType(reading, entry, `the tier "${name}"`, "a map with count, unitTime and timeUnit");
    return undefined;
  }
  reportUnknownKeys(reading, entry, ["count", "unitTime", "timeUnit", "stopOnQuota"], `the tier "${name}"`);
  for (const key of ["count", "unitTime", "timeUnit"]) {
    if (entry.raw(key) === undefined) reading.log.report("policy-incomplete", at(entry.ref, "missing"), { name, key });
  }
  const count = readNumber(reading, entry, "count", { min: 0, whole: true });
  const unitTime = readNumber(reading, entry, "unitTime", { min: 1, max: 100_000, whole: true });
  const unit = readText(reading, entry, "timeUnit");
  const stopOnQuota = readFlag(reading, entry, "stopOnQuota")?.value ?? true;
  const unitMs = unit === undefined ? undefined : units.get(unit.value.toLowerCase());
  if (unit !== undefined && unitMs === undefined) {
    const suggestion = suggest(unit.value, units.keys());
    const problem = `must be one of ${[...units.keys()].join(", ")}, but is "${unit.value}"`;
    reading.log.report("value-invalid", at(unit.ref), { what: "timeUnit", problem, ...(suggestion && { suggestion }) });
  }
  if (count === undefined || unitTime === undefined || unitMs === undefined) return undefined;
  return { name, count: count.value, unitMs, windowMs: unitTime.value * unitMs, stopOnQuota, ref: entry.ref };
}
