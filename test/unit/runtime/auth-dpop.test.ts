import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { beforeEach, describe, test } from "node:test";
import { api, configureApis } from "../../../runtime-lib/api.ts";
import { dpop, dpopModule } from "../../../runtime-lib/auth-dpop.ts";
import type { TokenScheme } from "../../../runtime-lib/auth-jwt.ts";
import { type Alternative, authenticate } from "../../../runtime-lib/authenticate.ts";
import { refuse } from "../../../runtime-lib/respond.ts";
import type { Verified } from "../../../runtime-lib/scheme.ts";
import { allScopes } from "../../../runtime-lib/scopes.ts";
import { fieldOf, RecordedExchange } from "../../support/recorded-exchange.ts";
import { settingsFrom } from "./settings-for-test.ts";

const shop = api({ name: "Shop", version: "1", basePath: "/shop", challenges: ["oauth2"] });

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk = publicKey.export({ format: "jwk" });
const thumbprint = createHash("sha256")
  .update(`{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`)
  .digest("base64url");

/** Takes every token; what it says of the caller is this. */
function tokens(cnf: unknown = { jkt: thumbprint }, later = false): TokenScheme {
  const verified: Verified = {
    ok: true,
    caller: {
      name: "alice",
      scheme: "jwt",
      scopes: new Set(["b"]),
      scopesApply: true,
      keyType: "PRODUCTION",
      application: { id: "1", tier: "Unlimited", subscriptions: [] },
      claims: cnf === undefined ? {} : { cnf },
      consumerKey: "",
      revocationIds: [],
    },
  };
  return {
    kind: "jwt",
    present: () => true,
    verify: () => verified,
    verifyField: (value) => {
      assert.equal(value, "Bearer token");
      return later ? Promise.resolve(verified) : verified;
    },
    knownField: () => verified,
  };
}

