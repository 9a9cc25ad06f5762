import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, mock, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { bearerJwt, jwtModule } from "../../../runtime-lib/auth-jwt.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { addCallerCheck } from "../../../runtime-lib/caller-checks.ts";
import type { Verified } from "../../../runtime-lib/scheme.ts";
import { noBackends } from "../../support/no-backends.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { KeyServer } from "./key-server.ts";
import { settingsFrom } from "./settings-for-test.ts";

const idp = new TestIssuer("https://idp.test");
const other = new TestIssuer("https://other.test");
const petstore = api({ name: "Petstore", version: "1.0.0", basePath: "/petstore/v1", challenges: ["oauth2"] });
const scheme = bearerJwt(petstore);
const now = () => Math.floor(Date.now() / 1000);

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "castgate-jwt-"));
  await writeFile(join(folder, "idp.pem"), idp.certificatePem);
  await writeFile(join(folder, "other.pem"), other.certificatePem);
});
after(() => rm(folder, { recursive: true }));
afterEach(() => jwtModule.close?.());

/** Configures the module; gives the findings. */
async function configure(text: string, more: Parameters<typeof settingsFrom>[1] = {}): Promise<readonly string[]> {
  const { settings, report } = await settingsFrom(`[listenerConfig]\ntrustStorePath = "${folder}"\n${text}`, more);
  await jwtModule.configure(settings, report, noBackends);
  return report.lines();
}

const issuerIdp = "[[jwtTokenConfig]]\nissuer = 'https://idp.test'\ncertificateAlias = 'IDP'\naudience = 'api'\n";
const issuerOther =
  "[[jwtTokenConfig]]\nissuer = 'https://other.test'\ncertificateAlias = 'other'\naudience = ['api', 'x']\n";

function send(value: string): Verified | Promise<Verified> {
  return scheme.verify(new RecordedExchange({ headers: ["Authorization", value] }));
}

function bearer(token: string): Verified {
  const outcome = send(`Bearer ${token}`);
  assert.ok(!(outcome instanceof Promise), "nothing to wait for");
  return outcome;
}

function callerOf(outcome: Verified): Caller {
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.caller;
}

function reasonOf(outcome: Verified): string {
  assert.ok(!outcome.ok);
  assert.equal(outcome.code, 900901);
  return outcome.reason;
}

describe("tokens of issuers with certificates", () => {
  before(async () => assert.deepEqual(await configure(issuerIdp + issuerOther), []));

  test("a good one, synchronously, and the same caller again from the cache", () => {
    const token = idp.token({ aud: "api", scope: "read write" });
    const caller = callerOf(bearer(token));
    assert.equal(caller.name, "alice");
    assert.deepEqual([...caller.scopes], ["read", "write"]);
    assert.equal(callerOf(bearer(token)), caller);
  });

  test("every issuer has keys of its own", () => {
    callerOf(bearer(other.token({ aud: ["x"] })));
    assert.equal(reasonOf(bearer(idp.token({ iss: other.name, aud: "api" }))), "jwt: signature");
    assert.equal(reasonOf(bearer(idp.token({ iss: "https://unknown.test", aud: "api" }))), "jwt: unknown issuer");
  });

  test("the scheme's word in any case, with several blanks; nothing after it is invalid", () => {
    const token = idp.token({ aud: "api" });
    for (const value of [`bearer ${token}`, `BEARER   ${token}`, `Bearer ${token} `]) callerOf(send(value) as Verified);
    for (const value of ["Bearer", "Bearer ", "bearer    "]) assert.match(reasonOf(send(value) as Verified), /^jwt: /);
    assert.match(reasonOf(send(`Bearer ${token}, Bearer ${token}`) as Verified), /^jwt: /);
  });

  const wrong: [string, object, object, string][] = [
    ["expired", { aud: "api", exp: now() - 60 }, {}, "jwt: expired"],
    ["no expiry", { aud: "api", exp: undefined }, {}, "jwt: no expiry"],
    ["another audience", { aud: "else" }, {}, "jwt: audience"],
    ["algorithm of another key type", { aud: "api" }, { alg: "ES256" }, "jwt: algorithm does not fit the key"],
    ["symmetric", { aud: "api" }, { alg: "HS256" }, "jwt: algorithm"],
    ["unsigned", { aud: "api" }, { alg: "none" }, "jwt: algorithm"],
    ["a keytype that selects no backend", { aud: "api", application: {}, keytype: "TEST" }, {}, "jwt: keytype"],
  ];
  for (const [what, claims, header, reason] of wrong) {
    test(what, () => assert.equal(reasonOf(bearer(idp.token({ ...claims }, { ...header }))), reason));
  }

  test("expiry is looked at on every hit of the cache", async (context) => {
    await configure(`${issuerIdp}[server]\ntimestampSkew = 0\n`);
    const token = idp.token({ aud: "api", exp: now() + 3600 });
    callerOf(bearer(token));
    context.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3_601_000 });
    assert.equal(reasonOf(bearer(token)), "jwt: expired");
    context.mock.timers.reset();
    await configure(issuerIdp + issuerOther);
  });

  test("the cache is bounded", async () => {
    await configure(`${issuerIdp}[caching]\ntokenCacheCapacity = 4\n`);
    const tokens = Array.from({ length: 20 }, (_, i) => idp.token({ aud: "api", sub: `u${i}` }));
    for (const token of tokens) callerOf(bearer(token));
    for (const [i, token] of tokens.entries()) assert.equal(callerOf(bearer(token)).name, `u${i}`);
    await configure(issuerIdp + issuerOther);
  });
});

