import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type {
  BalanceFacts,
  BreakerFacts,
  EjectionFacts,
  FailoverFacts,
  ResilienceFacts,
  RetryFacts,
  TimeoutFacts,
} from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import {
  circuitBreakerTerm,
  ejectionTerm,
  endpointTerm,
  failoverTerm,
  loadBalanceTerm,
  retryBudgetTerm,
  retryTerm,
  rollingWindowTerm,
  statusCode,
  suspendTerm,
  timeoutsTerm,
} from "../../vocabulary/endpoint.ts";
import { type MapTerm, termKeys } from "../../vocabulary/term.ts";
import {
  isMap,
  keyPlace,
  keysOf,
  numberOf,
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

/** What is done with an endpoint's failures and its load. `config`: its `advanceEndpointConfig`. */
export function readResilience(reading: Reading, endpoint: Cursor, config: Cursor | undefined): ResilienceFacts {
  return {
    retry: config && readRetry(reading, config),
    circuitBreaker: config && readCircuitBreaker(reading, config),
    retryBudget: readRetryBudget(reading, endpoint),
    resendMethods: readResendMethods(reading, endpoint),
    maxInFlight: readNumber(
      reading,
      endpoint,
      "x-castgate-max-in-flight",
      endpointTerm.keys["x-castgate-max-in-flight"].range,
    )?.value,
    timeouts: readTimeouts(reading, endpoint),
    failover: readFailover(reading, endpoint),
    loadBalance: readLoadBalance(reading, endpoint),
  };
}

/** What it would take for a setting to have an effect. */
export interface EndpointShape {
  /** `undefined`: several URLs in turn. */
  readonly type: string | undefined;
  readonly urls: number;
}

/** Settings that nothing of the endpoint looks at. */
export function reportUnusedSettings(
  reading: Reading,
  endpoint: Cursor,
  { type, urls }: EndpointShape,
  { retry }: ResilienceFacts,
): void {
  const isFailover = type === "failover" && urls > 1;
  const isBalanced = !isFailover && type !== "http" && urls > 1;
  const retries = retry !== undefined && retry.count > 0;
  const unused = [
    ["x-castgate-failover", isFailover, "`type: failover` and a second URL"],
    ["x-castgate-load-balance", isBalanced, "a second URL, and `type: load_balance`"],
    ["x-castgate-retry-budget", retries, "a retryConfig with a count"],
    ["x-castgate-resend-methods", retries || urls > 1, "a retryConfig with a count, or a second URL"],
  ] as const;
  for (const [key, used, needs] of unused) {
    if (!used && keysOf(endpoint).includes(key))
      reading.log.report("endpoint-setting-unused", keyPlace(endpoint, key), { key, needs });
  }
}

/** T-END-07. */
function readRetry(reading: Reading, config: Cursor): RetryFacts | undefined {
  const retry = readMap(reading, config, "retryConfig");
  if (retry === undefined) return undefined;
  const numbers = readNumbers(reading, retry, "retryConfig", retryTerm);
  return {
    count: numbers.get("count") ?? 0,
    intervalMs: numbers.get("intervalInMillis") ?? 0,
    factor: numbers.get("backOffFactor") ?? 0,
    maxMs: numbers.get("maxWaitIntervalInMillis") ?? 0,
    statusCodes: readStatusCodes(reading, retry) ?? [],
  };
}

/** T-END-08. */
function readCircuitBreaker(reading: Reading, config: Cursor): BreakerFacts | undefined {
  const breaker = readMap(reading, config, "circuitBreaker");
  if (breaker === undefined) return undefined;
  const numbers = readNumbers(reading, breaker, "circuitBreaker", circuitBreakerTerm);
  const window = readMap(reading, breaker, "rollingWindow");
  const sizes: ReadonlyMap<string, number> =
    window === undefined ? new Map() : readNumbers(reading, window, "rollingWindow", rollingWindowTerm);
  const bucketMs = sizes.get("bucketSizeInMillis") ?? 10_000;
  const windowMs = sizes.get("timeWindowInMillis") ?? 60_000;
  if (window !== undefined && bucketMs > windowMs) {
    const problem = `bucketSizeInMillis (${bucketMs}) must not be longer than timeWindowInMillis (${windowMs})`;
    reading.log.report("value-invalid", at(window.ref), { what: "rollingWindow", problem });
  } else if (window !== undefined && windowMs / bucketMs > mostBuckets) {
    const problem = `must have at most ${mostBuckets} buckets, but has ${Math.floor(windowMs / bucketMs)}`;
    reading.log.report("value-invalid", at(window.ref), { what: "rollingWindow", problem });
  }
  return {
    failureThreshold: numbers.get("failureThreshold") ?? 0,
    resetMs: numbers.get("resetTimeInMillis") ?? 0,
    requestVolume: sizes.get("requestVolumeThreshold") ?? 10,
    windowMs,
    bucketMs,
    statusCodes: readStatusCodes(reading, breaker) ?? [],
  };
}

/** Each is some bytes of every member. */
const mostBuckets = 10_000;

function readRetryBudget(reading: Reading, endpoint: Cursor): ResilienceFacts["retryBudget"] {
  const budget = readMap(reading, endpoint, "x-castgate-retry-budget");
  if (budget === undefined) return undefined;
  const numbers = readNumbers(reading, budget, "x-castgate-retry-budget", retryBudgetTerm);
  return { ratio: numbers.get("ratio"), perSecond: numbers.get("perSecond") };
}

/** Methods that are not idempotent: all others are sent again anyway (RFC 9110 section 9.2.2). */
const resendable: readonly string[] = endpointTerm.keys["x-castgate-resend-methods"].of.words;

function readResendMethods(reading: Reading, endpoint: Cursor): readonly string[] {
  const methods = new Set<string>();
  for (const item of readList(reading, endpoint, "x-castgate-resend-methods")?.items() ?? []) {
    const text = textOf(reading, item, "a method");
    if (text === undefined) continue;
    if (resendable.includes(text.value)) methods.add(text.value);
    else {
      const suggestion = suggest(text.value, resendable);
      reading.log.report("value-invalid", at(text.ref), {
        what: "x-castgate-resend-methods",
        problem: `may hold POST and PATCH, but holds "${text.value}"`,
        ...(suggestion && { suggestion }),
      });
    }
  }
  return [...methods].sort();
}

function readTimeouts(reading: Reading, endpoint: Cursor): TimeoutFacts | undefined {
  const map = readMap(reading, endpoint, "x-castgate-timeouts");
  if (map === undefined) return undefined;
  const numbers = readNumbers(reading, map, "x-castgate-timeouts", timeoutsTerm);
  return {
    connectMs: numbers.get("connectInMillis"),
    headersMs: numbers.get("headersInMillis"),
    idleMs: numbers.get("idleInMillis"),
    totalMs: numbers.get("totalInMillis"),
  };
}

function readFailover(reading: Reading, endpoint: Cursor): FailoverFacts | undefined {
  const key = "x-castgate-failover";
  const map = readMap(reading, endpoint, key);
  if (map === undefined) return undefined;
  reportUnknownKeys(reading, map, termKeys(failoverTerm), key);
  return {
    order: readWord(reading, map, "order", failoverTerm.keys.order.words),
    statusCodes: readStatusCodes(reading, map),
    suspend: readEjection(reading, map, "suspend", suspendTerm),
  };
}

function readLoadBalance(reading: Reading, endpoint: Cursor): BalanceFacts | undefined {
  const key = "x-castgate-load-balance";
  const map = readMap(reading, endpoint, key);
  if (map === undefined) return undefined;
  reportUnknownKeys(reading, map, termKeys(loadBalanceTerm), key);
  return {
    algorithm: readWord(reading, map, "algorithm", loadBalanceTerm.keys.algorithm.words),
    ejection: readEjection(reading, map, "ejection", ejectionTerm),
  };
}

/** Off, or with settings of its own. */
function readEjection(reading: Reading, parent: Cursor, key: string, term: MapTerm): EjectionFacts | false | undefined {
  const cursor = present(reading, parent, key);
  if (cursor === undefined) return undefined;
  if (cursor.value === false) return false;
  if (!isMap(cursor.value)) {
    wrongType(reading, cursor, key, "a map, or false");
    return undefined;
  }
  const numbers = readNumbers(reading, cursor, key, term);
  const initialMs = numbers.get("initialInMillis");
  const maxMs = numbers.get("maxInMillis");
  if (initialMs !== undefined && maxMs !== undefined && initialMs > maxMs) {
    const problem = `initialInMillis (${initialMs}) must not be longer than maxInMillis (${maxMs})`;
    reading.log.report("value-invalid", at(cursor.ref), { what: key, problem });
  }
  if (initialMs !== undefined && initialMs <= 0) return false;
  return {
    failures: numbers.get("afterFailures"),
    initialMs,
    factor: numbers.get("factor"),
    maxMs,
    share: numbers.get("maxShare"),
    statusCodes: readStatusCodes(reading, cursor) ?? [],
  };
}

function readWord<const W extends string>(
  reading: Reading,
  parent: Cursor,
  key: string,
  words: readonly W[],
): W | undefined {
  const text = readText(reading, parent, key);
  if (text === undefined) return undefined;
  const found = words.find((word) => word === text.value);
  if (found !== undefined) return found;
  const suggestion = suggest(text.value, words);
  reading.log.report("value-invalid", at(text.ref), {
    what: key,
    problem: `must be ${words.join(" or ")}, but is "${text.value}"`,
    ...(suggestion && { suggestion }),
  });
  return undefined;
}

/** Sorted, each once; undefined where the key is absent. */
function readStatusCodes(reading: Reading, parent: Cursor): readonly number[] | undefined {
  const list = readList(reading, parent, "statusCodes");
  if (list === undefined) return undefined;
  const codes = new Set<number>();
  for (const item of list.items()) {
    const code = numberOf(reading, item, "a status code", statusCode.range);
    if (code !== undefined) codes.add(code.value);
  }
  return [...codes].sort((a, b) => a - b);
}

/** The numbers of a map; keys that the term does not have are unknown. */
export function readNumbers(reading: Reading, map: Cursor, what: string, term: MapTerm): ReadonlyMap<string, number> {
  reportUnknownKeys(reading, map, termKeys(term), what);
  const numbers = new Map<string, number>();
  for (const [key, one] of Object.entries(term.keys)) {
    const number = one.kind === "number" ? readNumber(reading, map, key, one.range) : undefined;
    if (number !== undefined) numbers.set(key, number.value);
  }
  return numbers;
}
