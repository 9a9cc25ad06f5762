import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, definition, factsOf, operation } from "./check.ts";

const foundIn = async (more: Record<string, unknown>, compatibility: "wso2-3.2" | "standard" = "wso2-3.2") =>
  (await check(definition(more), { compatibility })).found;
const withOperation = (more: Record<string, unknown>) => ({ paths: { "/pets": { get: operation(more) } } });

describe("keys", () => {
  test("unknown ones are reported, with what was meant", async () => {
    const { diagnostics } = await check(definition({ "x-wso2-basepath": "/x", "x-wso2-label": "x" }));
    assert.deepEqual(
      diagnostics.map(({ severity, code, hint }) => [severity, code, hint]),
      [
        ["warning", "extension-unknown", 'did you mean "x-wso2-basePath"?'],
        ["warning", "extension-unknown", undefined],
      ],
    );
    assert.deepEqual(await foundIn({ "x-wso2-label": "x" }, "standard"), ["error extension-unknown /x-wso2-label"]);
  });
  test("legacy ones are ignored (T-EXT-19)", async () => {
    assert.deepEqual(await foundIn({ "x-mgw-endpoints": [] }, "standard"), [
      "warning extension-legacy /x-mgw-endpoints",
    ]);
  });
  test("our own are exact", async () => {
    assert.deepEqual(await foundIn({ "x-castgate-nope": 1 }), ["error castgate-extension-unknown /x-castgate-nope"]);
    assert.equal((await factsOf(definition({ "x-castgate-encoded-slash": "allow" }))).allowEncodedSlash, true);
    assert.equal((await factsOf(definition({ "x-castgate-dpop": "optional" }))).dpop?.value, "optional");
  });
  test("our own at another level: the hint says where they belong", async () => {
    const hints = async (more: Record<string, unknown>) =>
      (await check(definition(more))).diagnostics.map(({ code, hint }) => `${code}: ${hint}`);
    assert.deepEqual(await hints({ "x-castgate-pipelining": 4 }), [
      "castgate-extension-unknown: it belongs in an endpoint, beside its urls",
    ]);
    assert.deepEqual(await hints({ paths: { "/pets": { get: operation({ "x-castgate-encoded-slash": "allow" }) } } }), [
      "castgate-extension-unknown: it belongs at the top of the definition",
    ]);
  });
  test("keys at a level that does not read them", async () => {
    assert.deepEqual(
      await foundIn({ paths: { "/pets": { "x-wso2-cors": {}, get: operation({ "x-wso2-owner": "me" }) } } }),
      [
        "warning extension-misplaced /paths/~1pets/x-wso2-cors",
        "warning extension-misplaced /paths/~1pets/get/x-wso2-owner",
      ],
    );
  });
  test("other extensions are nobody's business", async () => {
    assert.deepEqual(await foundIn({ "x-logo": {}, "x-auth-type": 5 }), []);
  });
});

