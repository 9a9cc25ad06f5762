import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadProject } from "../../../compiler/1-load/load-project.ts";
import { checkProject } from "../../../compiler/2-check/check-project.ts";
import { describeAccess } from "../../../compiler/3-lower/access.ts";
import { lowerProject } from "../../../compiler/3-lower/lower-project.ts";
import { DiagnosticLog } from "../../../compiler/diagnostics/log.ts";
import type { ApiModel, GatewayModel, LoweringNote, OperationModel } from "../../../compiler/model/gateway-model.ts";
import type { Compatibility } from "../../../compiler/model/names.ts";
import { memoryHost } from "../../support/memory-host.ts";

const schemes = `
components:
  securitySchemes:
    oa: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://k.test/t", scopes: {read: r, write: w}}}}
    bearer: {type: http, scheme: bearer}
    oidc: {type: openIdConnect, openIdConnectUrl: "https://k.test/.well-known/openid-configuration"}
    ba: {type: http, scheme: basic}
    key: {type: apiKey, in: header, name: X-Key}
    queryKey: {type: apiKey, in: query, name: key}
    cert: {type: mutualTLS}
`;
const head = `openapi: 3.1.0
info: {title: Shop, version: 1.0.0}
servers: [{url: "https://shop.test/v1"}]
`;

async function lower(
  definition: string,
  compatibility: Compatibility,
  policies = "",
): Promise<{ model: GatewayModel; notes: readonly LoweringNote[] }> {
  const log = new DiagnosticLog();
  const files: Record<string, string> = {
    "api_definitions/shop.yaml": definition,
    "castgate.yaml": `compatibility: ${compatibility}\n`,
  };
  if (policies !== "") files["policies.yaml"] = policies;
  const loaded = await loadProject("shop", memoryHost(files), log);
  const checked = loaded && checkProject(loaded, log);
  assert.ok(
    checked,
    log
      .all()
      .map((found) => `${found.code}: ${found.message}`)
      .join("\n"),
  );
  return lowerProject(checked);
}

/** One GET /pets; `api` and `operation` are lines of YAML at their levels. */
function petDefinition(api: string, operation: string): string {
  const lines = operation === "" ? "" : `      ${operation.replaceAll("\n", "\n      ")}\n`;
  return `${head}${api}\n${schemes}paths:\n  /pets:\n    get:\n${lines}      responses: {"200": {description: ok}}\n`;
}

function only(model: GatewayModel): { api: ApiModel; operation: OperationModel } {
  const [api] = model.apis;
  const [operation] = api?.operations ?? [];
  assert.ok(api && operation);
  return { api, operation };
}

