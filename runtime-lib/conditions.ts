import { addressRanges } from "./address-ranges.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import { decoded } from "./query.ts";
import { isRecord } from "./record.ts";

/** What conditions of policies.yaml ask of a request, after its caller is known. */
export type Condition = (x: Exchange, caller: Caller | undefined) => boolean;

/** Longer values meet no pattern: so it is bounded how long one is looked at. */
const longestValue = 1024;

/** The client's address is one of these: addresses, networks, ranges with both ends (`192.0.2.1-192.0.2.30`). */
export function fromAddress(addresses: readonly string[]): Condition {
  const ranges = addressRanges(addresses);
  return (x) => ranges.holds(x.clientAddress);
}

/** Some value of a header field is as a whole what the pattern says; the name in lower case. */
export function header(name: string, pattern: string): Condition {
  const whole = wholeValue(pattern);
  return (x) => {
    const raw = x.rawHeaders;
    for (let i = 0; i < raw.length; i += 2) {
      const key = raw[i] as string;
      if (key.length === name.length && key.toLowerCase() === name && meets(raw[i + 1] as string, whole)) return true;
    }
    return false;
  };
}

/** Some value of a query parameter is as a whole what the pattern says. Names and values are compared decoded. */
export function queryParameter(name: string, pattern: string): Condition {
  const whole = wholeValue(pattern);
  return (x) => {
    const { query } = x.path;
    if (query.length < 2) return false;
    for (const part of query.slice(1).split("&")) {
      const equals = part.indexOf("=");
      if (decoded(equals < 0 ? part : part.slice(0, equals)) !== name) continue;
      if (meets(equals < 0 ? "" : decoded(part.slice(equals + 1)), whole)) return true;
    }
    return false;
  };
}

/** A claim of the caller's token, or some element of it where it is a list, is as a whole what the pattern says. */
export function claim(name: string, pattern: string): Condition {
  const whole = wholeValue(pattern);
  return (_x, caller) => {
    const claims = caller?.claims;
    if (claims === undefined || !Object.hasOwn(claims, name)) return false;
    const value = claims[name];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.some((one) => typeof one !== "object" && one !== undefined && meets(String(one), whole));
  };
}

/** The caller is one of these users. */
export function user(names: readonly string[]): Condition {
  const known = new Set(names);
  return (_x, caller) => caller !== undefined && caller.scheme !== "anonymous" && known.has(caller.name);
}

/** The caller's application is one of these: by its id, or by `<owner>:<name>` of its token (R-DTH-07). */
export function application(names: readonly string[]): Condition {
  const known = new Set(names);
  return (_x, caller) => {
    if (caller === undefined) return false;
    if (known.has(caller.application.id)) return true;
    const claim = caller.claims?.application;
    if (!isRecord(claim) || typeof claim.owner !== "string" || typeof claim.name !== "string") return false;
    return known.has(`${claim.owner}:${claim.name}`);
  };
}

/** The condition is not met. */
export function not(condition: Condition): Condition {
  return (x, caller) => !condition(x, caller);
}

/** Whether any of these is met: then the request is refused, whatever its limits (section 3.4). */
export function denied(conditions: readonly Condition[]): Condition {
  return (x, caller) => conditions.some((condition) => condition(x, caller));
}

function wholeValue(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, "u");
}

function meets(value: string, pattern: RegExp): boolean {
  return value.length <= longestValue && pattern.test(value);
}