describe("values", () => {
  const wrong: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ "x-wso2-transports": "https" }, "error value-type /x-wso2-transports"],
    [{ "x-wso2-transports": ["ftp"] }, "error value-invalid /x-wso2-transports/0"],
    [{ "x-wso2-mutual-ssl": "always" }, "error value-invalid /x-wso2-mutual-ssl"],
    [{ "x-wso2-auth-header": "X Auth" }, "error value-invalid /x-wso2-auth-header"],
    [{ "x-wso2-owner": 5 }, "error value-type /x-wso2-owner"],
    [{ "x-wso2-response-cache": {} }, "error value-invalid /x-wso2-response-cache"],
    [{ "x-wso2-response-cache": { enabled: "yes" } }, "error value-type /x-wso2-response-cache/enabled"],
    [{ "x-wso2-throttling-tier": 10 }, "error value-type /x-wso2-throttling-tier"],
    [{ "x-wso2-throttling-tier": null }, "warning value-empty /x-wso2-throttling-tier"],
    [{ "x-wso2-throttling-tier": "" }, "warning value-empty /x-wso2-throttling-tier"],
    [{ "x-wso2-mutual-ssl": "" }, "error value-type /x-wso2-mutual-ssl"],
    [{ "x-castgate-dpop": "Required" }, "error value-invalid /x-castgate-dpop"],
    [{ "x-castgate-dpop": true }, "error value-type /x-castgate-dpop"],
    [{ "x-castgate-dpop": "" }, "error value-type /x-castgate-dpop"],
    [{ "x-wso2-cors": [] }, "error value-type /x-wso2-cors"],
    [{ "x-wso2-cors": { accessControlAllowOrigins: "*" } }, "error value-type /x-wso2-cors/accessControlAllowOrigins"],
    [
      { "x-wso2-cors": { accessControlAllowCredentials: "true" } },
      "error value-type /x-wso2-cors/accessControlAllowCredentials",
    ],
    [{ "x-wso2-disable-security": "true" }, "error value-type /x-wso2-disable-security"],
    [{ "x-wso2-application-security": { types: [] } }, "error key-unknown /x-wso2-application-security/types"],
    [
      { "x-wso2-application-security": { optional: true } },
      "error application-security-optional /x-wso2-application-security",
    ],
    [{ "x-wso2-request-interceptor": {} }, "error value-type /x-wso2-request-interceptor"],
  ];
  for (const [more, expected] of wrong) {
    test(JSON.stringify(more), async () => assert.deepEqual(await foundIn(more), [expected]));
  }

  test("transports are a set, in any case (T-EXT-20)", async () => {
    const of = async (value: unknown, more = {}) =>
      (await factsOf(definition({ "x-wso2-transports": value, ...more }))).transports;
    assert.deepEqual(await of(["HTTPS", "http"]), ["http", "https"]);
    assert.deepEqual(await of([]), ["http", "https"]);
    assert.deepEqual(await of(["Https"]), ["https"]);
    assert.deepEqual(await of(["http"], { "x-wso2-mutual-ssl": "MANDATORY" }), ["http", "https"]);
  });

  test("CORS keys in three spellings (T-EXT-22)", async () => {
    const api = await factsOf(
      definition({
        "x-wso2-cors": {
          accessControlAllowOrigins: ["https://ui.example.com"],
          access_control_allow_headers: ["X-A"],
          "access-control-allow-methods": ["GET"],
          accessControlExposeHeaders: null,
        },
      }),
    );
    assert.deepEqual(api.cors?.value, {
      allowOrigins: ["https://ui.example.com"],
      allowMethods: ["GET"],
      allowHeaders: ["X-A"],
      exposeHeaders: [],
      allowCredentials: false,
    });
  });

  test("how long a preflight is kept", async () => {
    const of = async (value: unknown) =>
      (await factsOf(definition({ "x-wso2-cors": { accessControlMaxAge: value } }))).cors?.value.maxAgeSeconds;
    assert.equal(await of(600), 600);
    assert.equal(await of(-1), -1);
    assert.equal(await of(undefined), undefined);
    assert.deepEqual(await foundIn({ "x-wso2-cors": { "access-control-max-age": 1e6 } }), [
      "error value-invalid /x-wso2-cors/access-control-max-age",
    ]);
  });

  test("credentials need a list of origins (S-SEC-14)", async () => {
    const found = (origins: unknown, compatibility?: "standard") =>
      foundIn(
        { "x-wso2-cors": { accessControlAllowOrigins: origins, accessControlAllowCredentials: true } },
        compatibility,
      );
    const place = "cors-credentials-for-any /x-wso2-cors/accessControlAllowCredentials";
    for (const origins of [["*"], [], null]) {
      assert.deepEqual(await found(origins), [`warning ${place}`]);
      assert.deepEqual(await found(origins, "standard"), [`error ${place}`]);
    }
    assert.deepEqual(await found(["https://ui.example.com"], "standard"), []);
  });

  test("origins that no browser sends (S-COR-03, S-COR-04)", async () => {
    const origins = [
      "*",
      "https://ui.example.com",
      "test.com",
      "https://UI.example.com",
      "https://ui.example.com/",
      "https://ui.example.com:443",
      "http://ui.example.com:80",
      "https://*.example.com",
      "null",
      "http://ui.example.com:8080",
      "http://[::1]:8080",
      "chrome-extension://abcdef",
    ];
    const unmatchable = [0, 2, 3, 4, 5, 6, 7, 8].map((index) => `/x-wso2-cors/accessControlAllowOrigins/${index}`);
    assert.deepEqual(
      await foundIn({ "x-wso2-cors": { accessControlAllowOrigins: origins } }),
      unmatchable.map((pointer) => `warning cors-origin-unmatchable ${pointer}`),
    );
    assert.deepEqual(await foundIn({ "x-wso2-cors": { accessControlAllowOrigins: ["*"] } }, "standard"), []);
  });

  test("only standard believes that CORS is off", async () => {
    const off = definition({ "x-wso2-cors": { corsConfigurationEnabled: false } });
    assert.notEqual((await factsOf(off)).cors, undefined);
    assert.equal((await factsOf(off, "standard")).cors, undefined);
  });
});

