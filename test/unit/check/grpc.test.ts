import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lowerProject } from "../../../compiler/3-lower/lower-project.ts";
import type { Compatibility } from "../../../compiler/model/names.ts";
import { check, definition } from "./check.ts";

const file = "grpc_definitions/a/stock.proto";
const url = 'option (wso2.production_endpoints) = { url: "http://stock.test:50051" };';

async function checkProto(text: string, compatibility: Compatibility = "wso2-3.2", more: Record<string, string> = {}) {
  const { checked, found, diagnostics } = await check([], { compatibility, files: { [file]: text, ...more } });
  const [api] = checked === undefined ? [] : lowerProject(checked).model.apis;
  return { checked, found, diagnostics, api, notes: checked === undefined ? [] : lowerProject(checked).notes };
}

const service = (body: string) => `package shop; service Stock { ${url} ${body} }`;
const rpc = "rpc Count (A) returns (A);";

/** Who may call the first rpc, as JSON of schemes and scopes. */
async function accessOf(body: string): Promise<unknown> {
  const access = (await checkProto(service(body))).api?.operations[0]?.access;
  return access?.kind === "authenticated"
    ? access.anyOf.map(({ allOf, scopes }) => [allOf.map(({ kind }) => kind).join("+"), ...(scopes?.names ?? [])])
    : access?.kind;
}

describe("a service", () => {
  test("is an API, each rpc a POST, streams too (T-GRPC-06)", async () => {
    const text = service(
      "option (wso2.security) = JWT; rpc Watch (stream A) returns (stream A); rpc Count (A) returns (A);",
    );
    const { api, found, notes } = await checkProto(text);
    assert.deepEqual(found, []);
    assert.deepEqual(
      [api?.title, api?.version, api?.basePath, api?.transports],
      ["shop.Stock", "1.0.0", "/shop.Stock", ["http", "https"]],
    );
    assert.deepEqual(
      api?.operations.map(({ method, template, backend }) => [method, template, backend]),
      [
        ["POST", "/Count", { kind: "not-built", features: ["grpc"] }],
        ["POST", "/Watch", { kind: "not-built", features: ["grpc"] }],
      ],
    );
    assert.deepEqual(
      notes.map(({ code, args }) => [code, args.operation, args.feature]),
      [
        ["feature-not-built", "POST /Count", "grpc"],
        ["feature-not-built", "POST /Watch", "grpc"],
      ],
    );
  });

  test("without a package is named alone", async () => {
    assert.equal((await checkProto(`service Stock { ${rpc} }`)).api?.basePath, "/Stock");
  });

  test("is an error in standard, for each rpc", async () => {
    const { found } = await checkProto(service(`option (wso2.security) = JWT; ${rpc}`), "standard");
    assert.deepEqual(found, ["error feature-not-built /services/shop.Stock/methods/Count"]);
  });

  test("needs no backend as long as nothing is sent there", async () => {
    assert.deepEqual((await checkProto(`service S { option (wso2.security) = JWT; ${rpc} }`)).found, []);
  });

  test("of messages alone there is none (T-GRPC-14)", async () => {
    const { checked, found } = await checkProto('syntax = "proto3"; message A {}');
    assert.deepEqual(found, []);
    assert.deepEqual(checked?.apis, []);
  });

  test("shares no base path and no name with another API (T-GRPC-13)", async () => {
    const secured = `package shop; service Stock { option (wso2.security) = JWT; ${rpc} }`;
    assert.deepEqual((await checkProto(secured, "wso2-3.2", { "grpc_definitions/b.proto": secured })).found, [
      "error api-duplicate /services/shop.Stock/name",
      "error base-path-duplicate /services/shop.Stock/name",
    ]);
    const open = definition({ "x-wso2-basePath": "/shop.Stock" });
    assert.deepEqual((await check(open, { files: { [file]: secured } })).found, [
      "error base-path-duplicate /services/shop.Stock/name",
    ]);
  });

  test("loses an rpc to the longer base path of another API", async () => {
    const inner = definition({ "x-wso2-basePath": "/shop.Stock/Count" });
    const { found } = await check(inner, { files: { [file]: service(`option (wso2.security) = JWT; ${rpc}`) } });
    assert.deepEqual(found, ["warning route-unreachable /services/shop.Stock/methods/Count"]);
  });
});

describe("who may call (T-GRPC-02, 07, 08)", () => {
  for (const [what, body, access] of [
    ["no option: everybody", rpc, "public"],
    ["NONE", `option (wso2.security) = NONE; ${rpc}`, "public"],
    ["JWT", `option (wso2.security) = JWT; ${rpc}`, [["oauth2"]]],
    ["OAUTH2 is the same", `option (wso2.security) = OAUTH2; option (wso2.security) = JWT; ${rpc}`, [["oauth2"]]],
    [
      "any one of several",
      `option (wso2.security) = BASIC; option (wso2.security) = JWT; ${rpc}`,
      [["oauth2"], ["basic"]],
    ],
    ["a key", `option (wso2.security) = APIKEY; ${rpc}`, [["api-key"]]],
    [
      "scopes are trimmed",
      'option (wso2.security) = JWT; rpc C (A) returns (A) { option (wso2.method_scopes) = "b, a ,,b"; }',
      [["oauth2", "a", "b"]],
    ],
  ] as const) {
    test(what, async () => assert.deepEqual(await accessOf(body), access));
  }

  test("a key stands in the field api_key", async () => {
    const { api } = await checkProto(service(`option (wso2.security) = APIKEY; ${rpc}`));
    const access = api?.operations[0]?.access;
    const scheme = access?.kind === "authenticated" ? access.anyOf[0].allOf[0] : undefined;
    assert.deepEqual(scheme, { kind: "api-key", locations: [{ in: "header", name: "api_key" }] });
  });

  test("an open service is listed, with the reason", async () => {
    const { notes } = await checkProto(service(rpc));
    assert.deepEqual(
      notes.filter(({ code }) => code === "operation-public").map(({ args }) => args),
      [{ operation: "POST /Count", why: "its service asks for no security" }],
    );
  });
});

