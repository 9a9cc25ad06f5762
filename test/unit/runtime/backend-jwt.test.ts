import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { backendFields } from "../../../runtime-lib/backend-fields.ts";
import { backendJwtModule } from "../../../runtime-lib/backend-jwt.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { backendJwt } from "../../../runtime-lib/feature-backend-jwt.ts";
import { copyRequestHeaders } from "../../../runtime-lib/headers.ts";
import { callerOfClaims } from "../../../runtime-lib/jwt-caller.ts";
import type { SettingsSources } from "../../../runtime-lib/settings-load.ts";
import { noBackends } from "../../support/no-backends.ts";
import { onCurve, opensslIdentity } from "../../support/openssl-identity.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { identity } from "../../support/self-signed.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { settingsFrom } from "./settings-for-test.ts";

const folder = mkdtempSync(join(tmpdir(), "castgate-backend-jwt-"));
after(async () => {
  await backendJwtModule.close?.();
  rmSync(folder, { recursive: true });
});
const signer = new TestIssuer("gateway");
const curve = opensslIdentity(folder, "ec", ...onCurve("prime256v1"));
const manager = identity("localhost", { type: 2, value: "localhost" });
mkdirSync(join(folder, "keys"));
mkdirSync(join(folder, "trust"));
writeFileSync(join(folder, "keys/ballerina.pem"), signer.privateKeyPem + signer.certificatePem);
writeFileSync(join(folder, "keys/curve.pem"), curve.key + curve.cert);
writeFileSync(join(folder, "trust/manager.pem"), manager.cert);

const stores = `[listenerConfig]\nkeyStorePath = "${folder}/keys"\ntrustStorePath = "${folder}/trust"\n`;
const petstore = api({ name: "Petstore", version: "1.0.0", basePath: "/petstore/v1", challenges: [] });
const shop = api({ name: "Shop", version: "2", basePath: "/shop", challenges: [] });

async function configure(text: string, more: Partial<SettingsSources> = {}): Promise<readonly string[]> {
  const { settings, report } = await settingsFrom(stores + text, { features: ["backend-jwt"], ...more });
  await backendJwtModule.configure(settings, report, noBackends);
  return report.lines();
}

function on(text = "", before = ""): string {
  return `${before}\n[jwtGeneratorConfig]\njwtGeneratorEnabled = true\n${text}`;
}

/** What is added for a caller: the only source is the one under test. */
async function fields(caller: Caller, of = petstore): Promise<readonly string[] | undefined> {
  assert.equal(backendFields.length, 1, "added once, however often it is configured");
  return backendFields[0]?.(new RecordedExchange(), of, caller);
}

function callerWith(claims: Readonly<Record<string, unknown>>): Caller {
  const caller = callerOfClaims({ iss: "https://idp.test", sub: "alice@acme", ...claims }, "jwt", "wso2-3.2");
  assert.ok(caller !== undefined);
  return caller;
}

interface Token {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly text: string;
}

async function tokenFor(caller: Caller, of = petstore, certificate = signer.certificatePem): Promise<Token> {
  const [name, text = "", ...rest] = (await fields(caller, of)) ?? [];
  assert.equal(name, "X-JWT-Assertion");
  assert.deepEqual(rest, []);
  const [header = "", claims = "", signature = ""] = text.split(".");
  const key = { key: createPublicKey(certificate), dsaEncoding: "ieee-p1363" } as const;
  assert.ok(verify("sha256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url")));
  const json = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  return { header: json(header), claims: json(claims), text };
}

const application = { id: 417, uuid: "u-1", name: "App", tier: "Gold", owner: "bob@corp.example" };

