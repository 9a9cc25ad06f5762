import { at } from "../../diagnostics/place.ts";
import type { Cursor, SourceRef } from "../../model/source.ts";
import { isMap, keysOf, type Reading, readList, readText, wrongType } from "./values.ts";

/** A server URL after its variables were filled in, not yet judged. */
export interface Server {
  readonly url: string;
  readonly ref: SourceRef;
}

/** The servers of a definition; none when it states none (T-OAS-07, 08, 22). */
export function readServers(reading: Reading, root: Cursor, version: "2.0" | "3.0" | "3.1"): readonly Server[] {
  return version === "2.0" ? hostServers(reading, root) : listedServers(reading, root);
}

/** `host`, `basePath` and `schemes` of Swagger 2 (T-OAS-08). */
function hostServers(reading: Reading, root: Cursor): readonly Server[] {
  const host = readText(reading, root, "host");
  const basePath = readText(reading, root, "basePath");
  const place = host ?? basePath;
  if (place === undefined) return [];
  const path = basePath === undefined ? "" : basePath.value.startsWith("/") ? basePath.value : `/${basePath.value}`;
  const schemes = readList(reading, root, "schemes")?.items() ?? [];
  const words = schemes.flatMap((scheme) => (typeof scheme.value === "string" ? [scheme.value] : []));
  if (host === undefined || words.length === 0)
    return [{ url: `//${host?.value ?? ""}${path || "/"}`, ref: place.ref }];
  return words.map((scheme) => ({ url: `${scheme}://${host.value}${path}`, ref: host.ref }));
}

/** A `servers` list, of the definition, a path item or an operation, variables replaced by their defaults (T-OAS-24). */
export function listedServers(reading: Reading, parent: Cursor): readonly Server[] {
  const list = readList(reading, parent, "servers");
  const servers: Server[] = [];
  for (const item of list?.items() ?? []) {
    if (!isMap(item.value)) {
      wrongType(reading, item, "a server", "a map");
      continue;
    }
    const url = readText(reading, item, "url");
    if (url !== undefined) servers.push({ url: fillIn(reading, url.value, item), ref: url.ref });
  }
  return servers;
}

function fillIn(reading: Reading, url: string, server: Cursor): string {
  const variables = server.get("variables");
  return url.replace(/\{([^{}]*)\}/g, (braces, name: string) => {
    const value = variables?.get(name)?.get("default")?.value;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
    const known = variables === undefined ? [] : keysOf(variables);
    reading.log.report("server-variable-undefined", at(server.get("url")?.ref ?? server.ref), {
      variable: name,
      declared: known.includes(name) ? "has no default" : "is not declared",
    });
    return braces;
  });
}

/** A single `/`, also the default of OpenAPI, means "no server" (T-OAS-22). */
export function meansNone(servers: readonly Server[]): boolean {
  return servers.length === 0 || (servers.length === 1 && servers[0]?.url === "/");
}
