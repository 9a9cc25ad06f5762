import { at } from "../../diagnostics/place.ts";
import type { Fact } from "../../model/checked-project.ts";
import type { CorsFacts } from "../../model/loaded-project.ts";
import type { Cursor } from "../../model/source.ts";
import { keysOf, type Reading, readFlag, readMap, reportUnknownKeys, wrongType } from "./values.ts";

/** Each key in camelCase, kebab-case and snake_case (T-EXT-22). */
const spellings = {
  allowOrigins: spelled("access", "Control", "Allow", "Origins"),
  allowMethods: spelled("access", "Control", "Allow", "Methods"),
  allowHeaders: spelled("access", "Control", "Allow", "Headers"),
  exposeHeaders: spelled("access", "Control", "Expose", "Headers"),
  allowCredentials: spelled("access", "Control", "Allow", "Credentials"),
  enabled: spelled("cors", "Configuration", "Enabled"),
} as const;
type Setting = keyof typeof spellings;

function spelled(...words: readonly string[]): readonly string[] {
  const lower = words.map((word) => word.toLowerCase());
  return [words.join(""), lower.join("-"), lower.join("_")];
}

/** `x-wso2-cors`. Its presence switches CORS on; only `standard` believes a `corsConfigurationEnabled: false`. */
export function readCors(reading: Reading, root: Cursor): Fact<CorsFacts> | undefined {
  const cors = readMap(reading, root, "x-wso2-cors");
  if (cors === undefined) return undefined;
  reportUnknownKeys(reading, cors, Object.values(spellings).flat(), "x-wso2-cors", "key-ignored");
  const enabledKey = keyOf(reading, cors, "enabled");
  const enabled = enabledKey === undefined ? undefined : readFlag(reading, cors, enabledKey);
  const credentialsKey = keyOf(reading, cors, "allowCredentials");
  const credentials = credentialsKey === undefined ? undefined : readFlag(reading, cors, credentialsKey);
  const value: CorsFacts = {
    allowOrigins: readWords(reading, cors, "allowOrigins"),
    allowMethods: readWords(reading, cors, "allowMethods"),
    allowHeaders: readWords(reading, cors, "allowHeaders"),
    exposeHeaders: readWords(reading, cors, "exposeHeaders"),
    allowCredentials: credentials?.value ?? false,
  };
  if (enabled?.value === false) {
    if (reading.compatibility === "standard") return undefined;
    reading.log.report("cors-always-enabled", at(enabled.ref), {});
  }
  return { value, ref: cors.ref };
}

/** The spelling in use; a second one beside it is reported. */
function keyOf(reading: Reading, cors: Cursor, setting: Setting): string | undefined {
  const keys = keysOf(cors);
  const [used, ...others] = spellings[setting].filter((key) => keys.includes(key));
  for (const other of others) {
    const place = at(cors.raw(other)?.ref ?? cors.ref, "key");
    reading.log.report("key-repeated", place, { key: other, used: used ?? "" });
  }
  return used;
}

function readWords(reading: Reading, cors: Cursor, setting: Setting): readonly string[] {
  const key = keyOf(reading, cors, setting);
  const cursor = key === undefined ? undefined : cors.get(key);
  if (key === undefined || cursor === undefined || cursor.value === null) return [];
  if (!Array.isArray(cursor.value)) {
    wrongType(reading, cursor, key, "a list");
    return [];
  }
  const words: string[] = [];
  for (const item of cursor.items()) {
    if (typeof item.value !== "string" || item.value.trim() === "") {
      wrongType(reading, item, `an element of ${key}`, "text");
    } else if (/[\r\n\0]/.test(item.value)) {
      reading.log.report("value-invalid", at(item.ref), { what: key, problem: "must not hold a line break" });
    } else words.push(item.value.trim());
  }
  return words;
}