describe("who may call, in both readings", () => {
  const cases: readonly (readonly [
    what: string,
    api: string,
    operation: string,
    original: string,
    standard: string,
  ])[] = [
    ["nothing is stated (S-SEL-06)", "", "", "jwt", "everyone"],
    ["API level is inherited", "security: [{ba: []}]", "", "basic", "basic"],
    [
      "operation replaces API (S-SEL-05)",
      "security: [{ba: []}]",
      "security: [{oa: [read]}]",
      "jwt; scopes: read",
      "jwt; scopes: read",
    ],
    [
      "an empty list inherits and drops the scopes, or opens",
      "security: [{oa: [read]}]",
      "security: []",
      "jwt",
      "everyone",
    ],
    [
      "an empty requirement opens in OpenAPI",
      "security: [{oa: [read]}]",
      "security: [{}, {oa: [read]}]",
      "jwt; scopes: read",
      "everyone",
    ],
    [
      "AND is flattened, or kept (S-SEL-03)",
      "",
      "security: [{ba: [], key: []}]",
      "basic, or api key in header X-Key",
      "basic and api key in header X-Key",
    ],
    [
      "scopes of all entries, any of them, or each its own (S-SCP-01)",
      "",
      "security: [{oa: [read]}, {oa: [write]}]",
      "jwt; scopes: any of read write",
      "jwt with read, or jwt with write",
    ],
    [
      "all scopes of one requirement",
      "",
      "security: [{oa: [read, write]}]",
      "jwt; scopes: any of read write",
      "jwt; scopes: all of read write",
    ],
    [
      "http bearer is a token with scopes",
      "",
      "security: [{bearer: [read]}]",
      "jwt; scopes: read",
      "jwt; scopes: read",
    ],
    ["openIdConnect too", "", "security: [{oidc: [write]}]", "jwt; scopes: write", "jwt; scopes: write"],
    [
      "scopes of oauth2 hold for Basic in the original",
      "",
      "security: [{oa: [read]}, {ba: []}]",
      "jwt, or basic; scopes: read",
      "jwt with read, or basic",
    ],
    [
      "keys in header and query are two places, or two credentials",
      "",
      "security: [{key: [], queryKey: []}]",
      "api key in header X-Key or query key",
      "api key in header X-Key and api key in query key",
    ],
    [
      "x-scope is one scope, blanks and all (T-EXT-12)",
      "",
      "security: [{oa: [read]}]\nx-scope: a b",
      "jwt; scopes: a b",
      "jwt; scopes: a b",
    ],
    [
      "disable-security of the operation",
      "security: [{oa: []}]",
      "x-wso2-disable-security: true",
      "everyone",
      "everyone",
    ],
    [
      "operation over API (S-SEL-07)",
      "x-wso2-disable-security: true\nsecurity: [{oa: []}]",
      "x-wso2-disable-security: false",
      "jwt",
      "jwt",
    ],
    ["x-auth-type None", "security: [{oa: []}]", "x-auth-type: None", "everyone", "everyone"],
    [
      "an API-level switch of either value beats x-auth-type (T-EXT-11)",
      "x-wso2-disable-security: false\nsecurity: [{oa: []}]",
      "x-auth-type: None",
      "jwt",
      "jwt",
    ],
    [
      "application-security beats security of its level (S-SEL-04)",
      "",
      "security: [{oa: [read]}]\nx-wso2-application-security: {security-types: [basic_auth]}",
      "basic; scopes: read",
      "basic; scopes: read",
    ],
    [
      "an application-security that selects nothing leaves the API's in force (T-SEC-03)",
      "x-wso2-application-security: {security-types: [basic_auth]}",
      "x-wso2-application-security: {optional: false}",
      "basic",
      "basic",
    ],
    [
      "application-security without a scheme, and no security, asks for a token (T-SEC-03)",
      "x-wso2-application-security: {optional: false}",
      "",
      "jwt",
      "jwt",
    ],
    [
      "security of the operation beats the API's application-security (S-SEL-05)",
      "x-wso2-application-security: {security-types: [api_key]}",
      "security: [{oa: [read]}]",
      "jwt; scopes: read",
      "jwt; scopes: read",
    ],
    [
      "an empty list of the operation does not open what application-security of the API closes",
      "x-wso2-application-security: {security-types: [basic_auth]}",
      "security: []",
      "basic",
      "basic",
    ],
    [
      "application-security keeps the scopes of each requirement (S-SCP-01)",
      "",
      "security: [{oa: [read]}, {oa: [write]}]\nx-wso2-application-security: {security-types: [oauth2, api_key]}",
      "jwt, or api key in header apikey or query apikey; scopes: any of read write",
      "api key in header apikey or query apikey, or jwt with read, or jwt with write",
    ],
    [
      "x-scope holds for users, too (S-SCP-02, S-SCP-04)",
      "",
      "security: [{ba: []}]\nx-scope: read",
      "basic; scopes: read",
      "basic; scopes: read",
    ],
    [
      "api_key without a scheme: header and query apikey (T-SEC-06)",
      "",
      "x-wso2-application-security: {security-types: [api_key]}",
      "api key in header apikey or query apikey",
      "api key in header apikey or query apikey",
    ],
    [
      "a mandatory certificate and application security are both needed (S-SEL-09)",
      "x-wso2-mutual-ssl: mandatory\nsecurity: [{oa: [read]}, {ba: []}]",
      "",
      "a client certificate and jwt, or a client certificate and basic; scopes: read",
      "a client certificate and jwt with read, or a client certificate and basic",
    ],
    [
      "an optional certificate only has to be right (S-SEL-09, S-MTL-05)",
      "x-wso2-mutual-ssl: OPTIONAL\nsecurity: [{oa: []}]",
      "",
      "a client certificate if one is presented and jwt",
      "a client certificate if one is presented and jwt",
    ],
    [
      "optional application security: one of them, and scopes of tokens only (S-SEL-10)",
      "x-wso2-mutual-ssl: mandatory\nsecurity: [{oa: [read]}]\nx-wso2-application-security: {security-types: [oauth2], optional: true}",
      "",
      "a client certificate, or jwt with read",
      "a client certificate, or jwt with read",
    ],
    [
      "optional for one operation (S-SEL-10)",
      "x-wso2-mutual-ssl: mandatory\nsecurity: [{oa: []}]",
      "x-wso2-application-security: {security-types: [basic_auth], optional: true}",
      "a client certificate, or basic",
      "a client certificate, or basic",
    ],
    [
      "the operation's word on optional wins (S-SEL-10)",
      "x-wso2-mutual-ssl: mandatory\nx-wso2-application-security: {security-types: [oauth2], optional: true}",
      "x-wso2-application-security: {optional: false}",
      "a client certificate and jwt",
      "a client certificate and jwt",
    ],
    [
      "optional, and nothing is selected: there is no default beside the certificate (T-SEC-03)",
      "x-wso2-mutual-ssl: mandatory\nx-wso2-application-security: {optional: true}",
      "",
      "a client certificate",
      "a client certificate",
    ],
    [
      "disabled security asks for no certificate either (S-SEL-07)",
      "x-wso2-mutual-ssl: mandatory\nsecurity: [{oa: []}]",
      "x-wso2-disable-security: true",
      "everyone",
      "everyone",
    ],
    [
      "an empty list does not open what a mandatory certificate closes",
      "x-wso2-mutual-ssl: mandatory\nsecurity: [{oa: []}]",
      "security: []",
      "a client certificate and jwt",
      "a client certificate",
    ],
    [
      "nor does an optional one close what an empty list opens",
      "x-wso2-mutual-ssl: optional\nsecurity: [{oa: []}]",
      "security: []",
      "a client certificate if one is presented and jwt",
      "everyone",
    ],
    [
      "OpenAPI's mutualTLS is a scheme like others; the original does not know it (S-SEL-01)",
      "",
      "security: [{cert: [], oa: [read]}, {cert: [], key: []}, {cert: []}]",
      "jwt, or api key in header X-Key; scopes: read",
      "a client certificate and jwt with read, or a client certificate and api key in header X-Key, or a client certificate",
    ],
    [
      "a certificate that is asked for twice is one",
      "x-wso2-mutual-ssl: mandatory",
      "security: [{cert: [], oa: []}]",
      "a client certificate and jwt",
      "a client certificate and jwt",
    ],
    [
      "proofs of possession belong to tokens",
      "x-castgate-dpop: required",
      "security: [{oa: []}, {ba: []}]",
      "jwt (DPoP required), or basic",
      "jwt (DPoP required), or basic",
    ],
  ];
  for (const [what, api, operation, original, standard] of cases) {
    test(what, async () => {
      const definition = petDefinition(api, operation);
      assert.equal(describeAccess(only((await lower(definition, "wso2-3.2")).model).operation.access), original);
      assert.equal(describeAccess(only((await lower(definition, "standard")).model).operation.access), standard);
    });
  }
});