describe("claims become a caller (S-JWT-09 to 12, S-SUB-02)", () => {
  before(() => configure(issuerIdp));

  test("application, tier, subscriptions, key type", () => {
    const caller = callerOf(
      bearer(
        idp.token({
          aud: "api",
          keytype: "SANDBOX",
          application: { id: 417, name: "app", tier: "Gold", owner: "bob" },
          subscribedAPIs: [{ name: "Petstore", version: "1.0.0", subscriptionTier: "Silver" }, 7],
        }),
      ),
    );
    assert.equal(caller.keyType, "SANDBOX");
    assert.deepEqual(caller.application, {
      id: "417",
      tier: "Gold",
      subscriptions: [{ name: "Petstore", version: "1.0.0", tier: "Silver" }],
    });
  });

  test("without an application: unknown, unlimited, and keytype is ignored (R-THR-05)", () => {
    const caller = callerOf(bearer(idp.token({ aud: "api", keytype: "SANDBOX" })));
    assert.equal(caller.keyType, "PRODUCTION");
    assert.deepEqual(caller.application, { id: "__unknown__", tier: "Unlimited", subscriptions: [] });
  });

  test("scopes as an array; without subject and name there are none in wso2-3.2 (S-SCP-06)", async () => {
    assert.deepEqual([...callerOf(bearer(idp.token({ aud: "api", scope: ["a", "b", 1] }))).scopes], ["a", "b"]);
    const nobody = { aud: "api", sub: undefined, scope: "a" };
    assert.deepEqual([...callerOf(bearer(idp.token(nobody))).scopes], []);
    await configure(issuerIdp, { compatibility: "standard" });
    assert.deepEqual([...callerOf(bearer(idp.token(nobody))).scopes], ["a"]);
  });
});

