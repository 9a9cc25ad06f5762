import { isAbsolute, join, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import type { FeatureName } from "./feature.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import {
  featuresReading,
  overridePattern,
  type SettingSpec,
  type SettingValue,
  settingsSchema,
} from "./settings-schema.ts";

/** What the settings are made of. Nothing is read from the process here, so that tests can say it all. */
export interface SettingsSources {
  readonly compatibility: "wso2-3.2" | "standard";
  /** `--allow-known-defaults` was given. */
  readonly allowKnownDefaults: boolean;
  /** What the bundle holds of what settings can switch on. */
  readonly features: readonly FeatureName[];
  /** `--name=value` of the command line, in order; the last of one name counts. */
  readonly overrides: readonly (readonly [name: string, value: string])[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The settings file, if there is one. */
  readonly file: { readonly name: string; readonly text: string } | undefined;
  /** What relative paths in the file are relative to: the file's folder. */
  readonly fileFolder: string;
  /** What relative paths of the command line and the environment are relative to. */
  readonly workingFolder: string;
}

export interface LoadedSettings {
  readonly settings: Settings;
  readonly report: SettingsLog;
  /**
   * Reports endpoint overrides of the command line and the file that nobody asked for. To be called once all modules
   * were configured: only they know which endpoints exist.
   */
  checkOverrides(): void;
}

export interface SettingsFinding {
  readonly severity: "error" | "warning";
  readonly key: string;
  readonly message: string;
}

/** Collects the findings of one start, in the order in which they were made. */
export class SettingsLog implements SettingsReport {
  readonly findings: SettingsFinding[] = [];

  error(key: string, message: string): void {
    this.findings.push({ severity: "error", key, message });
  }

  warn(key: string, message: string): void {
    this.findings.push({ severity: "warning", key, message });
  }

  get hasErrors(): boolean {
    return this.findings.some((finding) => finding.severity === "error");
  }

  /** One line a finding: `error: listenerConfig.httpPort: must be a whole number`. */
  lines(): readonly string[] {
    return this.findings.map(({ severity, key, message }) => `${severity}: ${key === "" ? "" : `${key}: `}${message}`);
  }
}

/**
 * Merges and checks the settings: command line over environment over file over default (R-CFG-02). An environment name
 * is a key with `_` for each dot. Never throws for a mistake of the user: look at `report`.
 */
export function loadSettings(sources: SettingsSources): LoadedSettings {
  const loader = new Loader(sources);
  if (sources.file !== undefined) loader.readFile(sources.file);
  loader.readEnvironment();
  loader.readCommandLine();
  loader.finish();
  const root = new View(loader, loader.root, "", "");
  return { settings: root, report: loader.log, checkOverrides: () => loader.checkOverrides() };
}

type Origin = "file" | "environment" | "command line";

interface Leaf {
  readonly kind: "leaf";
  readonly spec: SettingSpec;
  readonly name: string;
  readonly origin: Origin;
  readonly raw: unknown;
  /** Checked; undefined when it is wrong. */
  value: SettingValue | undefined;
}

/** A table: a Map, because `__proto__` is a legal key. */
type Branch = Map<string, Node>;
type Node = Leaf | Branch | Branch[];

/** The schema as a tree, to walk a file along it. */
interface SchemaNode {
  readonly children: Map<string, SchemaNode>;
  spec: SettingSpec | undefined;
  /** An array of tables; one table alone is read as an array of one (S-JWT-01). */
  isArray: boolean;
}

/** Has those of its children that were asked for: with all of them, a start takes 2 ms and a collection more. */
const schemaRoot: SchemaNode = { children: new Map(), spec: undefined, isArray: false };

/** The patterns of the schema by what they begin with. */
const patternsByTop = new Map<string, string[]>();
for (const pattern of settingsSchema.keys()) {
  const dot = pattern.indexOf(".");
  const top = pattern.slice(0, dot === -1 ? undefined : pattern[dot - 1] === "]" ? dot - 2 : dot);
  const patterns = patternsByTop.get(top);
  if (patterns === undefined) patternsByTop.set(top, [pattern]);
  else patterns.push(pattern);
}

/** What a key stands for below a node; undefined when the schema has no such setting or table. */
function childOf(node: SchemaNode, key: string): SchemaNode | undefined {
  if (node === schemaRoot && !node.children.has(key)) {
    for (const pattern of patternsByTop.get(key) ?? []) addToTree(pattern, settingsSchema.get(pattern) as SettingSpec);
  }
  return node.children.get(key) ?? node.children.get("*");
}

function addToTree(pattern: string, spec: SettingSpec): void {
  let node = schemaRoot;
  for (let from = 0; from <= pattern.length; ) {
    const dot = pattern.indexOf(".", from);
    const end = dot === -1 ? pattern.length : dot;
    const isArray = pattern.endsWith("[]", end);
    const key = pattern.slice(from, isArray ? end - 2 : end);
    from = end + 1;
    let child = node.children.get(key);
    if (child === undefined) {
      child = { children: new Map(), spec: undefined, isArray };
      node.children.set(key, child);
    }
    node = child;
  }
  node.spec = spec;
}

class Loader {
  readonly log = new SettingsLog();
  readonly root: Branch = new Map();
  readonly sources: SettingsSources;
  /** Endpoint overrides by name; those of the environment are looked up by name instead. */
  readonly #overrides = new Map<string, Leaf>();
  readonly #claimed = new Set<string>();