describe("notes", () => {
  test("each operation where the readings differ is listed in wso2-3.2", async () => {
    const { notes } = await lower(petDefinition("security: [{oa: [read]}]", "security: []"), "wso2-3.2");
    assert.deepEqual(notes, [
      {
        code: "compatibility-difference",
        ref: { file: "api_definitions/shop.yaml", pointer: "/paths/~1pets/get" },
        args: { operation: "GET /pets", here: "jwt", standard: "everyone" },
      },
    ]);
  });

  test("wherever a decision differs: scopes, lists and requirements that are empty, AND, cookies", async () => {
    for (const [api, operation] of [
      ["", ""],
      ["", "security: [{oa: [read, write]}]"],
      ["", "security: [{oa: []}, {oa: [read]}]"],
      ["", "security: [{oa: [read]}, {oa: [read, write]}]"],
      ["", "security: [{oa: [read]}, {ba: []}]"],
      ["security: [{oa: [read]}]", "security: []"],
      ["security: []", ""],
      ["security: [{oa: [read]}]", "security: [{}]"],
      ["security: [{}, {oa: []}]", ""],
      ["", "security: [{oa: [], key: []}]"],
      ["", "security: [{key: [], queryKey: []}]"],
      ["security: [{ba: [], key: []}]", ""],
    ] as const) {
      const { notes } = await lower(petDefinition(api, operation), "wso2-3.2");
      assert.deepEqual(
        notes.map(({ code }) => code),
        ["compatibility-difference"],
        `${api} / ${operation}`,
      );
    }
  });

  test("none where the same callers get in, however that is put", async () => {
    for (const security of [
      "security: [{oa: [read]}, {oa: [write]}]",
      "security: [{oa: [read]}, {bearer: [write]}, {key: []}]",
      "security: [{oa: []}, {bearer: []}]",
    ]) {
      assert.deepEqual((await lower(petDefinition("", security), "wso2-3.2")).notes, [], security);
    }
  });

  test("none where only the order of alternatives differs, or scopes that keys are exempt from (S-SCP-05)", async () => {
    for (const security of [
      "security: [{key: []}, {oa: []}]",
      "security: [{oa: [read]}, {key: []}]",
      "security: [{key: []}, {queryKey: []}]",
    ]) {
      assert.deepEqual((await lower(petDefinition("", security), "wso2-3.2")).notes, [], security);
    }
  });

  test("a public operation is listed, and a standard API that says nothing is warned of", async () => {
    const { notes } = await lower(petDefinition("", ""), "standard");
    assert.deepEqual(
      notes.map((note) => note.code),
      ["operation-public", "security-unstated"],
    );
  });
});

