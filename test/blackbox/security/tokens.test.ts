import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { type CompiledProject, freePort, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { type Answer, ask, compileParts, definition, faults, get } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** A token of API level needs `read`; each path says what is asked of it instead. */
const apis = {
  tokens: definition(
    "Tokens",
    { security: [{ token: ["read"] }] },
    {
      "/any": get({ security: [{ token: [] }] }),
      "/inherited": get(),
      "/empty": get({ security: [] }),
      "/either-scope": get({ security: [{ token: ["read", "write"] }] }),
      "/either-list": get({ security: [{ token: ["read"] }, { token: ["write"] }] }),
      "/token-and-key": get({ security: [{ token: [], key: [] }] }),
      "/token-or-key": get({ security: [{ token: [] }, { key: [] }] }),
      "/public": get({ "x-wso2-disable-security": true }),
    },
  ),
  users: definition("Users", { security: [{ user: [] }] }, { "/all": get() }),
  either: definition(
    "Either",
    { security: [{ token: [] }, { user: [] }] },
    { "/all": get(), "/users": get({ security: [{ user: [] }] }) },
  ),
  keys: definition("Keys", { security: [{ key: [] }] }, { "/all": get() }),
};

const originalTail = ', error="invalid token" , error_description="The access token expired"';
const oauth2 = 'OAuth2 realm="WSO2 API Microgateway"';
const basicAuth = 'Basic Auth realm="WSO2 API Microgateway"';

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  const original = compatibility === "wso2-3.2";
  describe(`tokens, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    const stranger = new TestIssuer("https://issuer.test");
    const password = "correct horse: battery";
    const basic = `Basic ${Buffer.from(`carol:${password}`).toString("base64")}`;
    let backend: StubBackend;
    let project: CompiledProject;
    let gateway: RunningGateway;

    before(async () => {
      [backend, project] = await Promise.all([
        StubBackend.start(),
        compileParts("tokens", {
          compatibility,
          features: original ? [] : ["introspection"],
          apis,
          policies: {
            subscriptionPolicies: [
              { Default: { count: 9999, unitTime: 1, timeUnit: "day" } },
              { Unauthenticated: { count: 9999, unitTime: 1, timeUnit: "day" } },
            ],
          },
        }),
      ]);
      gateway = await startGateway(project, {
        issuer,
        backend,
        settings: `[castgate]
failedLoginsPerMinute = 10000
failedLoginsPerIdentityPerMinute = 10000
[keyManager]
serverUrl = "http://127.0.0.1:${await freePort()}"
username = "gateway"
password = "key manager's"
[b7a.users.carol]
password = "@sha256:{${createHash("sha256").update(password).digest("hex")}}"
[[jwtTokenConfig]]
issuer = "https://strict.test"
certificateAlias = "issuer"
audience = "shop"
[[jwtTokenConfig]]
issuer = "https://mapped.test"
certificateAlias = "issuer"
[[jwtTokenConfig.claims]]
remoteClaim = "rights"
localClaim = "scope"
[[jwtTokenConfig]]
issuer = "https://transformed.test"
certificateAlias = "issuer"
claimMapperClassName = "org.wso2.micro.gateway.jwtTransformer.DefaultJwtTransformer"
[[jwtTokenConfig.claims]]
remoteClaim = "scp"
localClaim = "scope"
`,
      });
    });
    after(async () => {
      const ended = await gateway?.stop();
      await backend?.stop();
      project?.remove();
      assert.deepEqual(ended, { code: 0, signal: null });
    });
    beforeEach(() => {
      backend.seen.length = 0;
    });

    const to = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
      ask(`${gateway.origin}${path}`, { headers });
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

    async function isRefused(
      answer: Answer | Promise<Answer>,
      [status, body]: readonly [number, string],
      challenge?: string,
    ): Promise<void> {
      const got = await answer;
      assert.deepEqual([got.status, got.body], [status, body]);
      assert.equal(got.headers["content-type"], "application/json");
      assert.equal(got.headers["www-authenticate"], challenge);
      assert.equal(backend.seen.length, 0, "the backend saw it");
    }

    async function passes(answer: Answer | Promise<Answer>): Promise<void> {
      const got = await answer;
      assert.equal(got.status, 200, got.body);
      assert.equal(backend.seen.length, 1);
      backend.seen.length = 0;
    }

    const tokenChallenge = original ? oauth2 + originalTail : 'Bearer realm="castgate"';
    const invalidToken = original ? tokenChallenge : 'Bearer realm="castgate", error="invalid_token"';
    const userChallenge = original ? basicAuth + originalTail : 'Basic realm="castgate", charset="UTF-8"';

    describe("S-ERR-01: nothing is offered", () => {
      test("S-ERR-R4 where tokens are taken", () => isRefused(to("/tokens/any"), faults.missing, tokenChallenge));
      test("S-ERR-R4 where passwords are taken", () => isRefused(to("/users/all"), faults.missing, userChallenge));
      test("S-ERR-R4 where both are", () => {
        const both = original
          ? `${oauth2} ${basicAuth}${originalTail}`
          : 'Bearer realm="castgate", Basic realm="castgate", charset="UTF-8"';
        return isRefused(to("/either/all"), faults.missing, both);
      });
      test("S-ERR-R4 where keys alone are", () =>
        isRefused(to("/keys/all"), faults.missing, original ? originalTail : 'ApiKey realm="castgate"'));
      test("S-ERR-R4: the schemes of the API in wso2-3.2, of the operation in standard", () =>
        isRefused(
          to("/either/users"),
          faults.missing,
          original ? `${oauth2} ${basicAuth}${originalTail}` : userChallenge,
        ));
      test("S-SEL-11: an empty header is none", async () => {
        for (const authorization of ["", "  "])
          await isRefused(to("/tokens/any", { authorization }), faults.missing, tokenChallenge);
      });
    });

    test("S-ERR-02: a token where only passwords are taken, and the other way round", async () => {
      await isRefused(to("/users/all", bearer(issuer.token())), faults.scheme, userChallenge);
      await isRefused(to("/tokens/any", { authorization: basic }), faults.scheme, tokenChallenge);
    });

    describe("S-ERR-03", () => {
      const seconds = () => Math.floor(Date.now() / 1000);
      const good = issuer.token();
      const [header = "", claims = "", signature = ""] = good.split(".");
      const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const secret = createHmac("sha256", issuer.certificatePem);
      const hs256 = `${encoded({ alg: "HS256", typ: "JWT" })}.${claims}`;
      const wrong: Readonly<Record<string, string>> = {
        expired: issuer.token({ exp: seconds() - 3600 }),
        "not valid yet (S-SEC-02)": issuer.token({ nbf: seconds() + 3600 }),
        "signed with another key": stranger.token(),
        "another signature": `${header}.${claims}.${signature.replace(/^./, (c) => (c === "A" ? "B" : "A"))}`,
        "HS256 with the certificate as its secret (S-JWT-02)": `${hs256}.${secret.update(hs256).digest("base64url")}`,
        "none (S-JWT-02)": `${encoded({ alg: "none" })}.${claims}.`,
        "for somebody else (S-JWT-05)": issuer.token({ iss: "https://strict.test", aud: "warehouse" }),
        "for nobody (S-JWT-05)": issuer.token({ iss: "https://strict.test" }),
        "of an unknown issuer (S-SEL-14)": issuer.token({ iss: "https://issuer.test/" }),
        "of no issuer": issuer.token({ iss: undefined }),
        "five parts (S-SEL-14)": `${good}.a.b`,
        "not a JWT": "a.b.c",
        "nothing after Bearer": "",
      };
      for (const [name, token] of Object.entries(wrong)) {
        // A header field ends without blanks: "Bearer" alone.
        const authorization = `Bearer ${token}`.trim();
        test(name, () => isRefused(to("/tokens/any", { authorization }), faults.token, invalidToken));
      }
      test("the same token, untouched, passes", () => passes(to("/tokens/any", bearer(good))));
      test("S-JWT-05: one of several audiences fits", () =>
        passes(to("/tokens/any", bearer(issuer.token({ iss: "https://strict.test", aud: ["warehouse", "shop"] })))));
      test("key manager away: 503 with 900900, in both (S-SEC-12)", async () => {
        const answer = to("/tokens/any", bearer("opaque"));
        await isRefused(answer, [503, faults.unclassified[1]], undefined);
        assert.equal((await answer).headers["retry-after"], "5");
      });
    });

    describe("S-ERR-11: scopes", () => {
      const missing = (scope: string) =>
        original ? undefined : `Bearer realm="castgate", error="insufficient_scope", scope="${scope}"`;
      const withScope = (scope?: string) => bearer(issuer.token({ scope }));

      test("a scope of the API", async () => {
        await isRefused(to("/tokens/inherited", withScope()), faults.scope, missing("read"));
        await isRefused(to("/tokens/inherited", withScope("READ reader")), faults.scope, missing("read"));
        await passes(to("/tokens/inherited", withScope("other read")));
      });
      test("S-SCP-01: any one of them in wso2-3.2, all in standard", async () => {
        await isRefused(to("/tokens/either-scope", withScope("other")), faults.scope, missing("read write"));
        await passes(to("/tokens/either-scope", withScope("write read")));
        if (original) await passes(to("/tokens/either-scope", withScope("write")));
        else await isRefused(to("/tokens/either-scope", withScope("write")), faults.scope, missing("read write"));
      });
      test("S-SCP-01: requirements that are alternatives", async () => {
        for (const scope of ["read", "write"]) await passes(to("/tokens/either-list", withScope(scope)));
        await isRefused(to("/tokens/either-list", withScope("other")), faults.scope, missing("read"));
      });
      test("S-SCP-03, S-SEL-05: an empty list drops the API's scopes; it opens the operation only in standard", async () => {
        await passes(to("/tokens/empty", withScope()));
        if (original) await isRefused(to("/tokens/empty"), faults.missing, tokenChallenge);
        else await passes(to("/tokens/empty"));
      });
    });

    describe("choosing the scheme", () => {
      test("S-SEL-03: two schemes in one requirement: either in wso2-3.2, both in standard", async () => {
        const key = issuer.token({ iss: "https://issuer.test/apikey" });
        if (original) {
          await passes(to("/tokens/token-and-key", bearer(issuer.token())));
          await passes(to("/tokens/token-and-key", { "x-key": key }));
        } else {
          await isRefused(to("/tokens/token-and-key", bearer(issuer.token())), faults.missing, tokenChallenge);
          await isRefused(to("/tokens/token-and-key", { "x-key": key }), faults.missing, tokenChallenge);
          await passes(to("/tokens/token-and-key", { ...bearer(issuer.token()), "x-key": key }));
        }
      });
      test("S-SEL-08: whichever of the alternatives is offered", async () => {
        await passes(to("/either/all", bearer(issuer.token())));
        await passes(to("/either/all", { authorization: basic }));
      });
      test("S-SEL-08, S-SEL-13: one that fails does not stop the next, if that is looked at", async () => {
        const key = issuer.token({ iss: "https://issuer.test/apikey" });
        await passes(to("/tokens/token-or-key", bearer(issuer.token())));
        await passes(to("/tokens/token-or-key", { "x-key": key }));
        const wrongToken = { ...bearer(stranger.token()), "x-key": key };
        if (original) await isRefused(to("/tokens/token-or-key", wrongToken), faults.token, invalidToken);
        else await passes(to("/tokens/token-or-key", wrongToken));
        await passes(to("/tokens/token-or-key", { ...bearer(issuer.token()), "x-key": "wrong" }));
      });
      test("S-SEL-12, mended: by the scheme's word, not by letters within the token", async () => {
        const holding = tokenHoldingBasic(issuer);
        await passes(to("/tokens/any", bearer(holding)));
        await passes(to("/either/all", bearer(holding)));
        await isRefused(to("/users/all", bearer(holding)), faults.scheme, userChallenge);
      });
      test("S-SEL-12: the word is read without case", async () => {
        await passes(to("/tokens/any", { authorization: `bEARER ${issuer.token()}` }));
        await passes(to("/users/all", { authorization: basic.replace("Basic", "bASIC") }));
      });
      test("S-SEL-13: beside an auth header a key is not looked at in wso2-3.2", async () => {
        const both = { ...bearer(issuer.token()), "x-key": issuer.token({ iss: "https://issuer.test/apikey" }) };
        if (original) await isRefused(to("/keys/all", both), faults.scheme, originalTail);
        else await passes(to("/keys/all", both));
      });
    });

    test("S-HDR-01: credentials go no further, from operations that need none neither", async () => {
      const token = issuer.token();
      for (const path of ["/tokens/any", "/tokens/public"]) {
        const answer = await to(path, { ...bearer(token), "x-jwt-assertion": "mine" });
        assert.equal(answer.status, 200);
        const seen = backend.seen.at(-1);
        assert.equal(seen?.headers.authorization, undefined, path);
        assert.equal(seen?.headers["x-jwt-assertion"], undefined, "S-BJW-10");
        assert.ok(!JSON.stringify(seen).includes(token));
      }
    });

    test("S-BJW-02: a token's own backend JWT passes in wso2-3.2, though nothing is made", async () => {
      const answer = await to("/tokens/any", bearer(issuer.token({ backendJwt: "made.by.others" })));
      assert.equal(answer.status, 200);
      assert.equal(backend.seen[0]?.headers["x-jwt-assertion"], original ? "made.by.others" : undefined);
      const without = await to("/tokens/any", { ...bearer(issuer.token()), "x-jwt-assertion": "mine" });
      assert.equal(without.status, 200);
      assert.equal(backend.seen[1]?.headers["x-jwt-assertion"], undefined, "S-BJW-10");
    });

    describe("S-JWT-10: claims", () => {
      const mapped = (iss: string, claims: object) => to("/tokens/inherited", bearer(issuer.token({ iss, ...claims })));
      test("one is renamed", async () => {
        await passes(mapped("https://mapped.test", { rights: "read" }));
        const answer = await mapped("https://mapped.test", { rights: "none" });
        assert.deepEqual([answer.status, answer.body], faults.scope);
      });
      test("scopes as an array need the transformer", async () => {
        await isRefused(mapped("https://mapped.test", { rights: ["read"] }), faults.token, invalidToken);
        await passes(mapped("https://transformed.test", { scp: ["other", "read"] }));
        const answer = await mapped("https://transformed.test", { scp: ["other"] });
        assert.deepEqual([answer.status, answer.body], faults.scope);
      });
    });

    test("S-SEC-15: no credential and no user in the log", () => {
      const log = gateway.log();
      for (const secret of [password, basic.slice(6), "key manager's", "eyJ", "alice", "carol"])
        assert.ok(!log.includes(secret), secret);
    });
  });
}

/** A good token in whose text `basic` stands as `BaSic`: the six letters are that in base64 where a group of three begins. */
function tokenHoldingBasic(issuer: TestIssuer): string {
  const tokens = ["", "-", "--"].map((before) => issuer.token({}, { kid: `${before}0PZJ'1` }));
  return tokens.find((token) => token.includes("BaSic")) ?? assert.fail("no such token");
}