describe("tiers (T-POL-07..09, T-EXT-06)", () => {
  test("an unknown tier is doubtful, Unlimited is known", async () => {
    assert.deepEqual(await foundIn(withOperation({ "x-wso2-throttling-tier": "Unlimited" })), []);
    const unknown = withOperation({ "x-wso2-throttling-tier": "10PerMim" });
    assert.deepEqual(await foundIn(unknown), [
      "warning throttling-tier-unknown /paths/~1pets/get/x-wso2-throttling-tier",
    ]);
    assert.deepEqual(await foundIn(unknown, "standard"), [
      "error throttling-tier-unknown /paths/~1pets/get/x-wso2-throttling-tier",
    ]);
  });
  test("tokens that name no tier need the tier Default in wso2-3.2 (T-POL-11)", async () => {
    const files = { "policies.yaml": "resourcePolicies: []\n" };
    assert.deepEqual((await check(definition(), { files })).found, ["warning default-tier-missing "]);
    assert.deepEqual((await check(definition(), { files, compatibility: "standard" })).found, []);
  });
  test("public operations need the tier Unauthenticated in wso2-3.2 (T-POL-10)", async () => {
    const open = withOperation({ "x-auth-type": "None" });
    assert.deepEqual(await foundIn(open), ["warning unauthenticated-tier-missing /paths/~1pets/get"]);
    assert.deepEqual(await foundIn(open, "standard"), []);
    assert.deepEqual(await foundIn({ ...open, "x-wso2-disable-security": false }), []);
  });
  test("the API's tier hides those of operations in wso2-3.2 only", async () => {
    const both = { "x-wso2-throttling-tier": "Unlimited", ...withOperation({ "x-wso2-throttling-tier": "10PerMin" }) };
    assert.deepEqual(await foundIn(both), ["warning tier-shadowed /paths/~1pets/get/x-wso2-throttling-tier"]);
    assert.deepEqual(await foundIn(both, "standard"), []);
  });
  test("API Manager's key wins on operations in wso2-3.2", async () => {
    const both = definition(withOperation({ "x-wso2-throttling-tier": "10PerMin", "x-throttling-tier": "Unlimited" }));
    assert.equal((await factsOf(both)).operations[0]?.tier?.value, "Unlimited");
    assert.equal((await factsOf(both, "standard")).operations[0]?.tier?.value, "10PerMin");
  });
});

describe("what is not built", () => {
  test("standard refuses each operation that needs it", async () => {
    const interceptor = withOperation({ "x-wso2-request-interceptor": "stamp" });
    assert.deepEqual(await foundIn(interceptor, "standard"), ["error feature-not-built /paths/~1pets/get"]);
    assert.deepEqual(await foundIn(interceptor), []);
  });
});
