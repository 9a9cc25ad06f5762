import type { SettingSpec } from "../../../runtime-lib/settings-schema.ts";
import { settingsSchema } from "../../../runtime-lib/settings-schema.ts";
import { settingTexts } from "../../vocabulary/run-time-settings.ts";
import type { Change } from "./change.ts";
import { ChangeLog, type Findings } from "./findings.ts";
import { isEqual, listed, setDifference } from "./order.ts";
import { type Direction, directionOf, flagsOnByDefault, namedTables } from "./setting-directions.ts";
import { readSettingTree, type SettingTree, type WrittenSetting } from "./setting-tree.ts";

/** A file of run-time settings that a project keeps. */
export interface SettingsText {
  /** Project-relative. */
  readonly file: string;
  readonly text: string;
}

/**
 * What other run-time settings mean, as far as they stand in files; undefined: there is no such file, and the defaults hold. What
 * comes from the environment nobody sees here. No value that may be secret is ever told. Sorted; total.
 */
export function diffSettings(base: SettingsText | undefined, head: SettingsText | undefined): readonly Change[] {
  if (base?.text === head?.text) return [];
  const log = new ChangeLog();
  const [before, after] = [base && readSettingTree(base.text), head && readSettingTree(head.text)];
  if ((base !== undefined && before === undefined) || (head !== undefined && after === undefined)) {
    log.about(undefined).add("settings-unreadable", { message: "the run-time settings are no TOML on one side" });
    return log.sorted();
  }
  const nothing: SettingTree = { settings: new Map(), tables: new Map() };
  new Comparison(before ?? nothing, after ?? nothing, base?.file, head?.file, log.about(undefined)).compare();
  return log.sorted();
}

class Comparison {
  readonly #base: SettingTree;
  readonly #head: SettingTree;
  readonly #baseFile: string | undefined;
  readonly #headFile: string | undefined;
  readonly #findings: Findings;

  constructor(
    base: SettingTree,
    head: SettingTree,
    baseFile: string | undefined,
    headFile: string | undefined,
    findings: Findings,
  ) {
    this.#base = base;
    this.#head = head;
    this.#baseFile = baseFile;
    this.#headFile = headFile;
    this.#findings = findings;
  }

