import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { api } from "../../../runtime-lib/api.ts";
import { apiKey, apiKeyModule } from "../../../runtime-lib/auth-api-key.ts";
import { withholdCredentials } from "../../../runtime-lib/authenticate.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { addCallerCheck } from "../../../runtime-lib/caller-checks.ts";
import { dropCookies } from "../../../runtime-lib/cookies.ts";
import { noBackends } from "../../support/no-backends.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { settingsFrom } from "./settings-for-test.ts";

const issuer = new TestIssuer("https://localhost:9095/apikey");
const petstore = api({ name: "Petstore", version: "1.0.0", basePath: "/petstore/v1", challenges: [] });
const scheme = apiKey(petstore, [
  { in: "header", name: "API_Key" },
  { in: "query", name: "key" },
  { in: "cookie", name: "Key" },
]);
const allowed = [{ name: "Petstore", version: "1.0.0", subscriptionTier: "Gold" }];

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "castgate-key-"));
  await writeFile(join(folder, "keys.pem"), issuer.certificatePem);
});
after(() => rm(folder, { recursive: true }));

async function configure(text: string, more: Parameters<typeof settingsFrom>[1] = {}): Promise<readonly string[]> {
  const { settings, report } = await settingsFrom(`[listenerConfig]\ntrustStorePath = "${folder}"\n${text}`, more);
  await apiKeyModule.configure(settings, report, noBackends);
  return report.lines();
}

const configured = "[apikey.tokenConfigs]\ncertificateAlias = 'keys'\n";

function exchange(headers: readonly string[], query = "", clientAddress = "192.0.2.1"): RecordedExchange {
  const x = new RecordedExchange({ headers, clientAddress });
  Object.assign(x.path, { query });
  return x;
}

function verify(key: string, clientAddress?: string): Caller | string {
  const outcome = scheme.verify(exchange(["api_key", key], "", clientAddress));
  assert.ok(!(outcome instanceof Promise));
  if (outcome.ok) return outcome.caller;
  assert.equal(outcome.code, 900901, "S-KEY-04");
  return outcome.reason;
}

