import { at, type Place } from "../../diagnostics/place.ts";
import type { Fact, OperationFacts } from "../../model/checked-project.ts";
import { type HttpMethod, httpMethods } from "../../model/names.ts";
import type { Cursor, SourceRef } from "../../model/source.ts";
import { readCalls } from "./calls.ts";
import { type EndpointTable, readEndpointPair } from "./endpoints.ts";
import { readPublicReason, readTier } from "./extensions.ts";
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
const servedVerbs: readonly string[] = httpMethods.map((method) => method.toLowerCase());

/** What the operations of one definition share. */
interface PathsReading extends Reading {
  readonly table: EndpointTable;
  readonly allowEncodedSlash: boolean;
}

/** Operations by path, then in the order of `httpMethods`. */
export function readOperations(reading: PathsReading, root: Cursor): readonly OperationDraft[] {
  const paths = root.get("paths");
  if (paths === undefined || paths.value === null) {
    reading.log.report("paths-missing", paths === undefined ? at(root.ref, "missing") : at(paths.ref, "key"), {});
    return [];
  }
  if (!isMap(paths.value)) {
    const problem = `paths must be a map, but is ${kindOf(paths.value)}`;
    reading.log.report("definition-unusable", at(paths.ref), { problem });
    return [];
  }
  return keysOf(paths).flatMap((path) => (path.startsWith("x-") ? [] : readPath(reading, paths, path)));
}

function readPath(reading: PathsReading, paths: Cursor, path: string): readonly OperationDraft[] {
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
  const segments = readSegments(reading, path, place);
  if (segments === undefined) return [];
  reportOtherMethods(reading, item, path);
  const listed = listedServers(reading, item);
  const servers = meansNone(listed) ? [] : listed;
  const present = keysOf(item);
  return httpMethods.flatMap((method) => {
    if (!present.includes(method.toLowerCase())) return [];
    const node = operationNode(reading, item, method, path);
    return node === undefined ? [] : [readOperation(reading, node, { method, path, segments }, servers)];
  });
}

function readSegments(reading: PathsReading, path: string, place: Place): OperationFacts["segments"] | undefined {
  const original = reading.compatibility === "wso2-3.2";
  const template = parsePathTemplate(path, {
    ignoreTrailingSlash: original,
    encodedSlash: reading.allowEncodedSlash,
  });
  if (template.kind === "segments") {
    if (template.slashAdded) reading.log.report("path-without-slash", place, { path });
    return template.segments;
  }
  const code = template.kind === "malformed" ? "path-malformed" : "path-unmatchable";
  reading.log.report(code, place, { path, problem: template.problem });
  return undefined;
}

function operationNode(reading: Reading, item: Cursor, method: HttpMethod, path: string): Cursor | undefined {
  const key = method.toLowerCase();
  const node = item.get(key);
  if (node !== undefined && isMap(node.value)) return node;
  const what = `${method} ${path}`;
  if (node?.value === null) reading.log.report("value-empty", keyPlace(item, key), { what });
  else {
    const found = node === undefined ? "a $ref that leads nowhere" : kindOf(node.value);
    const problem = `the operation ${what} must be a map, but is ${found}`;
    reading.log.report("definition-unusable", keyPlace(item, key), { problem });
  }
  return undefined;
}

function readOperation(
  reading: PathsReading,
  node: Cursor,
  route: Pick<OperationFacts, "method" | "path" | "segments">,
  pathServers: readonly Server[],
): OperationDraft {
  const own = listedServers(reading, node);
  return {
    servers: meansNone(own) ? pathServers : own,
    facts: {
      ...route,
      operationId: operationIdOf(node),
      origin: node.ref,
      node,
      endpoints: readEndpointPair(reading, node, reading.table),
      tier: readTier(reading, node, "operation"),
      security: readSecurity(reading, node, "operation"),
      scope: readText(reading, node, "x-scope"),
      authTypeNone: authTypeNone(node),
      calls: readCalls(reading, node, route.method),
      publicReason: readPublicReason(reading, node),
      requestInterceptor: readText(reading, node, "x-wso2-request-interceptor"),
      responseInterceptor: readText(reading, node, "x-wso2-response-interceptor"),
    },
  };
}

function reportOtherMethods(reading: Reading, item: Cursor, path: string): void {
  for (const key of keysOf(item)) {
    const verb = key.toLowerCase();
    const served = servedVerbs.includes(verb);
    if ((served && key === verb) || !(served || unroutedVerbs.includes(verb))) continue;
    reading.log.report("method-unsupported", keyPlace(item, key), {
      method: key,
      path,
      ...(served && { suggestion: verb }),
    });
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
