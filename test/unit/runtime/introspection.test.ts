import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, beforeEach, describe, mock, test } from "node:test";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { introspection } from "../../../runtime-lib/feature-introspection.ts";
import { Introspection, introspectionModule } from "../../../runtime-lib/introspection.ts";
import { opaqueTokens } from "../../../runtime-lib/opaque-tokens.ts";
import type { Failure, Verified } from "../../../runtime-lib/scheme.ts";
import type { SettingsSources } from "../../../runtime-lib/settings-load.ts";
import { identity } from "../../support/self-signed.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { settingsFrom } from "./settings-for-test.ts";

const folder = mkdtempSync(path.join(tmpdir(), "castgate-"));
const own = identity("localhost", { type: 2, value: "localhost" });
const server = new ServiceUnderTest(own);
writeFileSync(path.join(folder, "km.pem"), own.cert);

before(() => server.start());
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  server.requests.length = 0;
  server.json({ active: true, username: "alice" });
});
afterEach(async () => {
  mock.timers.reset();
  await introspectionModule.close?.();
});

const standard = { compatibility: "standard" } as const;

function configText(keyManager = "", rest = ""): string {
  return `[listenerConfig]\ntrustStorePath = "${folder}/km.pem"\n
    [keyManager]\nserverUrl = "${server.url}"\nusername = "gw"\npassword = "gw-pass-word"\n${keyManager}\n${rest}`;
}

/** Starts the feature as a gateway does. */
async function start(keyManager = "", rest = "", more: Partial<SettingsSources> = {}): Promise<readonly string[]> {
  const { settings, report } = await settingsFrom(configText(keyManager, rest), more);
  assert.equal(introspection.enabled(settings), true);
  const module = introspection.module;
  await module.configure(settings, report, () => assert.fail("opens no backends"));
  return report.lines();
}

async function verify(token: string): Promise<Verified> {
  assert.ok(opaqueTokens, "not configured");
  return opaqueTokens.verify(token);
}

async function callerOf(token: string): Promise<Caller> {
  const outcome = await verify(token);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.caller;
}

async function failureOf(token: string): Promise<Failure> {
  const outcome = await verify(token);
  assert.ok(!outcome.ok);
  return outcome;
}

const invalid = (reason: string): Failure => ({ ok: false, code: 900901, reason: `opaque token: ${reason}` });
const away: Failure = { ok: false, code: 900900, status: 503, reason: "opaque token: key manager away" };
/** A module of this repository, as a script names it that runs in a process of its own. */
const moduleUrl = (name: string): string =>
  JSON.stringify(new URL(name, pathToFileURL(`${import.meta.dirname}/`)).href);

