import { at } from "../../diagnostics/place.ts";
import type { Fact } from "../../model/checked-project.ts";
import type { CorsFacts } from "../../model/loaded-project.ts";
import type { Cursor } from "../../model/source.ts";
import { corsSettings, corsTerm, maxAgeTerm } from "../../vocabulary/extensions.ts";
import { termKeys } from "../../vocabulary/term.ts";
import { keysOf, type Reading, readFlag, readMap, readNumber, reportUnknownKeys, wrongType } from "./values.ts";

type Setting = keyof typeof corsSettings;

/** `x-wso2-cors`. Its presence switches CORS on; only `standard` believes a `corsConfigurationEnabled: false`. */
export function readCors(reading: Reading, root: Cursor): Fact<CorsFacts> | undefined {
  const cors = readMap(reading, root, "x-wso2-cors");
  if (cors === undefined) return undefined;
  reportUnknownKeys(reading, cors, termKeys(corsTerm), "x-wso2-cors", "key-ignored");
  const enabledKey = keyOf(reading, cors, "enabled");
  const enabled = enabledKey === undefined ? undefined : readFlag(reading, cors, enabledKey);
  const credentialsKey = keyOf(reading, cors, "allowCredentials");
  const credentials = credentialsKey === undefined ? undefined : readFlag(reading, cors, credentialsKey);
  const maxAgeKey = keyOf(reading, cors, "maxAge");
  const maxAge = maxAgeKey === undefined ? undefined : readNumber(reading, cors, maxAgeKey, maxAgeTerm.range);
  const allowOrigins = readWords(reading, cors, "allowOrigins");
  const value: CorsFacts = {
    allowOrigins,
    allowMethods: readWords(reading, cors, "allowMethods"),
    allowHeaders: readWords(reading, cors, "allowHeaders"),
    exposeHeaders: readWords(reading, cors, "exposeHeaders"),
    allowCredentials: credentials?.value ?? false,
    ...(maxAge && { maxAgeSeconds: maxAge.value }),
  };
  if (enabled?.value === false) {
    if (reading.compatibility === "standard") return undefined;
    reading.log.report("cors-always-enabled", at(enabled.ref), {});
  }
  if (credentials?.value === true && meansAnyOrigin(allowOrigins))
    reading.log.report("cors-credentials-for-any", at(credentials.ref), {});
  reportUnmatchable(reading, cors);
  return { value, ref: cors.ref };
}

/** No list, or `*` as its only entry (S-COR-03). */
function meansAnyOrigin(origins: readonly string[]): boolean {
  return origins.length === 0 || (origins.length === 1 && origins[0] === "*");
}

/** Origins that no browser sends (RFC 6454 section 6.2): whoever wrote them takes them for something else (S-COR-04). */
function reportUnmatchable(reading: Reading, cors: Cursor): void {
  const key = keyOf(reading, cors, "allowOrigins", "quietly");
  const items = key === undefined ? [] : (cors.get(key)?.items() ?? []);
  for (const item of items) {
    if (typeof item.value !== "string") continue;
    const origin = item.value.trim();
    const problem = origin === "" ? undefined : flawOfOrigin(origin, items.length === 1);
    if (problem !== undefined) reading.log.report("cors-origin-unmatchable", at(item.ref), { origin, problem });
  }
}

function flawOfOrigin(origin: string, alone: boolean): string | undefined {
  if (origin === "*") return alone ? undefined : "* stands for any origin only as the only entry";
  if (origin === "null") return "null is never let in: any page can make a frame whose origin it is";
  if (origin.includes("*")) return "an origin has no wildcards: list each";
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\s]+)$/i.exec(origin);
  if (parts === null)
    return origin.includes("://") ? "an origin ends before its path" : "an origin starts with its scheme, as https://";
  if (origin !== origin.toLowerCase()) return "browsers send origins in lower case";
  const defaultPort = { http: ":80", https: ":443" }[parts[1] ?? ""];
  if (defaultPort !== undefined && origin.endsWith(defaultPort)) return "browsers leave out the scheme's own port";
  return undefined;
}

/** The spelling in use; a second one beside it is reported. */
function keyOf(reading: Reading, cors: Cursor, setting: Setting, quietly?: "quietly"): string | undefined {
  const keys = keysOf(cors);
  const [used, ...others] = corsSettings[setting].spellings.filter((key) => keys.includes(key));
  for (const other of quietly ? [] : others) {
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
