import { isGatewayOwned, isHopByHop } from "./headers.ts";

/**
 * Trailers: fields behind a body (RFC 9110 section 6.5). No check ever reads them, and most who receive a message have acted on
 * its head by then, so nothing may pass in them that means something there.
 */

/** RFC 9110 section 6.5.1: framing, routing, authentication, modifiers, control data and the content's description. */
const notInTrailers = new Set([
  "age",
  "authentication-info",
  "authorization",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "expires",
  "location",
  "max-forwards",
  "origin",
  "pragma",
  "range",
  "retry-after",
  "set-cookie",
  "traceparent",
  "tracestate",
  "vary",
  "warning",
  "www-authenticate",
]);
const familiesNotInTrailers = ["access-control-", "if-", "proxy-", "sec-", "x-forwarded-"];

/** `name` in lower case; `excluded` likewise: what `Connection` names, credentials. */
function mayTrail(name: string, excluded: readonly string[]): boolean {
  // Whoever turns names into variables does not tell `_` from `-`.
  const meant = name.replaceAll("_", "-");
  if (isHopByHop(meant) || isGatewayOwned(meant) || notInTrailers.has(meant)) return false;
  if (familiesNotInTrailers.some((start) => meant.startsWith(start))) return false;
  return !excluded.includes(name) && !excluded.includes(meant);
}

/** What of the fields behind a body is passed on, in order; undefined: nothing. `excluded`: further names, in lower case. */
export function passingTrailers(fields: readonly string[], excluded: readonly string[]): string[] | undefined {
  const passing: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const key = fields[i] as string;
    if (mayTrail(key.toLowerCase(), excluded)) passing.push(key, fields[i + 1] as string);
  }
  return passing.length === 0 ? undefined : passing;
}

/** What is left of the value of `Trailer`, which names the fields to come; `""`: nothing. */
export function passingTrailerNames(value: string, excluded: readonly string[]): string {
  const names = value.split(",").map((name) => name.trim());
  return names.filter((name) => name !== "" && mayTrail(name.toLowerCase(), excluded)).join(", ");
}
