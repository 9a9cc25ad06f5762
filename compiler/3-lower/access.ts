import type { ApiFacts, OperationFacts, RequirementFact, SchemeFact, SecurityFacts } from "../model/checked-project.ts";
import type { Access, Alternative, ApiKeyLocation, AuthScheme, ScopeRule } from "../model/gateway-model.ts";
import type { Compatibility, NonEmpty } from "../model/names.ts";
import type { SourceRef } from "../model/source.ts";

/** Why an operation is public that says nothing about security, in OpenAPI's reading. */
export const unstated = "no security is stated";

/** Who may call an operation, read as the given compatibility reads it. */
export function accessOf(api: ApiFacts, operation: OperationFacts, compatibility: Compatibility): Access {
  const access = decidedAccess(api, operation, compatibility);
  const reason = (operation.publicReason ?? api.publicReason)?.value;
  return access.kind === "public" && reason !== undefined ? { ...access, reason } : access;
}

function decidedAccess(api: ApiFacts, operation: OperationFacts, compatibility: Compatibility): Access {
  const opened = openedBy(api, operation);
  if (opened !== undefined) return { kind: "public", ...opened };
  const application = compatibility === "standard" ? standardAccess(api, operation) : flattenedAccess(api, operation);
  return withCertificate(api, operation, application);
}

/** What application security asks for. It may name no scheme where it is optional: then only a certificate opens. */
type ApplicationAccess =
  | Extract<Access, { kind: "public" }>
  | { readonly kind: "authenticated"; readonly anyOf: readonly Alternative[]; readonly origin: SourceRef };

/**
 * `x-wso2-mutual-ssl` beside application security: both are needed (S-SEL-09); where application security is optional, one
 * of them, and a certificate then needs no scope (S-SEL-10). What no security requirement closes is closed by a mandatory
 * certificate all the same: only the words of S-SEL-07 open such an API.
 */
function withCertificate(api: ApiFacts, operation: OperationFacts, application: ApplicationAccess): Access {
  const { mutualSsl } = api;
  const ways = application.kind === "public" ? [] : application.anyOf;
  if (mutualSsl?.value === "mandatory") {
    const alone: Alternative = { allOf: [{ kind: "mutual-tls", presence: "mandatory" }], scopes: undefined };
    if (ways.length === 0) return { kind: "authenticated", anyOf: [alone], origin: mutualSsl.ref };
    const anyOf = isOptional(api, operation) ? [alone, ...ways] : ways.map((way) => guarded(way, "mandatory"));
    return { kind: "authenticated", anyOf: distinct(anyOf), origin: application.origin };
  }
  if (application.kind === "public") return application;
  const anyOf = mutualSsl === undefined ? ways : ways.map((way) => guarded(way, "optional"));
  return { kind: "authenticated", anyOf: distinct(anyOf), origin: application.origin };
}

function guarded(way: Alternative, presence: "mandatory" | "optional"): Alternative {
  const present = way.allOf.some((scheme) => scheme.kind === "mutual-tls");
  return present ? way : { ...way, allOf: [{ kind: "mutual-tls", presence }, ...way.allOf] };
}

/** `x-wso2-application-security.optional`, the operation's before the API's; only beside a mandatory certificate (T-SEC-07). */
function isOptional(api: ApiFacts, operation: OperationFacts): boolean {
  const stated = operation.security.application ?? api.security.application;
  return api.mutualSsl?.value === "mandatory" && stated?.value.optional === true;
}

function tokenScheme({ dpop }: ApiFacts): AuthScheme {
  return dpop === undefined ? { kind: "oauth2" } : { kind: "oauth2", dpop: dpop.value };
}

/**
 * `x-wso2-disable-security` of the operation, then of the API, then the operation's `x-auth-type: None` (S-SEL-07). A
 * gRPC service is open unless an option closes it (T-GRPC-07).
 */
function openedBy(api: ApiFacts, operation: OperationFacts): { why: string; origin: SourceRef } | undefined {
  const disable = operation.security.disable ?? api.security.disable;
  if (disable !== undefined) {
    const why = api.protocol === "grpc" ? "its service asks for no security" : "x-wso2-disable-security";
    return disable.value ? { why, origin: disable.ref } : undefined;
  }
  const kind = operation.calls.caller ?? (operation.authTypeNone === undefined ? api.calls.caller : undefined);
  if (kind !== undefined)
    return kind.value === "none" ? { why: "x-castgate-caller: none", origin: kind.ref } : undefined;
  if (operation.authTypeNone !== undefined) return { why: "x-auth-type: None", origin: operation.authTypeNone.ref };
  return undefined;
}