describe("settings", () => {
  test("an issuer without key source, without name, with an alias that is not there", async () => {
    assert.deepEqual(
      await configure(
        [
          "[[jwtTokenConfig]]\nissuer = 'a'\naudience = 'x'\njwksURL = ''",
          "[[jwtTokenConfig]]\naudience = 'x'\ncertificateAlias = 'idp'",
          "[[jwtTokenConfig]]\nissuer = 'c'\naudience = 'x'\ncertificateAlias = 'nobody'",
          "[[jwtTokenConfig]]\nissuer = 'd'\naudience = 'x'\njwksURL = 'http://idp.test/'",
          "[[jwtTokenConfig]]\nissuer = 'e'\ncertificateAlias = 'idp'",
          "[[jwtTokenConfig]]\nissuer = 'f'\ncertificateAlias = 'idp'\naudience = ''",
        ].join("\n"),
      ),
      [
        "error: jwtTokenConfig[0].issuer: has no key source: set certificateAlias, jwksURL or discoveryURL; unsigned tokens are never accepted",
        "error: jwtTokenConfig[1].issuer: is required",
        'error: jwtTokenConfig[2].certificateAlias: "nobody" is not in the trust store (listenerConfig.trustStorePath); it holds idp, other',
        "error: jwtTokenConfig[3].jwksURL: must be an https URL; plain http is only for loopback",
        "warning: jwtTokenConfig[4].audience: is not set: tokens that this issuer made for others are accepted too",
        "error: jwtTokenConfig[5].audience: must not be empty; remove it to accept any audience",
      ],
    );
  });

  test("no issuer at all; the original's own comes back only by --allow-known-defaults", async () => {
    const missing = [
      "error: jwtTokenConfig: an operation needs a token, but there is no issuer: add [[jwtTokenConfig]]",
    ];
    assert.deepEqual(await configure(""), missing);
    assert.deepEqual(
      await configure("", { allowKnownDefaults: true }),
      missing,
      "the trust store lacks the stock alias",
    );
    await writeFile(join(folder, "wso2apim310.pem"), idp.certificatePem);
    assert.deepEqual(await configure(""), missing);
    assert.deepEqual(await configure("", { allowKnownDefaults: true }), [
      "warning: jwtTokenConfig: is not set: https://localhost:9443/oauth2/token is trusted (allowed by --allow-known-defaults)",
    ]);
    callerOf(bearer(idp.token({ iss: "https://localhost:9443/oauth2/token" })));
    await rm(join(folder, "wso2apim310.pem"));
  });

  test("the auth header's name: the API's own, else the settings' (S-SEL-15)", async () => {
    await configure(`${issuerIdp}[authConfig]\nauthorizationHeader = 'X-Auth'\n`);
    const token = `Bearer ${idp.token({ aud: "api" })}`;
    const own = bearerJwt(api({ name: "A", version: "1", basePath: "/a", authHeader: "X-Own", challenges: [] }));
    assert.equal(scheme.present(new RecordedExchange({ headers: ["x-auth", token] })), true);
    assert.equal(scheme.present(new RecordedExchange({ headers: ["authorization", token] })), false);
    assert.equal(own.present(new RecordedExchange({ headers: ["x-own", token] })), true);
    assert.equal(own.present(new RecordedExchange({ headers: ["x-auth", token] })), false);
  });
});

