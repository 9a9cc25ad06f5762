import { type AddressNumber, addressNumber, addressOrNumber, isBetween } from "./address-number.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import { decoded } from "./query.ts";
import { isRecord } from "./record.ts";

/** Whether a request is one of those that a decision is about. */
export type Condition = (x: Exchange, caller: Caller | undefined) => boolean;

/**
 * The conditions of a decision (R-DTH-11): an array in base64, with the alphabet of URLs or the common one, of objects of which
 * one must hold; in an object all of `ipspecific`, `iprange`, `header`, `queryparametertype` and `jwtclaims` that are there.
 * Undefined: it cannot be read, or holds what is not known here.
 */
export function evaluatedConditions(text: string): readonly Condition[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(exactNumbers(Buffer.from(text, "base64").toString("utf8")));
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  const conditions: Condition[] = [];
  for (const item of list) {
    const found = isRecord(item) ? allOf(item) : undefined;
    if (found === undefined) return undefined;
    conditions.push(found);
  }
  return conditions;
}

/** Addresses of IPv6 are longer than the numbers of JavaScript are exact. */
function exactNumbers(json: string): string {
  return json.replace(/("(?:specificIp|startingIp|endingIp)"\s*:\s*)(\d+)/gi, '$1"$2"');
}

function allOf(item: Readonly<Record<string, unknown>>): Condition | undefined {
  const parts: Condition[] = [];
  for (const [name, value] of Object.entries(item)) {
    if (value === null) continue;
    const read = readers.get(name.toLowerCase());
    if (read === undefined || !isRecord(value)) return undefined;
    const part = read(value);
    if (part === undefined) return undefined;
    parts.push(isTrue(value.invert) ? (x, caller) => !part(x, caller) : part);
  }
  return parts.length === 0 ? undefined : (x, caller) => parts.every((part) => part(x, caller));
}

type Reader = (value: Readonly<Record<string, unknown>>) => Condition | undefined;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["ipspecific", (value) => addressRange(value.specificIp, value.specificIp)],
  ["iprange", (value) => addressRange(value.startingIp, value.endingIp)],
  ["header", (value) => patterns(value, (x, name) => x.header(name.toLowerCase()))],
  ["queryparametertype", (value) => patterns(value, (x, name) => lastOfQuery(x.path.query, name))],
  ["jwtclaims", (value) => patterns(value, (_x, name, caller) => textOfClaim(caller?.claims?.[name]))],
]);

function addressRange(first: unknown, last: unknown): Condition | undefined {
  const [from, to] = [addressIn(first), addressIn(last)];
  if (from === undefined || to === undefined) return undefined;
  return (x) => {
    const address = addressNumber(x.clientAddress);
    return address !== undefined && isBetween(address, from, to);
  };
}

/** An address as text, or as a number. */
export function addressIn(value: unknown): AddressNumber | undefined {
  return typeof value === "string" || typeof value === "number" ? addressOrNumber(String(value)) : undefined;
}

export function isTrue(value: unknown): boolean {
  return value === true || (typeof value === "string" && value.toLowerCase() === "true");
}

function patterns(
  { values }: Readonly<Record<string, unknown>>,
  lookUp: (x: Exchange, name: string, caller: Caller | undefined) => string | undefined,
): Condition | undefined {
  if (!isRecord(values)) return undefined;
  const wanted = Object.entries(values).map(([name, pattern]) => [name, patternOf(String(pattern))] as const);
  return (x, caller) =>
    wanted.every(([name, isFoundIn]) => {
      const value = lookUp(x, name, caller);
      return value !== undefined && isFoundIn(value.slice(0, longestValue));
    });
}

/** Of a longer value the beginning is looked at: a pattern may take long for it. */
const longestValue = 1_024;

/** A part of the value matches. What is no pattern is looked for as it stands. */
function patternOf(pattern: string): (value: string) => boolean {
  try {
    const expression = new RegExp(pattern);
    return (value) => expression.test(value);
  } catch {
    return (value) => value.includes(pattern);
  }
}

/** The last value of a query parameter, decoded. */
function lastOfQuery(query: string, name: string): string | undefined {
  let found: string | undefined;
  for (const [key, value] of parametersOf(query)) if (key === name) found = value;
  return found;
}

/** Names and values of a query, decoded, in order. `query` with its `?`, or empty. */
export function* parametersOf(query: string): Iterable<readonly [name: string, value: string]> {
  if (query.length < 2) return;
  for (const part of query.slice(1).split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    yield equals < 0 ? [decoded(part), ""] : [decoded(part.slice(0, equals)), decoded(part.slice(equals + 1))];
  }
}

/** Claims that are lists count as their texts, separated by spaces. */
export function textOfClaim(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? value.join(" ") : undefined;
}
