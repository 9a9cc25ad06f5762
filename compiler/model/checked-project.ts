import type { CorsFacts, LoadedProject } from "./loaded-project.ts";
import type { HttpMethod, NonEmpty } from "./names.ts";
import type { Cursor, SourceRef } from "./source.ts";

/**
 * What 2-check hands on: typed facts, each with its place, still as written. Which of two facts wins is not decided
 * here but in 3-lower. Every value has been found usable: lowering cannot fail on it.
 */
export interface CheckedProject {
  readonly loaded: LoadedProject;
  readonly apis: readonly ApiFacts[];
  readonly policies: PolicyFacts;
  /** Undefined: requests are counted by the gateway itself. */
  readonly counters: CountersFact | undefined;
}

/** What becomes of requests with a limit while nobody can be asked: 503, let through, or counted by each process. */

export const onUnavailableWords = ["deny", "allow", "local"] as const satisfies readonly string[];
export type OnUnavailable = (typeof onUnavailableWords)[number];

/** `counters` of policies.yaml. */
export interface CountersFact {
  readonly store: "redis";
  readonly onUnavailable: OnUnavailable;
  readonly ref: SourceRef;
}

/** A value and where it was written. */
export interface Fact<T> {
  readonly value: T;
  readonly ref: SourceRef;
}

export interface ApiFacts {
  /** `grpc`: a service of a `.proto` file. */
  readonly protocol: "http" | "grpc";
  readonly file: string;
  /** The definition's root, for what only later phases or commands need (examples for mocks). */
  readonly root: Cursor;
  readonly title: Fact<string>;
  readonly version: Fact<string>;
  /** Resolved: `{version}` replaced, leading `/`, `/*` and `/` both as `/` (T-OAS-07..11). */
  readonly basePath: Fact<string>;
  readonly servers: readonly Fact<string>[];
  readonly endpoints: EndpointPair;
  readonly tier: Fact<string> | undefined;
  readonly cors: Fact<CorsFacts> | undefined;
  /** Lower-case set, never empty (T-EXT-20). */
  readonly transports: readonly ("http" | "https")[];
  readonly authHeader: Fact<string> | undefined;
  readonly owner: string;
  readonly security: SecurityFacts;
  /** `security` schemes by name, those of the kinds we know. */
  readonly schemes: ReadonlyMap<string, SchemeFact>;
  readonly requestInterceptor: Fact<string> | undefined;
  readonly responseInterceptor: Fact<string> | undefined;
  readonly mutualSsl: Fact<"mandatory" | "optional"> | undefined;
  /** `x-castgate-dpop`. */
  readonly dpop: Fact<"required" | "optional"> | undefined;
  readonly responseCache: Fact<boolean> | undefined;
  /** What holds for all operations that say nothing else. */
  readonly calls: CallFacts;
  /** `x-castgate-public`: why its public operations are public. Opens nothing. */
  readonly publicReason?: Fact<string> | undefined;
  /** `x-castgate-encoded-slash: allow`: `%2f` may stand inside a parameter and stays encoded everywhere. */
  readonly allowEncodedSlash: boolean;
  /** By path, then by method in the order of `httpMethods`. */
  readonly operations: readonly OperationFacts[];
}

export interface OperationFacts {
  readonly method: HttpMethod;
  /** The template as written, below the base path. */
  readonly path: string;
  readonly segments: readonly PathSegment[];
  readonly operationId: string | undefined;
  readonly origin: SourceRef;
  /** For mocks: the operation object. */
  readonly node: Cursor;
  /** The operation's own, else the path item's (T-OAS-25). */
  readonly servers: readonly Fact<string>[];
  readonly endpoints: EndpointPair;
  readonly tier: Fact<string> | undefined;
  readonly security: SecurityFacts;
  /** `x-scope`: the whole value is one scope (T-EXT-12). */
  readonly scope: Fact<string> | undefined;
  /** `x-auth-type: None` (T-EXT-11). */
  readonly authTypeNone: Fact<true> | undefined;
  readonly calls: CallFacts;
  /** `x-castgate-public`, before that of the API. */
  readonly publicReason?: Fact<string> | undefined;
  readonly requestInterceptor: Fact<string> | undefined;
  readonly responseInterceptor: Fact<string> | undefined;
}

