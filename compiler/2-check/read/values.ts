import type { DiagnosticLog } from "../../diagnostics/log.ts";
import type { Place } from "../../diagnostics/place.ts";
import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { Fact } from "../../model/checked-project.ts";
import type { Compatibility } from "../../model/names.ts";
import type { Cursor } from "../../model/source.ts";
import type { Range } from "../../vocabulary/term.ts";

/** What every reader needs. */
export interface Reading {
  readonly log: DiagnosticLog;
  readonly compatibility: Compatibility;
}

/** A value's kind in the user's words. Never the value itself: it may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "string") return value.trim() === "" ? "empty text" : "text";
  return `a ${typeof value}`;
}

export function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Own keys in plain order, also those whose `$ref` leads nowhere. */
export function keysOf(cursor: Cursor): readonly string[] {
  return isMap(cursor.value) ? Object.keys(cursor.value as object).sort() : [];
}

/** A member that is there and not null. A member without a value counts as absent, and is reported. */
export function present(reading: Reading, parent: Cursor, key: string): Cursor | undefined {
  const cursor = parent.get(key);
  if (cursor === undefined || cursor.value !== null) return cursor;
  reading.log.report("value-empty", at(cursor.ref, "key"), { what: key });
  return undefined;
}

/** Whether a member says something: it is there, not null and no blank text. Reports nothing. */
export function isStated(parent: Cursor, key: string): boolean {
  const value = parent.get(key)?.value;
  return value !== undefined && value !== null && !(typeof value === "string" && value.trim() === "");
}

/** Reports that a value is of another kind than `expected`. */
export function wrongType(reading: Reading, cursor: Cursor, what: string, expected: string): void {
  reading.log.report("value-type", at(cursor.ref), { what, expected, found: kindOf(cursor.value) });
}

/** Text, without blanks around it. Blank text counts as absent, and is reported: an empty tier was allowed (R-THR-18). */
export function readText(reading: Reading, parent: Cursor, key: string): Fact<string> | undefined {
  const cursor = present(reading, parent, key);
  if (typeof cursor?.value === "string" && cursor.value.trim() === "") {
    reading.log.report("value-empty", at(cursor.ref, "key"), { what: key });
    return undefined;
  }
  return cursor && textOf(reading, cursor, key);
}

/** Text that is not blank, without blanks around it. */
export function textOf(reading: Reading, cursor: Cursor, what: string): Fact<string> | undefined {
  if (typeof cursor.value === "string" && cursor.value.trim() !== "") {
    return { value: cursor.value.trim(), ref: cursor.ref };
  }
  wrongType(reading, cursor, what, "text");
  return undefined;
}

/** `true` or `false`, not a word in quotes (T-EXT-10). */
export function readFlag(reading: Reading, parent: Cursor, key: string): Fact<boolean> | undefined {
  const cursor = present(reading, parent, key);
  if (cursor === undefined) return undefined;
  if (typeof cursor.value === "boolean") return { value: cursor.value, ref: cursor.ref };
  wrongType(reading, cursor, key, "true or false");
  return undefined;
}

export function readMap(reading: Reading, parent: Cursor, key: string): Cursor | undefined {
  const cursor = present(reading, parent, key);
  if (cursor === undefined || isMap(cursor.value)) return cursor;
  wrongType(reading, cursor, key, "a map");
  return undefined;
}

export function readList(reading: Reading, parent: Cursor, key: string): Cursor | undefined {
  const cursor = present(reading, parent, key);
  if (cursor === undefined || Array.isArray(cursor.value)) return cursor;
  wrongType(reading, cursor, key, "a list");
  return undefined;
}

/** A number in its range. Text of digits counts as a number, as it did for the original's parser. */
export function readNumber(reading: Reading, parent: Cursor, key: string, range: Range): Fact<number> | undefined {
  const cursor = present(reading, parent, key);
  return cursor && numberOf(reading, cursor, key, range);
}

export function numberOf(reading: Reading, cursor: Cursor, what: string, range: Range): Fact<number> | undefined {
  const { value, ref } = cursor;
  const number = typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
  const expected = describeRange(range);
  if (typeof number !== "number" || Number.isNaN(number)) {
    wrongType(reading, cursor, what, expected);
    return undefined;
  }
  const fits =
    number >= range.min &&
    number <= (range.max ?? Number.MAX_SAFE_INTEGER) &&
    (!range.whole || Number.isInteger(number));
  if (fits) return { value: number, ref };
  reading.log.report("value-invalid", at(ref), { what, problem: `must be ${expected}, but is ${number}` });
  return undefined;
}

function describeRange({ min, max, whole }: Range): string {
  const noun = whole ? "a whole number" : "a number";
  return max === undefined ? `${noun} of at least ${min}` : `${noun} from ${min} to ${max}`;
}

/** Reports keys that nobody reads: `refused` where they are an error, else as ignored. */
export function reportUnknownKeys(
  reading: Reading,
  map: Cursor,
  known: readonly string[],
  what: string,
  code: "key-unknown" | "key-ignored" = "key-unknown",
): void {
  for (const key of keysOf(map)) {
    if (known.includes(key)) continue;
    const suggestion =
      suggest(
        key,
        known.filter((other) => separator(other) === separator(key)),
      ) ?? suggest(key, known);
    reading.log.report(code, keyPlace(map, key), {
      key,
      what,
      known: known.join(", "),
      ...(suggestion && { suggestion }),
    });
  }
}

/** Where keys have several spellings, the one like the user's is suggested. */
function separator(key: string): string {
  return /[-_]/.exec(key)?.[0] ?? "";
}

/** The place of a key, also when its `$ref` leads nowhere. */
export function keyPlace(map: Cursor, key: string): Place {
  return at(map.raw(key)?.ref ?? map.ref, "key");
}