describe("tiers", () => {
  const policies = `resourcePolicies:
  - small: {count: 1, unitTime: 2, timeUnit: min}
  - big: {count: 9, unitTime: 1, timeUnit: hour}
subscriptionPolicies:
  - Unauthenticated: {count: 5, unitTime: 1, timeUnit: day}
`;
  const both = petDefinition("x-wso2-throttling-tier: big\nsecurity: [{ba: []}]", "x-wso2-throttling-tier: small");

  test("the API's tier drops the operation's in wso2-3.2; both hold in standard (T-POL-08)", async () => {
    const original = only((await lower(both, "wso2-3.2", policies)).model);
    assert.equal(original.api.apiLimit?.kind === "tier" && original.api.apiLimit.tier.name, "big");
    assert.equal(original.operation.throttle.resource, undefined);
    const standard = only((await lower(both, "standard", policies)).model);
    assert.deepEqual(standard.operation.throttle.resource, {
      kind: "tier",
      tier: {
        name: "small",
        count: 1,
        unitMs: 60_000,
        windowMs: 120_000,
        stopOnQuota: true,
        origin: { file: "policies.yaml", pointer: "/resourcePolicies/0/small" },
      },
    });
  });

  test("Unlimited at the API drops them too, and limits nothing (T-VEC-04)", async () => {
    const definition = petDefinition("x-wso2-throttling-tier: Unlimited", "x-wso2-throttling-tier: small");
    const { api, operation } = only((await lower(definition, "wso2-3.2", policies)).model);
    assert.deepEqual([api.apiLimit, operation.throttle.resource], [undefined, undefined]);
  });

  test("public operations: Unauthenticated, missing is a fault in wso2-3.2 and no limit in standard (R-THR-18)", async () => {
    const open = petDefinition("", "x-wso2-disable-security: true");
    const kindOf = async (compatibility: Compatibility, text: string) =>
      only((await lower(open, compatibility, text)).model).operation.throttle.unauthenticated?.kind;
    const without = "resourcePolicies:\n  - small: {count: 1, unitTime: 1, timeUnit: min}\n";
    assert.equal(await kindOf("wso2-3.2", policies), "tier");
    assert.equal(await kindOf("wso2-3.2", without), "undefined");
    assert.equal(await kindOf("standard", policies), "tier");
    assert.equal(await kindOf("standard", without), undefined);
  });
});

