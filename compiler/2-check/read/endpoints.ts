import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { EndpointFact, EndpointPair, EndpointUrlFact, Fact } from "../../model/checked-project.ts";
import type { Cursor, SourceRef } from "../../model/source.ts";
import { advancedTerm, endpointTerm, securityConfigTerm } from "../../vocabulary/endpoint.ts";
import { termKeys } from "../../vocabulary/term.ts";
import { readBackendUrl, shownUrl } from "./backend-url.ts";
import { readBinding } from "./endpoint-binding.ts";
import { readResilience, reportUnusedSettings } from "./resilience.ts";
import {
  isMap,
  isStated,
  keysOf,
  present,
  type Reading,
  readList,
  readMap,
  readNumber,
  readText,
  reportUnknownKeys,
  textOf,
  wrongType,
} from "./values.ts";

/** The entries of an API's `x-wso2-endpoints`, by name; an entry that could not be read is there without a value. */
export type EndpointTable = ReadonlyMap<string, EndpointFact | undefined>;

const endpointTypes = endpointTerm.keys.type.words;
const referenceMark = "#/x-wso2-endpoints/";

/** `x-wso2-endpoints`: a list of one-key maps, name to endpoint, of this API alone (T-END-12). */
export function readEndpointTable(reading: Reading, root: Cursor): EndpointTable {
  const table = new Map<string, EndpointFact | undefined>();
  const places = new Map<string, SourceRef>();
  for (const item of readList(reading, root, "x-wso2-endpoints")?.items() ?? []) {
    const keys = keysOf(item);
    if (!isMap(item.value) || keys.length === 0) {
      wrongType(reading, item, "an entry of x-wso2-endpoints", "a map from a name to an endpoint");
      continue;
    }
    for (const name of keys) {
      const entry = item.get(name);
      if (entry === undefined) continue;
      const earlier = places.get(name);
      if (earlier !== undefined) {
        const related = [{ place: at(earlier, "key"), label: "first defined here" }];
        reading.log.report("endpoint-duplicate", at(entry.ref, "key"), { name }, related);
        continue;
      }
      places.set(name, entry.ref);
      const fact = readEndpointObject(reading, entry, `the endpoint "${name}"`);
      table.set(name, fact && { ...fact, name });
    }
  }
  return table;
}

/** The endpoints that an API or an operation states itself. */
export function readEndpointPair(reading: Reading, parent: Cursor, table: EndpointTable): EndpointPair {
  return {
    production: readEndpoint(reading, parent, "x-wso2-production-endpoints", table),
    sandbox: readEndpoint(reading, parent, "x-wso2-sandbox-endpoints", table),
  };
}

function readEndpoint(reading: Reading, parent: Cursor, key: string, table: EndpointTable): EndpointFact | undefined {
  const cursor = present(reading, parent, key);
  if (cursor === undefined) return undefined;
  if (typeof cursor.value !== "string") return readEndpointObject(reading, cursor, key);
  if (!isStated(parent, key)) {
    reading.log.report("value-empty", at(cursor.ref, "key"), { what: key });
    return undefined;
  }
  const mark = cursor.value.indexOf(referenceMark);
  if (mark < 0) {
    wrongType(reading, cursor, key, `a map with urls, or a reference such as "${referenceMark}name"`);
    return undefined;
  }
  const name = cursor.value.slice(mark + referenceMark.length).trim();
  if (table.has(name)) return table.get(name);
  const suggestion = suggest(name, table.keys());
  reading.log.report("endpoint-reference-unknown", at(cursor.ref), { name, ...(suggestion && { suggestion }) });
  return undefined;
}

function readEndpointObject(reading: Reading, cursor: Cursor, what: string): EndpointFact | undefined {
  if (!isMap(cursor.value)) {
    wrongType(reading, cursor, what, "a map with urls");
    return undefined;
  }
  reportUnknownKeys(reading, cursor, termKeys(endpointTerm), "an endpoint");
  const urls = readUrls(reading, cursor, what);
  const type = readType(reading, cursor);
  if (type !== undefined) judgeType(reading, type, urls.length, cursor);
  const name = readText(reading, cursor, "name")?.value;
  const basicUsername = readSecurityConfig(reading, cursor);
  const config = readMap(reading, cursor, "advanceEndpointConfig");
  const timeoutMs = config && readAdvanced(reading, config);
  const binding = readBinding(reading, cursor, config, urls);
  const resilience = readResilience(reading, cursor, config);
  reportUnusedSettings(reading, cursor, { type: type?.value, urls: urls.length }, resilience);
  const pipelining = readNumber(
    reading,
    cursor,
    "x-castgate-pipelining",
    endpointTerm.keys["x-castgate-pipelining"].range,
  )?.value;
  return { ref: cursor.ref, name, urls, type: type?.value, basicUsername, timeoutMs, pipelining, resilience, binding };
}

