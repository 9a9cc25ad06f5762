import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at } from "../diagnostics/place.ts";
import { suggest } from "../diagnostics/suggest.ts";
import type { AcceptedEntry } from "../model/loaded-project.ts";
import type { Cursor } from "../model/source.ts";
import {
  changeCodePattern,
  fingerprintPattern,
  type AcceptedKey as Key,
  acceptedKeys as keys,
} from "../vocabulary/project-settings.ts";

const longestReason = 500;

/**
 * `accepted` of castgate.yaml. Only its form is judged: whether a day is over would make the same input compile today and
 * not tomorrow, so that is for the comparison to say. An entry with a mistake is reported and left out.
 */
export function loadAccepted(accepted: Cursor | undefined, log: DiagnosticLog): readonly AcceptedEntry[] {
  if (accepted === undefined || accepted.value === null) return [];
  if (!Array.isArray(accepted.value)) {
    log.report("setting-type", at(accepted.ref), { key: "accepted", expected: "a list of entries" });
    return [];
  }
  const found: AcceptedEntry[] = [];
  for (const item of accepted.items()) {
    const entry = readEntry(item, log);
    if (entry === undefined) continue;
    const earlier = found.find(({ fingerprint }) => fingerprint === entry.fingerprint);
    if (earlier === undefined) found.push(entry);
    else {
      log.report("accepted-repeated", at(entry.ref), { change: entry.change }, [
        { place: at(earlier.ref), label: "first accepted here" },
      ]);
    }
  }
  return found;
}

function readEntry(item: Cursor, log: DiagnosticLog): AcceptedEntry | undefined {
  if (typeof item.value !== "object" || item.value === null || Array.isArray(item.value)) {
    const expected = `a table with ${keys.join(", ")}`;
    log.report("setting-type", at(item.ref), { key: "an entry of accepted", expected });
    return undefined;
  }
  for (const [key] of item.entries()) {
    if (keys.some((known) => known === key)) continue;
    const suggestion = suggest(key, keys);
    const ref = item.raw(key)?.ref ?? item.ref;
    log.report("accepted-key-unknown", at(ref, "key"), { key, ...(suggestion === undefined ? {} : { suggestion }) });
  }
  const texts = keys.map((key) => readText(item, key, log));
  const [change, expires, fingerprint, on, reason] = texts;
  if (
    change === undefined ||
    expires === undefined ||
    fingerprint === undefined ||
    on === undefined ||
    reason === undefined
  )
    return undefined;
  return { change, expires, fingerprint, on, reason, ref: item.ref };
}

function readText(entry: Cursor, key: Key, log: DiagnosticLog): string | undefined {
  const cursor = entry.raw(key);
  const value = cursor?.value;
  if (cursor === undefined || value === null || (typeof value === "string" && value.trim() === "")) {
    log.report("accepted-incomplete", at((cursor ?? entry).ref, cursor === undefined ? "missing" : "key"), { key });
    return undefined;
  }
  const text = typeof value === "string" ? value.trim() : undefined;
  const problem = text === undefined ? "must be a text" : wrong[key](text);
  if (problem === undefined) return text;
  log.report("accepted-value", at(cursor.ref), { key, problem });
  return undefined;
}

/** What is wrong with a value, if anything. */
const wrong: Readonly<Record<Key, (text: string) => string | undefined>> = {
  change: (text) =>
    new RegExp(changeCodePattern).test(text) ? undefined : "must be the code of a change, as `diff` prints it",
  expires: (text) => (isDay(text) ? undefined : `"${text}" is not a day; write it as 2027-01-31`),
  fingerprint: (text) =>
    new RegExp(fingerprintPattern).test(text) ? undefined : "must be what `diff` prints: d1- and 32 hexadecimal digits",
  on: () => undefined,
  reason: (text) => (text.length <= longestReason ? undefined : `has more than ${longestReason} characters`),
};

/** `2027-01-31`, and one that is in the calendar. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