describe("backends", () => {
  test("override names: the API's id as the original has it, a stable one for operations (T-VEC-07, T-OVR-02)", async () => {
    const definition = petDefinition("", 'x-wso2-sandbox-endpoints: {urls: ["https://s.test"]}')
      .replace("title: Shop", "title: Orders")
      .replace("version: 1.0.0", "version: 1.2.0");
    const { backend } = only((await lower(definition, "wso2-3.2")).model).operation;
    assert.ok(backend.kind === "forward");
    assert.equal(
      backend.production?.overrideKey,
      "api_80b1edf9e797268b55896e315163609d978431515e0a63630f3b3f1b94a25380_prod",
    );
    assert.match(backend.sandbox?.overrideKey ?? "", /^op_[0-9a-f]{16}_sand$/);
    const again = only((await lower(definition, "wso2-3.2")).model).operation.backend;
    assert.deepEqual(again, backend);
  });

  test("pipelining is off unless the endpoint in force declares it", async () => {
    const depths = async (api: string, operation: string) => {
      const { backend } = only((await lower(petDefinition(api, operation), "standard")).model).operation;
      assert.ok(backend.kind === "forward");
      return [backend.production?.pipelining, backend.sandbox?.pipelining];
    };
    const endpoint = (environment: string, depth: string) =>
      `x-wso2-${environment}-endpoints: {urls: ["https://a.test"]${depth}}`;
    assert.deepEqual(await depths("", ""), [1, undefined]);
    assert.deepEqual(
      await depths(endpoint("production", ", x-castgate-pipelining: 8"), endpoint("sandbox", "")),
      [8, 1],
    );
    assert.deepEqual(
      await depths(endpoint("production", ", x-castgate-pipelining: 8"), endpoint("production", "")),
      [1, undefined],
      "an operation's own endpoint takes nothing from the API's",
    );
    const table = 'x-wso2-endpoints: [{quick: {urls: ["https://q.test"], x-castgate-pipelining: "16"}}]';
    assert.deepEqual(await depths(table, 'x-wso2-sandbox-endpoints: "#/x-wso2-endpoints/quick"'), [1, 16]);
  });

  test("a named endpoint keeps its name; http takes the first URL, load_balance all (R-EP-01)", async () => {
    const endpoint = (type: string) =>
      petDefinition(
        `x-wso2-production-endpoints: {name: main, type: ${type}, urls: ["https://a.test", "https://b.test"]}`,
        "",
      );
    const urlsOf = async (type: string) => {
      const { backend } = only((await lower(endpoint(type), "wso2-3.2")).model).operation;
      return backend.kind === "forward" ? [backend.production?.overrideKey, backend.production?.urls] : backend;
    };
    assert.deepEqual(await urlsOf("http"), ["main_prod", ["https://a.test"]]);
    assert.deepEqual(await urlsOf("load_balance"), ["main_prod", ["https://a.test", "https://b.test"]]);
    assert.deepEqual(await urlsOf("failover"), ["main_prod", ["https://a.test", "https://b.test"]]);
  });

  const upstreamOf = async (more: string, compatibility: "standard" | "wso2-3.2") => {
    const definition = petDefinition(`x-wso2-production-endpoints: {${more}}`, "");
    const { backend } = only((await lower(definition, compatibility)).model).operation;
    assert.ok(backend.kind === "forward");
    return backend.production ?? assert.fail("no upstream");
  };
  const two = 'urls: ["https://a.test", "https://b.test"]';

  test("failover begins with the last that answered in wso2-3.2, with the first in standard (R-EP-05)", async () => {
    const codes = [501, 502, 503, 504];
    assert.deepEqual((await upstreamOf(`type: failover, ${two}`, "wso2-3.2")).choice, {
      kind: "failover",
      statusCodes: codes,
      order: "sticky",
      suspend: undefined,
    });
    const suspend = { failures: 3, initialMs: 5000, factor: 2, maxMs: 60_000, share: 1, statusCodes: [] };
    assert.deepEqual((await upstreamOf(`type: failover, ${two}`, "standard")).choice, {
      kind: "failover",
      statusCodes: codes,
      order: "priority",
      suspend,
    });
    const own = "x-castgate-failover: {order: priority, statusCodes: [500], suspend: {initialInMillis: 70000}}";
    assert.deepEqual((await upstreamOf(`type: failover, ${two}, ${own}`, "wso2-3.2")).choice, {
      kind: "failover",
      statusCodes: [500],
      order: "priority",
      suspend: { ...suspend, failures: 1, initialMs: 70_000, maxMs: 70_000 },
    });
    const none = "x-castgate-failover: {suspend: {initialInMillis: -1}}";
    const { choice } = await upstreamOf(`type: failover, ${two}, ${none}`, "standard");
    assert.ok(choice?.kind === "failover" && choice.suspend === undefined, "K-27: -1 suspends nothing");
  });

  test("members of a round robin that give no answer are left out unless that is switched off", async () => {
    const ejection = { failures: 5, initialMs: 30_000, factor: 2, maxMs: 300_000, share: 0.5, statusCodes: [] };
    const balance = { kind: "balance", algorithm: "round-robin" };
    assert.deepEqual((await upstreamOf(two, "wso2-3.2")).choice, { ...balance, ejection });
    assert.deepEqual((await upstreamOf(`${two}, x-castgate-load-balance: {ejection: false}`, "standard")).choice, {
      ...balance,
      ejection: undefined,
    });
  });

  test("a single backend that nothing is said of has no choice, retry, breaker or limit", async () => {
    assert.deepEqual(Object.keys(await upstreamOf('urls: ["https://a.test"]', "standard")), [
      "overrideKey",
      "level",
      "environment",
      "urls",
      "timeoutMs",
      "pipelining",
      "basicUsername",
      "origin",
    ]);
  });

  test("R-RES-02: a factor of 0 is 1, a longest wait of 0 a minute; a count of 0 is no retry", async () => {
    const retry = async (config: string) =>
      (await upstreamOf(`urls: ["https://a.test"], advanceEndpointConfig: {retryConfig: {${config}}}`, "standard"))
        .retry;
    assert.deepEqual(await retry("count: 2, intervalInMillis: 5"), {
      count: 2,
      intervalMs: 5,
      factor: 1,
      maxMs: 60_000,
      statusCodes: [],
      budget: { ratio: 0.2, perSecond: 10 },
    });
    assert.equal(await retry("count: 0, intervalInMillis: 5"), undefined);
  });

  test("R-RES-03: where the original repeats a POST and this does not is said, once for each endpoint", async () => {
    const notes = async (more: string, compatibility: "standard" | "wso2-3.2") => {
      const definition = petDefinition(`x-wso2-production-endpoints: {${more}}`, "").replace("get:", "post:");
      const { notes: all } = await lower(definition, compatibility);
      return all.filter(({ code }) => code === "request-sent-once").map(({ args }) => args);
    };
    const retries = 'urls: ["https://a.test"], advanceEndpointConfig: {retryConfig: {count: 1}}';
    assert.deepEqual(await notes(retries, "wso2-3.2"), [{ operations: "POST /pets", why: "retryConfig" }]);
    assert.deepEqual(await notes(`${two}, type: failover`, "wso2-3.2"), [
      { operations: "POST /pets", why: "failover" },
    ]);
    assert.deepEqual(await notes(`${retries}, x-castgate-resend-methods: [POST]`, "wso2-3.2"), []);
    assert.deepEqual(await notes(retries, "standard"), []);
  });

  test("one URL has nothing to fail over to (T-END-03)", async () => {
    const definition = petDefinition('x-wso2-production-endpoints: {type: failover, urls: ["https://a.test"]}', "");
    assert.equal(only((await lower(definition, "wso2-3.2")).model).operation.backend.kind, "forward");
  });

  test("a server of the operation feeds production only (T-OAS-21, 25)", async () => {
    const definition = petDefinition(
      'x-wso2-sandbox-endpoints: {urls: ["https://s.test"]}',
      'servers: [{url: "https://own.test"}]',
    );
    const { backend } = only((await lower(definition, "wso2-3.2")).model).operation;
    assert.ok(backend.kind === "forward");
    assert.deepEqual(backend.production?.urls, ["https://own.test"]);
    assert.deepEqual(backend.sandbox?.urls, ["https://s.test"]);
  });
});

