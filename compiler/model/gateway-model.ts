import type { DomainRule, OnUnavailable, PathSegment, UnbuiltFeature, UpgradeProtocol } from "./checked-project.ts";
import type { CorsFacts, ExtensionExport } from "./loaded-project.ts";
import type { Compatibility, FeatureName, HttpMethod, Identifier, NonEmpty, Slug } from "./names.ts";
import type { SourceRef } from "./source.ts";

/**
 * What the gateway must do. Precedence, defaults and names are decided; nothing of OpenAPI, of TypeScript or of this
 * project's file system is left but the places. Holds no secret value. Owner: 3-lower.
 */
export interface GatewayModel {
  readonly compatibility: Compatibility;
  /** Sorted by slug. */
  readonly apis: readonly ApiModel[];
  /** The tables that a caller's own tier names are looked up in; empty when no operation does. Sorted by name. */
  readonly callerTiers: {
    readonly application: readonly ThrottleTier[];
    readonly subscription: readonly ThrottleTier[];
    /** No subscription may be `Unlimited`. */
    readonly unlimited?: false;
  };
  /** Where requests are counted, if not by the gateway itself. */
  readonly counters: CountersModel | undefined;
  /** For every operation, by client address; absent: none. */
  readonly addressLimits?: NonEmpty<AddressLimit>;
  /** Who is refused at every operation; absent: nobody. */
  readonly deny?: NonEmpty<Condition>;
  /** How unknown paths and methods are answered. */
  readonly faults: FaultStyle;
  /** Built-in paths that no API route replaces: `/health`, `/livez`, `/readyz`. */
  readonly builtinPaths: readonly string[];
  /** Services of features that an API stands in for, of those in `servicePaths`. */
  readonly replacedServices: readonly string[];
  readonly builtinCors: CorsFacts | undefined;
  /** What the run-time settings can switch on: all of it in `wso2-3.2`, in `standard` what the project lists. Sorted. */
  readonly features: readonly FeatureName[];
  /** What the project has written itself. By name. */
  readonly extensions: readonly ExtensionModel[];
}

export interface CountersModel {
  readonly store: "redis";
  readonly onUnavailable: OnUnavailable;
}

export interface ExtensionModel {
  /** By which settings refer to it: that of its file. */
  readonly name: Slug;
  /** `extensions/corp-claims.ts` */
  readonly file: string;
  readonly exported: ExtensionExport;
  /** Of its code and all that it imports: what it does nobody can compare, but that it is another can be told. */
  readonly sha256: string;
}

export interface FaultStyle {
  /** Unknown resource or method inside an API: plain text of the original, its JSON, or fault JSON (`standard`). */
  readonly api: "text" | "status-report" | "fault";
  /** Unknown base path. */
  readonly global: "text" | "status-report" | "fault";
}

export interface ApiModel {
  /** Folder and symbol names derive from it: `petstore-v1`. */
  readonly slug: Slug;
  /** The exported router function: `petstoreV1`. */
  readonly symbol: Identifier;
  readonly title: string;
  readonly version: string;
  /** `/petstore/v1`, or `/` for all. No trailing slash otherwise unless written so. */
  readonly basePath: string;
  readonly transports: readonly ("http" | "https")[];
  readonly cors: CorsFacts | undefined;
  /** undefined: the setting `authConfig.authorizationHeader`. */
  readonly authHeader: string | undefined;
  readonly allowEncodedSlash: boolean;
  /** Challenges of a 401 in `wso2-3.2`, by API-level scheme (S-ERR-R4). */
  readonly challenges: readonly ("oauth2" | "basic")[];
  /** Set when the API level carries the tier: one counter for all operations. */
  readonly apiLimit: TierUse | undefined;
  /** By path, then method in the order of `httpMethods`. */
  readonly operations: readonly OperationModel[];
  readonly origin: SourceRef;
}