/** One segment of a path template, still percent-encoded exactly as a client must send it. */
export type PathSegment =
  | { readonly kind: "literal"; readonly text: string }
  /** `{name}` with optional literal text around it: `{id}.json`, `report-{year}` (T-OAS-16, 17). */
  | {
      readonly kind: "parameter";
      readonly name: string;
      readonly prefix: string;
      readonly suffix: string;
      /**
       * Further parameters of the same segment, each after its own literal text, before `suffix`: in
       * `range(from={from},to={to})` one of `,to=`. The texts must occur in this order with something around each.
       */
      readonly more?: NonEmpty<{ readonly text: string; readonly name: string }>;
    }
  /** `/*` at the end: any remainder, also none. */
  | { readonly kind: "wildcard" };

export interface SecurityFacts {
  /** `security` as written: an OR of ANDs; undefined when the key is absent, `[]` when empty. */
  readonly requirements: readonly RequirementFact[] | undefined;
  readonly disable: Fact<boolean> | undefined;
  readonly application: Fact<ApplicationSecurity> | undefined;
}

/** What is asked of calls besides credentials. */
export interface CallFacts {
  /** `x-castgate-upgrade`: protocols that a connection may change to. Empty: none. */
  readonly upgrades: Fact<readonly UpgradeProtocol[]> | undefined;
  /** `x-castgate-caller`; in `standard` also `x-auth-type` of an operation (K-16). */
  readonly caller: Fact<CallerKind> | undefined;
  /** `x-castgate-allowed-domains` (K-15). */
  readonly domains: Fact<DomainRule> | undefined;
}

export type UpgradeProtocol = "websocket";

/** Whose credentials count: those of an application alone, those with a user, both; or none are needed. */
export type CallerKind = "any" | "app" | "user" | "none";

/** A header field must name one of these domains, or one that a claim of the caller lists, if it has that claim. */
export type DomainRule =
  | { readonly header: string; readonly values: NonEmpty<string> }
  | { readonly header: string; readonly claim: string };

export interface RequirementFact {
  readonly ref: SourceRef;
  /** Sorted by scheme name; empty means anonymous access (`{}`). */
  readonly schemes: readonly { readonly name: string; readonly scopes: readonly string[] }[];
}

export interface ApplicationSecurity {
  /** Known words only (T-SEC-03). */
  readonly types: readonly ("oauth2" | "basic_auth" | "api_key")[];
  readonly optional: boolean;
}

export type SchemeFact =
  | {
      readonly kind: "oauth2";
      readonly spelling: "oauth2" | "jwt" | "bearer" | "openIdConnect";
      readonly ref: SourceRef;
    }
  | { readonly kind: "basic"; readonly ref: SourceRef }
  | {
      readonly kind: "api-key";
      readonly in: "header" | "query" | "cookie";
      readonly name: string;
      readonly ref: SourceRef;
    }
  | { readonly kind: "mutual-tls"; readonly ref: SourceRef }
  /** Declared, but of a kind nobody knows (`http: hoba`). */
  | { readonly kind: "unknown"; readonly what: string; readonly ref: SourceRef };

export interface EndpointPair {
  readonly production: EndpointFact | undefined;
  readonly sandbox: EndpointFact | undefined;
}

/** An endpoint object, references resolved (T-END-11). */
export interface EndpointFact {
  readonly ref: SourceRef;
  /** The reference's name, else the object's `name`; undefined: the name is derived in 3-lower. */
  readonly name: string | undefined;
  readonly urls: readonly EndpointUrlFact[];
  readonly type: "http" | "load_balance" | "failover" | "address" | undefined;
  readonly basicUsername: string | undefined;
  readonly timeoutMs: number | undefined;
  /** `x-castgate-pipelining`: requests that may be on their way on one connection. */
  readonly pipelining: number | undefined;
  /** Undefined: nothing is asked for (servers). */
  readonly resilience?: ResilienceFacts;
  readonly binding?: BindingFacts;
}

/** How an endpoint is reached. Undefined: the default. */
export interface BindingFacts {
  readonly pool: PoolFacts | undefined;
  /** `x-castgate-append-path`. */
  readonly appendPath: boolean | undefined;
  readonly credentials: CredentialsFact | undefined;
  /** Sorted. */
  readonly pins: readonly string[];
}

/** `poolConfig`, with the original's defaults (T-END-09). */
export interface PoolFacts {
  /** -1: any number. */
  readonly maxActiveConnections: number;
  readonly maxIdleConnections: number;
  readonly waitTimeInMillis: number;
}

/** `x-castgate-credentials`. */
export type CredentialsFact =
  | { readonly type: "header"; readonly name: string }
  | { readonly type: "oauth2"; readonly tokenUrl: string; readonly scopes: readonly string[] };

