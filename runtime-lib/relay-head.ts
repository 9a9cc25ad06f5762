import { dropCookies } from "./cookies.ts";
import type { Exchange, RelayHead } from "./exchange.ts";
import { copyRequestHeaders, isTraceparent } from "./headers.ts";
import { decoded } from "./query.ts";
import type { Member } from "./upstream.ts";

/** The head of the request that a backend member gets. */
export function relayHeadFor(x: Exchange, member: Member): RelayHead {
  const headers: string[] = [];
  copyRequestHeaders(x.rawHeaders, x.withheld, x.peerTrusted, headers);
  const { api } = x;
  if (api !== undefined && api.keyCookies.size > 0) dropCookies(headers, api.keyCookies);
  if (member.authorization !== undefined) {
    dropField(headers, "authorization");
    headers.push("Authorization", member.authorization);
  }
  if (x.backendFields !== undefined) {
    for (const text of x.backendFields) headers.push(text);
  }
  addForwarded(x, headers);
  headers.push("X-Request-ID", x.id);
  dropMalformedTrace(headers);
  return { path: backendPath(x, member), headers, upgrade: x.upgrade };
}

/**
 * R-RTE-01: the raw remainder, query included, appended to the endpoint URL. When that has a query of its own, the
 * original appends to the query; `standard` appends to the path and joins the queries.
 */
function backendPath(x: Exchange, member: Member): string {
  const rest = x.path.raw.slice(x.baseLength);
  const query = x.withheldQuery.length === 0 ? x.path.query : withoutParameters(x.path.query, x.withheldQuery);
  const original = x.faults.compatibility === "wso2-3.2";
  const { basePath, baseQuery, fixed } = member;
  if (fixed) return join(basePath, "", query, baseQuery, false);
  if (rest === "" && original && query !== "") return join(basePath, "/", query, baseQuery, original);
  return join(basePath, rest, query, baseQuery, original);
}

function join(basePath: string, rest: string, query: string, baseQuery: string, original: boolean): string {
  if (baseQuery !== "" && original) return `${basePath}${baseQuery}${rest}${query}`;
  const path = basePath + rest;
  const joined = baseQuery === "" ? query : query.length > 1 ? `${baseQuery}&${query.slice(1)}` : baseQuery;
  return path === "" ? `/${joined}` : path + joined;
}

/** The query without these parameters; the others keep their bytes. Names are compared as a backend would decode them. */
function withoutParameters(query: string, names: readonly string[]): string {
  if (query.length < 2) return query;
  const kept = query
    .slice(1)
    .split("&")
    .filter((part) => !names.includes(parameterName(part)));
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function parameterName(part: string): string {
  const end = part.indexOf("=");
  return decoded(end === -1 ? part : part.slice(0, end));
}

/** `X-Forwarded-For`, `-Proto`, `-Host`: a trusted proxy's words are kept and added to, anybody else's are replaced. */
function addForwarded(x: Exchange, headers: string[]): void {
  const host = x.header("host");
  if (!x.peerTrusted) {
    headers.push("X-Forwarded-For", x.peerAddress, "X-Forwarded-Proto", x.scheme);
    if (host !== undefined) headers.push("X-Forwarded-Host", host);
    return;
  }
  const before = x.headerValues("x-forwarded-for");
  headers.push("X-Forwarded-For", before.length === 0 ? x.peerAddress : `${before.join(", ")}, ${x.peerAddress}`);
  const proto = x.header("x-forwarded-proto");
  headers.push("X-Forwarded-Proto", proto === "http" || proto === "https" ? proto : x.scheme);
  const forwardedHost = x.header("x-forwarded-host") ?? host;
  if (forwardedHost !== undefined) headers.push("X-Forwarded-Host", forwardedHost);
}

/**
 * A `traceparent` that is not one goes with its `tracestate` (W3C Trace Context section 3.2.2). None is made up: it would
 * tell the backend whether to record the trace, which nobody here has decided.
 */
function dropMalformedTrace(headers: string[]): void {
  let count = 0;
  let valid = true;
  for (let i = 0; i < headers.length; i += 2) {
    const key = headers[i] as string;
    if (key.length !== 11 || key.toLowerCase() !== "traceparent") continue;
    count++;
    valid = valid && isTraceparent(headers[i + 1] as string);
  }
  if (count === 0 || (count === 1 && valid)) return;
  dropField(headers, "traceparent");
  dropField(headers, "tracestate");
}

function dropField(headers: string[], name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const key = headers[i] as string;
    if (key.length === name.length && key.toLowerCase() === name) headers.splice(i, 2);
  }
}