  compare(): void {
    const { added, removed } = setDifference(this.#base.tables.keys(), this.#head.tables.keys());
    for (const name of added) this.#addTable(name, "in the settings now");
    for (const name of removed) this.#addTable(name, "no longer in the settings");
    const inOne = [...added, ...removed].map((name) => `${name}.`);
    const names = new Set([...this.#base.settings.keys(), ...this.#head.settings.keys()]);
    for (const name of [...names].sort()) {
      if (!inOne.some((start) => name.startsWith(start))) this.#compareSetting(name);
    }
  }

  #addTable(name: string, how: string): void {
    const [old, now] = [this.#base.tables.get(name), this.#head.tables.get(name)];
    const grants = namedTables[(now ?? old)?.pattern ?? ""]?.grants === true;
    // Of what stands within another table that is new, or gone, that says it all.
    const outer = name.slice(0, name.lastIndexOf("].") + 1);
    if (outer !== "" && this.#base.tables.has(outer) !== this.#head.tables.has(outer)) return;
    const code = !grants ? "setting-changed" : now === undefined ? "setting-grants-less" : "setting-grants-more";
    this.#add(code, `${name} is ${how}`, old?.pointer, now?.pointer);
  }

  #compareSetting(name: string): void {
    const [old, now] = [this.#base.settings.get(name), this.#head.settings.get(name)];
    if (isEqual(old?.raw, now?.raw)) return;
    const { spec, pattern, isOverride } = (now ?? old) as WrittenSetting;
    const isHidden =
      spec?.secret === true ||
      (isOverride && !/_endpoint_\d+$|_etcdKey$/.test(name)) ||
      (spec === undefined && !isOverride);
    const [before, after] = [shown(old?.raw, spec), shown(now?.raw, spec)];
    const text = pattern === undefined ? undefined : settingTexts[pattern];
    const about = text === undefined ? "" : ` (${text.replace(/\.$/, "")})`;
    const message = isHidden ? `${name} is another${about}` : `${name} is ${after} now, and was ${before}${about}`;
    for (const code of this.#codesOf(old, now))
      this.#add(code, message, old?.pointer, now?.pointer, isHidden ? undefined : before, isHidden ? undefined : after);
  }

  #codesOf(old: WrittenSetting | undefined, now: WrittenSetting | undefined): readonly SettingCode[] {
    const { spec, pattern, isOverride } = (now ?? old) as WrittenSetting;
    if (isOverride) return [isText(old?.raw) && isText(now?.raw) ? ofUrls(old?.raw, now?.raw) : "setting-changed"];
    if (spec === undefined || pattern === undefined) return ["setting-changed"];
    if (spec.ignored !== undefined) return ["setting-reworded"];
    const direction = directionOf(pattern) ?? "other";
    // What the environment says is for nobody to know here.
    if (isReference(old?.raw) || isReference(now?.raw))
      return [direction === "none" ? "setting-reworded" : "setting-changed"];
    const [before, after] = [typedValue(old?.raw, spec, pattern), typedValue(now?.raw, spec, pattern)];
    return isEqual(before, after) ? ["setting-reworded"] : codesOf(direction, before, after);
  }

  #add(code: SettingCode, message: string, old?: string, now?: string, before?: string, after?: string): void {
    const [baseFile, headFile] = [this.#baseFile, this.#headFile];
    this.#findings.add(code, {
      message,
      before,
      after,
      base: baseFile === undefined || old === undefined ? undefined : { file: baseFile, pointer: old },
      head: headFile === undefined || now === undefined ? undefined : { file: headFile, pointer: now },
    });
  }
}

type SettingCode = "setting-grants-more" | "setting-grants-less" | "setting-changed" | "setting-reworded";

function isText(value: unknown): value is string {
  return typeof value === "string" && !isReference(value);
}

/** `@env:{NAME}` */
function isReference(value: unknown): boolean {
  return typeof value === "string" && value.startsWith("@");
}

const usualSkewMs = 5000;

type Value = string | number | boolean | readonly string[] | undefined;

/** A value as its type says, the default where there is none. */
function typedValue(raw: unknown, { type, default: usual }: SettingSpec, pattern: string): Value {
  const value = raw ?? usual;
  if (type === "boolean")
    return value === undefined ? flagsOnByDefault.has(pattern) : String(value).toLowerCase() === "true";
  if (value === undefined || value === "") return undefined;
  if (type === "list") {
    const items = Array.isArray(value) ? value.map(String) : String(value).split(",");
    return items
      .map((item) => item.trim())
      .filter((item) => item !== "")
      .sort();
  }
  if (type === "texts") return (Array.isArray(value) ? value : [value]).map(String).sort();
  if (type === "integer" || type === "number") {
    // -1: that of the other setting, or none.
    return Number(value) < 0 && pattern.endsWith(".timestampSkew") ? usualSkewMs : Number(value);
  }
  return pattern === "b7a.users.*.scopes" ? String(value).split(",").sort() : String(value);
}

function codesOf(direction: Direction, before: Value, after: Value): readonly SettingCode[] {
  const lists = listsOf(direction, before, after);
  return lists === undefined ? [codeOf(direction, before, after)] : ofLists(...lists);
}

/** For what is a list: all that lets something pass, on both sides. */
function listsOf(direction: Direction, before: Value, after: Value): readonly [Value, Value] | undefined {
  if (direction === "tls") return [olderOf(before), olderOf(after)];
  if (direction === "fewer") return [after, before];
  if (before === undefined || after === undefined) return undefined;
  return direction === "more" || direction === "listed" ? [before, after] : undefined;
}

function codeOf(direction: Direction, before: Value, after: Value): SettingCode {
  if (typeof direction === "object") {
    const place = (value: Value) => direction.indexOf(String(value).toLowerCase());
    return place(before) < 0 || place(after) < 0 ? "setting-changed" : ordered(place(after) - place(before));
  }
  const size = (value: Value) => (typeof value === "number" && value >= 0 ? value : Number.POSITIVE_INFINITY);
  switch (direction) {
    case "higher":
      return ordered(Math.sign(size(after) - size(before)));
    case "on":
      return ordered(after === true ? 1 : -1);
    case "off":
      return ordered(after === true ? -1 : 1);
    case "more":
      // A list that has a default of its own elsewhere cannot be compared with none.
      return "setting-changed";
    case "listed":
      return after === undefined ? "setting-grants-more" : "setting-grants-less";
    case "fewer":
    case "tls":
      return "setting-reworded";
    case "host":
      if (isEverywhere(before) !== isEverywhere(after))
        return isEverywhere(after) ? "setting-grants-more" : "setting-grants-less";
      return "setting-changed";
    case "url":
      return typeof before === "string" && typeof after === "string" ? ofUrls(before, after) : "setting-changed";
    case "other":
      return "setting-changed";
    case "none":
      return "setting-reworded";
  }
}

function ordered(sign: number): SettingCode {
  return sign > 0 ? "setting-grants-more" : sign < 0 ? "setting-grants-less" : "setting-reworded";
}

function ofLists(before: Value, after: Value): readonly SettingCode[] {
  const list = (value: Value): readonly string[] =>
    Array.isArray(value) ? value : value === undefined ? [] : [String(value)];
  const { added, removed } = setDifference(list(before), list(after));
  const codes: SettingCode[] = [];
  if (added.length > 0) codes.push("setting-grants-more");
  if (removed.length > 0) codes.push("setting-grants-less");
  return codes.length === 0 ? ["setting-reworded"] : codes;
}

/** Versions older than 1.3: those are what a newer one is better than. Older than 1.2 are never offered. */
function olderOf(value: Value): readonly string[] {
  const versions = Array.isArray(value) ? value.map((one: string) => one.toLowerCase()) : [];
  return [...(versions.includes("tlsv1.2") ? ["1.2"] : []), ...(versions.includes("tlsv1.3") ? [] : ["no 1.3"])];
}

function isEverywhere(value: Value): boolean {
  return value === "0.0.0.0" || value === "::";
}

function ofUrls(before: string, after: string): SettingCode {
  const isClear = (url: string) => /^http:/i.test(url);
  if (before.replace(/^https?:/i, "") !== after.replace(/^https?:/i, "")) return "setting-changed";
  return ordered(Number(isClear(after)) - Number(isClear(before)));
}

function shown(raw: unknown, spec: SettingSpec | undefined): string {
  if (raw === undefined) return spec?.default === undefined ? "not set" : `not set: ${shown(spec.default, undefined)}`;
  if (Array.isArray(raw)) return raw.length === 0 ? "none" : listed(raw.map(String));
  // A URL may hold a name and a password.
  return raw === "" ? "empty" : String(raw).replace(/(?<=:\/\/)[^/@\s]*@/g, "...@");
}

/** Settings that are read and of which nobody has said what they decide: none, as a test makes sure. */
export function settingsWithoutDirection(): readonly string[] {
  return [...settingsSchema].flatMap(([name, { ignored }]) =>
    ignored === undefined && directionOf(name) === undefined ? [name] : [],
  );
}
