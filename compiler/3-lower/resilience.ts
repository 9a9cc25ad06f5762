import type { EjectionFacts, EndpointFact, ResilienceFacts } from "../model/checked-project.ts";
import type {
  EjectionModel,
  LoweringNote,
  OperationModel,
  RetryModel,
  TimeoutModel,
  UpstreamModel,
} from "../model/gateway-model.ts";
import type { Compatibility } from "../model/names.ts";
import type { SourceRef } from "../model/source.ts";

type Resilience = Pick<
  UpstreamModel,
  "choice" | "circuitBreaker" | "maxInFlight" | "resendMethods" | "retry" | "timeouts"
>;

/** Of the requests of ten seconds a fifth may be repeated, and ten each second always. */
const defaultBudget = { ratio: 0.2, perSecond: 10 };
/** Upon which the original fails over (R-EP-05). */
const defaultFailoverCodes = [501, 502, 503, 504];

/** Members of a round robin that give no answer are left out unless the endpoint says otherwise. */
const defaultEjection: EjectionModel = {
  failures: 5,
  initialMs: 30_000,
  factor: 2,
  maxMs: 300_000,
  share: 0.5,
  statusCodes: [],
};

/** A first URL that is down would otherwise cost each request a failure. With `sticky` it costs one request. */
const prioritySuspension: EjectionModel = {
  failures: 3,
  initialMs: 5_000,
  factor: 2,
  maxMs: 60_000,
  share: 1,
  statusCodes: [],
};

/** What stands in `suspend` for what it leaves out: one failure is enough. */
const suspension: EjectionModel = { ...prioritySuspension, failures: 1 };

/** What is done with the failures and the load of an endpoint with that many URLs. */
export function resilienceOf(endpoint: EndpointFact, urls: number, compatibility: Compatibility): Resilience {
  const facts = endpoint.resilience;
  const choice = urls > 1 ? choiceOf(endpoint, facts, compatibility) : undefined;
  const retry = facts && retryOf(facts);
  const [method, ...methods] = facts?.resendMethods ?? [];
  const timeouts = facts?.timeouts && timeoutsOf(facts.timeouts);
  return {
    ...(method !== undefined && (retry !== undefined || urls > 1) && { resendMethods: [method, ...methods] as const }),
    ...(facts?.maxInFlight !== undefined && { maxInFlight: facts.maxInFlight }),
    ...(timeouts !== undefined && { timeouts }),
    ...(retry !== undefined && { retry }),
    ...(facts?.circuitBreaker !== undefined && { circuitBreaker: facts.circuitBreaker }),
    ...(choice !== undefined && { choice }),
  };
}

function choiceOf(
  { type }: EndpointFact,
  facts: ResilienceFacts | undefined,
  compatibility: Compatibility,
): UpstreamModel["choice"] {
  if (type === "failover") {
    const {
      order = compatibility === "standard" ? "priority" : "sticky",
      statusCodes,
      suspend,
    } = facts?.failover ?? {};
    return {
      kind: "failover",
      statusCodes: statusCodes ?? defaultFailoverCodes,
      order,
      suspend:
        suspend === undefined && order === "priority" ? prioritySuspension : ejectionOf(suspend ?? false, suspension),
    };
  }
  const { algorithm = "round-robin", ejection } = facts?.loadBalance ?? {};
  return {
    kind: "balance",
    algorithm,
    ejection: ejection === undefined ? defaultEjection : ejectionOf(ejection, defaultEjection),
  };
}

function ejectionOf(facts: EjectionFacts | false, defaults: EjectionModel): EjectionModel | undefined {
  if (facts === false) return undefined;
  const initialMs = facts.initialMs ?? Math.min(defaults.initialMs, facts.maxMs ?? defaults.initialMs);
  return {
    failures: facts.failures ?? defaults.failures,
    initialMs,
    factor: facts.factor ?? defaults.factor,
    maxMs: facts.maxMs ?? Math.max(initialMs, defaults.maxMs),
    share: facts.share ?? defaults.share,
    statusCodes: facts.statusCodes,
  };
}

/** R-RES-02: a factor of 0 is 1, and a longest wait of 0 a minute. */
function retryOf({ retry, retryBudget }: ResilienceFacts): RetryModel | undefined {
  if (retry === undefined || retry.count === 0) return undefined;
  return {
    ...retry,
    factor: retry.factor > 0 ? retry.factor : 1,
    maxMs: retry.maxMs > 0 ? retry.maxMs : 60_000,
    budget: {
      ratio: retryBudget?.ratio ?? defaultBudget.ratio,
      perSecond: retryBudget?.perSecond ?? defaultBudget.perSecond,
    },
  };
}

function timeoutsOf({
  connectMs,
  headersMs,
  idleMs,
  totalMs,
}: NonNullable<ResilienceFacts["timeouts"]>): TimeoutModel | undefined {
  const timeouts = {
    ...(connectMs !== undefined && { connectMs }),
    ...(headersMs !== undefined && { headersMs }),
    ...(idleMs !== undefined && { idleMs }),
    ...(totalMs !== undefined && { totalMs }),
  };
  return Object.keys(timeouts).length === 0 ? undefined : timeouts;
}

/** More say little more. */
const namedAtMost = 3;

/**
 * Endpoints that the original sends requests to more than once whatever their method, where this does not: one note for each,
 * with the operations that it is about (R-RES-03, R-EP-05).
 */
export function sentOnce(operations: readonly OperationModel[]): readonly LoweringNote[] {
  const found = new Map<string, { ref: SourceRef; why: string; operations: string[] }>();
  for (const { backend, method, template } of operations) {
    if (backend.kind !== "forward" || (method !== "POST" && method !== "PATCH")) continue;
    for (const upstream of [backend.production, backend.sandbox]) {
      const why = upstream && repeatedFor(upstream);
      if (upstream === undefined || why === undefined || upstream.resendMethods?.includes(method)) continue;
      const key = `${upstream.origin.file}#${upstream.origin.pointer}`;
      const note = found.get(key) ?? { ref: upstream.origin, why, operations: [] };
      const shown = `${method} ${template}`;
      if (!note.operations.includes(shown)) note.operations.push(shown);
      found.set(key, note);
    }
  }
  return [...found.values()].map(({ ref, why, operations: all }): LoweringNote => {
    const more = all.length - namedAtMost;
    const named = all.slice(0, namedAtMost).join(", ");
    return {
      code: "request-sent-once",
      ref,
      args: { operations: more > 0 ? `${named} and ${more} more` : named, why },
    };
  });
}

function repeatedFor({ retry, choice }: UpstreamModel): string | undefined {
  const isFailover = choice?.kind === "failover";
  if (retry !== undefined) return isFailover ? "retryConfig, failover" : "retryConfig";
  return isFailover ? "failover" : undefined;
}
