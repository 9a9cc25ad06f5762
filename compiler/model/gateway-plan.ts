import type { DomainRule, PathSegment, UpgradeProtocol } from "./checked-project.ts";
import type {
  Access,
  AddressLimit,
  ApiKeyLocation,
  ApiModel,
  Condition,
  FaultStyle,
  GatewayModel,
  ScopeRule,
  ThrottleTier,
  UpstreamModel,
} from "./gateway-model.ts";
import type { CorsFacts, ExtensionExport } from "./loaded-project.ts";
import type { Compatibility, FeatureName, HttpMethod, Identifier, NonEmpty, Slug } from "./names.ts";
import type { SourceRef } from "./source.ts";

/** The shape of the generated code. Templates decide nothing: what is printed, and in which order, stands here. Owner: 4-plan. */
export interface GatewayPlan {
  readonly compatibility: Compatibility;
  /** Longest base path first: the order in which they are tried. */
  readonly mounts: readonly Mount[];
  /** By slug. */
  readonly apis: readonly ApiPlan[];
  readonly callerTiers: GatewayModel["callerTiers"];
  /** Only where something is counted. */
  readonly counters: GatewayModel["counters"];
  /** What depends on the request, in a file of its own; absent: nothing does. */
  readonly conditions?: ConditionsPlan;
  readonly faults: FaultStyle;
  readonly builtinPaths: readonly string[];
  readonly replacedServices: readonly string[];
  readonly builtinCors: CorsFacts | undefined;
  /** Run-time modules with a life cycle that the gateway file lists, sorted: `auth-jwt`, `throttle`, ... */
  readonly runtimeModules: readonly RuntimeModuleName[];
  /** Some handler lets a connection change to another protocol. */
  readonly upgrades?: true;
  /** Those that are loaded when the settings switch them on, sorted. */
  readonly features: readonly FeatureName[];
  /** Those that somebody could make use of: callers with a token. By name. */
  readonly extensions: readonly ExtensionPlan[];
}

/** `import { claimTransformer as corpClaims } from "../extensions/corp-claims.js"` */
export interface ExtensionPlan {
  readonly name: Slug;
  readonly source: string;
  readonly exported: ExtensionExport;
  /** What gateway.ts calls it. */
  readonly symbol: Identifier;
}

export interface ConditionsPlan {
  /** Tiers with groups, by symbol. */
  readonly tiers: readonly ThrottleTier[];
  readonly addressLimits: readonly AddressLimit[];
  readonly deny: readonly Condition[];
}

export type RuntimeModuleName =
  | "auth-api-key"
  | "auth-basic"
  | "auth-dpop"
  | "auth-jwt"
  | "auth-mutual-tls"
  | "throttle"
  | "upstream"
  | "upstream-etcd"
  | "upstream-header"
  | "upstream-oauth2";

export interface Mount {
  readonly basePath: string;
  readonly api: Slug;
  readonly symbol: Identifier;
  readonly transports: readonly ("http" | "https")[];
  readonly allowEncodedSlash: boolean;
}

export interface ApiPlan {
  readonly slug: Slug;
  readonly symbol: Identifier;
  readonly title: string;
  readonly version: string;
  readonly basePath: string;
  readonly cors: CorsFacts | undefined;
  readonly authHeader: string | undefined;
  readonly challenges: ApiModel["challenges"];
  readonly apiLimit: ThrottleTier | undefined;
  /** Looked up in the caller's tiers somewhere in this API. */
  readonly usesCallerTiers: boolean;
  /** Schemes used by any operation, each declared once in `shared.ts`. */
  readonly schemes: readonly SchemePlan[];
  /** API-level upstreams, declared once in `shared.ts`. */
  readonly upstreams: readonly UpstreamPlan[];
  readonly routes: RouteNode;
  /** By group slug; each becomes `<group>.ts`. */
  readonly groups: readonly GroupPlan[];
  readonly origin: SourceRef;
}

export type SchemePlan =
  | { readonly kind: "oauth2"; readonly symbol: Identifier; readonly dpop?: "required" | "optional" }
  | { readonly kind: "basic"; readonly symbol: Identifier }
  | { readonly kind: "api-key"; readonly symbol: Identifier; readonly locations: readonly ApiKeyLocation[] }
  | { readonly kind: "mutual-tls"; readonly symbol: Identifier; readonly presence: "mandatory" | "optional" };

export interface UpstreamPlan {
  readonly symbol: Identifier;
  readonly upstream: UpstreamModel;
}

export interface GroupPlan {
  readonly slug: Slug;
  /** By path, then method. */
  readonly handlers: readonly HandlerPlan[];
}

export interface HandlerPlan {
  readonly symbol: Identifier;
  readonly method: HttpMethod;
  readonly template: string;
  readonly origin: SourceRef;
  readonly access: Access;
  /** Operation-level upstreams, declared beside the handler. */
  readonly upstreams: readonly UpstreamPlan[];
  /** In the order of execution. The last step is the only one that may call a backend. */
  readonly chain: PolicyChain;
  /** For `routes.txt`: one line. */
  readonly summary: RouteSummary;
}