async function outputOf(script: string): Promise<string> {
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  await once(child, "close");
  return output;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

describe("what is asked (RFC 7662)", () => {
  test("an encoded form, with a hint, in the gateway's name", async () => {
    await start();
    await verify("2YotnFZFEjr1zCsicMWpAA==");
    const [received] = server.requests;
    assert.equal(received?.method, "POST");
    assert.equal(received?.url, "/oauth2/introspect");
    assert.equal(received?.body, "token=2YotnFZFEjr1zCsicMWpAA%3D%3D&token_type_hint=access_token");
    assert.equal(received?.headers["content-type"], "application/x-www-form-urlencoded");
    assert.equal(received?.headers.accept, "application/json");
    assert.equal(received?.headers.authorization, `Basic ${Buffer.from("gw:gw-pass-word").toString("base64")}`);
  });

  for (const [what, token] of [
    ["a second parameter", "a&token=b"],
    ["a line end", "a\r\nx-evil: 1"],
    ["a blank", "a b"],
    ["a percent sign", "a%26"],
    ["an equals sign inside", "a=b"],
    ["nothing but padding", "=="],
    ["a zero", "a\0"],
    ["a letter beyond ASCII", "é"],
    ["a megabyte", "a".repeat(1_048_576)],
    ["a little too much", "a".repeat(4_097)],
    ["nothing", ""],
  ] as const) {
    test(`a token with ${what} is refused unasked`, async () => {
      await start();
      assert.deepEqual(await failureOf(token), invalid("malformed"));
      assert.equal(server.requests.length, 0);
    });
  }

  test("the longest token, and one of every character that is allowed", async () => {
    await start();
    await callerOf("a".repeat(4_096));
    await callerOf("AZaz09-._~+/=");
    assert.equal(new URLSearchParams(server.requests[1]?.body).get("token"), "AZaz09-._~+/=");
  });
});

describe("who calls", () => {
  const answer = {
    active: true,
    username: "admin@carbon.super",
    sub: "subject",
    scope: "read:pets write:pets",
    client_id: "client",
    token_type: "Bearer",
  };

  for (const compatibility of ["wso2-3.2", "standard"] as const) {
    test(`${compatibility}: user, scopes, client, claims`, async () => {
      server.json(answer);
      await start("", "", { compatibility });
      assert.deepEqual(await callerOf("opaque-1"), {
        name: "admin@carbon.super",
        scheme: "opaque",
        scopes: new Set(["read:pets", "write:pets"]),
        scopesApply: true,
        keyType: "PRODUCTION",
        application: {
          id: compatibility === "standard" ? "client" : "__unknown__",
          tier: "Unlimited",
          subscriptions: [],
        },
        claims: answer,
        consumerKey: "client",
        revocationIds: [],
        quotas: undefined,
      });
    });
  }

  test("the token's text is kept only where callers are checked further, as for revocation", async () => {
    const script = `
      import { addCallerCheck } from ${moduleUrl("../../../runtime-lib/caller-checks.ts")};
      import { Introspection } from ${moduleUrl("../../../runtime-lib/introspection.ts")};
      addCallerCheck("revocation", (x, api, caller) => ({ ok: true, caller }));
      const body = Buffer.from('{"active":true,"username":"alice"}');
      const manager = { post: async () => ({ status: 200, headers: {}, body }) };
      const source = new Introspection(manager, { compatibility: "standard", skewMs: 0, cacheMs: 1000, capacity: 10 });
      console.log(JSON.stringify((await source.verify("opaque-1")).caller.revocationIds));
    `;
    assert.equal(await outputOf(script), '["opaque-1"]\n');
  });

  test("wso2-3.2: without username Unknown, and no scope is held (S-OPQ-07)", async () => {
    server.json({ ...answer, username: undefined });
    await start();
    const caller = await callerOf("t");
    assert.equal(caller.name, "Unknown");
    assert.deepEqual(caller.scopes, new Set());
  });

  test("standard: without username the subject; a client for itself may have neither", async () => {
    await start("", "", standard);
    server.json({ ...answer, username: undefined });
    assert.equal((await callerOf("t")).name, "subject");
    server.json({ active: true, scope: "read:pets", client_id: "client" });
    const client = await callerOf("u");
    assert.equal(client.name, "Unknown");
    assert.deepEqual(client.scopes, new Set(["read:pets"]));
    assert.equal(client.application.id, "client");
  });

  test("application, key type and subscriptions, if the answer has them", async () => {
    server.json({
      ...answer,
      keytype: "SANDBOX",
      application: { id: 7, tier: "Gold" },
      subscribedAPIs: [{ name: "Pets", version: "1.0", subscriptionTier: "Silver" }],
    });
    await start();
    const caller = await callerOf("t");
    assert.equal(caller.keyType, "SANDBOX");
    assert.deepEqual(caller.application, {
      id: "7",
      tier: "Gold",
      subscriptions: [{ name: "Pets", version: "1.0", tier: "Silver" }],
    });
    server.json({ ...answer, keytype: "OTHER", application: { id: 7 } });
    assert.deepEqual(await failureOf("u"), { ...invalid("keytype"), clientId: "client" });
  });
});

describe("what an answer must say (S-SEC-13)", () => {
  test("inactive", async () => {
    server.json({ active: false, username: "alice" });
    await start();
    assert.deepEqual(await failureOf("t"), invalid("not active"));
  });

  for (const [what, answer] of [
    ["no active", { username: "alice" }],
    ["active as a text", { active: "true", username: "alice" }],
    ["active as a number", { active: 1, username: "alice" }],
    ["active as null", { active: null }],
    ["a list", [{ active: true }]],
    ["null", null],
    ["a text", "active"],
    ["exp as a text", { active: true, username: "alice", exp: "soon" }],
    ["a negative exp", { active: true, username: "alice", exp: -1 }],
    ["nbf as a list", { active: true, username: "alice", nbf: [1] }],
  ] as const) {
    test(`${what}: as if the key manager were away`, async () => {
      server.json(answer);
      await start();
      assert.deepEqual(await failureOf("t"), away);
    });
  }

  for (const status of [201, 204, 302, 400, 401, 403, 404, 429, 500, 503]) {
    test(`status ${status}, whatever the body says: as if it were away`, async () => {
      server.answer = (response) =>
        void response.writeHead(status, { location: `${server.url}/other` }).end('{"active":true,"username":"alice"}');
      await start();
      assert.deepEqual(await failureOf("t"), away);
      assert.equal(server.requests.length, 1);
    });
  }

  for (const [what, body] of [
    ["HTML", "<html>active: true</html>"],
    ["nothing", ""],
    ["half an answer", '{"active":true'],
    ["something compressed", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
    ["something huge", `{"active":true,"x":"${"x".repeat(300_000)}"}`],
  ] as const) {
    test(`${what}: as if it were away`, async () => {
      server.answer = (response) => void response.end(body);
      await start();
      assert.deepEqual(await failureOf("t"), away);
    });
  }

  test("standard: exp and nbf must agree with active", async () => {
    await start("timestampSkew = 5000", "", standard);
    const now = nowSeconds();
    for (const [token, times, expected] of [
      ["a", { exp: now + 60, nbf: now - 60 }, undefined],
      ["b", { exp: now - 60 }, "expired"],
      ["c", { nbf: now + 60 }, "not valid yet"],
      ["d", { exp: now - 2, nbf: now + 2 }, undefined],
      ["e", { exp: 0 }, "expired"],
      ["f", { exp: null, nbf: null }, undefined],
      ["g", { exp: 9223372036854775807n }, undefined],
    ] as const) {
      const text = JSON.stringify({ active: true, ...times }, (_key, value) =>
        typeof value === "bigint" ? Number(value) : value,
      );
      server.answer = (response) => void response.end(text);
      const outcome = await verify(token);
      if (expected === undefined) assert.equal(outcome.ok, true, token);
      else assert.deepEqual(outcome, invalid(expected), token);
    }
  });

  test("wso2-3.2: active decides, but what is outside its time is not kept (S-OPQ-04)", async () => {
    await start();
    server.json({ active: true, username: "alice", exp: 1593187742 });
    await callerOf("a");
    await callerOf("a");
    assert.equal(server.requests.length, 2);
    server.json({ active: true, username: "alice", nbf: 9223372036854775000 });
    await callerOf("b");
    await callerOf("b");
    assert.equal(server.requests.length, 4);
    server.json({ active: false });
    assert.deepEqual(await failureOf("a"), invalid("not active"));
  });

  test("another kind of token than an access token", async () => {
    await start();
    for (const [token, more, ok] of [
      ["a", { token_type: "bearer" }, true],
      ["b", { token_type: "DPoP", token_use: "access_token", cnf: { jkt: "thumbprint" } }, true],
      ["c", { token_type: null, token_use: null }, true],
      ["d", { token_type: "refresh_token" }, false],
      ["e", { token_type: "" }, false],
      ["f", { token_type: ["Bearer"] }, false],
      ["g", { token_type: "Bearer", token_use: "refresh_token" }, false],
    ] as const) {
      server.json({ active: true, username: "alice", ...more });
      const outcome = await verify(token);
      if (ok) assert.equal(outcome.ok, true, token);
      else assert.deepEqual(outcome, invalid("not an access token"), token);
    }
  });

  test("a token for proofs of possession that names no key is no bearer token (RFC 9449 section 6.2)", async () => {
    await start();
    for (const [token, cnf] of [
      ["a", undefined],
      ["b", null],
      ["c", {}],
      ["d", { "x5t#S256": "digest" }],
    ] as const) {
      server.json({ active: true, username: "alice", token_type: "DPoP", cnf });
      assert.deepEqual(await verify(token), invalid("of the type DPoP without a key"), token);
    }
  });

  test("no answer of any shape is a way in, or an error, unless its active is true", async () => {
    const values = fc.oneof(fc.jsonValue(), fc.constantFrom(true, false, "Bearer", "alice", 0, 1e300, -1));
    const names = ["active", "username", "sub", "scope", "exp", "nbf", "aud", "client_id", "application", "keytype"];
    const members = fc.dictionary(fc.constantFrom(...names, "subscribedAPIs", "token_type", "__proto__"), values);
    let body = "";
    const manager = { post: async () => ({ status: 200, headers: {}, body: Buffer.from(body) }) };
    const rules = { issuer: undefined, audience: undefined, skewMs: 0, cacheMs: 1_000, capacity: 10 };
    await fc.assert(
      fc.asyncProperty(fc.oneof(members, fc.jsonValue()), fc.boolean(), async (answer, original) => {
        body = JSON.stringify(answer);
        const compatibility = original ? "wso2-3.2" : "standard";
        const outcome = await new Introspection(manager, { ...rules, compatibility }).verify("t");
        if (outcome.ok) assert.equal((JSON.parse(body) as { active: unknown }).active, true);
        else assert.ok([900900, 900901].includes(outcome.code));
      }),
      { numRuns: 2_000 },
    );
  });

  for (const compatibility of ["wso2-3.2", "standard"] as const) {
    test(`${compatibility}: the issuer, if the settings name one and the answer has one`, async () => {
      server.json({ active: true, username: "alice", iss: "https://km.test" });
      await start("", "", { compatibility });
      await callerOf("a");
      await introspectionModule.close?.();
      await start('issuer = "https://km.test"', "", { compatibility });
      await callerOf("a");
      server.json({ active: true, username: "alice" });
      await callerOf("b");
      for (const [token, iss] of [
        ["c", "https://other.test"],
        ["d", ["https://km.test"]],
        ["e", ""],
      ] as const) {
        server.json({ active: true, username: "alice", iss });
        const named = typeof iss === "string" && iss !== "" ? { issuer: iss } : {};
        assert.deepEqual(await failureOf(token), { ...invalid("issuer"), ...named }, token);
      }
    });

    test(`${compatibility}: the audience, if the settings name some`, async () => {
      server.json({ active: true, username: "alice", aud: "other" });
      await start("", "", { compatibility });
      await callerOf("a");
      await introspectionModule.close?.();
      await start("", '[castgate]\nintrospectionAudience = ["pets", "shop"]', { compatibility });
      for (const [token, aud, ok] of [
        ["b", "pets", true],
        ["c", ["other", "shop"], true],
        ["d", "other", false],
        ["e", ["other", 7], false],
        ["f", [], false],
        ["g", undefined, false],
        ["h", { pets: true }, false],
      ] as const) {
        server.json({ active: true, username: "alice", aud });
        const outcome = await verify(token);
        if (ok) assert.equal(outcome.ok, true, token);
        else assert.deepEqual(outcome, invalid("audience"), token);
      }
    });
  }
});

describe("how long an answer counts", () => {
  const after = (ms: number): void => mock.timers.setTime(Date.now() + ms);
  beforeEach(() => mock.timers.enable({ apis: ["Date"], now: Date.now() }));

  test("five minutes, although the original's file says ten days", async () => {
    await start("", "[caching]\ntokenCacheExpiryTime = 900000");
    await callerOf("t");
    after(299_000);
    await callerOf("t");
    assert.equal(server.requests.length, 1);
    after(1_000);
    server.json({ active: false });
    await failureOf("t");
    assert.equal(server.requests.length, 2);
  });

  test("a shorter time of the original's setting, a longer one of our own", async () => {
    await start("", "[caching]\ntokenCacheExpiryTime = 10");
    await callerOf("t");
    after(10_000);
    await callerOf("t");
    assert.equal(server.requests.length, 2);
    await introspectionModule.close?.();
    await start("", "[castgate]\nintrospectionCacheSeconds = 3600");
    await callerOf("t");
    after(3_599_000);
    await callerOf("t");
    assert.equal(server.requests.length, 3);
  });

  test("never beyond exp", async () => {
    const exp = nowSeconds() + 20;
    server.json({ active: true, username: "alice", exp });
    await start();
    await callerOf("t");
    after(exp * 1000 - Date.now() - 1);
    await callerOf("t");
    assert.equal(server.requests.length, 1);
    after(1);
    server.json({ active: false });
    await failureOf("t");
  });

  test("a refusal: ten seconds", async () => {
    server.json({ active: false });
    await start();
    await failureOf("t");
    after(9_999);
    await failureOf("t");
    assert.equal(server.requests.length, 1);
    after(1);
    server.json({ active: true, username: "alice" });
    await callerOf("t");
  });

  test("a hit makes no promise", async () => {
    await start();
    await callerOf("t");
    assert.ok(!(opaqueTokens?.verify("t") instanceof Promise));
  });

  test("no more than the capacity is kept, and refusals push out nothing that is good", async () => {
    await start("", "[caching]\ntokenCacheCapacity = 2");
    await callerOf("good");
    server.json({ active: false });
    for (let i = 0; i < 10; i++) await failureOf(`bad${i}`);
    assert.equal(server.requests.length, 11);
    await callerOf("good");
    await failureOf("bad9");
    assert.equal(server.requests.length, 11);
    await failureOf("bad0");
    assert.equal(server.requests.length, 12);
  });
});

describe("many at once, and a key manager that is away", () => {
  test("200 callers of one token, one call", async () => {
    await start();
    const callers = await Promise.all(Array.from({ length: 200 }, () => callerOf("t")));
    assert.equal(new Set(callers).size, 1);
    assert.equal(server.requests.length, 1);
  });

  test("200 callers of one token that is refused, one call", async () => {
    server.json({ active: false });
    await start();
    await Promise.all(Array.from({ length: 200 }, () => failureOf("t")));
    assert.equal(server.requests.length, 1);
  });

  test("callers of different tokens get their own answers", async () => {
    server.answer = (response, { body }) => {
      const token = new URLSearchParams(body).get("token");
      response.end(JSON.stringify({ active: true, username: `user of ${token}` }));
    };
    await start();
    const tokens = Array.from({ length: 200 }, (_, i) => `token${i}`);
    const callers = await Promise.all(tokens.map(callerOf));
    assert.deepEqual(
      callers.map(({ name }) => name),
      tokens.map((token) => `user of ${token}`),
    );
  });

  test("nobody there: 503, not 401; what is known goes on; back when it is back (S-OPQ-05)", async () => {
    await start();
    await callerOf("known");
    await server.stop();
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, i) => failureOf(`t${i}`)));
    assert.deepEqual(outcomes, Array(100).fill(away));
    await callerOf("known");
    await server.start();
    assert.deepEqual(await failureOf("t0"), away, "not asked again at once");
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 1_001 });
    await callerOf("t0");
    await callerOf("t1");
  });

  test("while it is away, one call at a time finds out", async () => {
    await start();
    await server.stop();
    await failureOf("a");
    await server.start();
    server.requests.length = 0;
    server.json({}, 500);
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 1_001 });
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => failureOf(`t${i}`)));
    assert.deepEqual(outcomes, Array(50).fill(away));
    assert.equal(server.requests.length, 1);
  });

  test("a token that the key manager fails at does not make it away for the others", async () => {
    const answer = server.answer;
    server.answer = (response, received) => {
      if (received.body.includes("poison")) response.writeHead(500).end();
      else answer(response, received);
    };
    await start();
    for (let i = 0; i < 20; i++) assert.deepEqual(await failureOf("poison"), away);
    assert.equal(server.requests.length, 1, "backs off for that token");
    await callerOf("good");
  });

  test("nor do many such tokens, before it was away or after (S-SEC-13)", async () => {
    const answer = server.answer;
    server.answer = (response, received) => {
      if (received.body.includes("poison")) response.writeHead(500).end();
      else answer(response, received);
    };
    await start();
    for (let i = 0; i < 30; i++) {
      assert.deepEqual(await failureOf(`poison${i}`), away);
      await callerOf(`good${i}`);
    }
    await Promise.all(Array.from({ length: 30 }, (_, i) => failureOf(`poison${30 + i}`)));
    await callerOf("another");
    await server.stop();
    assert.deepEqual(await failureOf("t"), away);
    await server.start();
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 1_001 });
    // The first to come finds out with a token of the gateway's own, whatever it brought itself.
    assert.deepEqual(await failureOf("poison"), away);
    await callerOf("t");
  });

  test("credentials that are refused: 503 for everybody, and soon not asked any more", async () => {
    server.json({}, 401);
    await start();
    for (let i = 0; i < 50; i++) assert.deepEqual(await failureOf(`t${i}`), away);
    // The five, the gateway's own question, and what was asked until that was answered.
    assert.ok(server.requests.length <= 8, String(server.requests.length));
  });

  test("a key manager that never answers holds up 256 callers at most", async () => {
    server.answer = () => undefined;
    await start("", "[castgate]\nkeyManagerTimeoutSeconds = 1");
    const outcomes = await Promise.all(Array.from({ length: 400 }, (_, i) => failureOf(`t${i}`)));
    assert.deepEqual(outcomes, Array(400).fill(away));
    assert.ok(server.requests.length <= 256);
  });

  test("closing ends what is under way", async () => {
    server.answer = () => undefined;
    await start();
    const pending = failureOf("t");
    await new Promise<void>((resolve) => {
      server.answer = () => resolve();
    });
    await introspectionModule.close?.();
    assert.deepEqual(await pending, away);
    assert.equal(opaqueTokens, undefined);
  });
});

