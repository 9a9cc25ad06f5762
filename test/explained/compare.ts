import type { CheckKind, Explanation } from "../../compiler/review/explain/explanation.ts";
import type { SeenRequest } from "../support/stub-backend.ts";
import type { RawRequest, RawResponse } from "./raw-request.ts";

/** What the gateway's log has about a request. */
export interface Logged {
  readonly operation?: string;
  readonly status: number;
  /** Of a refusal. */
  readonly reason?: string;
  readonly code?: number;
}

export interface Observed {
  readonly response: RawResponse;
  /** Requests that backends got. */
  readonly seen: readonly SeenRequest[];
  /** Undefined: what came was no request. */
  readonly logged: Logged | undefined;
}

/**
 * The check that a reason in the log stands for: an account of the gateway's own, which says nothing of the code that explains.
 * The first that matches.
 */
const reasons: readonly (readonly [pattern: RegExp, check: CheckKind])[] = [
  [/^The request target is refused/, "path"],
  [/^no such method$/, "method"],
  [/^no such (?:API|resource)$/, "route"],
  [/^(?:jwt|opaque|basic|api-key|mutual-tls|anonymous): scope missing$/, "require-scopes"],
  [/: not that of (?:an application|a user)$/, "require-caller"],
  [/^domain: /, "require-domain"],
  [/^upgrade: /, "upgrade"],
  [/^throttle: deny condition$/, "deny"],
  [/^throttle: tier not defined$/, "policy-missing"],
  [/^throttle: /, "throttle"],
  [/^key type: /, "require-key-type"],
  [/^not built: /, "not-built"],
  [
    /^(?:no credentials|scheme not enabled|several auth headers|scope missing|(?:jwt|basic|api-key|mutual-tls|dpop|token): .*)$/,
    "authenticate",
  ],
];

/** Of checks that differ in nothing that one could see from outside, one name. */
function visible(check: CheckKind): CheckKind {
  switch (check) {
    case "transport":
      return "route";
    case "blocked":
      return "deny";
    case "no-endpoint":
      return "require-key-type";
    default:
      return check;
  }
}

/** Fields that a connection adds, or that say what is left at the moment. */
const notCompared: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "dpop-nonce",
  "keep-alive",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "transfer-encoding",
  "x-request-id",
]);

/** What is not as explained; empty: all of it is. */
export function differences(request: RawRequest, explained: Explanation, observed: Observed): readonly string[] {
  const { outcome, operation } = explained;
  const { response, seen, logged } = observed;
  const found: string[] = [];
  const expect = (what: string, predicted: unknown, actual: unknown): void => {
    const [a, b] = [JSON.stringify(predicted), JSON.stringify(actual)];
    if (a !== b) found.push(`${what}: explained ${a}, is ${b}`);
  };
  if (outcome.kind === "served") {
    expect("operation", outcome.service, logged?.operation);
    return found;
  }
  const noRequest = explained.request.client === undefined;
  expect("a request", !noRequest, logged !== undefined);
  const handled = outcome.kind !== "forwarded" && outcome.check === "service" ? explained.path?.normalised : undefined;
  expect("operation", operation?.id ?? handled, logged?.operation);
  if (outcome.kind === "forwarded") {
    expect("status", 200, response.status);
    expect("calls of backends", 1, seen.length);
    const [call] = seen;
    if (call === undefined) return found;
    expect("method", request.method, call.method);
    const urls = outcome.urls.map(({ url }) => url.replace(/^https?:\/\/[^/]*/, ""));
    if (!urls.includes(call.target)) expect("URL", urls, call.target);
    for (const { name, value } of outcome.headers.added) {
      const held = valuesOf(call.rawHeaders, name);
      if (value === undefined ? held.length === 0 : !held.includes(value)) expect(`+ ${name}`, value, held);
    }
    for (const name of outcome.headers.removed) expect(`- ${name}`, [], valuesOf(call.rawHeaders, name));
    const known = new Set([
      ...outcome.headers.added.map(({ name }) => name.toLowerCase()),
      ...request.headers.map(([name]) => name.trim().toLowerCase()),
      "host",
      "connection",
      "content-length",
      "transfer-encoding",
      "upgrade",
    ]);
    const others = call.rawHeaders.filter((name, i) => i % 2 === 0 && !known.has(name.toLowerCase()));
    expect("other fields", [], others);
    return found;
  }
  expect("status", outcome.status, response.status);
  expect("calls of backends", 0, seen.length);
  const bodiless = request.method === "HEAD";
  const body = Buffer.from(outcome.body, "utf8").toString("latin1");
  expect("body", bodiless ? "" : body, response.body);
  expect("fields", fieldsOf(outcome.headers), fieldsOf(response.headers));
  if (outcome.kind === "answered") {
    expect("refusal", undefined, logged?.reason);
    return found;
  }
  if (noRequest) return found;
  expect("reason", outcome.reason, logged?.reason);
  expect("code", outcome.fault?.code ?? outcome.status, logged?.code);
  const check = reasons.find(([pattern]) => pattern.test(logged?.reason ?? ""))?.[1] ?? "request";
  expect("check", visible(outcome.check), check);
  return found;
}

function fieldsOf(
  headers: Explanation["outcome"] extends infer O
    ? O extends { status: number }
      ? (O & { headers: readonly (readonly [string, string])[] })["headers"]
      : never
    : never,
): string[] {
  return headers
    .filter(([name]) => !notCompared.has(name.toLowerCase()))
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .sort();
}

function valuesOf(raw: readonly string[], name: string): string[] {
  return raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name.toLowerCase());
}
