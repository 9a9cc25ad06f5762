import { parse, TomlError } from "smol-toml";
import { overridePattern, type SettingSpec, settingsSchema } from "../../../runtime-lib/settings-schema.ts";
import { namedTables } from "./setting-directions.ts";

/** A setting as a file has it. */
export interface WrittenSetting {
  /** As messages call it: `jwtTokenConfig[https://login.test].audience`. The same on both sides. */
  readonly name: string;
  /** As the schema calls it; undefined: it does not know it. */
  readonly pattern: string | undefined;
  readonly spec: SettingSpec | undefined;
  /** An override of an endpoint of the definitions. */
  readonly isOverride: boolean;
  readonly raw: unknown;
  /** RFC 6901. */
  readonly pointer: string;
}

/** One of several tables: an issuer, a user. */
export interface WrittenTable {
  readonly name: string;
  /** `jwtTokenConfig`, `b7a.users` */
  readonly pattern: string;
  readonly pointer: string;
}

/** What a file of settings says, by name. */
export interface SettingTree {
  readonly settings: ReadonlyMap<string, WrittenSetting>;
  readonly tables: ReadonlyMap<string, WrittenTable>;
}

/** Reads a file of settings. Undefined: it is no TOML. Values stay as they are written. */
export function readSettingTree(text: string): SettingTree | undefined {
  let parsed: Record<string, unknown>;
  try {
    parsed = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return undefined;
  }
  const reader = new Reader();
  reader.table(parsed, "", "", "");
  return reader;
}

class Reader implements SettingTree {
  readonly settings = new Map<string, WrittenSetting>();
  readonly tables = new Map<string, WrittenTable>();

  table(table: object, name: string, pattern: string, pointer: string): void {
    for (const [key, raw] of Object.entries(table)) {
      const below = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const inner = isKnownStart(pattern + key)
        ? pattern + key
        : isKnownStart(`${pattern}*`)
          ? `${pattern}*`
          : undefined;
      const isNamed = inner?.endsWith("*") === true && Object.hasOwn(namedTables, pattern.slice(0, -1));
      if (inner !== undefined && isNamed) this.#addTable(name + key, pattern.slice(0, -1), below);
      if (inner !== undefined && isArrayOfTables(inner) && typeof raw === "object" && raw !== null) {
        this.#array(Array.isArray(raw) ? raw : [raw], name + key, inner, below, Array.isArray(raw));
      } else if (typeof raw === "object" && raw !== null && !Array.isArray(raw) && !(raw instanceof Date)) {
        this.table(raw, `${name}${key}.`, `${inner ?? `${pattern}${key}`}.`, below);
      } else {
        const spec = inner === undefined ? undefined : settingsSchema.get(inner);
        const isOverride = pattern === "" && spec === undefined && overridePattern.test(key);
        this.#add({ name: name + key, pattern: spec && inner, spec, isOverride, raw, pointer: below });
      }
    }
  }

  #array(elements: readonly unknown[], name: string, pattern: string, pointer: string, isArray: boolean): void {
    const by = namedTables[pattern]?.by ?? [];
    const used = new Map<string, number>();
    for (const [index, element] of elements.entries()) {
      if (typeof element !== "object" || element === null) continue;
      const label = by.map((key) => String((element as Readonly<Record<string, unknown>>)[key] ?? "")).join(" ");
      const count = (used.get(label) ?? 0) + 1;
      used.set(label, count);
      const own = `${name}[${label}${count > 1 ? ` ${count}` : ""}]`;
      const below = isArray ? `${pointer}/${index}` : pointer;
      this.#addTable(own, pattern, below);
      this.table(element, `${own}.`, `${pattern}[].`, below);
    }
  }

  #add(setting: WrittenSetting): void {
    this.settings.set(setting.name, setting);
  }

  #addTable(name: string, pattern: string, pointer: string): void {
    this.tables.set(name, { name, pattern, pointer });
  }
}

let starts: ReadonlySet<string> | undefined;

/** Whether some setting of the schema is this, or begins so. */
function isKnownStart(pattern: string): boolean {
  starts ??= new Set(
    [...settingsSchema.keys()].flatMap((name) => {
      const parts = name.split(".");
      return parts.flatMap((_, index) => {
        const start = parts.slice(0, index + 1).join(".");
        return start.endsWith("[]") ? [start, start.slice(0, -2)] : [start];
      });
    }),
  );
  return starts.has(pattern);
}

function isArrayOfTables(pattern: string): boolean {
  return isKnownStart(`${pattern}[]`);
}
