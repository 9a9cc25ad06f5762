import {
  type DomainRule,
  onUnavailableWords,
  type PathSegment,
  type UnbuiltFeature,
} from "../model/checked-project.ts";
import type {
  Access,
  AddressLimit,
  Alternative,
  ApiKeyLocation,
  ApiModel,
  AuthScheme,
  Backend,
  BreakerModel,
  Condition,
  CountersModel,
  EjectionModel,
  ExtensionModel,
  FaultStyle,
  GatewayModel,
  OperationModel,
  QuotaModel,
  RetryModel,
  ScopeRule,
  Throttle,
  ThrottleTier,
  TierGroup,
  TierUse,
  TimeoutModel,
  UpstreamModel,
} from "../model/gateway-model.ts";
import type { CorsFacts } from "../model/loaded-project.ts";
import { extensionExports } from "../model/loaded-project.ts";
import { featureNames, httpMethods, type Identifier, type Slug } from "../model/names.ts";
import type { SourceRef } from "../model/source.ts";
import {
  boolean,
  byMember,
  type Check,
  either,
  listOf,
  matching,
  number,
  object,
  oneOf,
  someOf,
  text,
} from "./shape.ts";

/** What keeps a value from being a model: where, and what is wrong there. Undefined: it is one. */
export function modelProblem(value: unknown): string | undefined {
  return gateway(value, "");
}

const slug = matching<Slug>(/^[a-z][a-z0-9-]{0,59}$/, "a slug");
const identifier = matching<Identifier>(/^[A-Za-z_$][\w$]{0,79}$/, "an identifier");
const source = object<SourceRef>({ file: text, pointer: matching(/^(?:\/|$)/, "a JSON pointer") });
const transport = oneOf(["http", "https"] as const);

const cors = object<CorsFacts>(
  {
    allowOrigins: listOf(text),
    allowMethods: listOf(text),
    allowHeaders: listOf(text),
    exposeHeaders: listOf(text),
    allowCredentials: boolean,
    maxAgeSeconds: number,
  },
  ["maxAgeSeconds"],
);

const quotaChecks = {
  name: text,
  count: number,
  unitMs: number,
  windowMs: number,
  burst: number,
  counted: oneOf(["all", "success", "bytes"] as const),
} as const;
const quota = object<QuotaModel>(quotaChecks, ["burst", "counted"]);

type AddressCondition = Extract<Condition, { kind: "address" }>;
type PatternCondition = Extract<Condition, { pattern: string }>;
type NameCondition = Extract<Condition, { names: unknown }>;
const pattern = object<PatternCondition>({
  kind: oneOf(["header", "query", "claim"] as const),
  name: text,
  pattern: text,
  invert: boolean,
});
const named = object<NameCondition>({ kind: oneOf(["user", "application"] as const), names: someOf(text) });
const condition: Check<Condition> = byMember<Condition, "kind">("kind", {
  address: object<AddressCondition>({ kind: oneOf(["address"] as const), addresses: someOf(text), invert: boolean }),
  header: pattern,
  query: pattern,
  claim: pattern,
  user: named,
  application: named,
});

const tierGroup = object<TierGroup>({ ...quotaChecks, when: someOf(condition) }, ["burst", "counted"]);
const tier = object<ThrottleTier>(
  {
    ...quotaChecks,
    stopOnQuota: boolean,
    key: oneOf(["app"] as const),
    symbol: identifier,
    groups: someOf(tierGroup),
    origin: source,
  },
  ["burst", "counted", "groups", "key", "origin", "symbol"],
);
const tierUse = byMember<TierUse, "kind">("kind", {
  tier: object<Extract<TierUse, { kind: "tier" }>>({ kind: oneOf(["tier"] as const), tier }),
  undefined: object<Extract<TierUse, { kind: "undefined" }>>({
    kind: oneOf(["undefined"] as const),
    name: text,
    origin: source,
  }),
});