describe("paths", () => {
  test("an API in the place of a feature's service replaces it on its listener (T-OAS-12)", async () => {
    const replaced = async (base: string, path: string) =>
      (await lower(petDefinition(`x-wso2-basePath: ${base}`, "").replace("/pets:", `${path}:`), "wso2-3.2")).model
        .replacedServices;
    assert.deepEqual(await replaced("/apikey", "/a"), ["/apikey"]);
    assert.deepEqual(await replaced("/token/v1", "/a"), ["/token"]);
    assert.deepEqual(await replaced("/", "/userinfo"), ["/userinfo"]);
    assert.deepEqual(await replaced("/", "/t%6fken/{id}"), ["/token"]);
    for (const [base, path] of [
      ["/", "/{id}"],
      ["/", "/*"],
      ["/a", "/token"],
      ["/tokens", "/a"],
    ] as const)
      assert.deepEqual(await replaced(base, path), [], `${base} ${path}`);
  });

  test("one that is written without a slash has it in the model", async () => {
    const { model } = await lower(petDefinition("", "").replace("/pets:", "pets:"), "wso2-3.2");
    assert.equal(only(model).operation.template, "/pets");
  });

  test("a route that equals a built-in path replaces it, however it is written (T-OAS-12)", async () => {
    for (const path of ["/health", "health", "/h%65alth", "/health/"]) {
      const definition = petDefinition("x-wso2-basePath: /", "").replace("/pets:", `${path}:`);
      assert.deepEqual((await lower(definition, "wso2-3.2")).model.builtinPaths, ["/livez", "/readyz"], path);
    }
  });
});

