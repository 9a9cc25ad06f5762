import type { ImportView } from "../import-list.ts";

/** What each top-level template prints. A view holds every decision; a template loops and prints. */
export interface TemplateViews {
  readonly header: HeaderView;
  readonly gateway: GatewayView;
  readonly tiers: TiersView;
  readonly conditions: ConditionsView;
  readonly shared: SharedView;
  readonly operation: OperationView;
  readonly router: RouterView;
  readonly subrouter: SubrouterView;
  readonly "routes.txt": RoutesTextView;
}

export interface HeaderView {
  /** `""`: made from the project as a whole. */
  readonly file: string;
  readonly hasFile: boolean;
  readonly imports: readonly ImportView[];
}

export interface GatewayView {
  readonly compatibility: string;
  readonly modules: readonly string[];
  /** The project's own code. */
  readonly hasExtensions: boolean;
  readonly extensionsSymbol: string;
  readonly extensions: readonly {
    readonly first: boolean;
    readonly name: string;
    /** The name needs no quotes as a key. */
    readonly isWord: boolean;
    readonly exported: string;
    /** Called what it is exported as. */
    readonly isShort: boolean;
    readonly symbol: string;
  }[];
  /** Requests are counted elsewhere. */
  readonly hasCounters: boolean;
  readonly countersSymbol: string;
  readonly onUnavailable: string;
  readonly hasFeatures: boolean;
  readonly features: readonly string[];
  readonly builtinPaths: readonly string[];
  readonly hasReplacedServices: boolean;
  readonly replacedServices: readonly string[];
  readonly hasBuiltinCors: boolean;
  readonly builtinCors: CorsView | undefined;
  /** Some API takes `%2F` inside a parameter. */
  readonly encodedSlash: boolean;
  /** Some connection may change to another protocol. */
  readonly upgrades: boolean;
  readonly mounts: readonly {
    readonly basePath: string;
    readonly symbol: string;
    readonly oneTransport: boolean;
    readonly transport: string;
    readonly encodedSlash: boolean;
  }[];
  readonly faultStyle: string;
}

export interface CorsView {
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly hasMaxAge: boolean;
  readonly maxAgeSeconds: number;
}

/** A tier's figures, in order of the printed object. */
export interface TierView {
  readonly tier: string;
  readonly count: number;
  readonly windowMs: number;
  /** Only where windows do not start at multiples of their own length. */
  readonly hasUnit: boolean;
  readonly unitMs: number;
  readonly isSliding: boolean;
  readonly burst: number;
  /** Something else than admitted requests counts: what says so. */
  readonly hasCounted: boolean;
  readonly counted: string;
  /** Requests beyond the quota pass. */
  readonly soft: boolean;
  /** An application's users share one count. */
  readonly isShared: boolean;
}

/** A tier, or the name of one that depends on the request. */
export interface TierUseView {
  readonly isChosen: boolean;
  readonly symbol: string;
  readonly tier: TierView | undefined;
}

/** `conditions.ts`: what depends on the request. */
export interface ConditionsView {
  readonly tiers: readonly {
    readonly name: string;
    readonly symbol: string;
    readonly groups: readonly (TierView & { readonly when: readonly RequestConditionView[] })[];
    readonly otherwise: TierView;
  }[];
  readonly hasClientLimits: boolean;
  readonly clientLimits: readonly {
    readonly hasAddresses: boolean;
    readonly addresses: readonly string[];
    readonly hasQuota: boolean;
    readonly quota: TierView | undefined;
  }[];
  readonly hasDeny: boolean;
  readonly deny: readonly RequestConditionView[];
}

/** A call of `runtime-lib/conditions.ts`: with a list of texts, or with a name and a pattern. */
export interface RequestConditionView {
  readonly first: boolean;
  readonly isInverted: boolean;
  readonly call: string;
  readonly isList: boolean;
  readonly values: readonly string[];
  readonly name: string;
  readonly pattern: string;
}

export interface TiersView {
  readonly application: readonly TierView[];
  readonly subscription: readonly TierView[];
  readonly forbidsUnlimited: boolean;
}

