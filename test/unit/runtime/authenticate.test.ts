import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { api, configureApis } from "../../../runtime-lib/api.ts";
import { type Alternative, authenticate, withholdCredentials } from "../../../runtime-lib/authenticate.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { isGatewayOwned } from "../../../runtime-lib/headers.ts";
import { classOf, type Scheme, type Verified } from "../../../runtime-lib/scheme.ts";
import { allScopes, anyScope, hasAllScopes, hasAnyScope } from "../../../runtime-lib/scopes.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { settingsFrom } from "./settings-for-test.ts";

const petstore = api({ name: "Petstore", version: "1", basePath: "/p", challenges: ["oauth2", "basic"] });

async function configure(compatibility: "wso2-3.2" | "standard", text = ""): Promise<void> {
  configureApis((await settingsFrom(text, { compatibility })).settings);
}

function callerOf(scheme: Caller["scheme"], scopes: readonly string[] = []): Caller {
  const application = { id: "1", tier: "Unlimited", subscriptions: [] };
  return {
    name: scheme,
    scheme,
    scopes: new Set(scopes),
    scopesApply: true,
    keyType: "PRODUCTION",
    application,
    claims: undefined,
    consumerKey: "",
    revocationIds: [],
  };
}

/** A scheme that takes `good` as a credential. `later` makes it wait. */
function scheme(
  kind: Scheme["kind"],
  options: { code?: number; later?: boolean; scopes?: readonly string[] } = {},
): Scheme {
  const verdict = (x: RecordedExchange): Verified => {
    const credential = x.header(kind === "api-key" ? "api_key" : "authorization") ?? "";
    return credential.endsWith("good")
      ? { ok: true, caller: callerOf(kind, options.scopes) }
      : { ok: false, code: options.code ?? 900901, reason: `${kind}: wrong` };
  };
  return {
    kind,
    present: (x) => x.header("api_key") !== undefined,
    verify: (x) => {
      const outcome = verdict(x as RecordedExchange);
      return options.later === true ? Promise.resolve(outcome) : outcome;
    },
  };
}

const jwt = scheme("jwt");
const basic = scheme("basic", { code: 900911 });
const key = scheme("api-key");
const token = ["Authorization", "Bearer good"];
const badToken = ["Authorization", "Bearer bad"];
const login = ["Authorization", "Basic good"];
const apiKey = ["api_key", "good"];

/** The caller's scheme, or the code of the refusal. */
async function enter(headers: readonly string[], anyOf: readonly Alternative[]): Promise<string | number> {
  const x = new RecordedExchange({ headers });
  const caller = await authenticate(x, petstore, anyOf);
  assert.equal(caller === undefined, x.refusal !== undefined);
  return caller?.scheme ?? x.refusal?.code ?? -1;
}

test("the class of an auth header goes by its first word (S-SEL-12 done right)", () => {
  const classes: [string | undefined, string][] = [
    [undefined, "none"],
    ["", "none"],
    ["  ", "none"],
    ["Bearer a.b.c", "bearer"],
    ["bEARER", "bearer"],
    ["Basic YQ==", "basic"],
    ["BASIC", "basic"],
    ["Bearer basic.bearer.x", "bearer"],
    ["Basically", "other"],
    ["Bearerx a", "other"],
    ["Digest basic", "other"],
    ["a.b.c", "other"],
    ["ey.basic.x", "other"],
  ];
  for (const [value, expected] of classes) assert.equal(classOf(value), expected, value);
});

describe("wso2-3.2", () => {
  before(() => configure("wso2-3.2"));

  const cases: [string, readonly string[], readonly Alternative[], string | number][] = [
    ["no credentials (S-SEL-11)", [], [[jwt], [basic]], 900902],
    ["an empty header", ["authorization", ""], [[jwt]], 900902],
    ["no credentials where only a key is taken", [], [[key]], 900902],
    ["a token", token, [[jwt], [basic]], "jwt"],
    ["a log-in", login, [[jwt], [basic]], "basic"],
    ["a token where only Basic is taken", token, [[basic]], 900917],
    ["a log-in where only tokens are taken", login, [[jwt]], 900917],
    ["an unknown word counts as a token", ["authorization", "Digest x"], [[jwt]], 900901],
    ["an unknown word where only Basic is taken", ["authorization", "Digest x"], [[basic]], 900917],
    ["an empty Bearer", ["authorization", "Bearer"], [[jwt]], 900901],
    ["a wrong log-in", ["authorization", "Basic bad"], [[jwt], [basic]], 900911],
    ["a key", apiKey, [[jwt], [key]], "api-key"],
    ["a key beside an auth header is not looked at (S-SEL-13)", [...badToken, ...apiKey], [[jwt], [key]], 900901],
    ["a key with a header where only keys are taken (S-SEL-13)", [...token, ...apiKey], [[key]], 900917],
    ["a failing scheme does not stop later ones (S-SEL-08)", token, [[scheme("jwt", { code: 900901 })], [jwt]], "jwt"],
  ];
  for (const [what, headers, anyOf, expected] of cases) {
    test(what, async () => assert.equal(await enter(headers, anyOf), expected));
  }

  test("what a 401 asks for is the API's (S-ERR-R4)", async () => {
    const x = new RecordedExchange();
    await authenticate(x, petstore, [[basic]]);
    assert.deepEqual(x.refusal, {
      status: 401,
      code: 900902,
      reason: "no credentials",
      challenges: ["oauth2", "basic"],
    });
  });

  test("status of a refusal (S-ERR-R3)", async () => {
    for (const [code, status] of [
      [900900, 500],
      [900911, 401],
      [0, 503],
    ] as const) {
      const x = new RecordedExchange({ headers: badToken });
      await authenticate(x, petstore, [[scheme("jwt", { code })]]);
      assert.deepEqual([x.refusal?.code, x.refusal?.status], [code, status]);
    }
  });
});

