import { at } from "../../diagnostics/place.ts";
import type { SchemeFact } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { isMap, keysOf, type Reading, wrongType } from "./values.ts";

/** The declared security schemes by name (T-SEC-01): `securityDefinitions` of Swagger 2, else `components`. */
export function readSchemes(
  reading: Reading,
  root: Cursor,
  version: "2.0" | "3.0" | "3.1",
): ReadonlyMap<string, SchemeFact> {
  const table = version === "2.0" ? root.get("securityDefinitions") : root.get("components")?.get("securitySchemes");
  const schemes = new Map<string, SchemeFact>();
  if (table === undefined) return schemes;
  if (!isMap(table.value)) {
    if (table.value !== null) wrongType(reading, table, "the security schemes", "a map");
    return schemes;
  }
  for (const name of keysOf(table)) {
    const scheme = table.get(name);
    if (scheme !== undefined) schemes.set(name, schemeOf(reading, scheme));
  }
  return schemes;
}

/** What a scheme is whose place or name cannot be used. */
export const malformedKey = "apiKey without a usable place or name";

function schemeOf(reading: Reading, scheme: Cursor): SchemeFact {
  const { ref } = scheme;
  const type = scheme.get("type")?.value;
  const word = scheme.get("scheme")?.value;
  const http = typeof word === "string" ? word.toLowerCase() : undefined;
  if (type === "oauth2") return { kind: "oauth2", spelling: "oauth2", ref };
  if (type === "openIdConnect") return { kind: "oauth2", spelling: "openIdConnect", ref };
  if (type === "http" && (http === "jwt" || http === "bearer")) return { kind: "oauth2", spelling: http, ref };
  if (type === "basic" || (type === "http" && http === "basic")) return { kind: "basic", ref };
  if (type === "mutualTLS") return { kind: "mutual-tls", ref };
  if (type === "apiKey") return apiKeyOf(reading, scheme);
  return { kind: "unknown", what: describe(type, word), ref };
}

function apiKeyOf(reading: Reading, scheme: Cursor): SchemeFact {
  const place = scheme.get("in")?.value;
  const name = scheme.get("name")?.value;
  const where = (["header", "query", "cookie"] as const).find((known) => known === place);
  if (where === undefined || typeof name !== "string" || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z[\]]+$/.test(name)) {
    const problem =
      where === undefined ? "in must be header, query or cookie" : "name must be the name of a header or parameter";
    reading.log.report("security-scheme-malformed", at(scheme.ref), { problem });
    return { kind: "unknown", what: malformedKey, ref: scheme.ref };
  }
  return { kind: "api-key", in: where, name, ref: scheme.ref };
}

function describe(type: unknown, word: unknown): string {
  if (typeof type !== "string") return "no type";
  return type === "http" && typeof word === "string" ? `http ${word}` : type;
}

/** The scopes that the flows of an OAuth2 scheme declare; undefined when none of them declares any. */
export function scopesOf(root: Cursor, name: string): readonly string[] | undefined {
  const scheme =
    root.get("components")?.get("securitySchemes")?.get(name) ?? root.get("securityDefinitions")?.get(name);
  if (scheme?.get("type")?.value !== "oauth2") return undefined;
  const flows: Cursor[] = [scheme, ...(scheme.get("flows")?.entries() ?? []).map(([, flow]) => flow)];
  const tables = flows.flatMap((flow) => flow.get("scopes") ?? []);
  return tables.length === 0 ? undefined : tables.flatMap(keysOf);
}
