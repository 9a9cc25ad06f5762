import { planRoutes } from "../../../compiler/4-plan/route-plan.ts";
import type { PathSegment } from "../../../compiler/model/checked-project.ts";
import type { Alternative, ScopeRule, ThrottleTier, UpstreamModel } from "../../../compiler/model/gateway-model.ts";
import type {
  AlternativePlan,
  ApiPlan,
  GatewayPlan,
  GroupPlan,
  HandlerPlan,
  PolicyChain,
  RouteNode,
} from "../../../compiler/model/gateway-plan.ts";
import type { CorsFacts } from "../../../compiler/model/loaded-project.ts";
import type { HttpMethod, Identifier, NonEmpty, Slug } from "../../../compiler/model/names.ts";

/** Small plans, written by hand: what the planner would make of a petstore. */

export const id = (text: string): Identifier => text as Identifier;
export const slug = (text: string): Slug => text as Slug;
export const file = "api_definitions/petstore.yaml";
export const at = (pointer: string) => ({ file, pointer });

export function tier(name: string, count: number, more: Partial<ThrottleTier> = {}): ThrottleTier {
  return { name, count, unitMs: 60_000, windowMs: 60_000, stopOnQuota: true, ...more };
}

export function upstream(key: string, urls: NonEmpty<string>, more: Partial<UpstreamModel> = {}): UpstreamModel {
  return {
    overrideKey: key,
    level: "api",
    environment: "production",
    urls,
    timeoutMs: 60_000,
    pipelining: 1,
    basicUsername: undefined,
    origin: at("/x-wso2-production-endpoints"),
    ...more,
  };
}

export const cors: CorsFacts = {
  allowOrigins: ["https://ui.test"],
  allowMethods: ["GET"],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
};

export const jwtOnly: NonEmpty<AlternativePlan> = [{ allOf: [id("jwt")], scopes: undefined }];

export function authenticate(anyOf: NonEmpty<AlternativePlan> = jwtOnly): PolicyChain[number] {
  return { kind: "authenticate", anyOf, origin: at("/security") };
}

export function requireScopes(need: ScopeRule["need"], ...names: NonEmpty<string>): PolicyChain[number] {
  return { kind: "require-scopes", scopes: { need, names }, origin: at("/security") };
}

export const open: PolicyChain[number] = {
  kind: "public",
  why: "x-wso2-disable-security",
  origin: at("/x-wso2-disable-security"),
};

export const forward: PolicyChain[number] = { kind: "forward", upstream: id("production") };

export interface SampleOperation {
  readonly method?: HttpMethod;
  readonly template: string;
  readonly symbol: string;
  readonly chain?: readonly PolicyChain[number][];
  readonly group?: string;
  readonly upstreams?: HandlerPlan["upstreams"];
}

/** Segments of a template: `{id}` with text around it, `*` at the end. */
export function segmentsOf(template: string): readonly PathSegment[] {
  if (template === "/") return [];
  return template
    .slice(1)
    .split("/")
    .map((text): PathSegment => {
      if (text === "*") return { kind: "wildcard" };
      const names = [...text.matchAll(/\{([^}]*)\}/g)].map(([, name = ""]) => name);
      const texts = text.split(/\{[^}]*\}/);
      const [name] = names;
      if (name === undefined) return { kind: "literal", text };
      const between = texts.slice(1, -1).map((text, index) => ({ text, name: names[index + 1] ?? "" }));
      const [first, ...rest] = between;
      const more = first === undefined ? {} : { more: [first, ...rest] as const };
      return { kind: "parameter", name, prefix: texts[0] ?? "", suffix: texts[texts.length - 1] ?? "", ...more };
    });
}

export function groupOf(operation: SampleOperation): Slug {
  if (operation.group !== undefined) return slug(operation.group);
  const literal = segmentsOf(operation.template).find((segment) => segment.kind === "literal");
  const text = literal?.kind === "literal" ? literal.text.toLowerCase().replace(/[^a-z0-9]/g, "") : "";
  return slug(text === "" ? "root" : text);
}

/** The access that a chain was planned from. */
function accessOf(chain: readonly PolicyChain[number][], schemes: ApiPlan["schemes"]): HandlerPlan["access"] {
  const authenticate = chain.find((step) => step.kind === "authenticate");
  if (authenticate === undefined) return { kind: "public", why: "x-wso2-disable-security", origin: at("") };
  const required = chain.find((step) => step.kind === "require-scopes");
  const anyOf = authenticate.anyOf.map(({ allOf, scopes }) => ({
    allOf: allOf.map((symbol) => schemes.find((scheme) => scheme.symbol === symbol)),
    scopes: scopes ?? required?.scopes,
  }));
  return { kind: "authenticated", anyOf: anyOf as unknown as NonEmpty<Alternative>, origin: at("/security") };
}