describe("standard", () => {
  before(() => configure("standard"));

  const cases: [string, readonly string[], readonly Alternative[], string | number][] = [
    ["a key beside a token that is wrong", [...badToken, ...apiKey], [[jwt], [key]], "api-key"],
    ["both are needed, both are there", [...token, ...apiKey], [[key, jwt]], "jwt"],
    ["both are needed, one is there", token, [[key, jwt]], 900902],
    ["both are needed, the other is there", apiKey, [[jwt, key]], 900902],
    ["both are needed, one is wrong", [...badToken, ...apiKey], [[jwt, key]], 900901],
    ["a log-in that is not enabled", login, [[jwt, key]], 900917],
    [
      "scopes of its own",
      token,
      [{ allOf: [scheme("jwt", { scopes: ["a", "b"] })], scopes: allScopes("a", "b") }],
      "jwt",
    ],
    ["any scope of its own", token, [{ allOf: [scheme("jwt", { scopes: ["b"] })], scopes: anyScope("a", "b") }], "jwt"],
    ["a scope is missing", token, [{ allOf: [scheme("jwt", { scopes: ["a"] })], scopes: allScopes("a", "b") }], 900910],
    [
      "a scope is missing, but a key is there",
      [...token, ...apiKey],
      [{ allOf: [jwt], scopes: allScopes("a") }, { allOf: [key] }],
      "api-key",
    ],
    [
      "a missing scope says more than a wrong credential",
      [...token, "api_key", "bad"],
      [[key], { allOf: [jwt], scopes: allScopes("a") }],
      900910,
    ],
  ];
  for (const [what, headers, anyOf, expected] of cases) {
    test(what, async () => assert.equal(await enter(headers, anyOf), expected));
    const later = (one: Scheme): Scheme => ({ ...one, verify: async (x) => await one.verify(x) });
    const waiting = anyOf.map((one) => ("allOf" in one ? { ...one, allOf: one.allOf.map(later) } : one.map(later)));
    test(`${what}, and all of it waits`, async () => assert.equal(await enter(headers, waiting), expected));
  }

  test("what a 401 asks for is the operation's", async () => {
    const x = new RecordedExchange();
    await authenticate(x, petstore, [[basic], [key]]);
    assert.deepEqual(x.refusal?.challenges, ["basic"]);
  });
});

test("no promise where nothing waits, one where something does", async () => {
  await configure("wso2-3.2");
  const x = new RecordedExchange({ headers: token });
  assert.ok(!(authenticate(x, petstore, [[jwt]]) instanceof Promise));
  assert.ok(authenticate(x, petstore, [[scheme("jwt", { later: true })]]) instanceof Promise);
});

describe("what reaches the backend (S-HDR-01)", () => {
  test("neither auth header nor key, whatever comes of the check", async () => {
    await configure("wso2-3.2");
    const x = new RecordedExchange({ headers: [] });
    const keyed = api({ name: "A", version: "1", basePath: "/a", challenges: [] });
    keyed.keyHeaders.add("api_key");
    await authenticate(x, keyed, [[jwt], [key]]);
    assert.deepEqual(x.withheld, ["authorization", "api_key"]);
    const open = new RecordedExchange();
    withholdCredentials(open, api({ name: "A", version: "1", basePath: "/a", authHeader: "X-Auth", challenges: [] }));
    assert.deepEqual(open.withheld, ["x-auth"]);
  });

  test("nor fields in which the gateway itself would speak (S-SEC-09, S-SEC-10)", async () => {
    const own =
      "[jwtConfig]\nheader = 'X-Assertion'\n[mutualSSLConfig]\ncertificateHeaderName = 'X-WSO2-Client-Certificate'\n";
    await configure("wso2-3.2", own);
    const x = new RecordedExchange();
    withholdCredentials(x, petstore);
    assert.deepEqual(x.withheld, ["authorization", "x-assertion"]);
    assert.ok(isGatewayOwned("x-wso2-client-certificate") && isGatewayOwned("x-jwt-assertion"));
  });

  test("the auth header when the settings say so, but then only one", async () => {
    await configure("wso2-3.2", "[authConfig]\nremoveAuthHeaderFromOutMessage = false\n");
    const x = new RecordedExchange({ headers: token });
    await authenticate(x, petstore, [[jwt]]);
    assert.deepEqual(x.withheld, []);
    assert.equal(await enter([...token, "authorization", "Bearer other"], [[jwt]]), 900901);
  });
});

test("scopes are compared exactly; some callers are exempt (S-SCP-01, S-SCP-04, S-SCP-05)", () => {
  const caller = callerOf("jwt", ["read", "write"]);
  assert.equal(hasAnyScope(caller, ["x", "write"]), true);
  assert.equal(hasAnyScope(caller, ["Read"]), false);
  assert.equal(hasAnyScope(caller, []), false);
  assert.equal(hasAllScopes(caller, ["read", "write"]), true);
  assert.equal(hasAllScopes(caller, ["read", "x"]), false);
  assert.equal(hasAllScopes(caller, []), true);
  const exempt = { ...caller, scopesApply: false };
  assert.equal(hasAnyScope(exempt, ["x"]) && hasAllScopes(exempt, ["x"]), true);
});