/** What is done with an endpoint's failures and its load; times in milliseconds. Undefined: the default. */
export interface ResilienceFacts {
  readonly retry: RetryFacts | undefined;
  readonly circuitBreaker: BreakerFacts | undefined;
  readonly retryBudget: { readonly ratio: number | undefined; readonly perSecond: number | undefined } | undefined;
  /** Of `POST` and `PATCH`, those that its backends bear to get twice. */
  readonly resendMethods: readonly string[];
  readonly maxInFlight: number | undefined;
  readonly timeouts: TimeoutFacts | undefined;
  readonly failover: FailoverFacts | undefined;
  readonly loadBalance: BalanceFacts | undefined;
}

/** `retryConfig`, with the original's defaults (T-END-07). */
export interface RetryFacts {
  readonly count: number;
  readonly intervalMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly statusCodes: readonly number[];
}

/** `circuitBreaker`, with the original's defaults (T-END-08). */
export interface BreakerFacts {
  readonly failureThreshold: number;
  readonly resetMs: number;
  readonly requestVolume: number;
  readonly windowMs: number;
  readonly bucketMs: number;
  readonly statusCodes: readonly number[];
}

export interface TimeoutFacts {
  readonly connectMs: number | undefined;
  readonly headersMs: number | undefined;
  readonly idleMs: number | undefined;
  readonly totalMs: number | undefined;
}

export interface FailoverFacts {
  readonly order: "sticky" | "priority" | undefined;
  readonly statusCodes: readonly number[] | undefined;
  readonly suspend: EjectionFacts | false | undefined;
}

export interface BalanceFacts {
  readonly algorithm: "round-robin" | "least-requests" | undefined;
  readonly ejection: EjectionFacts | false | undefined;
}

/** When a URL that fails is left out, and for how long. */
export interface EjectionFacts {
  readonly failures: number | undefined;
  readonly initialMs: number | undefined;
  readonly factor: number | undefined;
  readonly maxMs: number | undefined;
  readonly share: number | undefined;
  readonly statusCodes: readonly number[];
}

/** A URL of an endpoint, with the key in etcd under which another one may be found (T-END-01). */
export interface EndpointUrlFact extends Fact<string> {
  readonly etcdKey?: string;
}

/** What an operation may need that this version cannot do: it answers 501 in `wso2-3.2`, and is an error in `standard`. */
export type UnbuiltFeature = "request-interceptor" | "response-interceptor" | "filter" | "grpc" | "response-cache";

export interface PolicyFacts {
  readonly resource: ReadonlyMap<string, TierFact>;
  readonly application: ReadonlyMap<string, TierFact>;
  readonly subscription: ReadonlyMap<string, TierFact>;
  /** In the order in which they are asked: the first that an address belongs to holds. */
  readonly addressLimits: readonly AddressLimitFact[];
  /** Whoever meets one of them is refused. */
  readonly deny: readonly DenyFact[];
  /** `forbidUnlimited: true`: no call may go without a limit (K-14). */
  readonly forbidUnlimited: Fact<true> | undefined;
}

/** How much of what may come in which time. */
export interface QuotaFact {
  readonly count: number;
  /** Length of one unit in milliseconds: windows start at multiples of it (R-THR-07). */
  readonly unitMs: number;
  /** Length of the window: `unitTime` units. */
  readonly windowMs: number;
  /** `algorithm: sliding`: how many may come at once. Absent: fixed windows. */
  readonly burst?: number;
  /** What counts; absent: admitted requests. */
  readonly counted?: "all" | "success" | "bytes";
}

export interface TierFact extends QuotaFact {
  readonly name: string;
  readonly stopOnQuota: boolean;
  /** Of application policies. */
  readonly key?: "app" | "app+user";
  /** Of resource policies: the first whose conditions are all met holds instead. */
  readonly groups?: readonly TierGroupFact[];
  readonly ref: SourceRef;
}

export interface TierGroupFact extends QuotaFact {
  readonly name: string;
  readonly when: NonEmpty<ConditionFact>;
}

/** A condition on a request. `pattern` stands for a whole value. */
export type ConditionFact =
  | { readonly kind: "address"; readonly addresses: NonEmpty<string>; readonly invert: boolean }
  | {
      readonly kind: "header" | "query" | "claim";
      readonly name: string;
      readonly pattern: string;
      readonly invert: boolean;
    };

export type DenyFact =
  | { readonly kind: "address"; readonly addresses: NonEmpty<string>; readonly invert: boolean }
  | { readonly kind: "user" | "application" | "api"; readonly names: NonEmpty<Fact<string>> };

/** `addresses` undefined: all others. `quota` undefined: without a limit. */
export interface AddressLimitFact {
  readonly name: string;
  readonly addresses: NonEmpty<string> | undefined;
  readonly quota: QuotaFact | undefined;
}