export interface OperationModel {
  /** operationId made safe and unique within its API, else method and path. */
  readonly id: Identifier;
  readonly method: HttpMethod;
  /** As written. */
  readonly template: string;
  readonly segments: readonly PathSegment[];
  /** Required: "forgot to authenticate" cannot be expressed. */
  readonly access: Access;
  /** Callers of the other kind are refused; undefined: all that `access` lets in may call (K-16). */
  readonly caller?: { readonly kind: "app" | "user"; readonly origin: SourceRef } | undefined;
  /** Where calls must come from, as they say themselves (K-15). */
  readonly domains?: { readonly rule: DomainRule; readonly origin: SourceRef } | undefined;
  /** Protocols that the connection of a request may change to. */
  readonly upgrades?: { readonly protocols: NonEmpty<UpgradeProtocol>; readonly origin: SourceRef } | undefined;
  /** A deny condition names its API: every call is refused. */
  readonly denied?: true;
  readonly throttle: Throttle;
  readonly backend: Backend;
  readonly origin: SourceRef;
}

export type Access =
  /** `why`: what makes it so. `reason`: `x-castgate-public`, why it should be so. */
  | { readonly kind: "public"; readonly why: string; readonly reason?: string; readonly origin: SourceRef }
  | { readonly kind: "authenticated"; readonly anyOf: NonEmpty<Alternative>; readonly origin: SourceRef };

/** All schemes of an alternative must accept the caller, and its scopes must be held. */
export interface Alternative {
  readonly allOf: NonEmpty<AuthScheme>;
  readonly scopes: ScopeRule | undefined;
}

export type AuthScheme =
  | {
      readonly kind: "oauth2";
      /** `x-castgate-dpop`: tokens come with a proof of the key that they are bound to (RFC 9449). */
      readonly dpop?: "required" | "optional";
    }
  | { readonly kind: "basic" }
  | { readonly kind: "api-key"; readonly locations: readonly ApiKeyLocation[] }
  /** `optional`: no certificate passes, and one that is presented must be right (S-MTL-05). */
  | { readonly kind: "mutual-tls"; readonly presence: "mandatory" | "optional" };

export interface ApiKeyLocation {
  readonly in: "header" | "query" | "cookie";
  readonly name: string;
}

/** `any` is the original's reading (S-SCP-01), `all` OpenAPI's. API keys are exempt in `wso2-3.2` (S-SCP-05). */
export interface ScopeRule {
  readonly need: "any" | "all";
  readonly names: NonEmpty<string>;
}

export interface Throttle {
  /** The resource tier; undefined when none applies (also when the API tier replaces it). */
  readonly resource: TierUse | undefined;
  /** Look up the caller's own tiers. False for public operations. */
  readonly fromCaller: boolean;
  /** Public operations: per client address. */
  readonly unauthenticated: TierUse | undefined;
}

/** A tier that policies.yaml defines, or one that it does not: such calls get 500/900809 (T-POL-09). */
export type TierUse =
  | { readonly kind: "tier"; readonly tier: ThrottleTier }
  | { readonly kind: "undefined"; readonly name: string; readonly origin: SourceRef };

export interface QuotaModel {
  readonly name: string;
  readonly count: number;
  readonly unitMs: number;
  readonly windowMs: number;
  /** How many may come at once, where windows slide. */
  readonly burst?: number;
  /** What counts; absent: admitted requests. */
  readonly counted?: "all" | "success" | "bytes";
}

export interface ThrottleTier extends QuotaModel {
  readonly stopOnQuota: boolean;
  /** Of an application's tier: one count for all its users. */
  readonly key?: "app";
  /** Its quota depends on the request: what the generated code calls it. */
  readonly symbol?: Identifier;
  /** The first whose conditions are all met holds instead. */
  readonly groups?: NonEmpty<TierGroup>;
  /** Its entry in policies.yaml; absent: one of the original's defaults. */
  readonly origin?: SourceRef;
}

export interface TierGroup extends QuotaModel {
  readonly when: NonEmpty<Condition>;
}

/** A pattern stands for a whole value; the names of header fields are in lower case. */
export type Condition =
  | { readonly kind: "address"; readonly addresses: NonEmpty<string>; readonly invert: boolean }
  | {
      readonly kind: "header" | "query" | "claim";
      readonly name: string;
      readonly pattern: string;
      readonly invert: boolean;
    }
  | { readonly kind: "user" | "application"; readonly names: NonEmpty<string> };