  constructor(sources: SettingsSources) {
    this.sources = sources;
  }

  readFile(file: { readonly name: string; readonly text: string }): void {
    let parsed: Record<string, unknown>;
    try {
      parsed = parse(file.text);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      // The parser's message quotes the line, which may hold a password: only its first line is shown.
      const what = error.message.split("\n", 1)[0]?.replace("Invalid TOML document: ", "") ?? "not TOML";
      this.log.error(`${file.name}:${error.line}:${error.column}`, `not TOML: ${what}`);
      return;
    }
    this.#table(parsed, schemaRoot, this.root, "", "file");
  }

  #table(table: object, schema: SchemaNode, target: Branch, prefix: string, origin: Origin): void {
    for (const [key, raw] of Object.entries(table)) {
      const name = prefix + key;
      const child = childOf(schema, key);
      if (child === undefined) {
        if (prefix === "" && overridePattern.test(key)) this.#overrides.set(key, this.#overrideLeaf(key, raw, origin));
        else this.#unknown(name);
      } else if (child.isArray) this.#array(raw, child, target, key, name, origin);
      else if (isTable(raw)) {
        // `[x.jaeger]` with `*` at the end of its pattern: all of it is known and unread.
        if (child.spec !== undefined && !schema.children.has(key)) continue;
        if (child.children.size === 0) this.log.error(name, "must be a value, not a table");
        else this.#table(raw, child, branchAt(target, key), `${name}.`, origin);
      } else if (child.spec === undefined) this.log.error(name, "must be a table");
      else target.set(key, { kind: "leaf", spec: child.spec, name, origin, raw, value: undefined });
    }
  }

