import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at, type Place } from "../diagnostics/place.ts";
import { suggest } from "../diagnostics/suggest.ts";
import type { Cursor } from "../model/source.ts";

/** Reads the members of one table of settings: a wrong type is reported, and the setting then counts as absent. */
export class SettingReader {
  readonly #table: Cursor | undefined;
  readonly #log: DiagnosticLog;

  /** `table` may be absent: then every setting is. A table that is none is reported. */
  constructor(table: Cursor | undefined, log: DiagnosticLog, what = "the file") {
    this.#log = log;
    const value = table?.value;
    const usable = typeof value === "object" && value !== null && !Array.isArray(value);
    this.#table = usable ? table : undefined;
    if (table !== undefined && value !== null && !usable) {
      log.report("setting-type", at(table.ref), { key: what, expected: "a table of settings" });
    }
  }

  string(key: string): string | undefined {
    return this.#typed(key, "a text", (value) => typeof value === "string");
  }

  boolean(key: string): boolean | undefined {
    return this.#typed(key, "true or false", (value) => typeof value === "boolean");
  }

  strings(key: string): readonly string[] | undefined {
    return this.#typed(
      key,
      "a list of texts",
      (value): value is string[] => Array.isArray(value) && value.every((item) => typeof item === "string"),
    );
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T | undefined {
    const found = this.string(key);
    if (found === undefined) return undefined;
    const word = words.find((candidate) => candidate === found);
    const cursor = this.#table?.raw(key);
    if (word === undefined && cursor !== undefined) {
      this.#log.report("setting-value", at(cursor.ref), { key, value: found, expected: words.join(" or ") });
    }
    return word;
  }

  /** Where the value of a setting stands. */
  place(key: string): Place | undefined {
    const cursor = this.#table?.raw(key);
    return cursor && at(cursor.ref);
  }

  /** Reports every member that is not among `known`. */
  rejectOthers(known: readonly string[], code: "setting-unknown" | "toolkit-setting-unknown"): void {
    for (const [key, cursor] of this.#table?.entries() ?? []) {
      if (known.includes(key)) continue;
      const suggestion = suggest(key, known);
      const ref = this.#table?.raw(key)?.ref ?? cursor.ref;
      this.#log.report(code, at(ref, "key"), { key, ...(suggestion === undefined ? {} : { suggestion }) });
    }
  }

  #typed<T>(key: string, expected: string, test: (value: unknown) => value is T): T | undefined {
    const cursor = this.#table?.raw(key);
    if (cursor === undefined || cursor.value === null) return undefined;
    if (test(cursor.value)) return cursor.value;
    this.#log.report("setting-type", at(cursor.ref), { key, expected });
    return undefined;
  }
}