describe("keys", () => {
  before(async () => assert.deepEqual(await configure(configured), []));

  test("in a header or in the query, the first place that holds one (S-KEY-01)", () => {
    const key = issuer.token({ subscribedAPIs: allowed });
    for (const x of [
      exchange(["API_KEY", key]),
      exchange([], `?a=1&key=${key}`),
      exchange([], `?k%65y=${key}`),
      exchange(["api_key", ""], `?key=${key}`),
      exchange(["api_key", key], "?key=wrong"),
      exchange(["Cookie", `a=1; Key="${key}"; b=2`]),
      exchange(["Cookie", "a=1", "Cookie", `Key=${key}`]),
    ]) {
      assert.equal(scheme.present(x), true);
      const outcome = scheme.verify(x);
      assert.ok(!(outcome instanceof Promise) && outcome.ok);
    }
    for (const x of [
      exchange([]),
      exchange([], "?key="),
      exchange([], "?keys=1"),
      exchange(["key", key]),
      exchange(["Cookie", `key=${key}`]),
    ])
      assert.equal(scheme.present(x), false);
  });

  test("they never reach the backend, wherever they stand (S-KEY-07 closed)", () => {
    const x = exchange([]);
    withholdCredentials(x, petstore);
    assert.deepEqual(x.withheld, ["authorization", "api_key"]);
    assert.deepEqual(x.withheldQuery, ["key"]);
    assert.deepEqual([...petstore.keyCookies], ["Key"]);
    const headers = ["Cookie", "a=1; Key=k; b=2;Key=l", "cookie", "Key=k", "X-Cookie", "Key=k"];
    dropCookies(headers, petstore.keyCookies);
    assert.deepEqual(headers, ["Cookie", "a=1; b=2", "X-Cookie", "Key=k"]);
  });

  test("what a revocation may name: id and signature (S-REV-03); the client", () => {
    // Noted only where somebody asks.
    addCallerCheck("revocation", (_x, _api, caller) => ({ ok: true, caller }));
    const key = issuer.token({ allowedAPIs: allowed, jti: "id-1", consumerKey: "client-1" });
    const caller = verify(key);
    assert.ok(typeof caller !== "string");
    assert.deepEqual(caller.revocationIds, ["id-1", key.split(".")[2]]);
    assert.equal(caller.consumerKey, "client-1");
    const anonymous = issuer.token({ allowedAPIs: allowed });
    const other = verify(anonymous);
    assert.ok(typeof other !== "string");
    assert.deepEqual(other.revocationIds, [anonymous.split(".")[2]], "no jti, and revocable all the same");
  });

  test("of a type of their own, or of none in particular: never an access token (S-SEC-02)", () => {
    for (const typ of ["JWT", "jwt", "apikey+jwt", undefined])
      assert.ok(typeof verify(issuer.token({ allowedAPIs: allowed }, { typ })) !== "string", String(typ));
    for (const typ of ["at+jwt", "dpop+jwt", "", 1])
      assert.equal(verify(issuer.token({ allowedAPIs: allowed }, { typ })), "api-key: type", String(typ));
  });

  test("only from permitted pages, cached or not (S-KEY-06 closed)", () => {
    const key = issuer.token({ allowedAPIs: allowed, permittedReferer: "www.acme.test/*, https://*.beta.test/in*dex" });
    const from = (...headers: string[]): string | undefined => {
      const outcome = scheme.verify(exchange(["api_key", key, ...headers]));
      assert.ok(!(outcome instanceof Promise));
      return outcome.ok ? undefined : outcome.reason;
    };
    for (const good of [
      "https://www.acme.test/",
      "http://www.acme.test/a?b",
      "https://x.beta.test/index",
      "https://x.beta.test/in/dex",
    ])
      assert.equal(from("Referer", good), undefined, good);
    for (const bad of [
      "https://www.acme.test",
      "https://evil.test/www.acme.test/",
      "http://x.beta.test/index",
      "",
      "a b",
    ])
      assert.equal(from("Referer", bad), "api-key: not from this page", bad);
    assert.equal(from(), "api-key: not from this page");
    for (const claim of [",", 7, ["a"]])
      assert.equal(
        verify(issuer.token({ allowedAPIs: allowed, permittedReferer: claim })),
        "api-key: permittedReferer",
        String(claim),
      );
  });

  test("a caller without scopes to ask for (S-KEY-05)", () => {
    const caller = verify(
      issuer.token({ keytype: "SANDBOX", application: { id: 3, tier: "T" }, allowedAPIs: allowed }),
    );
    assert.ok(typeof caller !== "string");
    assert.equal(caller.scopesApply, false);
    assert.equal(caller.keyType, "SANDBOX");
    assert.deepEqual(caller.application, {
      id: "3",
      tier: "T",
      subscriptions: [{ name: "Petstore", version: "1.0.0", tier: "Gold" }],
    });
  });

  const wrong: [string, string | (() => string), string][] = [
    ["not a token", "abc", "api-key: opaque tokens are not supported"],
    ["of another issuer", () => issuer.token({ iss: "https://idp.test" }), "api-key: issuer"],
    ["without expiry (S-SEC-04)", () => issuer.token({ exp: undefined }), "api-key: no expiry"],
    ["expired", () => issuer.token({ exp: 1 }), "api-key: expired"],
    ["signed by another", () => new TestIssuer(issuer.name).token(), "api-key: signature"],
    ["for no API (S-KEY-03)", () => issuer.token(), "api-key: not for this API"],
    [
      "for other APIs",
      () => issuer.token({ allowedAPIs: [{ name: "Shop", version: "*" }] }),
      "api-key: not for this API",
    ],
    [
      "for another version",
      () => issuer.token({ allowedAPIs: [{ name: "Petstore", version: "2" }] }),
      "api-key: not for this API",
    ],
  ];
  for (const [what, key, reason] of wrong) {
    test(what, () => assert.equal(verify(typeof key === "string" ? key : key()), reason));
  }

  test("for any version; a cached key is asked again for each API", () => {
    const key = issuer.token({ allowedAPIs: [{ name: "Petstore", version: "*" }] });
    assert.ok(typeof verify(key) !== "string");
    const shop = apiKey(api({ name: "Shop", version: "1", basePath: "/s", challenges: [] }), [
      { in: "header", name: "k" },
    ]);
    assert.deepEqual(shop.verify(exchange(["k", key])), {
      ok: false,
      code: 900901,
      reason: "api-key: not for this API",
      issuer: issuer.name,
    });
  });

  test("only from permitted addresses, cached or not (S-KEY-06 closed)", () => {
    const key = issuer.token({ allowedAPIs: allowed, permittedIP: "192.0.2.0/24, 2001:db8::1" });
    for (const good of ["192.0.2.77", "2001:db8::1", "::ffff:192.0.2.1"])
      assert.ok(typeof verify(key, good) !== "string", good);
    for (const bad of ["198.51.100.1", "2001:db8::2", "unknown"])
      assert.equal(verify(key, bad), "api-key: not from this address");
    assert.equal(verify(issuer.token({ allowedAPIs: allowed, permittedIP: "192.0.2.0/99" })), "api-key: permittedIP");
  });

  test("known once it was verified, only where it may be used (S-SEC-05)", () => {
    const key = issuer.token({ allowedAPIs: allowed, permittedIP: "192.0.2.0/24" });
    const other = exchange(["api_key", key], "", "198.51.100.1");
    assert.equal(scheme.known?.(exchange(["api_key", key])), undefined);
    const caller = verify(key);
    const known = scheme.known?.(exchange(["api_key", key]));
    assert.ok(known?.ok);
    assert.equal(known.caller, caller);
    for (const x of [other, exchange([]), exchange(["api_key", `${key}x`])]) assert.equal(scheme.known?.(x), undefined);
  });
});