  #array(raw: unknown, schema: SchemaNode, target: Branch, key: string, name: string, origin: Origin): void {
    const elements = Array.isArray(raw) ? raw : [raw];
    const branches: Branch[] = [];
    for (const [index, element] of elements.entries()) {
      const elementName = Array.isArray(raw) ? `${name}[${index}]` : name;
      if (!isTable(element)) {
        this.log.error(elementName, "must be a table");
        continue;
      }
      const branch: Branch = new Map();
      this.#table(element, schema, branch, `${elementName}.`, origin);
      branches.push(branch);
    }
    target.set(key, branches);
  }

  readEnvironment(): void {
    for (const [name, value] of Object.entries(this.sources.env)) {
      // The names of all settings are made for those that begin like one.
      if (value === undefined || !patternsByTop.has(name.split("_", 1)[0] ?? "")) continue;
      const path = environmentNames().get(name) ?? userSetting(name, "_");
      if (path !== undefined) this.#assign(path, value, path.join("."), "environment");
    }
  }

  readCommandLine(): void {
    for (const [name, value] of this.sources.overrides) {
      const path = pathOf(name);
      if (path !== undefined) this.#assign(path, value, name, "command line");
      else if (overridePattern.test(name)) this.#overrides.set(name, this.#overrideLeaf(name, value, "command line"));
      else this.#unknown(name, "command line");
    }
  }

  /** Sets one value along a path of the schema; `jwtTokenConfig.issuer` and `jwtTokenConfig[1].issuer` reach into arrays. */
  #assign(path: readonly string[], raw: string, name: string, origin: Origin): void {
    let schema = schemaRoot;
    let branch = this.root;
    for (const [depth, segment] of path.entries()) {
      const [, key = segment, position] = /^(.+)\[(\d+)\]$/.exec(segment) ?? [];
      const child = childOf(schema, key);
      if (child === undefined) return this.#unknown(name, origin);
      if (depth === path.length - 1) {
        if (child.spec === undefined) return this.log.error(name, "is a table, not a value");
        branch.set(key, { kind: "leaf", spec: child.spec, name, origin, raw, value: undefined });
        return;
      }
      if (child.isArray) {
        const found = branch.get(key);
        const elements = Array.isArray(found) ? found : [];
        if (elements.length === 0) elements.push(new Map());
        branch.set(key, elements);
        if (position === undefined && elements.length > 1)
          return this.log.error(name, `there are ${elements.length} tables ${key}: say which, as in ${key}[0]`);
        const element = elements[Number(position ?? 0)];
        if (element === undefined) return this.log.error(name, `there is no ${key}[${position}]`);
        branch = element;
      } else branch = branchAt(branch, key);
      schema = child;
    }
  }

  /** Checks every value that stands after merging: what was overridden is not looked at. */
  finish(): void {
    this.#finish(this.root);
    for (const leaf of this.#overrides.values()) this.#check(leaf);
  }

  #finish(branch: Branch): void {
    for (const node of branch.values()) {
      if (Array.isArray(node)) for (const element of node) this.#finish(element);
      else if (node instanceof Map) this.#finish(node);
      else this.#check(node);
    }
  }

  #check(leaf: Leaf): void {
    const { spec } = leaf;
    const name = leaf.origin === "file" ? leaf.name : `${leaf.name} (${leaf.origin})`;
    // What is not read is not checked either: a migrated file may hold anything there, references included.
    const raw = spec.ignored === undefined ? this.#resolved(name, leaf.raw) : leaf.raw;
    if (raw === undefined) return;
    const converted = convert(spec, raw);
    if ("problem" in converted) {
      if (spec.ignored === undefined) this.log.error(name, converted.problem);
      return;
    }
    let { value } = converted;
    if (spec.type === "path" && value !== "" && spec.ignored === undefined) {
      const expanded = this.#expanded(name, value as string, leaf.origin);
      if (expanded === undefined) return;
      value = expanded;
    }
    const warning = spec.ignored?.(value);
    if (warning !== undefined) this.log.warn(name, warning);
    const missing = spec.notBuilt?.(value);
    if (missing !== undefined)
      this.log.error(name, `asks for ${missing}, which this version does not have; remove it or switch it off`);
    if (value !== "" && value !== false) this.#checkFeature(leaf, name);
    leaf.value = value;
  }

  /** What 3.2 can switch on is in every bundle of it, but for what no operation there can use. */
  #checkFeature(leaf: Leaf, name: string): void {
    const { compatibility, features } = this.sources;
    if (compatibility !== "standard") return;
    const readers = featuresReading(leaf.name);
    if (readers.length === 0 || readers.some((feature) => features.includes(feature))) return;
    const unused = readers.includes("introspection") ? " (it is left out where no operation takes tokens)" : "";
    this.log.error(
      name,
      `needs ${readers.join(" or ")}, which this gateway was built without: add it to features in castgate.yaml${unused}`,
    );
  }

  /** `@env:{NAME}` is the text of an environment variable; it must stand alone. */
  #resolved(name: string, raw: unknown): unknown {
    if (typeof raw !== "string" || !raw.startsWith("@")) return raw;
    if (raw.startsWith("@encrypted:")) {
      this.log.error(
        name,
        "@encrypted values cannot be read: give the value through the environment instead, as @env:{NAME}",
      );
      return undefined;
    }
    const variable = /^@env:\{([^{}]+)\}$/.exec(raw)?.[1];
    if (variable === undefined) {
      if (!raw.startsWith("@env:")) return raw;
      this.log.error(name, "must be written as @env:{NAME}");
      return undefined;
    }
    const value = this.sources.env[variable];
    if (value === undefined) this.log.error(name, `the environment has no variable ${variable}`);
    return value;
  }

  #expanded(name: string, path: string, origin: Origin): string | undefined {
    const variable = /\$\{([^}]*)\}/.exec(path)?.[1];
    let expanded = path;
    if (variable !== undefined) {
      const home = this.sources.env.MGW_RUNTIME_HOME;
      if (variable !== "mgw-runtime.home" && variable !== "ballerina.home") {
        this.log.error(name, `\${${variable}} is not known; only \${mgw-runtime.home} is`);
        return undefined;
      }
      if (home === undefined || home === "") {
        this.log.error(name, `\${${variable}} needs the environment variable MGW_RUNTIME_HOME; or write a plain path`);
        return undefined;
      }
      const folder = variable === "ballerina.home" ? join(home, "runtime") : home;
      expanded = path.replaceAll(`\${${variable}}`, folder);
    }
    if (isAbsolute(expanded)) return expanded;
    return resolve(origin === "file" ? this.sources.fileFolder : this.sources.workingFolder, expanded);
  }

  #overrideLeaf(name: string, raw: unknown, origin: Origin): Leaf {
    return { kind: "leaf", spec: overrideSpec, name, origin, raw, value: undefined };
  }

  override(name: string): string | undefined {
    this.#claimed.add(name);
    const set = this.#overrides.get(name);
    if (set?.origin === "command line") return set.value as string | undefined;
    const fromEnvironment = this.sources.env[name];
    if (fromEnvironment !== undefined) return this.#resolved(name, fromEnvironment) as string | undefined;
    return set?.value as string | undefined;
  }

  checkOverrides(): void {
    for (const [name, leaf] of this.#overrides) {
      if (!this.#claimed.has(name)) this.#unknown(name, leaf.origin, [...this.#claimed]);
    }
  }

  /** A setting that does not exist: a warning in `wso2-3.2`, an error in `standard`. Its value is not shown. */
  #unknown(name: string, origin: Origin = "file", more: readonly string[] = []): void {
    const nearest = suggestion(name, [...knownNames(), ...more]);
    const message = `there is no such setting${nearest === undefined ? "" : `; did you mean "${nearest}"?`}`;
    const place = origin === "file" ? name : `${name} (${origin})`;
    if (this.sources.compatibility === "standard") this.log.error(place, message);
    else this.log.warn(place, message);
  }
}