/** The original's reading: every scheme of every requirement is an alternative, any one scope suffices (S-SEL-03..06, S-SCP-01..03). */
function flattenedAccess(api: ApiFacts, operation: OperationFacts): ApplicationAccess {
  const own = providersOf(operation.security, api.schemes);
  const inherited = providersOf(api.security, api.schemes);
  const found = own.size > 0 ? own : inherited;
  const fallback: readonly AuthScheme["kind"][] = isOptional(api, operation) ? [] : ["oauth2"];
  const providers = found.size > 0 ? found : new Set(fallback);
  const scopes = scopeRule("any", flattenedScopes(api, operation));
  const schemes: AuthScheme[] = [];
  if (providers.has("oauth2")) schemes.push(tokenScheme(api));
  if (providers.has("basic")) schemes.push({ kind: "basic" });
  if (providers.has("api-key")) schemes.push({ kind: "api-key", locations: originalLocations(api, operation) });
  const anyOf = schemes.map((scheme): Alternative => ({ allOf: [scheme], scopes }));
  return { kind: "authenticated", anyOf, origin: originOf(api, operation) };
}

/** Schemes that a level selects; empty when it selects none (T-SEC-03). */
export function providersOf(
  security: SecurityFacts,
  schemes: ReadonlyMap<string, SchemeFact>,
): ReadonlySet<AuthScheme["kind"]> {
  const types = security.application?.value.types ?? [];
  if (types.length > 0) return new Set(types.map(applicationScheme));
  const providers = new Set<AuthScheme["kind"]>();
  for (const requirement of security.requirements ?? []) {
    for (const { name } of requirement.schemes) {
      const kind = schemes.get(name)?.kind;
      if (kind === "oauth2" || kind === "basic" || kind === "api-key") providers.add(kind);
    }
  }
  return providers;
}

function applicationScheme(type: "oauth2" | "basic_auth" | "api_key"): "oauth2" | "basic" | "api-key" {
  return type === "basic_auth" ? "basic" : type === "api_key" ? "api-key" : "oauth2";
}

function flattenedScopes(api: ApiFacts, operation: OperationFacts): readonly string[] {
  if (operation.scope !== undefined) return [operation.scope.value];
  return tokenScopes(operation.security.requirements ?? api.security.requirements ?? [], api.schemes);
}

function tokenScopes(
  requirements: readonly RequirementFact[],
  schemes: ReadonlyMap<string, SchemeFact>,
): readonly string[] {
  const scopes = new Set<string>();
  for (const requirement of requirements) {
    for (const scheme of requirement.schemes) {
      if (schemes.get(scheme.name)?.kind === "oauth2") for (const scope of scheme.scopes) scopes.add(scope);
    }
  }
  return [...scopes].sort();
}

/** The original takes cookies for a place, and never looks there (T-SEC-06). */
function originalLocations(api: ApiFacts, operation: OperationFacts): readonly ApiKeyLocation[] {
  return apiKeyLocations(api, operation).filter((location) => location.in !== "cookie");
}

/** Where a key may stand: the operation's schemes, else the API's, else header and query `apikey` (T-SEC-06). */
function apiKeyLocations(api: ApiFacts, operation: OperationFacts): readonly ApiKeyLocation[] {
  for (const level of [operation.security, api.security]) {
    const named = (level.requirements ?? []).flatMap((requirement) =>
      requirement.schemes.map(({ name }) => api.schemes.get(name)),
    );
    const keys = named.filter((scheme) => scheme?.kind === "api-key");
    if (keys.length > 0) return sortedLocations(keys.flatMap(locationOf));
  }
  return [
    { in: "header", name: "apikey" },
    { in: "query", name: "apikey" },
  ];
}

function locationOf(scheme: SchemeFact): ApiKeyLocation[] {
  return scheme.kind === "api-key" ? [{ in: scheme.in, name: scheme.name }] : [];
}

function sortedLocations(locations: readonly ApiKeyLocation[]): readonly ApiKeyLocation[] {
  const byKey = new Map(locations.map((location) => [`${location.in}:${location.name}`, location]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, location]) => location);
}