export interface SharedView {
  readonly title: string;
  readonly version: string;
  readonly basePath: string;
  readonly apiSymbol: string;
  readonly hasAuthHeader: boolean;
  readonly authHeader: string;
  readonly challenges: readonly string[];
  readonly schemes: readonly SchemeView[];
  readonly hasCors: boolean;
  readonly cors: CorsView | undefined;
  readonly hasLimit: boolean;
  readonly limit: TierUseView | undefined;
  readonly upstreams: readonly EndpointView[];
}

export interface SchemeView {
  readonly kind: "jwt" | "dpop-jwt" | "basic" | "api-key" | "mutual-tls";
  readonly symbol: string;
  readonly apiSymbol: string;
  readonly locations: readonly { readonly in: string; readonly name: string }[];
  /** Whether a certificate or a proof must come with each request: the word of the definition. */
  readonly presence: string;
  readonly isOptional: boolean;
}

export interface EndpointView {
  readonly kind: "single" | "guarded" | "balanced" | "failover";
  readonly symbol: string;
  readonly key: string;
  readonly url: EndpointUrlView;
  readonly urls: readonly EndpointUrlView[];
  readonly timeoutMs: number;
  readonly hasPipelining: boolean;
  readonly pipelining: number;
  readonly hasUsername: boolean;
  readonly basicUsername: string;
  /** What follows, in order. */
  readonly settings: readonly SettingView[];
  /** At most one of them stands around it. */
  readonly sendsHeader: boolean;
  readonly headerName: string;
  readonly sendsToken: boolean;
  readonly tokenUrl: string;
  readonly hasScopes: boolean;
  readonly scopes: readonly string[];
}

/** A URL, or `etcd(key, url)`. */
export interface EndpointUrlView {
  readonly first: boolean;
  readonly isFromEtcd: boolean;
  readonly etcdKey: string;
  readonly url: string;
}

/** A member of an object in code. `kind` is the name of its template below `templates/settings`. */
export type SettingView = { readonly first: boolean; readonly name: string } & (
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "fraction"; readonly value: number }
  | { readonly kind: "flag"; readonly value: boolean }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "numbers"; readonly values: readonly number[] }
  | { readonly kind: "texts"; readonly texts: readonly string[] }
  | { readonly kind: "group"; readonly members: readonly SettingView[] }
  /** `name: factory({ ... })` */
  | { readonly kind: "policy"; readonly factory: string; readonly members: readonly SettingView[] }
);

export interface OperationView {
  readonly symbol: string;
  readonly method: string;
  readonly template: string;
  readonly file: string;
  readonly pointer: string;
  /** `async`, with a promise as its result: some check waits. */
  readonly isAsync: boolean;
  readonly upstreams: readonly EndpointView[];
  readonly hasAccess: boolean;
  readonly access: AccessView | undefined;
  readonly hasLimits: boolean;
  readonly limits: LimitsView | undefined;
  readonly steps: readonly StepView[];
}

export interface AccessView {
  readonly symbol: string;

  readonly alternatives: readonly {
    readonly first: boolean;
    /** Some alternative has scopes of its own: all are printed as objects. */
    readonly scoped: boolean;
    readonly allOf: readonly string[];
    readonly hasScopes: boolean;
    readonly rule: string;
    readonly scopes: readonly string[];
  }[];
}

/** An operation as a traffic manager knows it. */
export interface ManagedView {
  readonly method: string;
  readonly template: string;
  readonly hasApiTier: boolean;
  readonly apiTier: string;
  readonly hasResourceTier: boolean;
  readonly resourceTier: string;
}

export interface LimitsView {
  readonly symbol: string;
  readonly isManaged: boolean;
  readonly managed: ManagedView | undefined;
  /** Some level limits it. */
  readonly isLimited: boolean;
  readonly isMissing: boolean;
  /** The tier that is not defined. */
  readonly missing: string;
  /** By which its own counters are told from those of the API's other operations. */
  readonly operation: string;
  readonly apiSymbol: string;
  readonly address: boolean;
  readonly api: boolean;
  readonly hasResource: boolean;
  readonly resource: TierUseView | undefined;
  readonly fromCaller: boolean;
  readonly hasUnauthenticated: boolean;
  readonly unauthenticated: TierView | undefined;
}

