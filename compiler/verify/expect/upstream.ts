import type { BreakerModel, EjectionModel, RetryModel, UpstreamModel } from "../../model/gateway-model.ts";
import { call, type Expected, list, literal, record, texts } from "./value.ts";

/** The backend that requests go to, as the runtime is told of it. */
export function expectedUpstream(upstream: UpstreamModel): Expected {
  const { credentials } = upstream;
  const bare = bareUpstream(upstream);
  switch (credentials?.type) {
    case undefined:
      return bare;
    case "header":
      return call("upstream-header/sendHeader", bare, literal(credentials.name));
    case "oauth2": {
      const { tokenUrl, scopes } = credentials;
      const options = record({ tokenUrl: literal(tokenUrl), scopes: scopes.length > 0 ? texts(scopes) : undefined });
      return call("upstream-oauth2/clientCredentials", bare, options);
    }
  }
}

function bareUpstream(upstream: UpstreamModel): Expected {
  const { overrideKey, urls, fromEtcd = [], timeoutMs, pipelining, basicUsername, pool, pins } = upstream;
  const { choice, timeouts, maxInFlight, resendMethods, retry, circuitBreaker } = upstream;
  const places = urls.map((url, index) => {
    const stored = fromEtcd.find((one) => one.index === index);
    return stored === undefined ? literal(url) : call("upstream-etcd/etcd", literal(stored.key), literal(url));
  });
  const [place] = places;
  const common = {
    key: literal(overrideKey),
    timeoutMs: literal(timeoutMs),
    pipelining: pipelining > 1 ? literal(pipelining) : undefined,
    basicUsername: optional(basicUsername),
    pool: pool && expectedPool(pool),
    appendPath: optional(upstream.appendPath),
    pins: pins && texts(pins),
    connectMs: optional(timeouts?.connectMs),
    headersMs: optional(timeouts?.headersMs),
    idleMs: optional(timeouts?.idleMs),
    totalMs: optional(timeouts?.totalMs),
    maxInFlight: optional(maxInFlight),
    resendMethods: resendMethods && texts(resendMethods),
    retry: retry && expectedRetry(retry),
    circuitBreaker: circuitBreaker && expectedBreaker(circuitBreaker),
  };
  if (choice?.kind === "failover" && urls.length > 1) {
    const { statusCodes, order, suspend } = choice;
    const own = {
      statusCodes: numbers(statusCodes),
      order: literal(order),
      suspend: suspend && expectedEjection(suspend),
    };
    return call("upstream-failover/failover", record({ ...common, urls: list(places), ...own }));
  }
  const balance =
    choice?.kind === "balance"
      ? {
          algorithm: choice.algorithm === "round-robin" ? undefined : literal(choice.algorithm),
          ejection: choice.ejection && expectedEjection(choice.ejection),
        }
      : {};
  if (urls.length > 1) return call("upstream-balanced/balanced", record({ ...common, urls: list(places), ...balance }));
  const watched = [retry, circuitBreaker, maxInFlight, timeouts?.totalMs].some((policy) => policy !== undefined);
  const options = record({ ...common, url: place, ...balance });
  return watched ? call("upstream-guarded/guarded", options) : call("upstream-single/upstream", options);
}

function expectedPool({ maxActiveConnections: most, ...others }: NonNullable<UpstreamModel["pool"]>): Expected {
  return record({
    // -1: any number.
    maxActiveConnections: most > 0 ? literal(most) : undefined,
    maxIdleConnections: literal(others.maxIdleConnections),
    waitTimeInMillis: literal(others.waitTimeInMillis),
  });
}

function expectedRetry({ count, intervalMs, factor, maxMs, statusCodes, budget }: RetryModel): Expected {
  const options = {
    ...figures({ count, intervalMs, factor, maxMs }),
    statusCodes: numbers(statusCodes),
    budget: record(figures({ ratio: budget.ratio, perSecond: budget.perSecond })),
  };
  return call("retry/retries", record(options));
}

function expectedBreaker({ statusCodes, ...rest }: BreakerModel): Expected {
  const { requestVolume, failureThreshold, windowMs, bucketMs, resetMs } = rest;
  const options = { requestVolume, failureThreshold, windowMs, bucketMs, resetMs };
  return call("circuit-breaker/circuitBreaker", record({ ...figures(options), statusCodes: numbers(statusCodes) }));
}

function expectedEjection({ failures, initialMs, factor, maxMs, share, statusCodes }: EjectionModel): Expected {
  const options = { ...figures({ failures, initialMs, factor, maxMs, share }), statusCodes: numbers(statusCodes) };
  return call("outlier-ejection/outlierEjection", record(options));
}

function figures(values: Readonly<Record<string, number>>): Record<string, Expected> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, literal(value)]));
}

function numbers(values: readonly number[]): Expected {
  return list(values.map(literal));
}

function optional(value: string | number | boolean | undefined): Expected | undefined {
  return value === undefined ? undefined : literal(value);
}