describe("x-castgate-public", () => {
  const codes = (notes: readonly LoweringNote[]) =>
    notes.filter(({ code }) => code !== "compatibility-difference").map(({ code, args }) => [code, args]);
  const isPublic = { operation: "GET /pets", why: "security: []" };

  test("`standard` asks for a reason", async () => {
    const { notes, model } = await lower(petDefinition("", "security: []"), "standard");
    assert.deepEqual(codes(notes), [
      ["operation-public", isPublic],
      ["public-without-reason", { operation: "GET /pets" }],
    ]);
    const { access } = only(model).operation;
    assert.equal(access.kind === "public" && access.reason, undefined);
  });

  test("the operation's own reason, on one line, else the API's", async () => {
    const api = "x-castgate-public: a catalogue";
    const own = 'security: []\nx-castgate-public: "a shop\\n  window"';
    for (const [definition, reason] of [
      [petDefinition(api, own), "a shop window"],
      [petDefinition(api, "security: []"), "a catalogue"],
    ] as const) {
      const { notes, model } = await lower(definition, "standard");
      assert.deepEqual(codes(notes), [["operation-public", { ...isPublic, reason }]]);
      const { access } = only(model).operation;
      assert.equal(access.kind === "public" && access.reason, reason);
    }
  });

  test("a reason says that it is on purpose that no security is stated", async () => {
    const { notes } = await lower(petDefinition("x-castgate-public: a catalogue", ""), "standard");
    assert.deepEqual(codes(notes), [
      ["operation-public", { operation: "GET /pets", why: "no security is stated", reason: "a catalogue" }],
    ]);
    const silent = await lower(petDefinition("", ""), "standard");
    assert.deepEqual(
      silent.notes.map(({ code }) => code),
      ["operation-public", "security-unstated"],
    );
  });

  test("it opens nothing, in either reading", async () => {
    for (const compatibility of ["standard", "wso2-3.2"] as const) {
      const own = await lower(petDefinition("security: [{ba: []}]", "x-castgate-public: a shop window"), compatibility);
      assert.equal(describeAccess(only(own.model).operation.access), "basic");
      assert.deepEqual(codes(own.notes), [["public-reason-unneeded", { what: "GET /pets is not public" }]]);
      const api = await lower(petDefinition("security: [{ba: []}]\nx-castgate-public: a catalogue", ""), compatibility);
      assert.deepEqual(codes(api.notes), [["public-reason-unneeded", { what: "no operation of the API is public" }]]);
    }
  });

  test("`wso2-3.2` asks for none", async () => {
    const { notes } = await lower(petDefinition("", "x-wso2-disable-security: true"), "wso2-3.2");
    assert.ok(notes.every(({ code }) => code !== "public-without-reason"));
  });

  test("of many, ten are listed, and the rest is counted", async () => {
    const paths = Array.from({ length: 13 }, (_, i) => `  /p${i}: {get: {responses: {"200": {description: ok}}}}\n`);
    const { notes } = await lower(`${head}security: []\npaths:\n${paths.join("")}`, "standard");
    const missing = notes.filter(({ code }) => code === "public-without-reason");
    assert.equal(missing.length, 10);
    assert.equal(missing[9]?.args.more, "3");
  });
});

describe("sandbox endpoints that no request reaches (T-END-13)", () => {
  const sandbox = 'x-wso2-sandbox-endpoints: {urls: ["https://sandbox.test"]}';
  const notes = async (api: string, operation: string) =>
    (await lower(petDefinition(`${sandbox}\n${api}`, operation), "standard")).notes
      .filter(({ code }) => code === "sandbox-unreachable")
      .map(({ ref }) => ref.pointer);

  for (const security of ["[]", "[{ba: []}]", "[{cert: []}]"]) {
    test(`security: ${security}`, async () =>
      assert.deepEqual(await notes("", `security: ${security}`), ["/x-wso2-sandbox-endpoints"]));
  }
  for (const security of ["[{oa: []}]", "[{key: []}]", "[{ba: []}, {bearer: []}]"]) {
    test(`reached: security: ${security}`, async () => assert.deepEqual(await notes("", `security: ${security}`), []));
  }
});