/** One check, or the answer at the end. `kind` is the name of its template below `templates/policies`. */
export type StepView =
  | { readonly kind: "public"; readonly why: string; readonly apiSymbol: string }
  | {
      readonly kind: "authenticate";
      readonly summary: string;
      readonly apiSymbol: string;
      readonly accessSymbol: string;
    }
  | {
      readonly kind: "require-scopes";
      readonly need: string;
      readonly held: string;
      readonly names: readonly string[];
    }
  | { readonly kind: "require-caller"; readonly who: string; readonly check: string }
  | {
      readonly kind: "require-domain";
      readonly header: string;
      readonly fromClaim: boolean;
      readonly claim: string;
      readonly values: readonly string[];
    }
  | {
      readonly kind: "upgrade";
      readonly protocols: readonly string[];
      readonly hasCors: boolean;
    }
  | { readonly kind: "deny"; readonly caller: string }
  | { readonly kind: "blocked" }
  | { readonly kind: "throttle"; readonly symbol: string; readonly caller: string }
  | { readonly kind: "require-key-type"; readonly keyType: string; readonly environment: string }
  | { readonly kind: "forward"; readonly upstream: string }
  | { readonly kind: "forward-by-key-type"; readonly production: string; readonly sandbox: string }
  | { readonly kind: "no-endpoint"; readonly keyType: string }
  | { readonly kind: "policy-missing"; readonly tier: string }
  | { readonly kind: "not-built"; readonly features: readonly string[] };

export interface RouterView {
  readonly title: string;
  readonly version: string;
  readonly basePath: string;
  readonly symbol: string;
  readonly hasCors: boolean;
  readonly locals: LocalsView;
  readonly statements: readonly RouteView[];
  /** Whether some request gets past all statements. */
  readonly falls: boolean;
  readonly style: string;
}

export interface SubrouterView {
  readonly path: string;
  readonly symbol: string;
  readonly locals: LocalsView;
  readonly statements: readonly RouteView[];
  readonly falls: boolean;
}

/** What a routing function needs of the path. */
export interface LocalsView {
  readonly usesDepth: boolean;
  /** Those in use. */
  readonly segments: readonly { readonly name: string; readonly index: number }[];
}

/** A statement of a routing function. `kind` is the name of its template below `templates/routes`. */
export type RouteView =
  | { readonly kind: "match"; readonly conditions: readonly ConditionView[]; readonly body: readonly RouteView[] }
  | { readonly kind: "call"; readonly symbol: string }
  | {
      readonly kind: "leaf";
      readonly template: string;
      readonly handlers: readonly { readonly method: string; readonly symbol: string }[];
      readonly methods: readonly string[];
      /** OPTIONS is not declared, and the gateway answers it itself. */
      readonly preflight: boolean;
      readonly allow: boolean;
      readonly style: string;
    }
  | {
      readonly kind: "switch-length";
      readonly segment: string;
      readonly cases: readonly { readonly label: number; readonly body: readonly RouteView[] }[];
    }
  | {
      readonly kind: "switch-character";
      readonly segment: string;
      readonly position: number;
      readonly cases: readonly {
        readonly label: number;
        readonly character: string;
        readonly body: readonly RouteView[];
      }[];
    };

/** One condition of a match. `kind` is the name of its template below `templates/expressions`. */
export type ConditionView = { readonly first: boolean } & (
  | { readonly kind: "depth-is"; readonly depth: number }
  | { readonly kind: "depth-over"; readonly depth: number }
  | { readonly kind: "literal"; readonly segment: string; readonly text: string }
  | { readonly kind: "filled"; readonly segment: string }
  | { readonly kind: "prefix"; readonly segment: string; readonly text: string }
  | { readonly kind: "suffix"; readonly segment: string; readonly text: string }
  | { readonly kind: "texts"; readonly segment: string; readonly texts: readonly string[] }
  | { readonly kind: "longer"; readonly segment: string; readonly length: number }
);

export interface RoutesTextView {
  readonly routes: readonly {
    readonly method: string;
    readonly path: string;
    readonly access: string;
    readonly tiers: string;
    readonly upstream: string;
    readonly more: readonly { readonly name: string; readonly text: string }[];
  }[];
}
