import { at, type Place } from "../../diagnostics/place.ts";
import type { Fact, OperationFacts } from "../../model/checked-project.ts";
import { httpMethods } from "../../model/names.ts";
import type { Cursor, SourceRef } from "../../model/source.ts";
import { type EndpointTable, readEndpointPair } from "./endpoints.ts";
import { readTier } from "./extensions.ts";
import { parsePathTemplate } from "./path-template.ts";
import { readSecurity } from "./security.ts";
import { listedServers, meansNone, type Server } from "./servers.ts";
import { isMap, keyPlace, keysOf, kindOf, type Reading, readText } from "./values.ts";

/** An operation whose servers have not been judged yet: whether they matter depends on its endpoints. */
export interface OperationDraft {
  readonly facts: Omit<OperationFacts, "servers">;
  readonly servers: readonly Server[];
}

/** Verbs of HTTP that no route is made for; other unknown members of a path item are not operations at all. */
const unroutedVerbs = ["trace", "connect", "query", "link", "unlink", "purge", "lock", "unlock", "copy", "propfind"];
const pathItemKeys = ["$ref", "summary", "description", "servers", "parameters", "additionalOperations"];

/** Operations by path, then in the order of `httpMethods`. */
export function readOperations(
  reading: Reading,
  root: Cursor,
  table: EndpointTable,
  api: { readonly basePath: string; readonly allowEncodedSlash: boolean },
): readonly OperationDraft[] {
  const paths = root.get("paths");
  if (paths === undefined || paths.value === null) {
    reading.log.report("paths-missing", paths === undefined ? at(root.ref, "missing") : at(paths.ref, "key"), {});
    return [];
  }
  if (!isMap(paths.value)) {
    reading.log.report("definition-unusable", at(paths.ref), {
      problem: `paths must be a map, but is ${kindOf(paths.value)}`,
    });
    return [];
  }
  const drafts: OperationDraft[] = [];
  for (const path of keysOf(paths)) {
    if (!path.startsWith("x-")) drafts.push(...readPath(reading, paths, path, table, templateOptions(path)));
  }
  return drafts;

  function templateOptions(path: string): Parameters<typeof parsePathTemplate>[1] {
    const old = reading.compatibility === "wso2-3.2";
    // At the root there is no segment before the slash: `/` is the base path itself.
    const ignoreTrailingSlash = old || (path === "/" && api.basePath === "/");
    return { ignoreTrailingSlash, matrix: old, encodedSlash: api.allowEncodedSlash };
  }
}

function readPath(
  reading: Reading,
  paths: Cursor,
  path: string,
  table: EndpointTable,
  options: Parameters<typeof parsePathTemplate>[1],
): readonly OperationDraft[] {
  const place = keyPlace(paths, path);
  const item = paths.get(path);
  // A $ref that leads nowhere was reported when the file was loaded.
  if (item === undefined) return [];
  if (item.value === null) {
    reading.log.report("value-empty", place, { what: path });
    return [];
  }
  if (!isMap(item.value)) {
    const problem = `the path "${path}" must be a map of operations, but is ${kindOf(item.value)}`;
    reading.log.report("definition-unusable", place, { problem });
    return [];
  }
  const template = parsePathTemplate(path, options);
  if (template.kind === "malformed") {
    reading.log.report("path-malformed", place, { path, problem: template.problem });
    return [];
  }
  if (template.kind === "unmatchable") {
    reading.log.report("path-unmatchable", place, { path, problem: template.problem });
    return [];
  }
  if (template.slashAdded) reading.log.report("path-without-slash", place, { path });
  return readPathItem(reading, item, path, template.segments, table);
}

function readPathItem(
  reading: Reading,
  item: Cursor,
  path: string,
  segments: OperationFacts["segments"],
  table: EndpointTable,
): readonly OperationDraft[] {
  reportOtherMethods(reading, item, path);
  const shared = listedServers(reading, item);
  const drafts: OperationDraft[] = [];
  for (const method of httpMethods) {
    const key = method.toLowerCase();
    if (!keysOf(item).includes(key)) continue;
    const node = item.get(key);
    if (node?.value === null) {
      reading.log.report("value-empty", keyPlace(item, key), { what: `${method} ${path}` });
      continue;
    }
    if (node === undefined || !isMap(node.value)) {
      const found = node === undefined ? "a $ref that leads nowhere" : kindOf(node.value);
      const problem = `the operation ${method} ${path} must be a map, but is ${found}`;
      reading.log.report("definition-unusable", keyPlace(item, key), { problem });
      continue;
    }
    const own = listedServers(reading, node);
    drafts.push({
      servers: meansNone(own) ? shared : own,
      facts: {
        method,
        path,
        segments,
        operationId: operationIdOf(node),
        origin: node.ref,
        node,
        endpoints: readEndpointPair(reading, node, table),
        tier: readTier(reading, node, "operation", reading.compatibility),
        security: readSecurity(reading, node, "operation"),
        scope: readText(reading, node, "x-scope"),
        authTypeNone: authTypeNone(node),
        requestInterceptor: readText(reading, node, "x-wso2-request-interceptor"),
        responseInterceptor: readText(reading, node, "x-wso2-response-interceptor"),
      },
    });
  }
  return drafts;
}

function reportOtherMethods(reading: Reading, item: Cursor, path: string): void {
  const methods: readonly string[] = httpMethods;
  for (const key of keysOf(item)) {
    if (
      key.startsWith("x-") ||
      pathItemKeys.includes(key) ||
      (methods.includes(key.toUpperCase()) && key === key.toLowerCase())
    ) {
      continue;
    }
    const verb = key.toLowerCase();
    const known = methods.includes(key.toUpperCase());
    if (known || unroutedVerbs.includes(verb)) {
      const place: Place = keyPlace(item, key);
      reading.log.report("method-unsupported", place, { method: key, path, ...(known && { suggestion: verb }) });
    }
  }
}

function operationIdOf(node: Cursor): string | undefined {
  const id = node.get("operationId")?.value;
  return typeof id === "string" && id.trim() !== "" ? id : undefined;
}

/** T-EXT-11: only exactly `None` matters. */
function authTypeNone(node: Cursor): Fact<true> | undefined {
  const cursor = node.get("x-auth-type");
  return cursor?.value === "None" ? { value: true, ref: cursor.ref } : undefined;
}

/** The place of a path's key in the definition that lists it. */
export function pathRef(file: string, path: string): SourceRef {
  return { file, pointer: `/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}` };
}
