import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { apiKeyIssuerModule } from "../../../runtime-lib/api-key-issuer.ts";
import { apiKey, apiKeyModule } from "../../../runtime-lib/auth-api-key.ts";
import { bearerJwt, jwtModule } from "../../../runtime-lib/auth-jwt.ts";
import { apiKeyIssuer } from "../../../runtime-lib/feature-api-key-issuer.ts";
import type { SettingsSources } from "../../../runtime-lib/settings-load.ts";
import { noBackends } from "../../support/no-backends.ts";
import { fieldOf, RecordedExchange, type RecordedRequest } from "../../support/recorded-exchange.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { settingsFrom } from "./settings-for-test.ts";

const folder = mkdtempSync(join(tmpdir(), "castgate-issuer-"));
after(() => rmSync(folder, { recursive: true }));
const signer = new TestIssuer("gateway");
for (const [store, file, text] of [
  ["original", "ballerina.pem", signer.privateKeyPem + signer.certificatePem],
  ["other", "mine.pem", signer.privateKeyPem + signer.certificatePem],
  ["trust", "mine.pem", signer.certificatePem],
] as const) {
  mkdirSync(join(folder, store));
  writeFileSync(join(folder, store, file), text);
}

const users = `[b7a.users.carol]
password = '@sha256:{${createHash("sha256").update("pass:word").digest("hex")}}'
scopes = 'make-keys'
[b7a.users.dave]
password = '@sha256:{${createHash("sha256").update("other").digest("hex")}}'
`;
const carol = ["Authorization", `Basic ${Buffer.from("carol:pass:word").toString("base64")}`];
const dave = ["Authorization", `Basic ${Buffer.from("dave:other").toString("base64")}`];
const name = "apikey.issuer.tokenConfig";

function text(store: string, issuer: string, more = ""): string {
  return `[listenerConfig]\nkeyStorePath = "${folder}/${store}"\ntrustStorePath = "${folder}/trust"\n${users}${issuer}\n${more}`;
}

const apis = `[[apikey.issuer.api]]
name = "Petstore"
versions = "1.0.0, 2"
[[apikey.issuer.api]]
name = "Shop"
`;
const own = `[${name}]\nenabled = true\ncertificateAlias = 'mine'\n`;
const standard = { compatibility: "standard" } as const;

async function configure(settingsText: string, more: Partial<SettingsSources> = {}): Promise<readonly string[]> {
  const { settings, report } = await settingsFrom(settingsText, { features: ["api-key-issuer"], ...more });
  await apiKeyIssuerModule.configure(settings, report, noBackends);
  return report.lines();
}

class Call extends RecordedExchange {
  readonly #body: Uint8Array;
  constructor(request: RecordedRequest, body = "") {
    super(request);
    this.#body = Buffer.from(body);
  }
  override wholeBody(limit: number): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#body.length <= limit ? this.#body : undefined);
  }
}

async function call(request: RecordedRequest, body?: string | object): Promise<Call> {
  const [service, ...more] = apiKeyIssuerModule.services?.() ?? [];
  assert.ok(service !== undefined && more.length === 0);
  assert.deepEqual([service.listener, service.segment], ["api", "apikey"]);
  const x = new Call({ method: "POST", ...request }, typeof body === "object" ? JSON.stringify(body) : body);
  await service.handle(x);
  return x;
}

/** Header and claims of a key, once its signature has been found right. */
function opened(key: string): { readonly header: unknown; readonly claims: Readonly<Record<string, unknown>> } {
  const [header = "", claims = "", signature = ""] = key.split(".");
  const publicKey = createPublicKey(signer.certificatePem);
  assert.ok(verify("sha256", Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, "base64url")));
  const json = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  return { header: json(header), claims: json(claims) };
}

async function keyOf(body?: string | object, method = "POST"): Promise<Readonly<Record<string, unknown>>> {
  const x = await call({ method, headers: carol }, body);
  assert.equal(x.answer?.status, 200, x.answer?.body);
  return opened(x.answer.body).claims;
}

function lifetime({ iat, exp }: Readonly<Record<string, unknown>>): number {
  return Number(exp) - Number(iat);
}

