import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { BindingFacts, CredentialsFact, Fact, PoolFacts } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { credentialsTerm, poolTerm } from "../../vocabulary/endpoint.ts";
import { termKeys } from "../../vocabulary/term.ts";
import { readBackendUrl, shownUrl } from "./backend-url.ts";
import {
  type Reading,
  readFlag,
  readList,
  readMap,
  readNumber,
  readText,
  reportUnknownKeys,
  textOf,
} from "./values.ts";

const credentialTypes = credentialsTerm.keys.type.words;
/** What the gateway writes itself, or what says where a message ends. */
const ownFields =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|via|forwarded|proxy-.*|x-forwarded-.*|x-request-id)$/i;

/** How an endpoint is reached. `config`: its `advanceEndpointConfig`. */
export function readBinding(
  reading: Reading,
  endpoint: Cursor,
  config: Cursor | undefined,
  urls: readonly Fact<string>[],
): BindingFacts {
  return {
    pool: config && readPool(reading, config),
    appendPath: readFlag(reading, endpoint, "x-castgate-append-path")?.value,
    credentials: readCredentials(reading, endpoint),
    pins: readPins(reading, endpoint, urls),
  };
}

/** `poolConfig` (T-END-09). What it does not say is the original's default, not that of the gateway (R-EP-10). */
function readPool(reading: Reading, config: Cursor): PoolFacts | undefined {
  const pool = readMap(reading, config, "poolConfig");
  if (pool === undefined) return undefined;
  reportUnknownKeys(reading, pool, termKeys(poolTerm), "poolConfig");
  const number = (key: keyof typeof poolTerm.keys) => readNumber(reading, pool, key, poolTerm.keys[key].range)?.value;
  if (number("maxActiveStreamsPerConnection") !== undefined) {
    reading.log.report("pool-ignored", at(pool.get("maxActiveStreamsPerConnection")?.ref ?? pool.ref, "key"), {});
  }
  return {
    maxActiveConnections: number("maxActiveConnections") ?? -1,
    maxIdleConnections: number("maxIdleConnections") ?? 100,
    waitTimeInMillis: number("waitTimeInMillis") ?? 30_000,
  };
}

/** `x-castgate-credentials`: what the backend gets from the gateway beside Basic. Secrets come at start. */
function readCredentials(reading: Reading, endpoint: Cursor): CredentialsFact | undefined {
  const key = "x-castgate-credentials";
  const map = readMap(reading, endpoint, key);
  if (map === undefined) return undefined;
  const type = readText(reading, map, "type");
  const known = credentialTypes.find((one) => one === type?.value);
  const keys = known === "oauth2" ? ["type", "tokenUrl", "scopes"] : known === "header" ? ["type", "name"] : undefined;
  if (keys !== undefined) reportUnknownKeys(reading, map, keys, key);
  if (endpoint.get("securityConfig") !== undefined) {
    const problem = "stands beside securityConfig: a backend gets one kind of credentials";
    reading.log.report("value-invalid", at(map.ref, "key"), { what: key, problem });
  }
  if (known === "header") return readHeader(reading, map);
  if (known === "oauth2") return readOAuth2(reading, map);
  const suggestion = type && suggest(type.value, credentialTypes);
  reading.log.report("value-invalid", type === undefined ? at(map.ref, "key") : at(type.ref), {
    what: `${key}.type`,
    problem: `must be one of ${credentialTypes.join(", ")}${type === undefined ? "" : `, but is "${type.value}"`}`,
    ...(suggestion && { suggestion }),
  });
  return undefined;
}

function readHeader(reading: Reading, map: Cursor): CredentialsFact | undefined {
  const what = "x-castgate-credentials.name";
  const name = readText(reading, map, "name");
  if (name === undefined) {
    if (map.get("name") === undefined) {
      reading.log.report("value-invalid", at(map.ref, "key"), { what, problem: "is missing: the name of a field" });
    }
    return undefined;
  }
  const isToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name.value);
  if (isToken && !ownFields.test(name.value)) return { type: "header", name: name.value };
  const problem = isToken ? "is a field that the gateway writes itself" : "is not the name of a field";
  reading.log.report("value-invalid", at(name.ref), { what, problem });
  return undefined;
}

function readOAuth2(reading: Reading, map: Cursor): CredentialsFact | undefined {
  const what = "x-castgate-credentials.tokenUrl";
  const scopes: string[] = [];
  for (const item of readList(reading, map, "scopes")?.items() ?? []) {
    const scope = textOf(reading, item, "a scope");
    if (scope === undefined) continue;
    // RFC 6749 section 3.3.
    if (/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope.value)) scopes.push(scope.value);
    else reading.log.report("value-invalid", at(scope.ref), { what: "a scope", problem: "holds what no scope can" });
  }
  const url = readText(reading, map, "tokenUrl");
  if (url === undefined) {
    if (map.get("tokenUrl") === undefined) {
      reading.log.report("value-invalid", at(map.ref, "key"), { what, problem: "is missing: who issues the tokens" });
    }
    return undefined;
  }
  const judged = readBackendUrl(url.value);
  if ("url" in judged) return { type: "oauth2", tokenUrl: judged.url, scopes };
  const { problem } = judged;
  reading.log.report("endpoint-url-invalid", at(url.ref), { url: shownUrl(url.value), problem });
  return undefined;
}

/** `x-castgate-pins`: SHA-256 of public keys (SubjectPublicKeyInfo, RFC 7469), in base64. */
function readPins(reading: Reading, endpoint: Cursor, urls: readonly Fact<string>[]): readonly string[] {
  const pins: string[] = [];
  const plain = urls.find(({ value }) => !/^https:/i.test(value));
  if (plain !== undefined && endpoint.get("x-castgate-pins") !== undefined) {
    const problem = "is not https, so nobody proves to have one of the keys of x-castgate-pins";
    reading.log.report("endpoint-url-invalid", at(plain.ref), { url: shownUrl(plain.value), problem });
  }
  for (const item of readList(reading, endpoint, "x-castgate-pins")?.items() ?? []) {
    const pin = textOf(reading, item, "a pin");
    if (pin === undefined) continue;
    if (/^[A-Za-z0-9+/]{43}=$/.test(pin.value)) pins.push(pin.value);
    else {
      const problem = "must be the SHA-256 of a public key in base64: 43 characters and =";
      reading.log.report("value-invalid", at(pin.ref), { what: "a pin", problem });
    }
  }
  return pins.sort();
}
