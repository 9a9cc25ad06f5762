import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planGateway } from "../../../compiler/4-plan/plan-gateway.ts";
import type { Access, Backend, GatewayModel, OperationModel, Throttle } from "../../../compiler/model/gateway-model.ts";
import type { GroupPlan, HandlerPlan } from "../../../compiler/model/gateway-plan.ts";
import type { Identifier, Slug } from "../../../compiler/model/names.ts";

const origin = { file: "api_definitions/shop.yaml", pointer: "/paths" };
const tier = { name: "10PerMin", count: 10, unitMs: 60_000, windowMs: 60_000, stopOnQuota: true };
const noThrottle: Throttle = { resource: undefined, fromCaller: false, unauthenticated: undefined };
const jwt: Access = { kind: "authenticated", anyOf: [{ allOf: [{ kind: "oauth2" }], scopes: undefined }], origin };
const open: Access = { kind: "public", why: "x-wso2-disable-security", origin };
const to = (environment: "production" | "sandbox", level: "api" | "operation" = "api") => ({
  overrideKey: `k_${environment}`,
  level,
  environment,
  urls: [`https://${environment}.test`] as const,
  timeoutMs: 60_000,
  pipelining: 1,
  basicUsername: undefined,
  origin,
});
const both: Backend = { kind: "forward", production: to("production"), sandbox: to("sandbox") };
const onlyProduction: Backend = { kind: "forward", production: to("production"), sandbox: undefined };
const onlySandbox: Backend = { kind: "forward", production: undefined, sandbox: to("sandbox") };

function operation(change: Partial<OperationModel>): OperationModel {
  return {
    id: "getPet" as Identifier,
    method: "GET",
    template: "/pets/{id}",
    segments: [
      { kind: "literal", text: "pets" },
      { kind: "parameter", name: "id", prefix: "", suffix: "" },
    ],
    access: jwt,
    throttle: noThrottle,
    backend: both,
    origin,
    ...change,
  };
}

function plan(change: Partial<OperationModel>, features: GatewayModel["features"] = []): HandlerPlan {
  const [handler] = planGroups(change, features)[0]?.handlers ?? [];
  assert.ok(handler);
  return handler;
}

function planGroups(change: Partial<OperationModel>, features: GatewayModel["features"] = []): readonly GroupPlan[] {
  const model: GatewayModel = {
    compatibility: "wso2-3.2",
    apis: [
      {
        slug: "shop" as Slug,
        symbol: "shop" as Identifier,
        title: "Shop",
        version: "1.0.0",
        basePath: "/shop",
        transports: ["http", "https"],
        cors: undefined,
        authHeader: undefined,
        allowEncodedSlash: false,
        challenges: ["oauth2"],
        apiLimit: undefined,
        operations: [operation(change)],
        origin,
      },
    ],
    callerTiers: { application: [], subscription: [] },
    counters: undefined,
    faults: { api: "text", global: "text" },
    builtinPaths: [],
    replacedServices: [],
    builtinCors: undefined,
    features,
    extensions: [],
  };
  return planGateway(model).apis[0]?.groups ?? [];
}

const kinds = (handler: HandlerPlan): string[] => handler.chain.map((step) => step.kind);

