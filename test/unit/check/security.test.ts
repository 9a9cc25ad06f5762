import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, definition, factsOf, operation } from "./check.ts";

const schemes = (value: Record<string, unknown>) => ({ components: { securitySchemes: value } });
const oauth = {
  type: "oauth2",
  flows: { implicit: { authorizationUrl: "https://k.example.com", scopes: { read: "r" } } },
};

describe("schemes (T-SEC-01)", () => {
  test("kinds", async () => {
    const api = await factsOf(
      definition(
        schemes({
          key: { type: "apiKey", in: "header", name: "X-Key" },
          oa: oauth,
          jwt: { type: "http", scheme: "JWT" },
          bearer: { type: "http", scheme: "bearer" },
          oidc: { type: "openIdConnect", openIdConnectUrl: "https://k.example.com" },
          basic: { type: "http", scheme: "basic" },
          cookie: { type: "apiKey", in: "cookie", name: "sid" },
          hoba: { type: "http", scheme: "hoba" },
          __proto__: { type: "http", scheme: "basic" },
        }),
      ),
    );
    assert.deepEqual(
      [...api.schemes].map(([name, { kind }]) => `${name} ${kind}`),
      [
        "basic basic",
        "bearer oauth2",
        "cookie api-key",
        "hoba unknown",
        "jwt oauth2",
        "key api-key",
        "oa oauth2",
        "oidc oauth2",
      ],
    );
  });

  test("undeclared: a warning where the original built it, an error in standard", async () => {
    const value = definition({ security: [{ kei: [] }] });
    assert.deepEqual((await check(value)).found, ["warning security-scheme-undeclared /security/0"]);
    assert.deepEqual((await check(value, { compatibility: "standard" })).found, [
      "error security-scheme-undeclared /security/0",
    ]);
  });

  test("a scope that the flow does not declare", async () => {
    const value = definition({ ...schemes({ oa: oauth }), security: [{ oa: ["raed"] }] });
    const { diagnostics } = await check(value);
    assert.deepEqual(
      diagnostics.map(({ code, hint }) => [code, hint]),
      [["scope-undeclared", 'did you mean "read"?']],
    );
  });

  test("a flow without scopes declares nothing to compare with", async () => {
    const bare = { type: "oauth2", flows: { implicit: { authorizationUrl: "https://k.example.com" } } };
    const { diagnostics } = await check(definition({ ...schemes({ oa: bare }), security: [{ oa: ["x"] }] }));
    assert.ok(diagnostics.every(({ code }) => code === "openapi-invalid"));
  });

  test("Swagger 2 declares elsewhere: components say nothing there", async () => {
    const { components: _, ...rest } = definition();
    const { openapi: __, ...plain } = rest;
    const swagger = { ...plain, swagger: "2.0", security: [{ mybasic: [] }] };
    const declared = { ...swagger, securityDefinitions: { mybasic: { type: "basic" } } };
    assert.equal((await factsOf(declared)).schemes.get("mybasic")?.kind, "basic");
    const { found } = await check({ ...swagger, ...schemes({ mybasic: { type: "basic" } }) });
    assert.ok(found.includes("warning security-scheme-undeclared /security/0"));
  });
});

describe("requirements", () => {
  const own = (security: unknown) => definition({ paths: { "/pets": { get: operation({ security }) } } });

  test("as written: OR of ANDs, names sorted", async () => {
    const api = await factsOf(own([{ key: [] }, { key: [], also: [] }, {}]));
    assert.deepEqual(
      api.operations[0]?.security.requirements?.map((requirement) => requirement.schemes.map(({ name }) => name)),
      [["key"], ["also", "key"], []],
    );
    assert.deepEqual((await factsOf(own([]))).operations[0]?.security.requirements, []);
    assert.equal((await factsOf(definition())).operations[0]?.security.requirements, undefined);
  });

  for (const security of ["key", { key: [] }, ["key:[]"], [5], [null], [["key"]]]) {
    test(`${JSON.stringify(security)} opens nothing`, async () => {
      const { checked, found } = await check(own(security));
      assert.ok(found.some((line) => line.startsWith("warning security-malformed ")));
      // As if the operation said nothing: the API's security holds.
      assert.equal(checked?.apis[0]?.operations[0]?.security.requirements, undefined);
      assert.equal((await check(own(security), { compatibility: "standard" })).checked, undefined);
    });
  }

  test("scopes that are no list are demanded as far as they can be read", async () => {
    const cases: readonly (readonly [unknown, readonly string[]])[] = [
      ["read", ["read"]],
      [null, []],
      [{}, []],
      [{ read: true }, ["unreadable:key"]],
      [true, ["unreadable:key"]],
    ];
    for (const [scopes, demanded] of cases) {
      const { checked, found } = await check(own([{ key: scopes }]));
      assert.ok(found.some((line) => line.startsWith("warning security-malformed ")));
      const [requirement] = checked?.apis[0]?.operations[0]?.security.requirements ?? [];
      assert.deepEqual(requirement?.schemes, [{ name: "key", scopes: demanded }], JSON.stringify(scopes));
    }
  });

  test("at the top, too, it becomes a requirement that nobody meets", async () => {
    const api = await factsOf(definition({ security: ["key:[]"] }));
    assert.equal(api.security.requirements?.length, 1);
    assert.equal(api.security.requirements?.[0]?.schemes.length, 1);
  });

  test("scopes that are no text stay demanded", async () => {
    const number = await factsOf(own([{ key: [7] }]));
    assert.deepEqual(number.operations[0]?.security.requirements?.[0]?.schemes, [{ name: "key", scopes: ["7"] }]);
  });

  test("unknown words of security-types are ignored (T-SEC-03)", async () => {
    const value = definition({ "x-wso2-application-security": { "security-types": ["oauth2", "basic", "oauth2"] } });
    const { checked, found } = await check(value);
    assert.deepEqual(checked?.apis[0]?.security.application?.value, { types: ["oauth2"], optional: false });
    assert.deepEqual(found, [
      "warning application-security-type-unknown /x-wso2-application-security/security-types/1",
    ]);
  });

  test("optional with mandatory mutual TLS is fine (T-SEC-07)", async () => {
    const value = { "x-wso2-mutual-ssl": "mandatory", "x-wso2-application-security": { optional: true } };
    assert.deepEqual((await check(definition(value))).found, []);
  });

  test("x-auth-type opens only when it is exactly None (T-EXT-11)", async () => {
    const of = async (value: unknown) =>
      (await factsOf(definition({ paths: { "/pets": { get: operation({ "x-auth-type": value }) } } }))).operations[0]
        ?.authTypeNone?.value;
    assert.equal(await of("None"), true);
    assert.equal(await of("none"), undefined);
    assert.equal(await of("Application & Application User"), undefined);
  });
});