export type PolicyChain = readonly [...PolicyStep[], FinalStep];

export type PolicyStep =
  | { readonly kind: "public"; readonly why: string; readonly origin: SourceRef }
  /** Scopes that differ between alternatives stand with their alternative, else in a step of their own. */
  | { readonly kind: "authenticate"; readonly anyOf: NonEmpty<AlternativePlan>; readonly origin: SourceRef }
  | { readonly kind: "require-scopes"; readonly scopes: ScopeRule; readonly origin: SourceRef }
  /** Credentials of the other kind are refused (K-16). */
  | { readonly kind: "require-caller"; readonly caller: "app" | "user"; readonly origin: SourceRef }
  /** The request says where it comes from (K-15). */
  | { readonly kind: "require-domain"; readonly rule: DomainRule; readonly origin: SourceRef }
  /** The connection may change to another protocol, with these rules for pages of other origins. */
  | {
      readonly kind: "upgrade";
      readonly protocols: NonEmpty<UpgradeProtocol>;
      readonly crossOrigin: boolean;
      readonly origin: SourceRef;
    }
  /** Whoever meets a deny condition is refused. */
  | { readonly kind: "deny" }
  /** All levels are checked together and counted only if all allow. */
  | { readonly kind: "throttle"; readonly symbol: Identifier; readonly limits: LimitsPlan }
  /** The caller's key type must be the environment that the operation has (R-RTE-12). */
  | { readonly kind: "require-key-type"; readonly keyType: "PRODUCTION" | "SANDBOX" };

export interface AlternativePlan {
  readonly allOf: NonEmpty<Identifier>;
  readonly scopes: ScopeRule | undefined;
}

export interface LimitsPlan {
  /** By client address. */
  readonly address?: true;
  readonly api: boolean;
  readonly resource: ThrottleTier | undefined;
  readonly fromCaller: boolean;
  readonly unauthenticated: ThrottleTier | undefined;
  /** A tier that policies.yaml does not define, where a traffic manager may decide instead: none of the levels is there then. */
  readonly missing?: string;
  /** The settings may have a traffic manager decide instead. */
  readonly managed?: ManagedPlan;
}

/** An operation as traffic managers know it; tiers by their names, whether or not they are defined. */
export interface ManagedPlan {
  readonly method: HttpMethod;
  readonly template: string;
  readonly apiTier?: string;
  readonly resourceTier?: string;
}

export type FinalStep =
  | { readonly kind: "forward"; readonly upstream: Identifier }
  | { readonly kind: "forward-by-key-type"; readonly production: Identifier; readonly sandbox: Identifier }
  /** 403: callers without a token count as PRODUCTION, and only a sandbox backend is there (T-END-13). */
  | { readonly kind: "no-endpoint"; readonly keyType: "PRODUCTION" }
  /** 403/900805: a deny condition names the API. */
  | { readonly kind: "blocked" }
  /** 500/900809: a tier that policies.yaml does not define. */
  | { readonly kind: "policy-missing"; readonly tier: string; readonly origin: SourceRef }
  /** 501: the operation asks for something that this version cannot do. */
  | { readonly kind: "not-built"; readonly features: NonEmpty<string> };

/** A trie over segments. Literals win over affixed parameters, those over plain ones, those over the wildcard. */
export interface RouteNode {
  /** Sorted by text. */
  readonly literals: readonly { readonly text: string; readonly node: RouteNode }[];
  /** `{id}.json`: longer prefix first, then longer suffix, then more texts between, then text order. */
  readonly affixed: readonly AffixedBranch[];
  readonly parameter: RouteNode | undefined;
  /** Route that ends here. */
  readonly leaf: RouteLeaf | undefined;
  /** Route `.../*` from here: any remainder, also none. */
  readonly wildcard: RouteLeaf | undefined;
  /** Set where the emitter cuts the trie into functions of their own, so that no function grows without bound. */
  readonly functionName: Identifier | undefined;
}

export interface AffixedBranch {
  readonly prefix: string;
  /** What stands between the parameters of a segment that has several, in order: `,to=` in `(from={a},to={b})`. */
  readonly between: readonly string[];
  readonly suffix: string;
  readonly node: RouteNode;
}

export interface RouteLeaf {
  /** As written, for comments. */
  readonly template: string;
  readonly segments: readonly PathSegment[];
  /** In the order of `httpMethods`. */
  readonly byMethod: NonEmpty<{ readonly method: HttpMethod; readonly group: Slug; readonly symbol: Identifier }>;
}

export interface RouteSummary {
  readonly access: string;
  readonly tiers: string;
  readonly upstream: string;
  /** What else is asked of calls, in the order of the checks. */
  readonly more?: readonly { readonly name: string; readonly text: string }[];
}