describe("tokens of issuers with key sets", () => {
  const server = new KeyServer();
  const first = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const second = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: "jwk" }), kid, use: "sig", alg: "ES256" });

  function token(key: KeyObject, kid: string | undefined, claims: object = {}): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const body = { iss: "https://keys.test", aud: "api", sub: "carol", exp: now() + 600, ...claims };
    const input = `${part({ alg: "ES256", kid })}.${part(body)}`;
    return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  }

  const start = () =>
    configure(`[[jwtTokenConfig]]\nissuer = 'https://keys.test'\naudience = 'api'\njwksURL = '${server.url}'\n`);
  before(() => server.start());
  after(() => server.stop());

  test("the first token waits for the keys; the next ones for nothing", async () => {
    server.serve([jwk(first.publicKey, "1")]);
    assert.deepEqual(await start(), []);
    assert.equal(jwtModule.waitingFor?.(), "keys of https://keys.test");
    assert.equal(callerOf(await send(`Bearer ${token(first.privateKey, "1")}`)).name, "carol");
    assert.equal(jwtModule.waitingFor?.(), undefined);
    callerOf(bearer(token(first.privateKey, "1", { sub: "dave" })));
  });

  test("unknown kids right after a fetch are invalid, once the next one has not brought them", async () => {
    server.serve([jwk(first.publicKey, "1")]);
    await start();
    await send(`Bearer ${token(first.privateKey, "1")}`);
    const before = server.requests;
    const unknown = Array.from({ length: 20 }, (_, i) => `Bearer ${token(second.privateKey, `k${i}`)}`);
    const outcomes = await Promise.all(unknown.map(async (one) => reasonOf(await send(one))));
    assert.deepEqual(new Set(outcomes), new Set(["jwt: unknown key"]));
    assert.equal(server.requests, before + 1);
    for (let i = 0; i < 20; i++) assert.equal(reasonOf(bearer(token(second.privateKey, `k${i}`))), "jwt: unknown key");
    assert.equal(server.requests, before + 1);
  });

  test("unknown kids are invalid, not undecided, while others have a slow source asked without end", async () => {
    server.serve([jwk(first.publicKey, "1")]);
    await start();
    await send(`Bearer ${token(first.privateKey, "1")}`);
    // Each fetch takes longer than the time between two.
    let clock = performance.now();
    const now = mock.method(performance, "now", () => clock);
    server.answer = (response) => {
      clock += 2_000;
      response.end(JSON.stringify({ keys: [jwk(first.publicKey, "1")] }));
    };
    clock += 2_000;
    const unknown = Array.from({ length: 5 }, (_, i) => `Bearer ${token(second.privateKey, `slow-${i}`)}`);
    const outcomes = await Promise.all(unknown.map(async (one) => reasonOf(await send(one))));
    now.mock.restore();
    assert.deepEqual(outcomes, new Array(5).fill("jwt: unknown key"));
  });

  test("keys where the issuer's metadata says that they are", async () => {
    const keys = { keys: [jwk(first.publicKey, "1")] };
    const origin = new URL(server.url).origin;
    const asked: string[] = [];
    const serve = (metadata: unknown) => {
      server.answer = (response) => {
        asked.push(response.req.url ?? "");
        response.end(JSON.stringify(response.req.url === "/jwks" ? keys : metadata));
      };
    };
    const found = () =>
      configure(
        `[[jwtTokenConfig]]\nissuer = 'https://keys.test'\naudience = 'api'\ndiscoveryURL = '${origin}/.well-known/openid-configuration'\n`,
      );
    serve({ issuer: "https://keys.test", jwks_uri: server.url });
    assert.deepEqual(await found(), []);
    assert.equal(callerOf(await send(`Bearer ${token(first.privateKey, "1")}`)).name, "carol");
    assert.deepEqual(asked, ["/.well-known/openid-configuration", "/jwks"]);
    for (const metadata of [
      { issuer: "https://keys.test/", jwks_uri: server.url },
      { jwks_uri: server.url },
      { issuer: "https://keys.test" },
      { issuer: "https://keys.test", jwks_uri: "http://idp.test/jwks" },
      { issuer: "https://keys.test", jwks_uri: "file:///etc/passwd" },
      [],
    ]) {
      serve(metadata);
      await found();
      const outcome = await send(`Bearer ${token(first.privateKey, "1")}`);
      assert.deepEqual(
        outcome,
        { ok: false, code: 0, reason: "jwt: key source away", issuer: "https://keys.test" },
        JSON.stringify(metadata),
      );
    }
    server.answer = (response) => void response.writeHead(302, { location: "/jwks" }).end();
    await found();
    const redirected = await send(`Bearer ${token(first.privateKey, "1")}`);
    assert.deepEqual(redirected, { ok: false, code: 0, reason: "jwt: key source away", issuer: "https://keys.test" });
    const table = "[[jwtTokenConfig]]\nissuer = 'd'\naudience = 'x'\n";
    assert.deepEqual(
      [
        ...(await configure(`${table}discoveryURL = 'http://idp.test/'`)),
        ...(await configure(`${table}discoveryURL = 'https://idp.test/'\njwksURL = 'https://idp.test/'`)),
      ],
      [
        "error: jwtTokenConfig[0].discoveryURL: must be an https URL; plain http is only for loopback",
        "error: jwtTokenConfig[0].discoveryURL: is set beside jwksURL: only one of them can name the keys",
      ],
    );
  });

  test("a key of the right kid but not the right one", async () => {
    server.serve([jwk(first.publicKey, "1")]);
    await start();
    assert.equal(reasonOf(await send(`Bearer ${token(second.privateKey, "1")}`)), "jwt: signature");
  });

  test("while the source is away: 503 for what cannot be decided", async () => {
    server.answer = (response) => void response.writeHead(500).end();
    await start();
    const outcome = await send(`Bearer ${token(first.privateKey, "1")}`);
    assert.deepEqual(outcome, { ok: false, code: 0, reason: "jwt: key source away", issuer: "https://keys.test" });
    assert.equal(jwtModule.waitingFor?.(), "keys of https://keys.test");
    assert.deepEqual(await send(`Bearer ${token(first.privateKey, "1")}`), outcome, "and no fetch for each token");
  });
});

test("what is dropped around a token is not part of what it is revoked by (S-REV-03)", async () => {
  assert.deepEqual(await configure(issuerIdp), []);
  addCallerCheck("revocation", (_x, _api, caller) => ({ ok: true, caller }));
  const token = idp.token({ aud: "api", jti: undefined });
  // A no-break space is a character of a field's value, and a blank to `trim`.
  for (const value of [`Bearer ${token}`, `Bearer  ${token}\xa0`, `Bearer ${token}\xa0 \xa0`])
    assert.deepEqual(callerOf(await send(value)).revocationIds, [token.split(".")[2]], JSON.stringify(value.slice(-3)));
});
