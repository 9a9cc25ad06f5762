import type {
  ApiModel,
  AuthScheme,
  ExtensionModel,
  GatewayModel,
  OperationModel,
  ThrottleTier,
  UpstreamModel,
} from "../model/gateway-model.ts";
import type {
  ApiPlan,
  ConditionsPlan,
  ExtensionPlan,
  GatewayPlan,
  GroupPlan,
  HandlerPlan,
  Mount,
  RuntimeModuleName,
  SchemePlan,
  UpstreamPlan,
} from "../model/gateway-plan.ts";
import type { Identifier, Slug } from "../model/names.ts";
import {
  derived,
  fixedIdentifier,
  hashedIdentifier,
  hashedSlug,
  identifierOf,
  slugOf,
  symbolOf,
} from "../naming/names.ts";
import { policyChain, tierOf } from "./policy-chain.ts";
import { planRoutes } from "./route-plan.ts";
import { summarize } from "./route-summary.ts";

/** Files of an API that are not groups. */
const reservedGroups: ReadonlySet<string> = new Set(["router", "shared"]);

/** Gives the gateway the shape of its code. Pure and total. */
export function planGateway(model: GatewayModel): GatewayPlan {
  const apis = model.apis.map((api) => planApi(api, model));
  const conditions = conditionsOf(model, apis);
  const runtimeModules = modulesOf(apis);
  const takesTokens = runtimeModules.includes("auth-jwt");
  return {
    compatibility: model.compatibility,
    mounts: model.apis.map(mountOf).sort(longestFirst),
    apis,
    callerTiers: model.callerTiers,
    counters: runtimeModules.includes("throttle") ? model.counters : undefined,
    ...(conditions && { conditions }),
    faults: model.faults,
    builtinPaths: model.builtinPaths,
    replacedServices: model.replacedServices,
    builtinCors: model.builtinCors,
    runtimeModules,
    ...(apis.some(mayUpgrade) && { upgrades: true }),
    // An opaque token is taken where a JWT is: without such a place, nobody has to be asked about one.
    features: model.features.filter((name) => name !== "introspection" || takesTokens),
    extensions: takesTokens ? model.extensions.map((extension) => planExtension(extension, model.apis)) : [],
  };
}

function mayUpgrade({ groups }: ApiPlan): boolean {
  return groups.some(({ handlers }) => handlers.some(({ chain }) => chain.some((step) => step.kind === "upgrade")));
}

/** It is called after its file, unless an API is. */
function planExtension({ name, file, exported }: ExtensionModel, apis: readonly ApiModel[]): ExtensionPlan {
  const symbol = symbolOf(name);
  const isFree = apis.every((api) => api.symbol !== symbol);
  return {
    name,
    source: `../${file.replace(/\.ts$/, ".js")}`,
    exported,
    symbol: isFree ? symbol : hashedIdentifier(symbol, file),
  };
}

function mountOf(api: ApiModel): Mount {
  const { basePath, slug, symbol, transports, allowEncodedSlash } = api;
  return { basePath, api: slug, symbol, transports, allowEncodedSlash };
}

function longestFirst(a: Mount, b: Mount): number {
  if (a.basePath.length !== b.basePath.length) return b.basePath.length - a.basePath.length;
  return a.basePath < b.basePath ? -1 : 1;
}

/** What depends on the request, as far as some operation asks for it. */
function conditionsOf(model: GatewayModel, apis: readonly ApiPlan[]): ConditionsPlan | undefined {
  const steps = apis.flatMap((api) => api.groups.flatMap((group) => group.handlers.flatMap(({ chain }) => chain)));
  const limits = steps.flatMap((step) => (step.kind === "throttle" ? [step.limits] : []));
  const tiers = new Map<string, ThrottleTier>();
  for (const tier of [...apis.map(({ apiLimit }) => apiLimit), ...limits.map(({ resource }) => resource)]) {
    if (tier?.symbol !== undefined) tiers.set(tier.symbol, tier);
  }
  const conditions = {
    tiers: [...tiers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tier]) => tier),
    addressLimits: limits.some(({ address }) => address === true) ? (model.addressLimits ?? []) : [],
    deny: steps.some((step) => step.kind === "deny") ? (model.deny ?? []) : [],
  };
  return Object.values(conditions).every((list) => list.length === 0) ? undefined : conditions;
}