describe("claims", () => {
  before(async () => assert.deepEqual(await configure(on("restrictedClaims = ['claim2']")), []));

  test("of the gateway, in its dialect; those of the caller's token beside them (S-BJW-05, S-BJW-06)", async () => {
    const caller = callerWith({
      application,
      claim1: "one",
      claim2: "two",
      aud: "https://gateway.test",
      exp: 4_000_000_000,
      nbf: 1,
      jti: "their-own",
      keytype: "SANDBOX",
      tierInfo: {},
      scope: "read write",
      scopes: "read",
      "http://wso2.org/claims/enduser": "mallory",
      subscribedAPIs: [{ name: "Petstore", version: "*", subscriptionTier: "Silver" }],
    });
    const { header, claims } = await tokenFor(caller);
    assert.equal(header.alg, "RS256");
    assert.equal(header.typ, "JWT");
    assert.ok(header.kid !== undefined && header["x5t#S256"] !== undefined && header.x5t === undefined, "S-SEC-10");
    const { jti, iat, exp, ...rest } = claims;
    assert.match(String(jti), /^[0-9a-f-]{36}$/);
    assert.equal(Number(exp) - Number(iat), 900, "S-BJW-07: milliseconds");
    assert.ok(Math.abs(Number(iat) - Date.now() / 1000) < 60);
    const dialect = "http://wso2.org/claims/";
    assert.deepEqual(rest, {
      iss: "wso2.org/products/am",
      sub: "alice@acme",
      aud: "Petstore",
      claim1: "one",
      scope: "read write",
      scopes: "read",
      [`${dialect}enduser`]: "alice@acme",
      [`${dialect}applicationid`]: "417",
      [`${dialect}applicationUUId`]: "u-1",
      [`${dialect}subscriber`]: "bob@corp.example",
      [`${dialect}applicationname`]: "App",
      [`${dialect}applicationtier`]: "Gold",
      [`${dialect}apiname`]: "Petstore",
      [`${dialect}enduserTenantDomain`]: "corp.example",
      [`${dialect}apicontext`]: "/petstore/v1",
      [`${dialect}version`]: "1.0.0",
      [`${dialect}tier`]: "Silver",
      [`${dialect}keytype`]: "SANDBOX",
      [`${dialect}usertype`]: "Application_User",
    });
  });

  test("what is not known is left out, no stand-in of the gateway's is told (S-BJW-05)", async () => {
    const { claims } = await tokenFor(callerWith({}));
    const told = Object.keys(claims).map((name) => name.replace("http://wso2.org/claims/", ""));
    assert.deepEqual(
      told.sort(),
      "apicontext apiname aud enduser exp iat iss jti keytype sub usertype version".split(" "),
    );
  });

  test("a token's own backendJwt passes as it is (S-BJW-02), unless it could not stand in a field", async () => {
    assert.deepEqual(await fields(callerWith({ backendJwt: "a.b.c" })), ["X-JWT-Assertion", "a.b.c"]);
    for (const wrong of ["a\r\nX-Admin: 1", "", 7, null])
      assert.equal(await fields(callerWith({ backendJwt: wrong })), undefined, String(wrong));
  });

  test("never for Basic, API keys, client certificates and the public (S-BJW-03)", async () => {
    const caller = callerWith({ backendJwt: "a.b.c" });
    for (const scheme of ["basic", "api-key", "mutual-tls", "anonymous"])
      assert.deepEqual(await fields({ ...caller, scheme: scheme as Caller["scheme"] }), [], scheme);
    const opaque = await fields({ ...caller, scheme: "opaque" as Caller["scheme"] });
    assert.equal(opaque?.[1]?.split(".").length, 3, "an introspection's word is no JWT's: made here");
    assert.notEqual(opaque?.[1], "a.b.c");
  });

  test("a client's own field is dropped, whatever its spelling (S-BJW-10)", () => {
    const out: string[] = [];
    copyRequestHeaders(["X-JWT-Assertion", "a", "x_jwt_assertion", "b", "Accept", "c"], [], true, out);
    assert.deepEqual(out, ["Accept", "c"]);
  });

  test("concurrent callers get each their own (S-BJW-11)", async () => {
    const callers = Array.from({ length: 20 }, (_, n) => callerWith({ sub: `user-${n}`, n }));
    const tokens = await Promise.all(callers.flatMap((one) => [tokenFor(one), tokenFor(one, shop)]));
    tokens.forEach(({ claims }, index) => {
      assert.equal(claims.n, Math.floor(index / 2));
      assert.equal(claims.sub, `user-${Math.floor(index / 2)}`);
      assert.equal(claims.aud, index % 2 === 0 ? "Petstore" : "Shop");
    });
  });
});