describe("tiers (T-GRPC-03, 04, 10)", () => {
  const tier = (name: string) => `rpc C (A) returns (A) { option (wso2.method_throttling_tier) = "${name}"; }`;
  const jwt = "option (wso2.security) = JWT;";

  test("of an rpc", async () => {
    const { api } = await checkProto(service(`${jwt} ${tier("10PerMin")}`));
    assert.equal(api?.operations[0]?.throttle.resource?.kind, "tier");
  });
  test("that of the service wins", async () => {
    const text = service(`${jwt} option (wso2.throttling_tier) = "10PerMin"; ${tier("Unlimited")}`);
    assert.deepEqual((await checkProto(text)).found, [
      "warning tier-shadowed /services/shop.Stock/methods/C/options/(wso2.method_throttling_tier)/0",
    ]);
  });
  test("that nobody defines", async () => {
    assert.deepEqual((await checkProto(service(`${jwt} ${tier("11PerMin")}`))).found, [
      "warning throttling-tier-unknown /services/shop.Stock/methods/C/options/(wso2.method_throttling_tier)/0",
    ]);
  });
});

describe("mistakes", () => {
  const secured = (options: string, method = rpc) => `service S { option (wso2.security) = JWT; ${options} ${method} }`;
  const at = "/services/S/options";

  for (const [what, text, found] of [
    ["a syntax error", "service S {", ["error proto-syntax "]],
    [
      "a word that is no security",
      "service S { option (wso2.security) = JTW; }",
      [`error value-invalid ${at}/(wso2.security)/0`],
    ],
    [
      "NONE beside another (T-GRPC-07)",
      secured("option (wso2.security) = NONE;"),
      [`error value-invalid ${at}/(wso2.security)/1`],
    ],
    [
      "two URLs (T-GRPC-09)",
      secured('option (wso2.production_endpoints) = { url: "http://a" url: "http://b" };'),
      [`error value-invalid ${at}/(wso2.production_endpoints)/0/url/1`],
    ],
    [
      "a URL that is not absolute (T-GRPC-09)",
      secured('option (wso2.sandbox_endpoints).url = "stock:50051";'),
      [`error endpoint-url-invalid ${at}/(wso2.sandbox_endpoints)/0/url/0`],
    ],
    [
      "an endpoint without a URL",
      secured("option (wso2.sandbox_endpoints) = { type: DEFAULT };"),
      [`error value-invalid ${at}/(wso2.sandbox_endpoints)/0`],
    ],
    [
      "an unknown field",
      secured('option (wso2.sandbox_endpoints) = { url: "http://a", advanceEndpointConfig: { timeout: 1 } };'),
      [`error key-unknown ${at}/(wso2.sandbox_endpoints)/0/advanceEndpointConfig/0/timeout`],
    ],
    [
      "a tier that is no text",
      secured("option (wso2.throttling_tier) = 10;"),
      [`error value-type ${at}/(wso2.throttling_tier)/0`],
    ],
    [
      "two tiers",
      secured('option (wso2.throttling_tier) = "10PerMin"; option (wso2.throttling_tier) = "10PerMin";'),
      [`error value-invalid ${at}/(wso2.throttling_tier)/1`],
    ],
    ["an unknown option", secured("option (wso2.securty) = JWT;"), [`warning extension-unknown ${at}/(wso2.securty)`]],
    [
      "an option of services in an rpc",
      secured("", "rpc M (A) returns (A) { option (wso2.security) = NONE; }"),
      ["warning extension-misplaced /services/S/methods/M/options/(wso2.security)"],
    ],
    [
      "an option of services for the whole file",
      `option (wso2.security) = BASIC; ${secured("")}`,
      ["warning extension-misplaced /options/(wso2.security)"],
    ],
    [
      "scopes without tokens (T-GRPC-08)",
      'service S { option (wso2.security) = BASIC; rpc M (A) returns (A) { option (wso2.method_scopes) = "a"; } }',
      ["warning grpc-scopes-ignored /services/S/methods/M/options/(wso2.method_scopes)/0"],
    ],
    ["options of others", secured("option deprecated = true; option (a.b) = { c: 1 };"), []],
    [
      "an endpoint as it should be",
      secured('option (wso2.sandbox_endpoints) = { url: "http://a:1" advanceEndpointConfig { timeoutInMillis: 0 } };'),
      [],
    ],
  ] as const) {
    test(what, async () => assert.deepEqual((await checkProto(text)).found, found));
  }
});
