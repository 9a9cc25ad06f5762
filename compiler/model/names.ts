/**
 * Names that become part of generated code or file paths. Each brand has exactly one constructor, in compiler/naming/names.ts:
 * the check there is a security boundary, so nothing else may cast to these types.
 */
declare const brand: unique symbol;

/** `[a-z][a-z0-9-]*`, at most 60 characters: folder and file names. Never a reserved device name. */
export type Slug = string & { readonly [brand]: "Slug" };

/** A legal ECMAScript identifier of ASCII letters, digits, `_` and `$`, at most 80 characters, not a reserved word. */
export type Identifier = string & { readonly [brand]: "Identifier" };

/** At least one element. */
export type NonEmpty<T> = readonly [T, ...T[]];

/** The verbs that are compiled, in the order in which `Allow` lists them (T-OAS-14). */
export const httpMethods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"] as const;
export type HttpMethod = (typeof httpMethods)[number];

/**
 * What the run-time settings can switch on. The original had all of it in every gateway; in `standard` a project lists what it
 * wants to be able to switch on. Sorted; each is `runtime-lib/feature-<name>.ts`.
 */
export const featureNames = [
  "api-key-issuer",
  "backend-jwt",
  "event-hub",
  "introspection",
  "key-manager-proxies",
  "revocation",
  "traffic-manager",
] as const satisfies readonly string[];
/** Paths that features answer themselves on the listener of the APIs, each with all below it (T-OAS-12). Sorted. */
export const servicePaths: readonly (readonly [path: string, feature: FeatureName])[] = [
  ["/apikey", "api-key-issuer"],
  ["/authorize", "key-manager-proxies"],
  ["/revoke", "key-manager-proxies"],
  ["/token", "key-manager-proxies"],
  ["/userinfo", "key-manager-proxies"],
];
export type FeatureName = (typeof featureNames)[number];

/** What a project can make of warnings; of notes the last two. */
export const diagnosticLevels = ["ignore", "warning", "error"] as const satisfies readonly string[];
export type DiagnosticLevel = (typeof diagnosticLevels)[number];

/** `wso2-3.2` keeps the original's meaning, `standard` that of OpenAPI and HTTP. */
export type Compatibility = "wso2-3.2" | "standard";
