import { canonicalSegment } from "../../../runtime-lib/request-path.ts";
import { at } from "../../diagnostics/place.ts";
import type { Fact } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import type { Server } from "./servers.ts";
import { type Reading, readText } from "./values.ts";

/** `x-wso2-basePath`, else the path of the first server, else `/` (T-OAS-07), with `{version}` replaced (T-OAS-11). */
export function readBasePath(
  reading: Reading,
  root: Cursor,
  servers: readonly Server[],
  version: string,
): Fact<string> {
  const written = readText(reading, root, "x-wso2-basePath");
  if (written !== undefined) return resolve(reading, written, version);
  const [first] = servers;
  const path = first === undefined ? "" : pathOf(first.url);
  if (first !== undefined && path !== "") return resolve(reading, { value: path, ref: first.ref }, version);
  const place = first === undefined ? at(root.ref, "missing") : at(first.ref);
  if (root.get("x-wso2-basePath") === undefined) reading.log.report("base-path-defaulted", place, {});
  return { value: "/", ref: first?.ref ?? root.ref };
}

function pathOf(url: string): string {
  return /^(?:[a-z][a-z0-9+.-]*:)?(?:\/\/[^/?#]*)?([^?#]*)/i.exec(url)?.[1] ?? "";
}

/** A trailing slash or `/*` adds nothing: both forms hold everything below. In the form in which requests are matched. */
function resolve(reading: Reading, { value, ref }: Fact<string>, version: string): Fact<string> {
  const replaced = value.replaceAll("{version}", version);
  const path = (replaced.startsWith("/") ? replaced : `/${replaced}`).replace(/\/\*$/, "").replace(/\/$/, "");
  const segments = path.split("/").slice(1).map(canonicalSegment);
  const problem = problemOf(path) ?? (segments.includes(undefined) ? "no request can have it" : undefined);
  if (problem === undefined) return { value: `/${segments.join("/")}`, ref };
  reading.log.report("base-path-invalid", at(ref), { basePath: replaced, problem });
  return { value: path === "" ? "/" : path, ref };
}

function problemOf(path: string): string | undefined {
  if (path === "") return undefined;
  if (/[{}]/.test(path)) return "only {version} may stand in braces";
  if (/[?#]/.test(path)) return "a path ends at ? or #";
  if (path.includes("*")) return "* may stand only at the end, as /*";
  if (path.includes(";")) return "text after ; is a matrix parameter, not part of the path";
  if (path.includes("//")) return "it has an empty segment";
  if (path.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) return "it has a dot segment";
  if (/%(2f|5c|00)/i.test(path)) return "it has an encoded slash, backslash or NUL, which no request may hold";
  if (!/^([A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/.test(path))
    return "it has a character that a URL path cannot hold";
  return undefined;
}