function readUrls(reading: Reading, endpoint: Cursor, what: string): readonly EndpointUrlFact[] {
  const list = endpoint.get("urls");
  if (list === undefined || list.value === null || (Array.isArray(list.value) && list.value.length === 0)) {
    const place = list === undefined ? at(endpoint.ref, "missing") : at(list.ref, "key");
    reading.log.report("endpoint-urls-missing", place, { what });
    return [];
  }
  const found = readList(reading, endpoint, "urls");
  const urls: EndpointUrlFact[] = [];
  for (const item of found?.items() ?? []) {
    const text = textOf(reading, item, "an endpoint URL");
    if (text === undefined) continue;
    const target: EndpointUrlFact | undefined = /^etcd\s*\(/i.test(text.value) ? readEtcd(reading, text) : text;
    if (target === undefined) continue;
    const judged = readBackendUrl(target.value);
    if ("url" in judged) urls.push({ ...target, value: judged.url });
    else
      reading.log.report("endpoint-url-invalid", at(text.ref), {
        url: shownUrl(target.value),
        problem: judged.problem,
      });
  }
  return urls;
}

/** `etcd(key, defaultUrl)`, both trimmed (T-END-01, 02). */
function readEtcd(reading: Reading, { value, ref }: Fact<string>): EndpointUrlFact | undefined {
  const parts = /^etcd\s*\(([^()]*)\)$/.exec(value)?.[1]?.split(",");
  const [key, url] = (parts ?? []).map((part) => part.trim());
  if (parts?.length === 2 && key && url) return { value: url, ref, etcdKey: key };
  reading.log.report("endpoint-etcd-malformed", at(ref), {});
  return undefined;
}

function readType(reading: Reading, endpoint: Cursor): Fact<(typeof endpointTypes)[number]> | undefined {
  const text = readText(reading, endpoint, "type");
  if (text === undefined) return undefined;
  const value = endpointTypes.find((type) => type === text.value);
  if (value !== undefined) return { value, ref: text.ref };
  const suggestion = suggest(text.value, endpointTypes);
  reading.log.report("value-invalid", at(text.ref), {
    what: "type",
    problem: `must be one of ${endpointTypes.join(", ")}, but is "${text.value}"`,
    ...(suggestion && { suggestion }),
  });
  return undefined;
}

/** How type and number of URLs go together (T-END-03). */
function judgeType(reading: Reading, type: Fact<(typeof endpointTypes)[number]>, urls: number, endpoint: Cursor): void {
  const isOriginal = reading.compatibility === "wso2-3.2";
  if (type.value === "address" && isOriginal && endpoint.get("x-castgate-append-path") === undefined) {
    reading.log.report("endpoint-type-mismatch", at(type.ref), {
      problem: "type address appends the request's path to the URL, as the original did: it is the same as http",
      remedy: "x-castgate-append-path: false, beside urls, sends requests to the URL as it is",
    });
  }
  if (type.value === "http" && urls > 1) {
    reading.log.report("endpoint-type-mismatch", at(type.ref), {
      problem: `type http has one backend, so only the first of ${urls} URLs is used`,
      remedy: "use load_balance or failover, or remove the other URLs",
    });
  }
  if ((type.value === "failover" || type.value === "load_balance") && urls === 1) {
    reading.log.report("endpoint-type-mismatch", at(type.ref), {
      problem: `type ${type.value} has nothing to choose from with one URL: it is the same as http`,
      remedy: "add a URL, or remove the type",
    });
  }
}

/** User name for Basic credentials at the backend; the password comes at start (T-END-05). */
function readSecurityConfig(reading: Reading, endpoint: Cursor): string | undefined {
  const config = readMap(reading, endpoint, "securityConfig");
  if (config === undefined) return undefined;
  reportUnknownKeys(reading, config, termKeys(securityConfigTerm), "securityConfig", "key-ignored");
  if (config.get("password") !== undefined) reading.log.report("endpoint-password-ignored", at(config.ref, "key"), {});
  const type = readText(reading, config, "type");
  if (type?.value === "digest") {
    reading.log.report("endpoint-digest-ignored", at(type.ref), {});
    return undefined;
  }
  if (type !== undefined && type.value !== "basic") {
    const problem = `must be basic, but is "${type.value}"`;
    reading.log.report("value-invalid", at(type.ref), { what: "securityConfig.type", problem });
  }
  return readText(reading, config, "username")?.value;
}

/** `advanceEndpointConfig`: the timeout; its other members are read elsewhere (T-END-06..09). */
function readAdvanced(reading: Reading, config: Cursor): number | undefined {
  reportUnknownKeys(reading, config, termKeys(advancedTerm), "advanceEndpointConfig");
  return readNumber(reading, config, "timeoutInMillis", advancedTerm.keys.timeoutInMillis.range)?.value;
}
