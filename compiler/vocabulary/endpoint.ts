import { either, flag, list, type MapTerm, map, number, type Range, termKeys, text, word } from "./term.ts";

const atLeastNull: Range = { min: 0, whole: true };
const atLeastOne: Range = { min: 1, whole: true };
const share: Range = { min: 0, max: 1, whole: false };
/** More than a timer can wait. */
const duration: Range = { min: 0, max: 2_147_483_647, whole: true };
const positiveDuration: Range = { ...duration, min: 1 };
/** More would add nothing but requests that an ending connection takes with it. */
const pipeliningDepth: Range = { min: 1, max: 16, whole: true };

export const statusCode = number("A status code.", { min: 100, max: 599, whole: true });

function statusCodes(doc: string) {
  return list(doc, statusCode);
}

/** When an URL is left out, and for how long. */
function ejection(doc: string, initialInMillis: Range) {
  return map(doc, {
    afterFailures: number("Failures in a row after which it is left out.", atLeastOne, { default: 5 }),
    factor: number("By how much the time grows each time.", { min: 1, whole: false }, { default: 2 }),
    initialInMillis: number("How long it is left out at first, in milliseconds.", initialInMillis, { default: 30_000 }),
    maxInMillis: number("How long at most, in milliseconds.", positiveDuration, { default: 300_000 }),
    maxShare: number("The share of all URLs that may be left out at once, from 0 to 1.", share, { default: 0.5 }),
    statusCodes: statusCodes("Answers that count as failures, beside no answer."),
  });
}

const retry = map(
  "Failed requests are sent again: those of idempotent methods, before their body was streamed. Waits are random up to the time that is given here.",
  {
    count: number("How many times, at most.", atLeastNull),
    intervalInMillis: number("The first wait, in milliseconds.", duration),
    backOffFactor: number("By how much the waits grow.", { min: 0, whole: false }),
    maxWaitIntervalInMillis: number("The longest wait, in milliseconds.", duration),
    statusCodes: statusCodes("Answers upon which a request is sent again."),
  },
);

const circuitBreaker = map("Stops asking a backend that fails, and tries it with one request after a while.", {
  failureThreshold: number("The share of failures that opens it, from 0 to 1.", share),
  resetTimeInMillis: number("How long it stays open, in milliseconds.", atLeastNull),
  rollingWindow: map("Over which requests the share is counted.", {
    requestVolumeThreshold: number("With fewer requests it stays closed.", atLeastNull, { default: 10 }),
    timeWindowInMillis: number("How long requests count, in milliseconds.", atLeastOne, { default: 60_000 }),
    bucketSizeInMillis: number("How exactly time is taken, in milliseconds.", atLeastOne, { default: 10_000 }),
  }),
  statusCodes: statusCodes("Answers that count as failures, beside no answer."),
});

const pool = map("Connections to this endpoint, apart from those of the settings.", {
  maxActiveConnections: number("At most; -1: any number.", { min: -1, whole: true }, { default: -1 }),
  maxIdleConnections: number("How many are kept open without a request.", atLeastNull, { default: 100 }),
  waitTimeInMillis: number("How long a request waits for one, in milliseconds.", atLeastNull, { default: 30_000 }),
  maxActiveStreamsPerConnection: number("Of HTTP/2; without effect.", atLeastOne),
});

export const advancedTerm = map("Timeouts, retries, circuit breaker and connections.", {
  timeoutInMillis: number("How long a backend may take for its answer, in milliseconds.", atLeastOne, {
    default: 60_000,
  }),
  retryConfig: retry,
  circuitBreaker,
  poolConfig: pool,
});

export const securityConfigTerm = map(
  "Basic credentials for the backend. The password is given at start, as `<name>_<prod|sand>_basic_password`.",
  {
    type: word("Only `basic` has an effect.", ["basic", "digest"]),
    username: text("The name of the user."),
    password: text("Never read: passwords are given at start."),
  },
  { others: "ignored" },
);

export const credentialsTerm = map("What the backend gets from the gateway. Its secrets are given at start.", {
  type: word("`header`: a field with a secret; `oauth2`: a token of the client credentials grant.", [
    "header",
    "oauth2",
  ]),
  name: text("With `header`: the name of the field."),
  tokenUrl: text("With `oauth2`: who issues the tokens."),
  scopes: list("With `oauth2`: the scopes that are asked for.", text("A scope.")),
});