describe("settings", () => {
  test("an audience is asked of keys that have one, in standard of all", async () => {
    const text = `${configured}audience = 'https://gateway.test'\n`;
    assert.deepEqual(await configure(text), []);
    const of = (aud: unknown) => verify(issuer.token({ allowedAPIs: allowed, aud }));
    assert.ok(typeof of(undefined) !== "string", "the original's keys have none (S-STS-03)");
    assert.ok(typeof of(["https://gateway.test"]) !== "string");
    assert.equal(of("https://other.test"), "api-key: audience");
    await configure(text, { compatibility: "standard" });
    assert.equal(of(undefined), "api-key: audience");
    assert.deepEqual(await configure(`${configured}audience = ''\n`), [
      "error: apikey.tokenConfigs.audience: must not be empty; remove it to accept any audience",
    ]);
  });

  test("allowed APIs are not asked for only when that is said", async () => {
    assert.deepEqual(await configure(`${configured}validateAllowedAPIs = false\n`), [
      "warning: apikey.tokenConfigs.validateAllowedAPIs: is false: a key for one API opens every API that takes keys",
    ]);
    assert.ok(typeof verify(issuer.token()) !== "string");
  });

  test("no certificate, an issuer that also makes access tokens", async () => {
    assert.deepEqual(await configure(""), [
      "error: apikey.tokenConfigs.certificateAlias: an operation takes API keys, but no certificate for them is set",
    ]);
    assert.equal(verify(issuer.token({ allowedAPIs: allowed })), "api-key: no certificate");
    assert.deepEqual(await configure(`${configured}[[jwtTokenConfig]]\nissuer = '${issuer.name}'\n`), [
      "error: apikey.tokenConfigs.issuer: is also the issuer of access tokens; API keys need one of their own",
    ]);
  });

  test("in standard, scopes are asked of keys too", async () => {
    await configure(configured, { compatibility: "standard" });
    const caller = verify(issuer.token({ allowedAPIs: allowed, scope: "a" }));
    assert.ok(typeof caller !== "string" && caller.scopesApply && caller.scopes.has("a"));
  });
});