/** `addresses` undefined: all others. `quota` undefined: without a limit. */
export interface AddressLimit {
  readonly addresses: NonEmpty<string> | undefined;
  readonly quota: QuotaModel | undefined;
}

export type Backend =
  | {
      readonly kind: "forward";
      readonly production: UpstreamModel | undefined;
      readonly sandbox: UpstreamModel | undefined;
    }
  | { readonly kind: "not-built"; readonly features: NonEmpty<UnbuiltFeature> };

export interface UpstreamModel {
  /** `<name>_<prod|sand>`: prefix of the override settings (T-OVR-01); stable between builds. */
  readonly overrideKey: string;
  /** In an API-level upstream, shared by its operations: the symbol in `shared.ts`. */
  readonly level: "api" | "operation";
  readonly environment: "production" | "sandbox";
  readonly urls: NonEmpty<string>;
  /** Those of `urls` that hold only until etcd has another one; absent: none. By index. */
  readonly fromEtcd?: NonEmpty<{ readonly index: number; readonly key: string }>;
  readonly timeoutMs: number;
  /** Requests that may be on their way on one connection at the same time; 1: no pipelining. */
  readonly pipelining: number;
  readonly basicUsername: string | undefined;
  /** Connections of its own; absent: those of the settings. `maxActiveConnections`: -1 is any number. */
  readonly pool?: {
    readonly maxActiveConnections: number;
    readonly maxIdleConnections: number;
    readonly waitTimeInMillis: number;
  };
  /** False: requests go to the URLs as they are; absent: their paths are appended. */
  readonly appendPath?: false;
  /** What the backend gets beside Basic, if anything. */
  readonly credentials?:
    | { readonly type: "header"; readonly name: string }
    | { readonly type: "oauth2"; readonly tokenUrl: string; readonly scopes: readonly string[] };
  /** One of these public keys each `https` URL must have: SHA-256 in base64. Sorted. */
  readonly pins?: NonEmpty<string>;
  /** Methods that may be sent twice beside the idempotent ones, where anything is: sorted. */
  readonly resendMethods?: NonEmpty<string>;
  readonly maxInFlight?: number;
  /** Where they are not `timeoutMs`. */
  readonly timeouts?: TimeoutModel;
  readonly retry?: RetryModel;
  readonly circuitBreaker?: BreakerModel;
  /** How one of several URLs is chosen; undefined: in turn, and none is ever left out. */
  readonly choice?:
    | {
        readonly kind: "balance";
        readonly algorithm: "round-robin" | "least-requests";
        readonly ejection: EjectionModel | undefined;
      }
    | {
        readonly kind: "failover";
        readonly statusCodes: readonly number[];
        readonly order: "sticky" | "priority";
        readonly suspend: EjectionModel | undefined;
      };
  readonly origin: SourceRef;
}

export interface TimeoutModel {
  readonly connectMs?: number;
  readonly headersMs?: number;
  readonly idleMs?: number;
  readonly totalMs?: number;
}

export interface RetryModel {
  readonly count: number;
  readonly intervalMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly statusCodes: readonly number[];
  readonly budget: { readonly ratio: number; readonly perSecond: number };
}

export interface BreakerModel {
  readonly requestVolume: number;
  readonly failureThreshold: number;
  readonly windowMs: number;
  readonly bucketMs: number;
  readonly resetMs: number;
  readonly statusCodes: readonly number[];
}

export interface EjectionModel {
  readonly failures: number;
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly share: number;
  readonly statusCodes: readonly number[];
}

/** A decision of lowering that the user must see: reported by compile.ts with the catalogue's text. */
export interface LoweringNote {
  readonly code:
    | "caller-impossible"
    | "compatibility-difference"
    | "counters-unused"
    | "dpop-unused"
    | "feature-not-built"
    | "operation-public"
    | "public-reason-unneeded"
    | "public-without-reason"
    | "request-sent-once"
    | "sandbox-unreachable"
    | "security-unstated"
    | "unlimited-forbidden";
  readonly ref: SourceRef;
  readonly args: Readonly<Record<string, string>>;
}