const scopes = object<ScopeRule>({ need: oneOf(["any", "all"] as const), names: someOf(text) });
const keyLocation = object<ApiKeyLocation>({ in: oneOf(["header", "query", "cookie"] as const), name: text });
type Scheme<K extends AuthScheme["kind"]> = Extract<AuthScheme, { kind: K }>;
const scheme = byMember<AuthScheme, "kind">("kind", {
  oauth2: object<Scheme<"oauth2">>(
    { kind: oneOf(["oauth2"] as const), dpop: oneOf(["required", "optional"] as const) },
    ["dpop"],
  ),
  basic: object<Scheme<"basic">>({ kind: oneOf(["basic"] as const) }),
  "api-key": object<Scheme<"api-key">>({ kind: oneOf(["api-key"] as const), locations: listOf(keyLocation) }),
  "mutual-tls": object<Scheme<"mutual-tls">>({
    kind: oneOf(["mutual-tls"] as const),
    presence: oneOf(["mandatory", "optional"] as const),
  }),
});
const alternative = object<Alternative>({ allOf: someOf(scheme), scopes }, ["scopes"]);
const access = byMember<Access, "kind">("kind", {
  public: object<Extract<Access, { kind: "public" }>>(
    { kind: oneOf(["public"] as const), why: text, reason: text, origin: source },
    ["reason"],
  ),
  authenticated: object<Extract<Access, { kind: "authenticated" }>>({
    kind: oneOf(["authenticated"] as const),
    anyOf: someOf(alternative),
    origin: source,
  }),
});

type Segment<K extends PathSegment["kind"]> = Extract<PathSegment, { kind: K }>;
const segment = byMember<PathSegment, "kind">("kind", {
  literal: object<Segment<"literal">>({ kind: oneOf(["literal"] as const), text }),
  parameter: object<Segment<"parameter">>(
    {
      kind: oneOf(["parameter"] as const),
      name: text,
      prefix: text,
      suffix: text,
      more: someOf(object<{ text: string; name: string }>({ text, name: text })),
    },
    ["more"],
  ),
  wildcard: object<Segment<"wildcard">>({ kind: oneOf(["wildcard"] as const) }),
});

const throttle = object<Throttle>({ resource: tierUse, fromCaller: boolean, unauthenticated: tierUse }, [
  "resource",
  "unauthenticated",
]);

const timeouts = object<TimeoutModel>({ connectMs: number, headersMs: number, idleMs: number, totalMs: number }, [
  "connectMs",
  "headersMs",
  "idleMs",
  "totalMs",
]);
const retry = object<RetryModel>({
  count: number,
  intervalMs: number,
  factor: number,
  maxMs: number,
  statusCodes: listOf(number),
  budget: object<RetryModel["budget"]>({ ratio: number, perSecond: number }),
});
const breaker = object<BreakerModel>({
  requestVolume: number,
  failureThreshold: number,
  windowMs: number,
  bucketMs: number,
  resetMs: number,
  statusCodes: listOf(number),
});
const ejection = object<EjectionModel>({
  failures: number,
  initialMs: number,
  factor: number,
  maxMs: number,
  share: number,
  statusCodes: listOf(number),
});

