import { type Code, catalogue, type Severity } from "../diagnostics/catalogue.ts";
import type { DiagnosticLog, LevelRule } from "../diagnostics/log.ts";
import { at } from "../diagnostics/place.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { diagnosticLevels } from "../model/names.ts";
import type { Cursor, SourceDocument } from "../model/source.ts";
import { pointerTokens } from "./pointer.ts";

const keys = ["level", "in", "reason"];
const longestReason = 500;

/**
 * `diagnostics` of castgate.yaml: for each code a level, or entries with a level that hold in one place and say why. Errors keep their
 * level, and notes are never ignored. What has a mistake is reported and left out.
 */
export function loadLevels(table: Cursor | undefined, log: DiagnosticLog): ReadonlyMap<string, readonly LevelRule[]> {
  const levels = new Map<string, readonly LevelRule[]>();
  if (table === undefined || table.value === null) return levels;
  if (typeof table.value !== "object" || Array.isArray(table.value)) {
    log.report("setting-type", at(table.ref), { key: "diagnostics", expected: "a table from codes to levels" });
    return levels;
  }
  for (const [code, value] of table.entries()) {
    if (!Object.hasOwn(catalogue, code)) {
      const suggestion = suggest(code, Object.keys(catalogue));
      log.report("ignore-unknown", at(value.ref, "key"), { code, ...(suggestion === undefined ? {} : { suggestion }) });
      continue;
    }
    const items = Array.isArray(value.value) ? value.items() : [value];
    const rules = items.flatMap((item) => readRule(code as Code, item, log) ?? []);
    if (rules.length > 0) levels.set(code, rules);
  }
  return levels;
}

function readRule(code: Code, item: Cursor, log: DiagnosticLog): LevelRule | undefined {
  if (typeof item.value === "string") {
    const level = readLevel(code, item, log);
    return level && { level };
  }
  if (typeof item.value !== "object" || item.value === null || Array.isArray(item.value)) {
    const expected = `${diagnosticLevels.join(", ")}, or a table with ${keys.join(", ")}`;
    log.report("setting-type", at(item.ref), { key: code, expected });
    return undefined;
  }
  for (const [key, member] of item.entries()) {
    if (keys.includes(key)) continue;
    const suggestion = suggest(key, keys);
    log.report("setting-unknown", at(member.ref, "key"), { key, ...(suggestion === undefined ? {} : { suggestion }) });
  }
  const [level, place, reason] = keys.map((key) => readText(item, key, log));
  if (level === undefined || place === undefined || reason === undefined) return undefined;
  if (String(reason.value).length > longestReason) {
    log.report("setting-value", at(reason.ref), {
      key: "reason",
      value: `${String(reason.value).slice(0, 20)}...`,
      expected: `at most ${longestReason} characters`,
    });
    return undefined;
  }
  const found = readLevel(code, level, log);
  const [file = "", pointer = ""] = String(place.value).trim().split("#", 2);
  return found && { level: found, within: { file: file.replace(/^\.\//, ""), pointer }, ref: place.ref };
}

function readText(item: Cursor, key: string, log: DiagnosticLog): Cursor | undefined {
  const cursor = item.raw(key);
  if (typeof cursor?.value === "string" && cursor.value.trim() !== "") return cursor;
  if (cursor === undefined || cursor.value === null || typeof cursor.value === "string")
    log.report("level-incomplete", at((cursor ?? item).ref, cursor === undefined ? "missing" : "key"), { key });
  else log.report("setting-type", at(cursor.ref), { key, expected: "a text" });
  return undefined;
}

function readLevel(code: Code, cursor: Cursor, log: DiagnosticLog): LevelRule["level"] | undefined {
  const value = String(cursor.value);
  const level = diagnosticLevels.find((word) => word === value);
  if (level === undefined) {
    const expected = diagnosticLevels.join(", ");
    log.report("setting-value", at(cursor.ref), { key: code, value, expected });
    return undefined;
  }
  const { severity } = catalogue[code];
  const grade: Severity = typeof severity === "string" ? severity : severity[log.compatibility];
  const isUseless = grade === "error" || (grade === "note" && level === "ignore");
  if (isUseless) log.report("level-useless", at(cursor.ref), { code, severity: grade });
  return isUseless ? undefined : level;
}

/** Once all files are read: places that are not there silence nothing, and nobody would notice. */
export function checkLevelPlaces(log: DiagnosticLog, documents: ReadonlyMap<string, SourceDocument>): void {
  for (const rules of log.levels.values()) {
    for (const { within, ref } of rules) {
      if (within === undefined || ref === undefined) continue;
      // A file that could not be read has been reported.
      if (log.all().some(({ place }) => place.ref.file === within.file)) continue;
      const document = documents.get(within.file);
      if (document === undefined) {
        const suggestion = suggest(within.file, documents.keys());
        const problem = `no file of the project is called "${within.file}"`;
        log.report("level-place-unknown", at(ref), { problem, ...(suggestion === undefined ? {} : { suggestion }) });
      } else if (!stands(document.value, within.pointer)) {
        log.report("level-place-unknown", at(ref), {
          problem: `nothing stands at ${within.pointer} of ${within.file}`,
        });
      }
    }
  }
}

function stands(root: unknown, pointer: string): boolean {
  if (pointer !== "" && !pointer.startsWith("/")) return false;
  let value = root;
  for (const token of pointerTokens(pointer)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, token)) return false;
    value = (value as Readonly<Record<string, unknown>>)[token];
  }
  return true;
}