export function apiPlan(operations: readonly SampleOperation[], more: Partial<ApiPlan> = {}): ApiPlan {
  const schemes: ApiPlan["schemes"] = more.schemes ?? [
    { kind: "basic", symbol: id("basic") },
    { kind: "oauth2", symbol: id("jwt") },
  ];
  const groups = new Map<Slug, HandlerPlan[]>();
  for (const operation of operations) {
    const method = operation.method ?? "GET";
    const handler: HandlerPlan = {
      symbol: id(operation.symbol),
      method,
      template: operation.template,
      origin: at(`/paths/${operation.template.replaceAll("~", "~0").replaceAll("/", "~1")}/${method.toLowerCase()}`),
      access: accessOf(operation.chain ?? [], schemes),
      upstreams: operation.upstreams ?? [],
      chain: (operation.chain ?? [open, forward]) as PolicyChain,
      summary: { access: "jwt", tiers: "-", upstream: "production=pets_prod:https://pets.internal/v2" },
    };
    groups.set(groupOf(operation), [...(groups.get(groupOf(operation)) ?? []), handler]);
  }
  const routes: RouteNode = planRoutes(
    operations.map((operation) => ({
      template: operation.template,
      segments: segmentsOf(operation.template),
      target: { method: operation.method ?? "GET", group: groupOf(operation), symbol: id(operation.symbol) },
    })),
    (path) => id(`${path.join("_").replace(/[^A-Za-z0-9]/g, "_")}Routes`),
  );
  return {
    slug: slug("petstore-v1"),
    symbol: id("petstoreV1"),
    title: "Petstore",
    version: "1.0.0",
    basePath: "/petstore/v1",
    cors: undefined,
    authHeader: undefined,
    challenges: ["oauth2"],
    apiLimit: undefined,
    usesCallerTiers: operations.some((operation) =>
      operation.chain?.some((step) => step.kind === "throttle" && step.limits.fromCaller),
    ),
    schemes,
    upstreams: [{ symbol: id("production"), upstream: upstream("pets_prod", ["https://pets.internal/v2"]) }],
    routes,
    groups: [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([slug, handlers]): GroupPlan => ({ slug, handlers })),
    origin: { file, pointer: "" },
    ...more,
  };
}

export function gatewayPlan(apis: readonly ApiPlan[], more: Partial<GatewayPlan> = {}): GatewayPlan {
  return {
    compatibility: "wso2-3.2",
    mounts: apis.map(({ basePath, slug, symbol }) => ({
      basePath,
      api: slug,
      symbol,
      transports: ["http", "https"],
      allowEncodedSlash: false,
    })),
    apis,
    callerTiers: {
      application: [tier("50PerMin", 50)],
      subscription: [tier("Gold", 5_000), tier("soft", 10, { stopOnQuota: false })],
    },
    counters: undefined,
    faults: { api: "text", global: "text" },
    builtinPaths: ["/health", "/livez", "/readyz"],
    replacedServices: [],
    builtinCors: undefined,
    runtimeModules: ["auth-basic", "auth-jwt", "throttle", "upstream"],
    features: [],
    extensions: [],
    ...more,
  };
}

const limits = { api: false, resource: undefined, fromCaller: false, unauthenticated: undefined };

/** One operation of every kind of step and answer. */
export const petstoreOperations: readonly SampleOperation[] = [
  {
    template: "/pet/{petId}",
    symbol: "getPetById",
    chain: [
      authenticate([
        { allOf: [id("jwt")], scopes: undefined },
        { allOf: [id("basic")], scopes: undefined },
      ]),
      requireScopes("any", "read:pets", "write:pets"),
      {
        kind: "throttle",
        symbol: id("getPetByIdLimits"),
        limits: { ...limits, api: true, resource: tier("10PerMin", 10), fromCaller: true },
      },
      { kind: "require-key-type", keyType: "PRODUCTION" },
      forward,
    ],
  },
  {
    template: "/pet",
    method: "PUT",
    symbol: "updatePet",
    chain: [
      open,
      {
        kind: "throttle",
        symbol: id("updatePetLimits"),
        limits: { ...limits, unauthenticated: tier("Unauthenticated", 500, { windowMs: 120_000 }) },
      },
      forward,
    ],
  },
  { template: "/pet", method: "POST", symbol: "addPet", chain: [authenticate(), forward] },
  {
    template: "/pet/findByStatus",
    symbol: "findPetsByStatus",
    upstreams: [
      {
        symbol: id("findPetsByStatusProduction"),
        upstream: upstream("find_prod", ["https://a.test", "https://b.test:8443/x"], { basicUsername: "svc" }),
      },
      {
        symbol: id("findPetsByStatusSandbox"),
        upstream: upstream("find_sand", ["https://s.test"], { environment: "sandbox", level: "operation" }),
      },
    ],
    chain: [
      authenticate([
        { allOf: [id("jwt"), id("basic")], scopes: { need: "all", names: ["read:pets"] } },
        { allOf: [id("basic")], scopes: undefined },
      ]),
      {
        kind: "forward-by-key-type",
        production: id("findPetsByStatusProduction"),
        sandbox: id("findPetsByStatusSandbox"),
      },
    ],
  },
  {
    template: "/store/inventory",
    symbol: "getInventory",
    chain: [authenticate(), { kind: "policy-missing", tier: "Nope", origin: at("/x-wso2-throttling-tier") }],
  },
  {
    template: "/store/order",
    method: "POST",
    symbol: "placeOrder",
    chain: [{ kind: "not-built", features: ["circuit-breaker", "response-cache"] }],
  },
  { template: "/user", symbol: "getUser", chain: [open, { kind: "no-endpoint", keyType: "PRODUCTION" }] },
  { template: "/user/{name}.json", symbol: "getUserJson" },
  { template: "/user/{name}", symbol: "getUserByName" },
  { template: "/user/range({from},{to})", symbol: "getUserRange" },
  { template: "/user/{name}/*", symbol: "userFiles" },
  { template: "/*", symbol: "rest", group: "root" },
];

export const petstore: GatewayPlan = gatewayPlan([apiPlan(petstoreOperations, { apiLimit: tier("15PerMin", 15) })]);