export const failoverTerm = map("How the next URL of `type: failover` is chosen.", {
  order: word("`sticky` begins with the URL that answered last, `priority` with the first.", ["sticky", "priority"]),
  statusCodes: statusCodes("Answers upon which the next URL is asked."),
  suspend: either(
    "For how long a URL that failed is left out; `false`: not at all.",
    flag("`false`: not at all.", { only: false }),
    // The older product's -1 (K-27): a backend that fails is asked again at once.
    ejection("For how long a URL that failed is left out.", { ...duration, min: -1 }),
  ),
});

export const loadBalanceTerm = map("How requests are spread over the URLs.", {
  algorithm: word("In turn, or to the URL with the fewest requests on their way.", ["round-robin", "least-requests"], {
    default: "round-robin",
  }),
  ejection: either(
    "When a URL is left out for a while; `false`: never.",
    flag("`false`: never.", { only: false }),
    ejection("When a URL is left out for a while.", positiveDuration),
  ),
});

export const suspendTerm = failoverTerm.keys.suspend.of[1] as MapTerm;
export const ejectionTerm = loadBalanceTerm.keys.ejection.of[1] as MapTerm;
export const retryTerm = retry;
export const circuitBreakerTerm = circuitBreaker;
export const rollingWindowTerm = circuitBreaker.keys.rollingWindow;
export const poolTerm = pool;

export const retryBudgetTerm = map("How many requests may be retries.", {
  ratio: number("As a share of the requests of the last ten seconds, from 0 to 1.", share, { default: 0.2 }),
  perSecond: number("How many a second always may.", atLeastNull, { default: 10 }),
});

export const timeoutsTerm = map("Limits beside `timeoutInMillis`.", {
  connectInMillis: number("For a connection, in milliseconds.", positiveDuration),
  headersInMillis: number("For the head of the answer, in milliseconds.", positiveDuration),
  idleInMillis: number("Between two pieces of the body, in milliseconds.", positiveDuration),
  totalInMillis: number(
    "For everything, with all attempts and up to the end of the answer, in milliseconds.",
    positiveDuration,
  ),
});

/** Keys of our own about how an endpoint is reached. */
const bindingTerms = {
  "x-castgate-append-path": flag("`false`: requests go to the URL as it is, without their path.", { default: true }),
  "x-castgate-credentials": credentialsTerm,
  "x-castgate-pins": list(
    "One of these public keys the backend must have.",
    text("The SHA-256 of a public key, in base64.", {
      pattern: "^\\s*[A-Za-z0-9+/]{43}=\\s*$",
      example: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    }),
  ),
};

/** Keys of our own about an endpoint's failures and its load. */
const resilienceTerms = {
  "x-castgate-failover": failoverTerm,
  "x-castgate-load-balance": loadBalanceTerm,
  "x-castgate-max-in-flight": number("Requests on their way to this endpoint; the next gets 503 at once.", atLeastOne),
  "x-castgate-resend-methods": list(
    "Methods that the backends bear to get twice, beside the idempotent ones.",
    word("A method.", ["PATCH", "POST"]),
  ),
  "x-castgate-retry-budget": retryBudgetTerm,
  "x-castgate-timeouts": timeoutsTerm,
};

export const endpointTerm = map(
  "Where requests are sent.",
  {
    urls: list(
      "The backend's URLs. `etcd(key, default)` takes one from etcd.",
      text("An http or https URL, or `etcd(key, default)`."),
      { min: 1 },
    ),
    type: word("How one of several URLs is chosen; `address`: requests go to the URL as it is.", [
      "http",
      "load_balance",
      "failover",
      "address",
    ]),
    name: text("Names the settings that replace the URLs at start: `<name>_prod_endpoint_0`."),
    securityConfig: securityConfigTerm,
    advanceEndpointConfig: advancedTerm,
    "x-castgate-pipelining": number(
      "How many `GET` requests may be on their way on one connection; for backends that answer them rightly and quickly.",
      pipeliningDepth,
      { default: 1 },
    ),
    ...bindingTerms,
    ...resilienceTerms,
  },
  { required: ["urls"] },
);

/** Those of our own that stand in an endpoint, beside its `urls`. */
export const ownEndpointKeys = termKeys(endpointTerm).filter((key) => key.startsWith("x-castgate-"));

/** An endpoint, or the name of one. */
export function endpointOrReference(doc: string) {
  return either(
    doc,
    endpointTerm,
    text("A reference: `#/x-wso2-endpoints/<name>`.", { pattern: "#/x-wso2-endpoints/" }),
  );
}
