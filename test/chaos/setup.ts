import { definition } from "../support/security-project.ts";

/** The endpoints of the run, each with what is built into the gateway against failures. */

export type BackendName = "a" | "b" | "c";

export interface Endpoint {
  readonly name: string;
  readonly members: readonly BackendName[];
  /** A GET is answered as long as one member is well. */
  readonly redundant: boolean;
  /** Most times that a backend may see a GET: attempts, each with one more for a connection that was about to be closed. */
  readonly sights: number;
  /** How a member that is away is left alone: by what is judged how often it may be asked. */
  readonly guard?: Guard;
}

/** Failures until a member is left out, then one attempt each time. */
export type Guard =
  | {
      readonly kind: "ejection";
      readonly failures: number;
      readonly initialMs: number;
      readonly factor: number;
      readonly maxMs: number;
    }
  | {
      readonly kind: "breaker";
      readonly volume: number;
      readonly share: number;
      readonly windowMs: number;
      readonly resetMs: number;
    };

export const timeouts = { connectInMillis: 2_000, headersInMillis: 3_000, idleInMillis: 3_000 };
const leaveOut = { initialInMillis: 1_000, factor: 2, maxInMillis: 4_000 };
const ejection = { kind: "ejection", initialMs: 1_000, factor: 2, maxMs: 4_000 } as const;
const breaker = { requestVolumeThreshold: 5, timeWindowInMillis: 4_000, bucketSizeInMillis: 500 };
/** Of the operation `limited`: requests in so many milliseconds. */
export const limit = { count: 60, windowMs: 60_000 };
/** Of the endpoint `few`. */
const mostInFlight = 2;
/** How long after a member is well again its breaker, or what its clients have seen, may still speak of it. */
export const recoveryMs = 6_000;
/** How long a value of etcd may take to be used. */
export const placedMs = 8_000;

export const endpoints: readonly Endpoint[] = [
  { name: "single", members: ["a"], redundant: false, sights: 6 },
  { name: "balanced", members: ["a", "b", "c"], redundant: true, sights: 6, guard: { ...ejection, failures: 3 } },
  { name: "least", members: ["a", "b"], redundant: true, sights: 4, guard: { ...ejection, failures: 3 } },
  { name: "order", members: ["b", "a"], redundant: true, sights: 4, guard: { ...ejection, failures: 2 } },
  { name: "sticky", members: ["b", "c"], redundant: true, sights: 4, guard: { ...ejection, failures: 2 } },
  {
    name: "breaker",
    members: ["b"],
    redundant: false,
    sights: 2,
    guard: { kind: "breaker", volume: 5, share: 0.3, windowMs: 4_000, resetMs: 1_000 },
  },
  { name: "few", members: ["c"], redundant: false, sights: 2 },
  // Where it leads is said by etcd, which may name any of them.
  { name: "moved", members: ["a", "b", "c"], redundant: false, sights: 2 },
  { name: "limited", members: ["c"], redundant: false, sights: 2 },
  { name: "secured", members: ["a"], redundant: false, sights: 2 },
];

const settings: Readonly<Record<string, object>> = {
  single: { advanceEndpointConfig: { retryConfig: { count: 2, intervalInMillis: 50, statusCodes: [503] } } },
  balanced: {
    type: "load_balance",
    "x-castgate-load-balance": { ejection: { ...leaveOut, afterFailures: 3, maxShare: 0.67, statusCodes: [503] } },
  },
  least: {
    type: "load_balance",
    "x-castgate-load-balance": { algorithm: "least-requests", ejection: { ...leaveOut, afterFailures: 3 } },
  },
  order: {
    type: "failover",
    "x-castgate-failover": { order: "priority", suspend: { ...leaveOut, afterFailures: 2 } },
  },
  sticky: {
    type: "failover",
    "x-castgate-failover": { order: "sticky", suspend: { ...leaveOut, afterFailures: 2 } },
  },
  breaker: {
    advanceEndpointConfig: {
      circuitBreaker: { rollingWindow: breaker, failureThreshold: 0.3, resetTimeInMillis: 1_000, statusCodes: [503] },
    },
  },
  few: { "x-castgate-max-in-flight": mostInFlight },
};

const answers = { responses: { 200: { description: "Fine" } } };

/** A definition for each endpoint. */
export const apis: Readonly<Record<string, object>> = Object.fromEntries(
  endpoints.map(({ name, members }) => {
    const urls = name === "moved" ? ["etcd(place, http://a.test)"] : members.map((member) => `http://${member}.test`);
    const more = {
      ...(name !== "secured" && { "x-wso2-disable-security": true }),
      "x-wso2-production-endpoints": { name, urls, "x-castgate-timeouts": timeouts, ...settings[name] },
    };
    const operation = {
      ...answers,
      ...(name === "secured" && { security: [{ token: [] }] }),
      ...(name === "limited" && { "x-wso2-throttling-tier": "Some" }),
    };
    return [name, definition(name, more, { "/x": { get: operation, post: operation } })];
  }),
);

export const policies = {
  counters: { store: "redis", onUnavailable: "deny" },
  resourcePolicies: [{ Some: { count: limit.count, unitTime: limit.windowMs / 60_000, timeUnit: "min" } }],
};
