import type { ApiFacts, EndpointFact, Fact, OperationFacts, UnbuiltFeature } from "../model/checked-project.ts";
import type { Backend, UpstreamModel } from "../model/gateway-model.ts";
import type { LoadedProject } from "../model/loaded-project.ts";
import type { Compatibility } from "../model/names.ts";
import type { SourceRef } from "../model/source.ts";
import { sha256 } from "../naming/names.ts";
import { bindingOf } from "./endpoint-binding.ts";
import { resilienceOf } from "./resilience.ts";

/** What `advanceEndpointConfig.timeoutInMillis` is when nobody says (T-END-06). */
const defaultTimeoutMs = 60_000;

type Environment = "production" | "sandbox";

/** Where an operation's requests go, or why they go nowhere in this version. */
export function backendOf(api: ApiFacts, operation: OperationFacts, loaded: LoadedProject): Backend {
  const production = endpointFor(api, operation, "production");
  const sandbox = endpointFor(api, operation, "sandbox");
  const features = neededFeatures(api, operation, loaded);
  const [first, ...rest] = features;
  const { compatibility } = loaded.settings;
  if (first !== undefined) return { kind: "not-built", features: [first, ...rest] };
  return {
    kind: "forward",
    production: production && upstreamOf(api, operation, production, "production", compatibility),
    sandbox: sandbox && upstreamOf(api, operation, sandbox, "sandbox", compatibility),
  };
}

interface Chosen {
  readonly endpoint: EndpointFact;
  readonly level: "api" | "operation";
}

/** Operation over API in each environment; servers feed production only (T-OAS-21, 25). */
function endpointFor(api: ApiFacts, operation: OperationFacts, environment: Environment): Chosen | undefined {
  const own = operation.endpoints[environment];
  if (own !== undefined) return { endpoint: own, level: "operation" };
  if (environment === "production") {
    const servers = endpointOfServers(operation.servers, operation.origin);
    if (servers !== undefined) return { endpoint: servers, level: "operation" };
  }
  const shared = api.endpoints[environment];
  if (shared !== undefined) return { endpoint: shared, level: "api" };
  if (environment === "production") {
    const servers = endpointOfServers(api.servers, { file: api.file, pointer: "/servers" });
    if (servers !== undefined) return { endpoint: servers, level: "api" };
  }
  return undefined;
}

/** Absolute server URLs as an endpoint: one is a single backend, several a round robin (T-OAS-22). */
function endpointOfServers(servers: readonly Fact<string>[], origin: SourceRef): EndpointFact | undefined {
  const urls = servers.filter((server) => /^https?:\/\//i.test(server.value));
  const [first] = urls;
  if (first === undefined) return undefined;
  return {
    ref: urls.length === 1 ? first.ref : origin,
    name: undefined,
    urls,
    type: undefined,
    basicUsername: undefined,
    timeoutMs: undefined,
    pipelining: undefined,
  };
}

function upstreamOf(
  api: ApiFacts,
  operation: OperationFacts,
  chosen: Chosen,
  environment: Environment,
  compatibility: Compatibility,
): UpstreamModel {
  const { endpoint, level } = chosen;
  // `http` with several URLs means the first (R-EP-01).
  const used = endpoint.type === "http" ? endpoint.urls.slice(0, 1) : endpoint.urls;
  const [first = "", ...others] = used.map((url) => url.value);
  const [found, ...more] = used.flatMap(({ etcdKey }, index) =>
    etcdKey === undefined ? [] : [{ index, key: etcdKey }],
  );
  return {
    overrideKey: `${endpoint.name ?? derivedName(api, operation, level)}_${environment === "production" ? "prod" : "sand"}`,
    level,
    environment,
    urls: [first, ...others],
    ...(found !== undefined && { fromEtcd: [found, ...more] as const }),
    timeoutMs: endpoint.timeoutMs ?? defaultTimeoutMs,
    pipelining: endpoint.pipelining ?? 1,
    basicUsername: endpoint.basicUsername,
    ...bindingOf(endpoint, compatibility),
    ...resilienceOf(endpoint, used.length, compatibility),
    origin: endpoint.ref,
  };
}

/**
 * The override name of an endpoint that the definition does not name: the original's id of the API (T-PRJ-08), and for
 * an operation, where the original used a new random id in each build (T-OVR-02), the same with verb and path.
 */
function derivedName(api: ApiFacts, operation: OperationFacts, level: Chosen["level"]): string {
  const identity = `${api.title.value}:${api.version.value}`;
  return level === "api"
    ? `api_${sha256(identity)}`
    : `op_${sha256(`${identity}:${operation.method} ${operation.path}`).slice(0, 16)}`;
}

function neededFeatures(api: ApiFacts, operation: OperationFacts, loaded: LoadedProject): readonly UnbuiltFeature[] {
  const features = new Set<UnbuiltFeature>();
  if (api.protocol === "grpc") features.add("grpc");
  if ((operation.requestInterceptor ?? api.requestInterceptor) !== undefined) features.add("request-interceptor");
  if ((operation.responseInterceptor ?? api.responseInterceptor) !== undefined) features.add("response-interceptor");
  if (api.responseCache?.value === true) features.add("response-cache");
  if (loaded.extras.filters.length > 0) features.add("filter");
  return [...features].sort();
}