function planApi(api: ApiModel, gateway: GatewayModel): ApiPlan {
  const schemeName = schemeNames(api);
  const handlers = api.operations.map((operation) => ({
    operation,
    handler: planHandler(gateway, api, operation, schemeName),
  }));
  const groups = new Map<Slug, HandlerPlan[]>();
  for (const { operation, handler } of handlers) {
    const slug = groupOf(operation);
    const group = groups.get(slug);
    if (group === undefined) groups.set(slug, [handler]);
    else group.push(handler);
  }
  const steps = handlers.flatMap(({ handler }) => handler.chain);
  return {
    slug: api.slug,
    symbol: api.symbol,
    title: api.title,
    version: api.version,
    basePath: api.basePath,
    cors: api.cors,
    authHeader: api.authHeader,
    challenges: api.challenges,
    apiLimit: steps.some((step) => step.kind === "throttle" && step.limits.api) ? tierOf(api.apiLimit) : undefined,
    usesCallerTiers: steps.some((step) => step.kind === "throttle" && step.limits.fromCaller),
    schemes: schemesOf(
      handlers.map(({ handler }) => handler),
      schemeName,
    ),
    upstreams: sharedUpstreams(handlers),
    routes: planRoutes(
      handlers.map(({ operation, handler }) => ({
        template: operation.template,
        segments: operation.segments,
        target: { method: operation.method, group: groupOf(operation), symbol: handler.symbol },
      })),
      subtreeName,
    ),
    groups: [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([slug, group]): GroupPlan => ({ slug, handlers: group })),
    origin: api.origin,
  };
}

/** The file that an operation's handler stands in: named after the first literal segment of its path. */
function groupOf(operation: OperationModel): Slug {
  const literal = operation.segments.find((segment) => segment.kind === "literal" && segment.text !== "");
  const text = literal?.kind === "literal" ? literal.text : "root";
  const slug = slugOf(text, text);
  return reservedGroups.has(slug) ? hashedSlug(slug, text) : slug;
}

function planHandler(
  gateway: GatewayModel,
  api: ApiModel,
  operation: OperationModel,
  schemeName: (scheme: AuthScheme) => Identifier,
): HandlerPlan {
  const upstreams = operationUpstreams(operation);
  const symbolFor = (upstream: UpstreamModel | undefined): Identifier | undefined =>
    upstream && (upstreams.find((plan) => plan.upstream === upstream)?.symbol ?? fixedIdentifier(upstream.environment));
  const forwards = operation.backend.kind === "forward" ? operation.backend : undefined;
  const chain = policyChain(gateway, api, operation, {
    schemeOf: schemeName,
    limits: derived(operation.id, "Limits"),
    production: symbolFor(forwards?.production),
    sandbox: symbolFor(forwards?.sandbox),
  });
  const used = forwardedTo(chain);
  return {
    symbol: operation.id,
    method: operation.method,
    template: operation.template,
    origin: operation.origin,
    access: operation.access,
    upstreams: upstreams.filter((plan) => used.has(plan.symbol)),
    chain,
    summary: summarize(gateway, api, operation),
  };
}

function operationUpstreams({ id, backend }: OperationModel): readonly UpstreamPlan[] {
  if (backend.kind !== "forward") return [];
  const plans: UpstreamPlan[] = [];
  if (backend.production?.level === "operation") {
    plans.push({ symbol: derived(id, "Production"), upstream: backend.production });
  }
  if (backend.sandbox?.level === "operation") {
    plans.push({ symbol: derived(id, "Sandbox"), upstream: backend.sandbox });
  }
  return plans;
}

/** API-level upstreams that some operation really forwards to. */
function sharedUpstreams(
  handlers: readonly { readonly operation: OperationModel; readonly handler: HandlerPlan }[],
): readonly UpstreamPlan[] {
  const found = new Map<Identifier, UpstreamPlan>();
  for (const { operation, handler } of handlers) {
    if (operation.backend.kind !== "forward") continue;
    const used = forwardedTo(handler.chain);
    for (const upstream of [operation.backend.production, operation.backend.sandbox]) {
      if (upstream?.level !== "api") continue;
      const symbol = fixedIdentifier(upstream.environment);
      if (used.has(symbol)) found.set(symbol, { symbol, upstream });
    }
  }
  return [...found.values()].sort(bySymbol);
}

function forwardedTo(chain: HandlerPlan["chain"]): ReadonlySet<Identifier> {
  const used = new Set<Identifier>();
  for (const step of chain) {
    if (step.kind === "forward") used.add(step.upstream);
    if (step.kind === "forward-by-key-type") used.add(step.production).add(step.sandbox);
  }
  return used;
}