type Choice = NonNullable<UpstreamModel["choice"]>;
type Credentials = NonNullable<UpstreamModel["credentials"]>;
const upstream = object<UpstreamModel>(
  {
    overrideKey: text,
    level: oneOf(["api", "operation"] as const),
    environment: oneOf(["production", "sandbox"] as const),
    urls: someOf(text),
    fromEtcd: someOf(object<{ index: number; key: string }>({ index: number, key: text })),
    timeoutMs: number,
    pipelining: number,
    basicUsername: text,
    pool: object<NonNullable<UpstreamModel["pool"]>>({
      maxActiveConnections: number,
      maxIdleConnections: number,
      waitTimeInMillis: number,
    }),
    appendPath: oneOf([false] as const),
    credentials: byMember<Credentials, "type">("type", {
      header: object<Extract<Credentials, { type: "header" }>>({ type: oneOf(["header"] as const), name: text }),
      oauth2: object<Extract<Credentials, { type: "oauth2" }>>({
        type: oneOf(["oauth2"] as const),
        tokenUrl: text,
        scopes: listOf(text),
      }),
    }),
    pins: someOf(text),
    resendMethods: someOf(text),
    maxInFlight: number,
    timeouts,
    retry,
    circuitBreaker: breaker,
    choice: byMember<Choice, "kind">("kind", {
      balance: object<Extract<Choice, { kind: "balance" }>>(
        {
          kind: oneOf(["balance"] as const),
          algorithm: oneOf(["round-robin", "least-requests"] as const),
          ejection,
        },
        ["ejection"],
      ),
      failover: object<Extract<Choice, { kind: "failover" }>>(
        {
          kind: oneOf(["failover"] as const),
          statusCodes: listOf(number),
          order: oneOf(["sticky", "priority"] as const),
          suspend: ejection,
        },
        ["suspend"],
      ),
    }),
    origin: source,
  },
  [
    "appendPath",
    "basicUsername",
    "choice",
    "circuitBreaker",
    "credentials",
    "fromEtcd",
    "maxInFlight",
    "pins",
    "pool",
    "resendMethods",
    "retry",
    "timeouts",
  ],
);
type BackendOf<K extends Backend["kind"]> = Extract<Backend, { kind: K }>;
const unbuilt: readonly UnbuiltFeature[] = [
  "request-interceptor",
  "response-interceptor",
  "filter",
  "grpc",
  "response-cache",
];
const backend = byMember<Backend, "kind">("kind", {
  forward: object<BackendOf<"forward">>(
    { kind: oneOf(["forward"] as const), production: upstream, sandbox: upstream },
    ["production", "sandbox"],
  ),
  "not-built": object<BackendOf<"not-built">>({
    kind: oneOf(["not-built"] as const),
    features: someOf(oneOf(unbuilt)),
  }),
});

type HeaderRule<K extends string> = Extract<DomainRule, { readonly [M in K]: unknown }>;
const operation = object<OperationModel>(
  {
    id: identifier,
    method: oneOf(httpMethods),
    template: matching(/^\//, "a path"),
    segments: listOf(segment),
    access,
    caller: object<NonNullable<OperationModel["caller"]>>({ kind: oneOf(["app", "user"] as const), origin: source }),
    domains: object<NonNullable<OperationModel["domains"]>>({
      rule: either(
        object<HeaderRule<"values">>({ header: text, values: someOf(text) }),
        object<HeaderRule<"claim">>({ header: text, claim: text }),
      ),
      origin: source,
    }),
    upgrades: object<NonNullable<OperationModel["upgrades"]>>({
      protocols: someOf(oneOf(["websocket"] as const)),
      origin: source,
    }),
    denied: oneOf([true] as const),
    throttle,
    backend,
    origin: source,
  },
  ["caller", "denied", "domains", "upgrades"],
);

const api = object<ApiModel>(
  {
    slug,
    symbol: identifier,
    title: text,
    version: text,
    basePath: matching(/^\//, "a path"),
    transports: listOf(transport),
    cors,
    authHeader: text,
    allowEncodedSlash: boolean,
    challenges: listOf(oneOf(["oauth2", "basic"] as const)),
    apiLimit: tierUse,
    operations: listOf(operation),
    origin: source,
  },
  ["apiLimit", "authHeader", "cors"],
);

const faultStyle = oneOf(["text", "status-report", "fault"] as const);
const gateway = object<GatewayModel>(
  {
    compatibility: oneOf(["wso2-3.2", "standard"] as const),
    apis: listOf(api),
    callerTiers: object<GatewayModel["callerTiers"]>(
      { application: listOf(tier), subscription: listOf(tier), unlimited: oneOf([false] as const) },
      ["unlimited"],
    ),
    counters: object<CountersModel>({ store: oneOf(["redis"] as const), onUnavailable: oneOf(onUnavailableWords) }),
    addressLimits: someOf(object<AddressLimit>({ addresses: someOf(text), quota }, ["addresses", "quota"])),
    deny: someOf(condition),
    faults: object<FaultStyle>({ api: faultStyle, global: faultStyle }),
    builtinPaths: listOf(text),
    replacedServices: listOf(text),
    builtinCors: cors,
    features: listOf(oneOf(featureNames)),
    extensions: listOf(
      object<ExtensionModel>({ name: slug, file: text, exported: oneOf(extensionExports), sha256: text }),
    ),
  },
  ["addressLimits", "builtinCors", "counters", "deny"],
);
