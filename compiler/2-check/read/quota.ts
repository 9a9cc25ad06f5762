import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { QuotaFact } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { quotaTerm } from "../../vocabulary/policies.ts";
import { isStated, type Reading, readNumber, readText } from "./values.ts";

export const minute = 60_000;
const day = 24 * 60 * minute;
/** T-POL-03. */
const lengths: Readonly<Record<(typeof quotaTerm.keys.timeUnit.words)[number], number>> = {
  min: minute,
  hour: 60 * minute,
  day,
  week: 7 * day,
  month: 30 * day,
  year: 365 * day,
};
const units: ReadonlyMap<string, number> = new Map(Object.entries(lengths));

/** As API Manager counts them. */
const byteUnits: ReadonlyMap<string, number> = new Map([
  ["KB", 1024],
  ["MB", 1024 ** 2],
  ["GB", 1024 ** 3],
]);

/** A quota. Undefined, and reported, when something of it is missing or wrong. `what` is whose it is: `the tier "Gold"`. */
export function readQuota(reading: Reading, entry: Cursor, what: string): QuotaFact | undefined {
  const bytes = isStated(entry, "bandwidth");
  const wanted = [bytes ? "bandwidth" : "count", "unitTime", "timeUnit"];
  for (const key of wanted) {
    if (entry.raw(key) === undefined) {
      reading.log.report("policy-incomplete", at(entry.ref, "missing"), { what, key });
    }
  }
  const amount = bytes ? readBytes(reading, entry) : readCount(reading, entry);
  const unitTime = readNumber(reading, entry, "unitTime", quotaTerm.keys.unitTime.range);
  const unitMs = readUnit(reading, entry);
  const algorithm = readWord(reading, entry, "algorithm", quotaTerm.keys.algorithm.words) ?? "fixed";
  const counted = readWord(reading, entry, "countedRequests", quotaTerm.keys.countedRequests.words);
  const sliding = algorithm === "sliding";
  const burst = readBurst(reading, entry, amount, what, sliding);
  if (bytes) {
    conflict(reading, entry, "count", what, "`bandwidth` limits bytes and `count` requests: a tier does one of both");
    if (sliding) conflict(reading, entry, "algorithm", what, "`bandwidth` is counted in fixed windows only");
    conflict(reading, entry, "countedRequests", what, "`bandwidth` counts the bytes of all bodies that passed");
  }
  if (amount === undefined || unitTime === undefined || unitMs === undefined) return undefined;
  return {
    count: amount,
    unitMs,
    windowMs: unitTime.value * unitMs,
    ...(sliding && { burst: burst ?? Math.max(1, amount) }),
    ...(bytes ? { counted: "bytes" } : (counted === "all" || counted === "success") && { counted }),
  };
}

function readCount(reading: Reading, entry: Cursor): number | undefined {
  return readNumber(reading, entry, "count", quotaTerm.keys.count.range)?.value;
}

/** `500 KB`, `10 MB`, `1 GB` */
function readBytes(reading: Reading, entry: Cursor): number | undefined {
  const text = readText(reading, entry, "bandwidth");
  if (text === undefined) return undefined;
  const [, digits = "", unit = ""] = /^(\d{1,9}) ?([A-Za-z]{2})$/.exec(text.value) ?? [];
  const size = byteUnits.get(unit.toUpperCase());
  if (size !== undefined) return Number(digits) * size;
  const problem = `must be a whole number and a unit, KB, MB or GB, but is "${text.value}"`;
  reading.log.report("value-invalid", at(text.ref), { what: "bandwidth", problem });
  return undefined;
}

function readUnit(reading: Reading, entry: Cursor): number | undefined {
  const unit = readText(reading, entry, "timeUnit");
  const unitMs = unit === undefined ? undefined : units.get(unit.value.toLowerCase());
  if (unit !== undefined && unitMs === undefined) {
    const suggestion = suggest(unit.value, units.keys());
    const problem = `must be one of ${[...units.keys()].join(", ")}, but is "${unit.value}"`;
    reading.log.report("value-invalid", at(unit.ref), { what: "timeUnit", problem, ...(suggestion && { suggestion }) });
  }
  return unitMs;
}

function readBurst(
  reading: Reading,
  entry: Cursor,
  count: number | undefined,
  what: string,
  sliding: boolean,
): number | undefined {
  if (!sliding) {
    conflict(reading, entry, "burst", what, "`burst` needs `algorithm: sliding`: a fixed window may come all at once");
    return undefined;
  }
  return readNumber(reading, entry, "burst", { min: 1, max: Math.max(1, count ?? 1_000_000_000), whole: true })?.value;
}

function conflict(reading: Reading, entry: Cursor, key: string, what: string, problem: string): void {
  if (!isStated(entry, key)) return;
  reading.log.report("policy-conflict", at(entry.raw(key)?.ref ?? entry.ref, "key"), { what, key, problem });
}

/** One of some words. Any other is reported. */
export function readWord<const T extends string>(
  reading: Reading,
  entry: Cursor,
  key: string,
  words: readonly T[],
): T | undefined {
  const text = readText(reading, entry, key);
  if (text === undefined) return undefined;
  const word = words.find((one) => one === text.value);
  if (word !== undefined) return word;
  const suggestion = suggest(text.value, words);
  const problem = `must be one of ${words.join(", ")}, but is "${text.value}"`;
  reading.log.report("value-invalid", at(text.ref), { what: key, problem, ...(suggestion && { suggestion }) });
  return undefined;
}