describe("the order of checks", () => {
  test("authenticate, scopes, throttle, key type, forward", () => {
    const scopes = { need: "any", names: ["read"] } as const;
    const handler = plan({
      access: { kind: "authenticated", anyOf: [{ allOf: [{ kind: "oauth2" }], scopes }], origin },
      throttle: { resource: { kind: "tier", tier }, fromCaller: true, unauthenticated: undefined },
      backend: onlyProduction,
    });
    assert.deepEqual(kinds(handler), ["authenticate", "require-scopes", "throttle", "require-key-type", "forward"]);
  });

  test("a rule of scopes that all alternatives share is one step; different ones stay with their alternatives", () => {
    const read = { need: "all", names: ["read"] } as const;
    const basic = { allOf: [{ kind: "basic" }], scopes: undefined } as const;
    const mixed = plan({
      access: { kind: "authenticated", anyOf: [{ allOf: [{ kind: "oauth2" }], scopes: read }, basic], origin },
    });
    assert.deepEqual(kinds(mixed), ["authenticate", "forward-by-key-type"]);
    const [step] = mixed.chain;
    assert.ok(step?.kind === "authenticate");
    assert.deepEqual(
      step.anyOf.map((one) => one.scopes),
      [read, undefined],
    );
  });

  test("an undefined tier ends after authentication and never forwards (T-POL-09)", () => {
    const handler = plan({
      throttle: { resource: { kind: "undefined", name: "Nope", origin }, fromCaller: true, unauthenticated: undefined },
    });
    assert.deepEqual(kinds(handler), ["authenticate", "policy-missing"]);
  });

  test("where a traffic manager may decide, an undefined tier is one of its limits, and every operation has some (R-DTH-12)", () => {
    const throttle = { resource: { kind: "undefined", name: "Nope", origin }, fromCaller: true } as const;
    const limitsOf = (handler: HandlerPlan) => handler.chain.find((step) => step.kind === "throttle")?.limits;
    const [missing, open] = [
      plan({ throttle: { ...throttle, unauthenticated: undefined } }, ["traffic-manager"]),
      plan({}, ["traffic-manager"]),
    ];
    const none = { api: false, resource: undefined, fromCaller: false, unauthenticated: undefined };
    const { method, template } = missing;
    assert.deepEqual(limitsOf(missing), {
      ...none,
      missing: "Nope",
      managed: { method, template, resourceTier: "Nope" },
    });
    assert.equal(missing.chain.at(-1)?.kind, "forward-by-key-type");
    assert.deepEqual(limitsOf(open), { ...none, managed: { method, template } });
  });

  test("a feature that is not built leaves nothing but 501", () => {
    assert.deepEqual(kinds(plan({ backend: { kind: "not-built", features: ["response-cache"] } })), ["not-built"]);
  });
});

describe("production and sandbox (T-END-13)", () => {
  test("both: by key type; one: the key type must fit", () => {
    assert.deepEqual(kinds(plan({ backend: both })), ["authenticate", "forward-by-key-type"]);
    assert.deepEqual(kinds(plan({ backend: onlySandbox })), ["authenticate", "require-key-type", "forward"]);
  });

  test("public operations count as PRODUCTION", () => {
    assert.deepEqual(kinds(plan({ access: open, backend: both })), ["public", "forward"]);
    assert.deepEqual(kinds(plan({ access: open, backend: onlySandbox })), ["public", "no-endpoint"]);
  });

  test("an operation's own upstream stands beside its handler", () => {
    const handler = plan({
      backend: { kind: "forward", production: to("production", "operation"), sandbox: undefined },
    });
    assert.deepEqual(
      handler.upstreams.map((one) => one.symbol),
      ["getPetProduction"],
    );
  });
});

test("a group named like a file of the API gets another name", () => {
  const groupOf = (text: string) =>
    planGroups({ template: `/${text}`, segments: [{ kind: "literal", text }] })[0]?.slug;
  assert.equal(groupOf("pets"), "pets");
  assert.match(groupOf("router") ?? "", /^router-[0-9a-f]{12}$/);
  assert.match(groupOf("shared") ?? "", /^shared-[0-9a-f]{12}$/);
});

test("API keys whose names look alike in code stay two schemes", () => {
  const key = (name: string) => ({ kind: "api-key", locations: [{ in: "query", name }] }) as const;
  const alternatives = [
    { allOf: [key("x-key")], scopes: undefined },
    { allOf: [key("x.key")], scopes: undefined },
  ] as const;
  const { chain } = plan({ access: { kind: "authenticated", anyOf: alternatives, origin } });
  const [step] = chain;
  assert.ok(step?.kind === "authenticate");
  const symbols = step.anyOf.map((alternative) => alternative.allOf[0]);
  assert.equal(new Set(symbols).size, 2);
  for (const symbol of symbols) assert.match(symbol, /^apiKeyQueryXKeyScheme_[0-9a-f]{12}Scheme$/);
});