describe("settings", () => {
  test("on when they name a key manager", async () => {
    const enabled = async (text: string, more: Partial<SettingsSources> = {}): Promise<boolean> =>
      introspection.enabled((await settingsFrom(text, more)).settings);
    assert.equal(await enabled(""), false);
    assert.equal(await enabled('[keyManager]\nserverUrl = ""\nissuer = "x"'), false);
    assert.equal(await enabled("[keymanager.security.basic]\nenabled = true"), false);
    assert.equal(await enabled('[keyManager]\nserverUrl = "https://km.test"'), true);
    assert.equal(await enabled('[keyManager]\nusername = "gw"'), true);
    assert.equal(await enabled('[keymanager.security.basic]\nusername = "gw"'), true);
    assert.equal(await enabled("[keymanager.security.oauth2]\nenabled = true"), true);
    assert.equal(await enabled("", { allowKnownDefaults: true }), true, "as the original");
    assert.equal(await enabled("", { allowKnownDefaults: true, ...standard }), false);
  });

  test("an audience that is empty is not taken for none", async () => {
    const lines = await start("", '[castgate]\nintrospectionAudience = ""');
    assert.deepEqual(lines, [
      "error: castgate.introspectionAudience: must not be empty; remove it to accept any audience",
    ]);
  });

  test("wrong settings: opaque tokens stay refused", async () => {
    const { settings, report } = await settingsFrom('[keyManager]\nserverUrl = "https://km.test"');
    await introspectionModule.configure(settings, report, () => assert.fail());
    assert.equal(report.lines().length, 1);
    assert.equal(opaqueTokens, undefined);
  });
});