const overrideSpec: SettingSpec = { type: "string", secret: true };

/** The settings below one table. Keys that the schema does not have are a bug of the caller, hence the exceptions. */
class View implements Settings {
  readonly compatibility: "wso2-3.2" | "standard";
  readonly allowKnownDefaults: boolean;
  readonly #loader: Loader;
  readonly #branch: Branch;
  readonly #name: string;
  readonly #pattern: string;

  constructor(loader: Loader, branch: Branch, name: string, pattern: string) {
    this.compatibility = loader.sources.compatibility;
    this.allowKnownDefaults = loader.sources.allowKnownDefaults;
    this.#loader = loader;
    this.#branch = branch;
    this.#name = name;
    this.#pattern = pattern;
  }

  string(key: string): string | undefined {
    const value = this.#value(key, "string", "path");
    return value === undefined ? undefined : (value as string);
  }

  number(key: string): number | undefined {
    return this.#value(key, "integer", "number") as number | undefined;
  }

  boolean(key: string): boolean | undefined {
    return this.#value(key, "boolean") as boolean | undefined;
  }

  strings(key: string): readonly string[] | undefined {
    return this.#value(key, "list", "texts") as readonly string[] | undefined;
  }

  path(key: string): string | undefined {
    const value = this.#value(key, "path") as string | undefined;
    return value === "" ? undefined : value;
  }