describe("a key", () => {
  before(async () => assert.deepEqual(await configure(text("other", `${own}validityTime = 600\n`, apis)), []));

  test("the bare JWT with an end, an id, an audience and a type of its own (S-STS-03)", async () => {
    const x = await call({ headers: carol });
    assert.equal(x.answer?.status, 200);
    assert.deepEqual(fieldOf(x, "cache-control"), ["no-store"]);
    assert.deepEqual(fieldOf(x, "content-type"), ["text/plain"]);
    const { header, claims } = opened(x.answer?.body ?? "");
    const { kid, alg, typ } = header as Record<string, unknown>;
    assert.deepEqual({ kid, alg, typ }, { kid: "mine", alg: "RS256", typ: "apikey+jwt" });
    const { jti, iat, exp, ...rest } = claims;
    assert.match(String(jti), /^[0-9a-f-]{36}$/);
    assert.ok(Math.abs(Number(iat) - Date.now() / 1000) < 60);
    assert.equal(Number(exp) - Number(iat), 600);
    assert.deepEqual(rest, {
      sub: "carol",
      iss: "https://localhost:9095/apikey",
      aud: "https://localhost:9095/apikey",
      keytype: "PRODUCTION",
      allowedAPIs: [
        { name: "Petstore", version: "1.0.0" },
        { name: "Petstore", version: "2" },
        { name: "Shop", version: "*" },
      ],
    });
  });

  test("GET as the original had it (S-STS-01), other methods 405", async () => {
    assert.equal(lifetime(await keyOf("", "GET")), 600);
    const x = await call({ method: "PUT", headers: carol });
    assert.equal(x.answer?.status, 405);
    assert.deepEqual(fieldOf(x, "allow"), ["GET, POST"]);
  });

  test("less time when less is asked for, never more (S-STS-02)", async () => {
    for (const [asked, seconds] of [
      [60, 60],
      [600, 600],
      [601, 600],
      [0, 600],
      [-5, 600],
    ] as const)
      assert.equal(lifetime(await keyOf({ validityTime: asked })), seconds, String(asked));
  });

  test("for addresses and pages, when that is asked for (S-SEC-04)", async () => {
    const claims = await keyOf({ permittedIP: "192.0.2.0/24,::1", permittedReferer: "acme.test/*" });
    assert.equal(claims.permittedIP, "192.0.2.0/24,::1");
    assert.equal(claims.permittedReferer, "acme.test/*");
  });

  const wrong: readonly (readonly [body: string, description: string])[] = [
    ["{", "The body must be a JSON object"],
    ["[]", "The body must be a JSON object"],
    ['{"validityTime":"60"}', "validityTime must be a whole number of seconds"],
    ['{"validityTime":1.5}', "validityTime must be a whole number of seconds"],
    ['{"validityTime":null}', "validityTime must be a whole number of seconds"],
    ['{"permittedIP":"192.0.2.1/33"}', "permittedIP is malformed"],
    ['{"permittedIP":""}', "permittedIP is malformed"],
    ['{"permittedReferer":["a"]}', "permittedReferer is malformed"],
  ];
  for (const [body, description] of wrong) {
    test(`400: ${body}`, async () => {
      const x = await call({ headers: carol }, body);
      assert.equal(x.answer?.status, 400);
      assert.equal(JSON.parse(x.answer.body).fault.description, description);
    });
  }

  test("413", async () => {
    assert.equal((await call({ headers: carol }, " ".repeat(4097))).answer?.status, 413);
  });

  test("nobody, a wrong password, a token (S-STS-05): 401 with a challenge", async () => {
    for (const headers of [
      [],
      ["Authorization", ""],
      ["Authorization", `Basic ${Buffer.from("carol:wrong").toString("base64")}`],
      ["Authorization", `Basic ${Buffer.from("nobody:wrong").toString("base64")}`],
      ["Authorization", "Basic ???"],
      ["Authorization", "Bearer a.b.c"],
    ]) {
      const x = await call({ headers });
      assert.equal(x.answer?.status, 401);
      assert.equal(x.answer.body, "Authentication failure.");
      assert.deepEqual(fieldOf(x, "www-authenticate"), ['Basic realm="WSO2 API Microgateway", charset="UTF-8"']);
    }
  });

  test("who guesses is stopped before anything more is verified (S-SEC-05)", async () => {
    const headers = ["Authorization", `Basic ${Buffer.from("eve:guess").toString("base64")}`];
    const statuses = new Set<number | undefined>();
    for (let i = 0; i < 130; i++) statuses.add((await call({ headers, clientAddress: "203.0.113.9" })).answer?.status);
    assert.deepEqual([...statuses], [401, 429]);
    assert.equal((await call({ headers: carol })).answer?.status, 200, "others are not");
  });

  test("opens its APIs, and is no access token (S-SEC-02)", async () => {
    const key = (await call({ headers: carol })).answer?.body ?? "";
    const accepting = `[apikey.tokenConfigs]\ncertificateAlias = 'mine'\n[[jwtTokenConfig]]\nissuer = 'https://idp.test'\ncertificateAlias = 'mine'\n`;
    const { settings, report } = await settingsFrom(text("other", accepting));
    await apiKeyModule.configure(settings, report, noBackends);
    await jwtModule.configure(settings, report, noBackends);
    const verdicts = ["Petstore", "Shop", "Bank"].map((title) => {
      const one = api({ name: title, version: "2", basePath: "/", challenges: [] });
      const headers = ["k", key, "Authorization", `Bearer ${key}`];
      const asKey = apiKey(one, [{ in: "header", name: "k" }]).verify(new RecordedExchange({ headers }));
      const asToken = bearerJwt(one).verify(new RecordedExchange({ headers }));
      assert.ok(!(asKey instanceof Promise || asToken instanceof Promise) && !asToken.ok);
      return asKey.ok;
    });
    assert.deepEqual(verdicts, [true, true, false]);
  });
});