describe("how long", () => {
  test("one token a caller and API, made once for requests at the same time (S-BJW-07, S-CCH-08)", async () => {
    await configure(on());
    const caller = callerWith({});
    const together = await Promise.all([tokenFor(caller), tokenFor(caller)]);
    assert.equal(together[0].text, together[1].text);
    assert.equal((await tokenFor(caller)).text, together[0].text);
    assert.ok(
      Array.isArray(backendFields[0]?.(new RecordedExchange(), petstore, caller)),
      "at once, without a promise",
    );
    assert.notEqual((await tokenFor(caller, shop)).text, together[0].text);
    const { application: known } = caller;
    const changed = { ...caller, application: { ...known, tier: "Bronze" } };
    assert.notEqual((await tokenFor(changed)).text, together[0].text, "what is said of the caller has changed");
    assert.equal((await tokenFor({ ...caller })).text, together[0].text, "the same credential");
    assert.notEqual((await tokenFor(callerWith({}))).text, together[0].text, "another credential");
  });

  test("renewed when less than the skew is left", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: 1_700_000_000_000 });
    const text = `${on("[jwtGeneratorConfig.jwtGeneratorCaching]\ntokenCacheExpiryTime = 90000")}\n[server]\ntimestampSkew = 20000`;
    assert.deepEqual(await configure(text), []);
    const caller = callerWith({});
    const first = await tokenFor(caller);
    assert.equal(first.claims.exp, 1_700_000_090);
    t.mock.timers.tick(69_000);
    assert.equal((await tokenFor(caller)).text, first.text);
    t.mock.timers.tick(2_000);
    const second = await tokenFor(caller);
    assert.equal(second.claims.exp, 1_700_000_161);
    t.mock.timers.tick(1_000);
    assert.equal((await tokenFor(caller)).text, second.text, "the renewed one is kept like the first");
  });

  test("a lifetime below the skew renews at half of it, and is warned of", async () => {
    const text = `${on("[jwtGeneratorConfig.jwtGeneratorCaching]\ntokenCacheExpiryTime = 4000")}`;
    assert.deepEqual(await configure(text), [
      "warning: jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheExpiryTime: is less than twice the clock skew: tokens are renewed after half of their life",
    ]);
    const caller = callerWith({});
    assert.equal((await tokenFor(caller)).text, (await tokenFor(caller)).text);
  });

  test("no cache: each request its own, with tokenExpiry", async () => {
    await configure(on("tokenExpiry = 60000\n[jwtGeneratorConfig.jwtGeneratorCaching]\ntokenCacheEnable = false"));
    const caller = callerWith({});
    const [one, two] = [await tokenFor(caller), await tokenFor(caller)];
    assert.notEqual(one.claims.jti, two.claims.jti);
    assert.equal(Number(one.claims.exp) - Number(one.claims.iat), 60);
  });
});