test("no token, password or claim in any line of the log (S-SEC-15)", async () => {
  const secrets = [
    "opaque-token-text",
    "gw-pass-word",
    "secret-answer",
    Buffer.from("gw:gw-pass-word").toString("base64"),
  ];
  const text = configText("", "[castgate]\nkeyManagerTimeoutSeconds = 1");
  const script = `
    import { openLog } from ${moduleUrl("../../../runtime-lib/log.ts")};
    import { Introspection, introspectionModule } from ${moduleUrl("../../../runtime-lib/introspection.ts")};
    import { opaqueTokens } from ${moduleUrl("../../../runtime-lib/opaque-tokens.ts")};
    import { settingsFrom } from ${moduleUrl("./settings-for-test.ts")};
    openLog("ALL");
    const { settings, report } = await settingsFrom(${JSON.stringify(text)});
    await introspectionModule.configure(settings, report);
    const said = [];
    for (let i = 0; i < 12; i++) said.push(await opaqueTokens.verify("opaque-token-text" + i));
    said.push(opaqueTokens.verify("opaque-token-text\\r\\n"));
    await introspectionModule.close();
    console.log(JSON.stringify([said.map((one) => one.ok ? "ok" : one), report.lines()]));
    setTimeout(() => process.exit(), 50);
  `;
  let count = 0;
  server.answer = (response) => {
    count++;
    const answers = [
      () => response.writeHead(500, { "x-a": "secret-answer" }).end("secret-answer"),
      () => response.end("secret-answer"),
      () => response.end('{"active":true,"username":"secret-answer","exp":1}'),
      () => response.end(`{"active":true,"username":"secret-answer${"x".repeat(300_000)}"}`),
      () => response.end('{"active":"secret-answer"}'),
      () => response.writeHead(302, { location: "https://secret-answer/" }).end(),
      () => response.socket?.end("secret-answer"),
      () => response.destroy(),
      () => undefined,
    ];
    answers[count % answers.length]?.();
  };
  const output = await outputOf(script);
  assert.match(output, /key manager away/);
  assert.match(output, /900900/);
  assert.ok(count >= 7, output);
  for (const secret of secrets) assert.ok(!output.includes(secret), output);
});