let count = 0;
function proof(claims: object = {}, header: object = {}, key: KeyObject = privateKey): string {
  const head = { typ: "dpop+jwt", alg: "ES256", jwk, ...header };
  const body = {
    jti: `proof-${++count}`,
    htm: "GET",
    htu: "http://api.test/shop",
    iat: Math.floor(Date.now() / 1000),
    ath: createHash("sha256").update("token").digest("base64url"),
    ...claims,
  };
  const input = [head, body].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

function request(text: string, more: readonly string[] = []): RecordedExchange {
  const path = { raw: "/shop", query: "", segments: ["shop"], ends: [5], plain: true, encodedSlash: false };
  return new RecordedExchange({
    path,
    headers: ["Host", "api.test", "Authorization", "DPoP token", "DPoP", text, ...more],
    compatibility,
  });
}

let compatibility: "wso2-3.2" | "standard" = "standard";
const ownOrigin = 'publicOrigins = ["http://api.test"]';
/** What `[castgate]` says, and what is reported of it. */
async function configure(
  text = "",
  mode: "wso2-3.2" | "standard" = "standard",
  origins = ownOrigin,
): Promise<readonly string[]> {
  compatibility = mode;
  const { settings, report } = await settingsFrom(`[castgate]\n${origins}\n${text}`, { compatibility });
  configureApis(settings);
  await dpopModule.configure(settings, report, () => assert.fail("no backends here"));
  return report.lines();
}

async function enter(x: RecordedExchange, anyOf: readonly Alternative[] = [[dpop(shop, tokens(), "required")]]) {
  const caller = await authenticate(x, shop, anyOf);
  return caller?.name ?? x.refusal?.reason;
}

describe("proofs of possession", () => {
  beforeEach(async () => assert.deepEqual(await configure(), []));

  test("what is wrong is told to the log", async () => {
    const reasons: readonly (readonly [string, string])[] = [
      [proof({}, { typ: "jwt" }), "dpop: not of the type dpop+jwt"],
      [proof({}, { jwk: undefined }), "dpop: no key"],
      [proof({}, { jwk: privateKey.export({ format: "jwk" }) }), "dpop: a private key"],
      [proof({}, { jwk: { ...jwk, y: jwk.x } }), "dpop: a key that is of no use"],
      [proof({}, { alg: "none" }), "dpop: algorithm"],
      [proof({}, {}, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey), "dpop: signature"],
      [proof({ htm: "POST" }), "dpop: for another method"],
      [proof({ htu: "http://api.test/shop/x" }), "dpop: for another target"],
      [proof({ htu: "http://api.test/shöp" }), "dpop: for another target"],
      [proof({ ath: "x" }), "dpop: for another token"],
      [proof({ iat: undefined }), "dpop: no time"],
      [proof({ iat: Math.floor(Date.now() / 1000) - 61 }), "dpop: too old, or from the future"],
      [proof({ iat: Math.floor(Date.now() / 1000) + 7 }), "dpop: too old, or from the future"],
      [proof({ jti: undefined }), "dpop: no usable jti"],
    ];
    for (const [text, reason] of reasons) assert.equal(await enter(request(text)), reason);
    assert.equal(await enter(request("")), "dpop: not exactly one proof");
    assert.equal(await enter(request(proof(), ["dpop", proof()])), "dpop: not exactly one proof");
  });

  test("htu is of the gateway's own origins, whatever Host says (RFC 9449 section 4.3)", async () => {
    await configure("", "standard", 'publicOrigins = ["https://API.example.com/", "http://[::1]:8080"]');
    const htu = (text: string) => enter(request(proof({ htu: text }), ["X-Forwarded-Host", "api.test"]));
    for (const own of [
      "https://api.example.com/shop",
      "HTTPS://Api.Example.COM:443/shop",
      "https://api.example.com/%73hop?a=b#c",
      "http://[::1]:8080/shop",
      "http://[0:0::1]:8080/shop",
    ])
      assert.equal(await htu(own), "alice", own);
    for (const other of [
      // What the request's Host field says.
      "http://api.test/shop",
      "http://api.example.com/shop",
      "https://api.example.com:8443/shop",
      "https://api.example.com.evil.test/shop",
      "https://api.example.com@evil.test/shop",
      "https://evil.test\\@api.example.com/shop",
      "https://api.example.com",
      "http://[::1]/shop",
      "//api.example.com/shop",
      "https:/api.example.com/shop",
    ])
      assert.equal(await htu(other), "dpop: for another target", other);
  });

  test("without the gateway's own origins it does not start, in either compatibility", async () => {
    const required =
      'error: castgate.publicOrigins: is required: an API takes proofs of possession, which name the origin that clients call, as in ["https://api.example.com"]';
    for (const mode of ["standard", "wso2-3.2"] as const) {
      assert.deepEqual(await configure("", mode, ""), [required]);
      assert.deepEqual(await configure("", mode, "publicOrigins = []"), [required]);
      for (const wrong of ["api.example.com", "https://a.test/path", "https://u@a.test", "ftp://a.test", "https://"])
        assert.deepEqual(await configure("", mode, `publicOrigins = ["https://b.test", "${wrong}"]`), [
          "error: castgate.publicOrigins: must have an origin, as https://api.example.com, in each element",
          required,
        ]);
      assert.deepEqual(await configure("", mode, 'publicOrigins = "https://b.test,https://b.test:99999"'), [
        "error: castgate.publicOrigins: has an element with a malformed host or port",
      ]);
    }
  });

  test("a token must be bound to the key of its proof", async () => {
    for (const cnf of [undefined, "x", {}, { jkt: "other" }, { "x5t#S256": "other" }]) {
      const only = dpop(shop, tokens(cnf === undefined ? null : cnf), "required");
      assert.equal(await enter(request(proof()), [[only]]), "dpop: the token is bound to another key");
    }
    assert.equal(await enter(request(proof()), [[dpop(shop, tokens({ jkt: thumbprint }, true), "required")]]), "alice");
    const both = { jkt: thumbprint, "x5t#S256": "other" };
    assert.equal(
      await enter(request(proof()), [[dpop(shop, tokens(both), "required")]]),
      "token: bound to another certificate",
    );
  });

  test("one request may try its proof for several alternatives", async () => {
    const scheme = dpop(shop, tokens(), "required");
    const anyOf = [
      { allOf: [scheme], scopes: allScopes("a") },
      { allOf: [scheme], scopes: allScopes("b") },
    ];
    assert.equal(await enter(request(proof()), anyOf), "alice");
  });

  test("a used proof is remembered until it is too old, whatever comes between", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
    const ahead = proof({ iat: 1_800_000_004 });
    assert.equal(await enter(request(ahead)), "alice");
    for (let second = 1; second < 64; second++) {
      t.mock.timers.tick(1_000);
      assert.equal(await enter(request(ahead)), "dpop: used before");
      assert.equal(await enter(request(proof())), "alice");
    }
    t.mock.timers.tick(2_000);
    assert.equal(await enter(request(ahead)), "dpop: too old, or from the future");
  });

  test("more proofs than can be remembered are not taken", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
    await configure("dpopReplayCapacity = 1000\ndpopProofSeconds = 10\n");
    for (let i = 0; i < 1000; i++) assert.equal(await enter(request(proof())), "alice");
    const x = request(proof());
    assert.equal(await enter(x), "dpop: too many proofs at once");
    assert.deepEqual([x.refusal?.status, x.refusal?.code], [503, 900900]);
    t.mock.timers.tick(40_000);
    assert.equal(await enter(request(proof())), "alice");
  });

  test("nonces last for two turns, and a later one is handed out with the answer", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
    await configure("dpopNonce = true\n");
    const nonceOf = (x: RecordedExchange) => {
      refuse(x);
      return fieldOf(x, "dpop-nonce")[0];
    };
    const asked = request(proof());
    assert.equal(await enter(asked), "dpop: no current nonce");
    const nonce = nonceOf(asked);
    assert.equal(await enter(request(proof({ nonce }))), "alice");
    t.mock.timers.tick(60_000);
    const old = request(proof({ nonce }));
    assert.equal(await enter(old), "alice");
    const next = nonceOf(old);
    assert.ok(next !== undefined && next !== nonce);
    t.mock.timers.tick(60_000);
    assert.equal(await enter(request(proof({ nonce }))), "dpop: no current nonce");
    assert.equal(await enter(request(proof({ nonce: next }))), "alice");
  });

  test("asking for a nonce is no failed log-in", async () => {
    await configure("dpopNonce = true\nfailedLoginsPerMinute = 2\n");
    for (let i = 0; i < 5; i++) assert.equal(await enter(request(proof())), "dpop: no current nonce");
  });

  test("in `wso2-3.2` the challenge stands beside that of the original", async () => {
    await configure("", "wso2-3.2");
    const x = request(proof({ htm: "POST" }));
    await enter(x);
    refuse(x);
    assert.deepEqual(fieldOf(x, "www-authenticate"), [
      'OAuth2 realm="WSO2 API Microgateway", error="invalid token" , error_description="The access token expired", DPoP algs="ES256 ES384 ES512 EdDSA PS256 PS384 PS512 RS256 RS384 RS512", error="invalid_dpop_proof"',
    ]);
  });
});