describe("settings", () => {
  test("field, dialect, issuer and audience", async () => {
    const text = on(
      "claimDialect = 'https://acme.test/c/'\nissuer = 'me'\naudience = ['a', 'b']\n",
      "[jwtConfig]\nheader = 'X-Caller'",
    );
    assert.deepEqual(await configure(text), []);
    const [name, token = ""] = (await fields(callerWith({}))) ?? [];
    assert.equal(name, "X-Caller");
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    assert.deepEqual(claims.aud, ["a", "b"]);
    assert.equal(claims.iss, "me");
    assert.equal(claims["https://acme.test/c/apiname"], "Petstore");
  });

  test("SHA256withECDSA is ES256", async () => {
    assert.deepEqual(await configure(on("signingAlgorithm = 'SHA256withECDSA'\nprivateKeyAlias = 'curve'")), []);
    assert.equal((await tokenFor(callerWith({}), petstore, curve.cert)).header.alg, "ES256");
  });

  const table = "error: jwtGeneratorConfig";
  const wrong: readonly (readonly [string, string, string, string?])[] = [
    [
      "NONE (S-BJW-04)",
      "signingAlgorithm = 'NONE'",
      `${table}.signingAlgorithm: must not be NONE: backends could not tell who has written it`,
    ],
    [
      "SHA-1",
      "signingAlgorithm = 'SHA1withRSA'",
      `${table}.signingAlgorithm: must be SHA256withRSA or SHA256withECDSA`,
    ],
    [
      "an algorithm of another key",
      "signingAlgorithm = 'SHA256withECDSA'",
      `${table}.signingAlgorithm: does not fit the key "ballerina", which signs with RS256`,
    ],
    [
      "a class of the project's own (S-BJW-08)",
      "generatorImpl = 'com.acme.Generator'",
      `${table}.generatorImpl: names a Java class that cannot be loaded; remove it, or write org.wso2.micro.gateway.jwt.generator.MGWJWTGeneratorImpl, which is built in`,
    ],
    [
      "the issuer of access tokens (S-SEC-02)",
      "issuer = 'https://idp.test'",
      `${table}.issuer: is also the issuer of credentials; what backends are shown needs an issuer of its own`,
      "[[jwtTokenConfig]]\nissuer = 'https://idp.test'\n",
    ],
    [
      "the issuer of API keys",
      "issuer = 'https://localhost:9095/apikey'",
      `${table}.issuer: is also the issuer of credentials; what backends are shown needs an issuer of its own`,
    ],
    [
      "no such key",
      "privateKeyAlias = 'mine'",
      `${table}.privateKeyAlias: "mine" names no private key of listenerConfig.keyStorePath; it holds ballerina, curve`,
    ],
  ];
  for (const [what, text, line, before] of wrong) {
    test(what, async () => assert.deepEqual(await configure(on(text, before)), [line]));
  }

  test("the original's generator class", async () => {
    const name = "org.wso2.micro.gateway.jwt.generator.MGWJWTGeneratorImpl";
    assert.deepEqual(await configure(on(`generatorImpl = '${name}'`)), []);
  });

  test("in standard, the key is named", async () => {
    assert.deepEqual(await configure(on(), { compatibility: "standard" }), [
      "error: jwtGeneratorConfig.privateKeyAlias: is required: it names the key in the listener's key store that signs",
    ]);
  });

  test("what switches it on; with the generator off only backendJwt passes (S-BJW-02)", async () => {
    const enabled = async (text: string, more: Partial<SettingsSources> = {}) =>
      backendJwt.enabled((await settingsFrom(text, more)).settings);
    assert.equal(await enabled(on()), true);
    assert.equal(await enabled(""), true);
    assert.equal(await enabled(on(), { compatibility: "standard" }), true);
    assert.equal(await enabled("[jwtConfig]\nheader = 'X-JWT-Assertion'", { compatibility: "standard" }), false);
    assert.equal(backendJwt.module.name, "backend-jwt");
    assert.deepEqual(await configure(""), []);
    assert.deepEqual(await fields(callerWith({})), []);
    assert.deepEqual(await fields(callerWith({ backendJwt: "a.b.c" })), ["X-JWT-Assertion", "a.b.c"]);
  });
});