/** OpenAPI's reading: OR between requirement objects, AND inside, all scopes of a requirement are needed. */
function standardAccess(api: ApiFacts, operation: OperationFacts): ApplicationAccess {
  const application = applicationOf(api, operation);
  if (application !== undefined) return applicationAccess(api, operation, application);
  const requirements = operation.security.requirements ?? api.security.requirements;
  const origin = originOf(api, operation);
  if (requirements === undefined) {
    // Who writes that application security holds, and names no scheme, did not leave security out (T-SEC-03).
    const stated = operation.security.application ?? api.security.application;
    if (stated === undefined) return { kind: "public", why: unstated, origin };
    return applicationAccess(api, operation, {
      types: isOptional(api, operation) ? [] : ["oauth2"],
      ref: stated.ref,
    });
  }
  if (requirements.length === 0) return { kind: "public", why: "security: []", origin };
  if (requirements.some((requirement) => requirement.schemes.length === 0))
    return { kind: "public", why: "security: {}", origin };
  const alternatives = requirements.map((requirement) => alternativeOf(requirement, api, operation));
  return { kind: "authenticated", anyOf: alternatives, origin };
}

/** The schemes that `x-wso2-application-security` selects for an operation, and where. */
interface SelectedTypes {
  readonly types: readonly ("oauth2" | "basic_auth" | "api_key")[];
  readonly ref: SourceRef;
}

/**
 * The extension beats `security` of its own level, and only there: requirements of the operation beat the API's
 * extension (S-SEL-04, 05), but for those that open, which an API that selects schemes did not mean. One that selects no
 * scheme decides nothing (T-SEC-03).
 */
function applicationOf(api: ApiFacts, operation: OperationFacts): SelectedTypes | undefined {
  const own = selectedTypes(operation.security);
  if (own !== undefined) return own;
  const requirements = operation.security.requirements ?? [];
  const closes = requirements.length > 0 && requirements.every(({ schemes }) => schemes.length > 0);
  return closes ? undefined : selectedTypes(api.security);
}

function selectedTypes({ application }: SecurityFacts): SelectedTypes | undefined {
  return application && application.value.types.length > 0
    ? { types: application.value.types, ref: application.ref }
    : undefined;
}

/** Any of the types, each but keys with the scopes that `security` asks of tokens (S-SCP-01). */
function applicationAccess(api: ApiFacts, operation: OperationFacts, { types, ref }: SelectedTypes): ApplicationAccess {
  const kinds = [...new Set(types.map(applicationScheme))].sort();
  const rules = standardScopes(api, operation);
  const alternatives = kinds.flatMap((kind): Alternative[] =>
    kind === "api-key"
      ? [{ allOf: [{ kind, locations: apiKeyLocations(api, operation) }], scopes: undefined }]
      : rules.map((scopes) => ({ allOf: [kind === "oauth2" ? tokenScheme(api) : { kind }], scopes })),
  );
  return { kind: "authenticated", anyOf: alternatives, origin: ref };
}

/** The scopes of each requirement that asks for a token: those of one are needed together, those of another instead. */
function standardScopes(api: ApiFacts, operation: OperationFacts): readonly (ScopeRule | undefined)[] {
  if (operation.scope !== undefined) return [scopeRule("all", [operation.scope.value])];
  const requirements = operation.security.requirements ?? api.security.requirements ?? [];
  const ofTokens = requirements.filter(({ schemes }) =>
    schemes.some(({ name }) => api.schemes.get(name)?.kind === "oauth2"),
  );
  if (ofTokens.length === 0) return [undefined];
  return ofTokens.map((requirement) => scopeRule("all", tokenScopes([requirement], api.schemes)));
}

function distinct(alternatives: readonly Alternative[]): NonEmpty<Alternative> {
  const found = new Map(alternatives.map((alternative) => [JSON.stringify(alternative), alternative]));
  return [...found.values()] as unknown as NonEmpty<Alternative>;
}