describe("settings", () => {
  test("without a time of its own it must be asked for, and is bounded (S-STS-02, S-SEC-04)", async () => {
    for (const value of ["-1", "0"]) {
      await configure(
        text("other", `${own}validityTime = ${value}\n`, `${apis}[castgate.apiKeyIssuer]\nmaxValiditySeconds = 1000`),
      );
      const x = await call({ headers: carol });
      assert.equal(x.answer?.status, 400);
      assert.match(x.answer.body, /validityTime is required/);
      assert.equal(lifetime(await keyOf({ validityTime: 999 })), 999);
      assert.equal(lifetime(await keyOf({ validityTime: 1001 })), 1000);
    }
    assert.deepEqual(
      await configure(
        text("other", `${own}validityTime = 600\n`, `${apis}[castgate.apiKeyIssuer]\nmaxValiditySeconds = 100`),
      ),
      [`warning: ${name}.validityTime: is more than castgate.apiKeyIssuer.maxValiditySeconds: 100 is used`],
    );
    assert.equal(lifetime(await keyOf()), 100);
  });

  test("standard: POST only, with a scope that must be set; fault JSON", async () => {
    const asked = `${own}validityTime = 600\n`;
    assert.deepEqual(await configure(text("other", asked, apis), standard), [
      "error: castgate.apiKeyIssuer.scope: is required: who may have API keys made is not left to every user",
    ]);
    const scoped = `${apis}[castgate.apiKeyIssuer]\nscope = 'make-keys'\n`;
    assert.deepEqual(await configure(text("other", asked, scoped), standard), []);
    const made = await call({ headers: carol, ...standard });
    assert.equal(made.answer?.status, 200);
    const refused = await call({ headers: dave, ...standard });
    assert.equal(refused.answer?.status, 403);
    assert.equal(JSON.parse(refused.answer.body).fault.code, 900910);
    assert.equal((await call({ method: "GET", headers: carol, ...standard })).answer?.status, 405);
    const nobody = await call({ ...standard });
    assert.equal(nobody.answer?.status, 401);
    assert.equal(JSON.parse(nobody.answer.body).fault.code, 900902);
    assert.deepEqual(fieldOf(nobody, "www-authenticate"), ['Basic realm="castgate", charset="UTF-8"']);
    assert.equal((await call({ headers: carol, ...standard }, { validityTime: 0 })).answer?.status, 400);
  });

  test("wso2-3.2: the scope where it is set", async () => {
    await configure(
      text("other", `${own}validityTime = 600\n`, `${apis}[castgate.apiKeyIssuer]\nscope = 'make-keys'\n`),
    );
    assert.equal((await call({ headers: dave })).answer?.status, 403);
    assert.equal((await call({ headers: carol })).answer?.status, 200);
  });

  test("addresses and pages of the gateway's choice: a request may not choose others", async () => {
    const more = `${apis}[castgate.apiKeyIssuer]\npermittedIP = '10.0.0.0/8'\npermittedReferer = 'acme.test/*'\n`;
    assert.deepEqual(await configure(text("other", `${own}validityTime = 600\n`, more)), []);
    assert.equal((await keyOf()).permittedIP, "10.0.0.0/8");
    const x = await call({ headers: carol }, { permittedIP: "192.0.2.1" });
    assert.equal(x.answer?.status, 400);
    assert.match(x.answer.body, /permittedIP is set by the gateway/);
    assert.deepEqual(await configure(text("other", own, more.replace("/8", "/88").replace("acme.test/*", ","))), [
      "error: castgate.apiKeyIssuer.permittedIP: must be addresses or networks in CIDR notation, with commas between",
      "error: castgate.apiKeyIssuer.permittedReferer: must be patterns of URLs, with commas between",
    ]);
  });

  test("audience: its own, else what the gateway asks of keys", async () => {
    await configure(text("other", `${own}validityTime = 60\naudience = ['a', 'b']\n`, apis));
    assert.deepEqual((await keyOf()).aud, ["a", "b"]);
    await configure(text("other", `${own}validityTime = 60\n[apikey.tokenConfigs]\naudience = 'c'\n`, apis));
    assert.equal((await keyOf()).aud, "c");
  });

  test("issuers", async () => {
    const tokens = "[[jwtTokenConfig]]\nissuer = 'https://idp.test'\n";
    assert.deepEqual(await configure(text("other", `${own}issuer = 'https://idp.test'\n`, apis + tokens)), [
      `error: ${name}.issuer: is also the issuer of access tokens; API keys need one of their own`,
      `warning: ${name}.issuer: is not apikey.tokenConfigs.issuer: this gateway does not take the keys that it makes`,
    ]);
    assert.deepEqual(await configure(text("other", own)), [
      "warning: apikey.issuer.api: is empty: the keys that are made open no API, unless validateAllowedAPIs is false",
    ]);
  });

  test("a key store of its own", async () => {
    const asked = `[${name}]\nkeyStorePath = "${folder}/original"\nvalidityTime = 60\n`;
    assert.deepEqual(await configure(text("other", asked, apis)), []);
    assert.equal(lifetime(await keyOf()), 60);
  });
});