describe("what the key manager knows of users (S-BJW-09)", () => {
  let server: Server;
  let url = "";
  const calls: { readonly path: string; readonly authorization: string; readonly body: string }[] = [];
  let answer: readonly [status: number, body: string] = [200, "{}"];
  before(async () => {
    server = createServer({ key: manager.key, cert: manager.cert }, (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text) => {
        body += text;
      });
      request.on("end", () => {
        const { url: path = "", method = "", headers } = request;
        calls.push({ path: `${method} ${path}`, authorization: headers.authorization ?? "", body });
        response.writeHead(answer[0], { "Content-Type": "application/json" }).end(answer[1]);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `https://localhost:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const retriever = "org.wso2.micro.gateway.jwt.generator.MGWClaimRetrieverImpl";
  function asking(base = url, impl = retriever): string {
    return on(
      `restrictedClaims = ['secret']\n[jwtGeneratorConfig.claimRetrieval]\nretrieverImpl = '${impl}'\n`,
      `[[jwtTokenConfig]]\nissuer = 'https://idp.test'\nremoteUserClaimRetrievalEnabled = true\n[keyManager]\nserverUrl = '${base}'\n[apim.credentials]\nusername = 'gw'\npassword = 'pass:word'\n`,
    );
  }
  const email = { uri: "http://wso2.org/claims/emailaddress", value: "alice@acme.test" };

  test("one POST with Basic for all requests of a user; names with and without a tenant", async () => {
    answer = [
      200,
      JSON.stringify({ count: 2, list: [email, { uri: "secret", value: "x" }, { uri: "sub", value: "root" }] }),
    ];
    assert.deepEqual(await configure(asking()), []);
    calls.length = 0;
    const tokens = await Promise.all([
      tokenFor(callerWith({})),
      tokenFor(callerWith({}), shop),
      tokenFor(callerWith({ sub: "alice" })),
      tokenFor(callerWith({ sub: 'a"b\\' })),
    ]);
    for (const { claims } of tokens) {
      assert.equal(claims[email.uri], email.value);
      assert.equal(claims.secret, undefined);
      assert.notEqual(claims.sub, "root", "the gateway's own word wins");
    }
    assert.deepEqual(
      calls.map(({ path, body }) => [path, body]).sort((a, b) => (String(a) < String(b) ? -1 : 1)),
      [
        ["POST /keymanager-operations/user-info/claims/generate", '{"username":"a\\"b\\\\"}'],
        ["POST /keymanager-operations/user-info/claims/generate", '{"username":"alice"}'],
      ],
    );
    assert.equal(calls[0]?.authorization, `Basic ${Buffer.from("gw:pass:word").toString("base64")}`);
  });

  test("standard: names are asked about as they are, so that no user gets what belongs to one of another tenant", async () => {
    answer = [200, JSON.stringify({ list: [email] })];
    const text = asking().replace("jwtGeneratorEnabled = true", "$&\nprivateKeyAlias = 'ballerina'");
    assert.deepEqual(await configure(text, { compatibility: "standard" }), []);
    calls.length = 0;
    for (const sub of ["alice@acme.test", "alice@other.test", "alice", "alice@acme.test"])
      await tokenFor(callerWith({ sub }));
    assert.deepEqual(
      calls.map(({ body }) => JSON.parse(body).username),
      ["alice@acme.test", "alice@other.test", "alice"],
    );
  });

  test("only for issuers, and opaque tokens, that ask for it", async () => {
    await configure(asking());
    calls.length = 0;
    await tokenFor(callerWith({ iss: "https://other.test", sub: "eve" }));
    await tokenFor({ ...callerWith({ sub: "eve" }), scheme: "opaque" as Caller["scheme"] });
    assert.deepEqual(calls, []);
  });

  test("away or wrong: nothing is forwarded, and the next request of that second does not ask again", async () => {
    for (const bad of [
      [500, "{}"],
      [200, "no JSON"],
      [200, '{"list":{}}'],
    ] as const) {
      await configure(asking());
      calls.length = 0;
      answer = bad;
      assert.equal(await fields(callerWith({})), undefined);
      assert.equal(await fields(callerWith({})), undefined);
      assert.equal(calls.length, 1);
    }
    await configure(asking("https://localhost:1"));
    assert.equal(await fields(callerWith({})), undefined);
  });

  test("the host name is verified", async () => {
    answer = [200, JSON.stringify({ list: [email] })];
    await configure(asking(url.replace("localhost", "127.0.0.1")));
    calls.length = 0;
    assert.equal(await fields(callerWith({})), undefined);
    assert.deepEqual(calls, []);
  });

  test("settings", async () => {
    assert.deepEqual(await configure(asking(url, "com.acme.Retriever")), [
      `error: jwtGeneratorConfig.claimRetrieval.retrieverImpl: names a Java class that cannot be loaded; remove it, or write ${retriever}, which is built in`,
    ]);
    assert.deepEqual(await configure(asking(url, "org.wso2.micro.gateway.jwt.generator.DefaultMGWClaimRetriever")), []);
    assert.deepEqual(await configure(asking("http://km.test")), [
      "error: keyManager.serverUrl: must be an https URL; plain http is only for loopback",
    ]);
    assert.deepEqual(await configure(asking().replace("'gw'", "'admin'").replace("'pass:word'", "'admin'")), [
      "error: apim.credentials.password: is the password that the original shipped for admin; set a new one",
    ]);
    assert.deepEqual(await configure(asking(url, "")), [
      `warning: jwtTokenConfig[0].remoteUserClaimRetrievalEnabled: has no effect without jwtGeneratorConfig.claimRetrieval.retrieverImpl = "${retriever}"`,
    ]);
  });
});