  tables(name: string): readonly Settings[] {
    const node = this.#node(name);
    if (!Array.isArray(node)) return [];
    return node.map(
      (branch, index) =>
        new View(this.#loader, branch, `${this.#name}${name}[${index}].`, `${this.#pattern}${name}[].`),
    );
  }

  named(name: string): readonly (readonly [name: string, settings: Settings])[] {
    const node = this.#node(name);
    if (!(node instanceof Map)) return [];
    const found: [string, Settings][] = [];
    for (const [key, child] of node) {
      if (!(child instanceof Map)) continue;
      found.push([key, new View(this.#loader, child, `${this.#name}${name}.${key}.`, `${this.#pattern}${name}.*.`)]);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }

  nameOf(key: string): string {
    return this.#name + key;
  }

  override(name: string): string | undefined {
    return this.#loader.override(name);
  }

  #node(key: string): Node | undefined {
    let node: Node | undefined = this.#branch;
    for (const segment of key.split(".")) {
      if (!(node instanceof Map)) return undefined;
      node = node.get(segment);
    }
    return node;
  }

  #value(key: string, ...types: readonly SettingSpec["type"][]): SettingValue | undefined {
    const spec = settingsSchema.get(this.#pattern + key);
    if (spec === undefined || !types.includes(spec.type))
      throw new Error(`no setting ${this.#pattern + key} of type ${types.join(" or ")} in the schema`);
    const node = this.#node(key);
    if (node === undefined || node instanceof Map || Array.isArray(node)) return spec.default;
    return node.value ?? spec.default;
  }
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function branchAt(branch: Branch, key: string): Branch {
  const found = branch.get(key);
  if (found instanceof Map) return found;
  const made: Branch = new Map();
  branch.set(key, made);
  return made;
}

/** The value as its type, or what is wrong with it, without the value. */
function convert(spec: SettingSpec, raw: unknown): { value: SettingValue } | { problem: string } {
  switch (spec.type) {
    case "string":
    case "path": {
      if (typeof raw !== "string") return { problem: "must be a string" };
      if (spec.oneOf !== undefined) {
        const word = spec.oneOf.find((one) => one.toLowerCase() === raw.toLowerCase());
        return word === undefined ? { problem: `must be one of ${spec.oneOf.join(", ")}` } : { value: word };
      }
      if (spec.pattern !== undefined && !spec.pattern[0].test(raw)) return { problem: `must be ${spec.pattern[1]}` };
      return { value: raw };
    }
    case "integer":
    case "number": {
      const value = typeof raw === "string" && /^\s*-?\d+(\.\d+)?\s*$/.test(raw) ? Number(raw) : raw;
      const kind = spec.type === "integer" ? "a whole number" : "a number";
      if (typeof value !== "number" || (spec.type === "integer" && !Number.isSafeInteger(value)))
        return { problem: `must be ${kind}` };
      const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = spec;
      if (value >= min && value <= max) return { value };
      return { problem: max === Number.MAX_SAFE_INTEGER ? `must be at least ${min}` : `must be ${min} to ${max}` };
    }
    case "boolean": {
      if (typeof raw === "boolean") return { value: raw };
      const word = typeof raw === "string" ? raw.trim().toLowerCase() : "";
      return word === "true" || word === "false" ? { value: word === "true" } : { problem: "must be true or false" };
    }
    case "list":
    case "texts": {
      if (!Array.isArray(raw) && typeof raw !== "string") return { problem: "must be a string or an array of strings" };
      if (Array.isArray(raw) && !raw.every((one) => typeof one === "string"))
        return { problem: "must be a string or an array of strings" };
      const value = Array.isArray(raw) ? raw : spec.type === "texts" ? [raw] : partsOf(raw);
      const { pattern } = spec;
      if (pattern !== undefined && !value.every((one) => pattern[0].test(one)))
        return { problem: `must have ${pattern[1]}, in each element` };
      return { value };
    }
  }
}

function partsOf(text: string): string[] {
  return text.split(",").flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
}

let namesOfEnvironment: ReadonlyMap<string, readonly string[]> | undefined;

/** Environment names of all settings that have one fixed name, with their paths. */
function environmentNames(): ReadonlyMap<string, readonly string[]> {
  if (namesOfEnvironment === undefined) {
    const names = new Map<string, readonly string[]>();
    for (const pattern of settingsSchema.keys()) {
      if (pattern.includes("*")) continue;
      const path = pattern.replaceAll("[]", "").split(".");
      names.set(path.join("_"), path);
    }
    namesOfEnvironment = names;
  }
  return namesOfEnvironment;
}

/** `b7a.users.<name>.password`: the name may itself hold the separator. */
function userSetting(name: string, separator: "." | "_"): readonly string[] | undefined {
  // Most names are not: a start need not compile an expression for them.
  if (!name.startsWith("b7a")) return undefined;
  const found = (
    separator === "." ? /^b7a\.users\.(.+)\.(password|scopes)$/ : /^b7a_users_(.+)_(password|scopes)$/
  ).exec(name);
  return found === null ? undefined : ["b7a", "users", found[1] as string, found[2] as string];
}

/** The path of a command-line name in the schema; undefined when the schema has no such setting. */
function pathOf(name: string): readonly string[] | undefined {
  const user = userSetting(name, ".");
  if (user !== undefined) return user;
  const path = name.split(".");
  let schema = schemaRoot;
  for (const [depth, segment] of path.entries()) {
    const child = childOf(schema, segment.replace(/\[\d+\]$/, ""));
    if (child === undefined) return undefined;
    if (child.spec !== undefined && child.children.size === 0) return depth === path.length - 1 ? path : undefined;
    schema = child;
  }
  return undefined;
}

function knownNames(): string[] {
  return [...settingsSchema.keys()]
    .filter((pattern) => !pattern.includes("*"))
    .map((pattern) => pattern.replace("[]", ""));
}

/** The nearest of the names, if it is near enough to have been meant. */
function suggestion(name: string, names: readonly string[]): string | undefined {
  const wanted = name.replace(/\[\d+\]/g, "").toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 6)) + 1;
  for (const candidate of names) {
    const distance = editDistance(wanted, candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance; any number of at least `limit` when it is not below `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitute = (previous[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitute, (previous[column] as number) + 1, (current[column - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[b.length] as number;
}