describe("on and off", () => {
  const enabled = async (settingsText: string, more: Partial<SettingsSources> = {}) =>
    apiKeyIssuer.enabled((await settingsFrom(settingsText, { features: ["api-key-issuer"], ...more })).settings);

  test("wso2-3.2: by default, when the listener's key store has the original's alias", async () => {
    assert.equal(await enabled(text("original", "")), true);
    assert.deepEqual(await configure(text("original", "", apis)), []);
    assert.equal(apiKeyIssuerModule.services?.().length, 1);
    assert.deepEqual(await configure(text("other", "", apis)), [], "no such key: off, and nothing to complain about");
    assert.deepEqual(apiKeyIssuerModule.services?.(), []);
  });

  test("not without users or a key store, not when it is switched off, not in standard unless it is switched on", async () => {
    assert.equal(await enabled(users), false);
    assert.equal(await enabled(text("original", "").replace(users, "")), false);
    assert.equal(await enabled(text("original", `[${name}]\nenabled = false`)), false);
    assert.equal(await enabled(text("original", ""), standard), false);
    assert.equal(await enabled(text("original", own), standard), true);
    assert.equal(apiKeyIssuer.module.name, "api-key-issuer");
  });

  test("switched on without a key: an error (S-STS-04)", async () => {
    const on = `[${name}]\nenabled = true\n`;
    assert.deepEqual(await configure(text("other", on, apis)), [
      `error: ${name}.certificateAlias: "ballerina" names no private key of listenerConfig.keyStorePath; it holds mine`,
    ]);
    assert.deepEqual(apiKeyIssuerModule.services?.(), []);
    assert.deepEqual(await configure(on + users), [
      `error: ${name}.keyStorePath: is required, or listenerConfig.keyStorePath: a key in it signs API keys`,
    ]);
    assert.deepEqual(await configure(text("other", on, apis), standard), [
      `error: ${name}.certificateAlias: is required: it names the key that signs API keys`,
    ]);
  });
});