function alternativeOf(requirement: RequirementFact, api: ApiFacts, operation: OperationFacts): Alternative {
  const kinds = new Set<AuthScheme["kind"]>();
  const locations: ApiKeyLocation[] = [];
  for (const { name } of requirement.schemes) {
    const scheme = api.schemes.get(name);
    if (scheme?.kind === "api-key") {
      kinds.add("api-key");
      locations.push(...locationOf(scheme));
    } else if (scheme?.kind === "basic" || scheme?.kind === "mutual-tls") {
      kinds.add(scheme.kind);
    } else {
      // Undeclared and unknown schemes are errors of 2-check in `standard`; a token is the closed reading of them.
      kinds.add("oauth2");
    }
  }
  const schemes: AuthScheme[] = [];
  if (kinds.has("mutual-tls")) schemes.push({ kind: "mutual-tls", presence: "mandatory" });
  if (kinds.has("oauth2")) schemes.push(tokenScheme(api));
  if (kinds.has("basic")) schemes.push({ kind: "basic" });
  // Two keys in one requirement are two credentials: each is a scheme of its own.
  for (const location of sortedLocations(locations)) schemes.push({ kind: "api-key", locations: [location] });
  const names = operation.scope === undefined ? tokenScopes([requirement], api.schemes) : [operation.scope.value];
  return {
    allOf: schemes as unknown as NonEmpty<AuthScheme>,
    // Users have scopes, keys have none: `x-scope` holds for both tokens and Basic.
    scopes: kinds.has("oauth2") || kinds.has("basic") ? scopeRule("all", names) : undefined,
  };
}

function scopeRule(need: ScopeRule["need"], names: readonly string[]): ScopeRule | undefined {
  const [first, ...rest] = names;
  return first === undefined ? undefined : { need, names: [first, ...rest] };
}

function originOf(api: ApiFacts, operation: OperationFacts): SourceRef {
  for (const level of [operation.security, api.security]) {
    if (level.application !== undefined) return level.application.ref;
    const [first] = level.requirements ?? [];
    if (first !== undefined) return first.ref;
  }
  return operation.origin;
}

/** A short text that tells two readings apart: `jwt or basic; scopes: any of a b`. */
export function describeAccess(access: Access): string {
  if (access.kind === "public") return "everyone";
  const rules = new Set(access.anyOf.map((alternative) => describeScopes(alternative.scopes)));
  const [only] = rules;
  const alternatives = access.anyOf.map((alternative) => {
    const schemes = alternative.allOf.map(describeScheme).join(" and ");
    return rules.size > 1 && alternative.scopes !== undefined
      ? `${schemes} with ${describeScopes(alternative.scopes)}`
      : schemes;
  });
  const who = [...new Set(alternatives)].join(", or ");
  return rules.size === 1 && only !== "" ? `${who}; scopes: ${only}` : who;
}

/**
 * What tells two decisions apart: not the order of alternatives, nor scopes that keys are exempt from (S-SCP-05), nor how ways in
 * are put together. `any of a b` is two ways, so is a key in one of two places; a way that asks for all that another asks for,
 * and more, lets nobody in.
 */
export function decisionOf(access: Access): string {
  if (access.kind === "public") return "everyone";
  const ways = access.anyOf.flatMap(waysOf);
  const least = ways.filter(
    (way) => !ways.some((other) => other.size < way.size && [...other].every((asked) => way.has(asked))),
  );
  return [...new Set(least.map((way) => JSON.stringify([...way].sort())))].sort().join();
}

/** Each a set of what is asked for: schemes and scopes. */
function waysOf({ allOf, scopes }: Alternative): readonly ReadonlySet<string>[] {
  const [only, ...others] = allOf;
  const places = others.length === 0 && only.kind === "api-key" ? only.locations : [];
  const schemes =
    places.length > 1
      ? places.map((place) => [describeScheme({ kind: "api-key", locations: [place] })])
      : [allOf.map(describeScheme)];
  const isExempt = allOf.every(({ kind }) => kind === "api-key");
  const names = isExempt || scopes === undefined ? [] : scopes.names.map((name) => `scope ${name}`);
  const scopeSets = scopes?.need === "any" && names.length > 0 ? names.map((name) => [name]) : [names];
  return schemes.flatMap((all) => scopeSets.map((scopeSet) => new Set([...all, ...scopeSet])));
}

function describeScopes(rule: ScopeRule | undefined): string {
  if (rule === undefined) return "";
  return rule.names.length === 1 ? rule.names[0] : `${rule.need} of ${rule.names.join(" ")}`;
}

function describeScheme(scheme: AuthScheme): string {
  if (scheme.kind === "oauth2") return scheme.dpop === undefined ? "jwt" : `jwt (DPoP ${scheme.dpop})`;
  if (scheme.kind === "basic") return "basic";
  if (scheme.kind === "mutual-tls") {
    return scheme.presence === "mandatory" ? "a client certificate" : "a client certificate if one is presented";
  }
  return `api key in ${scheme.locations.map((location) => `${location.in} ${location.name}`).join(" or ") || "no place"}`;
}
