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
  isMap,
  keyPlace,
  keysOf,
  numberOf,
  present,
  type Range,
  type Reading,
  readList,
  readMap,
  readNumber,
  readText,
  reportUnknownKeys,
  textOf,
  wrongType,
} from "./values.ts";

/** Keys of our own in an endpoint, beside its `urls`. */
export const resilienceKeys = [
  "x-castgate-failover",
  "x-castgate-load-balance",
  "x-castgate-max-in-flight",
  "x-castgate-resend-methods",
  "x-castgate-retry-budget",
  "x-castgate-timeouts",
];

const atLeastNull: Range = { min: 0, whole: true };
const atLeastOne: Range = { min: 1, whole: true };
const statusCode: Range = { min: 100, max: 599, whole: true };
const share: Range = { min: 0, max: 1, whole: false };
/** More than a timer can wait. */
const duration: Range = { min: 0, max: 2_147_483_647, whole: true };
const positiveDuration: Range = { ...duration, min: 1 };

/** What is done with an endpoint's failures and its load. `config`: its `advanceEndpointConfig`. */
export function readResilience(reading: Reading, endpoint: Cursor, config: Cursor | undefined): ResilienceFacts {
  return {
    retry: config && readRetry(reading, config),
    circuitBreaker: config && readCircuitBreaker(reading, config),
    retryBudget: readRetryBudget(reading, endpoint),
    resendMethods: readResendMethods(reading, endpoint),
    maxInFlight: readNumber(reading, endpoint, "x-castgate-max-in-flight", atLeastOne)?.value,
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
  const numbers = readNumbers(
    reading,
    retry,
    "retryConfig",
    {
      count: atLeastNull,
      intervalInMillis: duration,
      backOffFactor: { min: 0, whole: false },
      maxWaitIntervalInMillis: duration,
    },
    ["statusCodes"],
  );
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
  const numbers = readNumbers(
    reading,
    breaker,
    "circuitBreaker",
    { failureThreshold: share, resetTimeInMillis: atLeastNull },
    ["rollingWindow", "statusCodes"],
  );
  const window = readMap(reading, breaker, "rollingWindow");
  const sizes: ReadonlyMap<string, number> =
    window === undefined
      ? new Map()
      : readNumbers(reading, window, "rollingWindow", {
          requestVolumeThreshold: atLeastNull,
          timeWindowInMillis: atLeastOne,
          bucketSizeInMillis: atLeastOne,
        });
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
  const numbers = readNumbers(reading, budget, "x-castgate-retry-budget", { ratio: share, perSecond: atLeastNull });
  return { ratio: numbers.get("ratio"), perSecond: numbers.get("perSecond") };
}

/** Methods that are not idempotent: all others are sent again anyway (RFC 9110 section 9.2.2). */
const resendable = ["PATCH", "POST"];

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
  const numbers = readNumbers(reading, map, "x-castgate-timeouts", {
    connectInMillis: positiveDuration,
    headersInMillis: positiveDuration,
    idleInMillis: positiveDuration,
    totalInMillis: positiveDuration,
  });
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
  reportUnknownKeys(reading, map, ["order", "statusCodes", "suspend"], key);
  return {
    order: readWord(reading, map, "order", ["sticky", "priority"]),
    statusCodes: readStatusCodes(reading, map),
    // The older product's -1 (K-27): a backend that fails is asked again at once.
    suspend: readEjection(reading, map, "suspend", { ...duration, min: -1 }),
  };
}

function readLoadBalance(reading: Reading, endpoint: Cursor): BalanceFacts | undefined {
  const key = "x-castgate-load-balance";
  const map = readMap(reading, endpoint, key);
  if (map === undefined) return undefined;
  reportUnknownKeys(reading, map, ["algorithm", "ejection"], key);
  return {
    algorithm: readWord(reading, map, "algorithm", ["round-robin", "least-requests"]),
    ejection: readEjection(reading, map, "ejection", positiveDuration),
  };
}

/** Off, or with settings of its own. */
function readEjection(
  reading: Reading,
  parent: Cursor,
  key: string,
  initialInMillis: Range,
): EjectionFacts | false | undefined {
  const cursor = present(reading, parent, key);
  if (cursor === undefined) return undefined;
  if (cursor.value === false) return false;
  if (!isMap(cursor.value)) {
    wrongType(reading, cursor, key, "a map, or false");
    return undefined;
  }
  const numbers = readNumbers(
    reading,
    cursor,
    key,
    {
      afterFailures: atLeastOne,
      factor: { min: 1, whole: false },
      initialInMillis,
      maxInMillis: positiveDuration,
      maxShare: share,
    },
    ["statusCodes"],
  );
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
    const code = numberOf(reading, item, "a status code", statusCode);
    if (code !== undefined) codes.add(code.value);
  }
  return [...codes].sort((a, b) => a - b);
}

/** The numbers of a map that holds them and `others`; every other key is unknown. */
export function readNumbers(
  reading: Reading,
  map: Cursor,
  what: string,
  ranges: Readonly<Record<string, Range>>,
  others: readonly string[] = [],
): ReadonlyMap<string, number> {
  reportUnknownKeys(reading, map, [...Object.keys(ranges), ...others], what);
  const numbers = new Map<string, number>();
  for (const [key, range] of Object.entries(ranges)) {
    const number = readNumber(reading, map, key, range);
    if (number !== undefined) numbers.set(key, number.value);
  }
  return numbers;
}
