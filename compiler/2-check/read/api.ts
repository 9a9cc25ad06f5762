import { at } from "../../diagnostics/place.ts";
import type { ApiFacts, Fact, OperationFacts } from "../../model/checked-project.ts";
import type { Definition } from "../../model/loaded-project.ts";
import { readBackendUrl, shownUrl } from "./backend-url.ts";
import { readBasePath } from "./base-path.ts";
import { readCalls } from "./calls.ts";
import { readCors } from "./cors.ts";
import { readEndpointPair, readEndpointTable } from "./endpoints.ts";
import {
  readAuthHeader,
  readDpop,
  readEncodedSlash,
  readMutualSsl,
  readPublicReason,
  readResponseCache,
  readTier,
  readTransports,
} from "./extensions.ts";
import { readInfo } from "./info.ts";
import { type OperationDraft, readOperations } from "./operations.ts";
import { readSchemes } from "./schemes.ts";
import { readSecurity } from "./security.ts";
import { meansNone, readServers, type Server } from "./servers.ts";
import { isMap, isStated, kindOf, type Reading, readText } from "./values.ts";

/** The facts of one definition; undefined when it is not a map at all. */
export function readApi(reading: Reading, definition: Definition): ApiFacts | undefined {
  const { root, file, version } = definition;
  if (!isMap(root.value)) {
    const problem = `a definition must be a map, but is ${kindOf(root.value)}`;
    reading.log.report("definition-unusable", at(root.ref), { problem });
    return undefined;
  }
  const info = readInfo(reading, root);
  const stated = readServers(reading, root, version);
  const table = readEndpointTable(reading, root);
  const endpoints = readEndpointPair(reading, root, table);
  const mutualSsl = readMutualSsl(reading, root);
  const basePath = readBasePath(reading, root, stated, info.version.value);
  const allowEncodedSlash = readEncodedSlash(reading, root);
  const drafts = readOperations({ ...reading, table, allowEncodedSlash }, root);
  const operations = drafts.map(
    (draft): OperationFacts => ({ ...draft.facts, servers: operationServers(reading, draft) }),
  );
  return {
    protocol: "http",
    file,
    root,
    ...info,
    basePath,
    servers: needsServers(isStated(root, "x-wso2-production-endpoints"), operations) ? usable(reading, stated) : [],
    endpoints,
    tier: readTier(reading, root, "api"),
    cors: readCors(reading, root),
    transports: readTransports(reading, root, mutualSsl),
    authHeader: readAuthHeader(reading, root),
    owner: readText(reading, root, "x-wso2-owner")?.value ?? "",
    security: readSecurity(reading, root, "api"),
    schemes: readSchemes(reading, root, version),
    requestInterceptor: readText(reading, root, "x-wso2-request-interceptor"),
    responseInterceptor: readText(reading, root, "x-wso2-response-interceptor"),
    mutualSsl,
    dpop: readDpop(reading, root),
    responseCache: readResponseCache(reading, root),
    calls: readCalls(reading, root),
    publicReason: readPublicReason(reading, root),
    allowEncodedSlash,
    operations,
  };
}

/** Servers stand in for production endpoints only (T-OAS-21), so nobody asks for them where all have those. */
function needsServers(apiHasProduction: boolean, operations: readonly OperationFacts[]): boolean {
  if (apiHasProduction) return false;
  return operations.some((operation) => operation.endpoints.production === undefined && operation.servers.length === 0);
}

function operationServers(reading: Reading, { facts, servers }: OperationDraft): readonly Fact<string>[] {
  const own = isStated(facts.node, "x-wso2-production-endpoints");
  return own ? [] : usable(reading, servers);
}

/** The servers as backends: none, or all of them absolute (T-OAS-22, 23). */
function usable(reading: Reading, servers: readonly Server[]): readonly Fact<string>[] {
  if (meansNone(servers)) return [];
  const urls: Fact<string>[] = [];
  for (const { url, ref } of servers) {
    const judged = readBackendUrl(url);
    if ("url" in judged) urls.push({ value: judged.url, ref });
    else reading.log.report("server-url-invalid", at(ref), { url: shownUrl(url), problem: judged.problem });
  }
  return urls;
}