function schemesOf(
  handlers: readonly HandlerPlan[],
  schemeName: (scheme: AuthScheme) => Identifier,
): readonly SchemePlan[] {
  const found = new Map<Identifier, SchemePlan>();
  for (const handler of handlers) {
    const used = new Set(
      handler.chain.flatMap((step) => (step.kind === "authenticate" ? step.anyOf.flatMap((one) => one.allOf) : [])),
    );
    if (handler.access.kind === "public") continue;
    for (const scheme of handler.access.anyOf.flatMap((alternative) => alternative.allOf)) {
      const symbol = schemeName(scheme);
      if (used.has(symbol)) found.set(symbol, { ...scheme, symbol });
    }
  }
  return [...found.values()].sort(bySymbol);
}

/**
 * Names an API's schemes after what they are, so that another operation's scheme never renames one. Two that would look
 * the same (`x-key` and `x_key`) get a hash of what they stand for: a name that stood for both would swap their checks.
 */
function schemeNames(api: ApiModel): (scheme: AuthScheme) => Identifier {
  const distinct = new Map<string, Identifier>();
  for (const { access } of api.operations) {
    if (access.kind === "public") continue;
    for (const scheme of access.anyOf.flatMap((alternative) => alternative.allOf)) {
      distinct.set(identityOfScheme(scheme), plainSchemeName(scheme));
    }
  }
  const uses = new Map<Identifier, number>();
  for (const name of distinct.values()) uses.set(name, (uses.get(name) ?? 0) + 1);
  return (scheme) => {
    const name = plainSchemeName(scheme);
    return uses.get(name) === 1 ? name : derived(hashedIdentifier(name, identityOfScheme(scheme)), "Scheme");
  };
}

function plainSchemeName(scheme: AuthScheme): Identifier {
  if (scheme.kind === "oauth2") return fixedIdentifier("jwt");
  if (scheme.kind === "basic") return fixedIdentifier("basic");
  if (scheme.kind === "mutual-tls") {
    return fixedIdentifier(scheme.presence === "mandatory" ? "clientCertificate" : "optionalClientCertificate");
  }
  const places = scheme.locations.map((location) => `${location.in} ${location.name.replaceAll("_", " ")}`).join(" ");
  return derived(identifierOf(`api key ${places === "" ? "nowhere" : places}`, identityOfScheme(scheme)), "Scheme");
}

function identityOfScheme(scheme: AuthScheme): string {
  if (scheme.kind === "api-key") return JSON.stringify(scheme.locations.map(({ in: place, name }) => [place, name]));
  return JSON.stringify(scheme.kind === "mutual-tls" ? `${scheme.presence} ${scheme.kind}` : scheme.kind);
}

function bySymbol(a: { readonly symbol: Identifier }, b: { readonly symbol: Identifier }): number {
  return a.symbol < b.symbol ? -1 : 1;
}

/** `usersRoutes` for the routes below `/users`; deeper subtrees carry a hash of their path. */
function subtreeName(path: readonly string[]): Identifier {
  const text = path.map((step) => (step === "{}" ? "any" : step)).join(" ");
  const base = identifierOf(text, text);
  return derived(path.length === 1 && base === path[0] ? base : hashedIdentifier(base, path.join("/")), "Routes");
}

function modulesOf(apis: readonly ApiPlan[]): readonly RuntimeModuleName[] {
  const modules = new Set<RuntimeModuleName>();
  for (const api of apis) {
    for (const scheme of api.schemes) {
      modules.add(schemeModules[scheme.kind]);
      if (scheme.kind === "oauth2" && scheme.dpop !== undefined) modules.add("auth-dpop");
    }
    for (const module of api.upstreams.flatMap(modulesOfUpstream)) modules.add(module);
    for (const handler of api.groups.flatMap((group) => group.handlers)) {
      if (handler.chain.some((step) => step.kind === "throttle")) modules.add("throttle");
      if (forwardedTo(handler.chain).size > 0) modules.add("upstream");
      for (const module of handler.upstreams.flatMap(modulesOfUpstream)) modules.add(module);
    }
  }
  return [...modules].sort();
}

function modulesOfUpstream({ upstream: { fromEtcd, credentials } }: UpstreamPlan): readonly RuntimeModuleName[] {
  return [
    ...(fromEtcd === undefined ? [] : (["upstream-etcd"] as const)),
    ...(credentials === undefined ? [] : ([`upstream-${credentials.type}`] as const)),
  ];
}

const schemeModules = {
  "api-key": "auth-api-key",
  basic: "auth-basic",
  "mutual-tls": "auth-mutual-tls",
  oauth2: "auth-jwt",
} as const;
