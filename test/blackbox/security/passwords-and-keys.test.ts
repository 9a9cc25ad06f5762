import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type CompiledProject,
  freePort,
  type GatewayOptions,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, faults, get, outcomeOf } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const apis = {
  users: definition(
    "Users",
    { security: [{ user: [] }] },
    { "/all": get(), "/scoped": get({ security: [{ token: ["read"] }, { user: [] }] }) },
  ),
  keys: definition(
    "Keys",
    { security: [{ key: [] }, { queryKey: [] }] },
    { "/all": get(), "/scoped": get({ security: [{ token: ["read"] }, { key: [] }] }) },
  ),
};
const policies = {
  subscriptionPolicies: [
    { Default: { count: 9999, unitTime: 1, timeUnit: "day" } },
    { Gold: { count: 9999, unitTime: 1, timeUnit: "day" } },
  ],
};

const password = "correct horse: battery";
const basicOf = (user: string, secret: string) => `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  const original = compatibility === "wso2-3.2";
  describe(`passwords and keys, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://localhost");
    const users = `[b7a.users.carol]
password = "@sha256:{${createHash("sha256").update(password).digest("hex")}}"
scopes = "read"
[b7a.users.dave]
password = "@sha256:{${createHash("sha256").update(password).digest("hex")}}"
[castgate]
failedLoginsPerMinute = 10000
failedLoginsPerIdentityPerMinute = 10000
`;
    let backend: StubBackend;
    let project: CompiledProject;
    const gateways: RunningGateway[] = [];

    before(async () => {
      const features = original ? [] : ["api-key-issuer"];
      [backend, project] = await Promise.all([
        StubBackend.start(),
        compileParts("credentials", { compatibility, features, apis, policies }),
      ]);
    });
    after(async () => {
      const ended = await Promise.all(gateways.map((one) => one.stop()));
      await backend?.stop();
      project?.remove();
      assert.ok(ended.every(({ code }) => code === 0));
      const log = gateways.map((one) => one.log()).join("\n");
      for (const secret of [password, basicOf("carol", password).slice(6), "eyJ", "carol", "dave"])
        assert.ok(!log.includes(secret), secret);
    });

    async function start(options: GatewayOptions = {}): Promise<RunningGateway> {
      const gateway = await startGateway(project, { issuer, backend, settings: users, ...options });
      gateways.push(gateway);
      return gateway;
    }

    describe("passwords", () => {
      let gateway: RunningGateway;
      before(async () => {
        gateway = await start();
      });
      const to = (url: string, authorization: string) => ask(gateway.origin + url, { headers: { authorization } });

      test("S-BAS-03: split at the first colon", async () => {
        assert.equal((await to("/users/all", basicOf("carol", password))).status, 200);
        const truncated = await to("/users/all", basicOf("carol", "correct horse"));
        assert.deepEqual(outcomeOf(truncated), faults.password);
      });

      const challenge = original
        ? 'Basic Auth realm="WSO2 API Microgateway", error="invalid token" , error_description="The access token expired"'
        : 'Basic realm="castgate", charset="UTF-8"';
      test("S-ERR-12: wrong or empty password, unknown user", async () => {
        for (const [user, secret] of [
          ["carol", "wrong"],
          ["carol", ""],
          ["mallory", password],
          ["", ""],
        ] as const) {
          const answer = await to("/users/all", basicOf(user, secret));
          assert.deepEqual(outcomeOf(answer), faults.password);
          assert.equal(answer.headers["www-authenticate"], challenge);
        }
      });
      test("S-ERR-13: no colon", async () => {
        const answer = await to("/users/all", `Basic ${Buffer.from("carol").toString("base64")}`);
        assert.deepEqual(outcomeOf(answer), faults.noColon);
        assert.equal(answer.headers["www-authenticate"], challenge);
      });
      test("S-ERR-14: not base64: the original's 500, the client's mistake in standard", async () => {
        for (const text of ["Basic ?", "Basic Y2Fyb2w6eA=!", "Basic"]) {
          const answer = await to("/users/all", text);
          assert.deepEqual(outcomeOf(answer), original ? faults.unclassified : faults.noColon, text);
          assert.equal(answer.headers["www-authenticate"], original ? undefined : challenge);
        }
      });
      test("S-BAS-04: scopes of a token's alternative hold for users only in wso2-3.2", async () => {
        assert.equal((await to("/users/scoped", basicOf("carol", password))).status, 200);
        const other = await to("/users/scoped", basicOf("dave", password));
        if (original) assert.deepEqual(outcomeOf(other), faults.scope);
        else assert.equal(other.status, 200);
      });
    });

    describe("keys", () => {
      const keyOf = (claims: object = {}) => issuer.token({ iss: "https://localhost/apikey", ...claims });
      const anyApi = keyOf();
      const thisApi = keyOf({ allowedAPIs: [{ name: "Keys", version: "1.0.0" }] });
      const anyVersion = keyOf({ allowedAPIs: [{ name: "Keys", version: "*" }] });
      const subscribed = keyOf({ subscribedAPIs: [{ name: "Keys", version: "1.0.0", subscriptionTier: "Gold" }] });
      const otherApi = keyOf({ allowedAPIs: [{ name: "Users", version: "1.0.0" }] });
      const otherCase = keyOf({ allowedAPIs: [{ name: "keys", version: "1.0.0" }] });
      const otherVersion = keyOf({ allowedAPIs: [{ name: "Keys", version: "1.0" }] });
      const none = keyOf({ allowedAPIs: [] });
      const subscribedElsewhere = keyOf({
        subscribedAPIs: [{ name: "Users", version: "1.0.0" }],
        allowedAPIs: [{ name: "Keys", version: "1.0.0" }],
      });

      for (const checked of [false, true]) {
        test(`S-KEY-03: validateAllowedAPIs = ${checked}, key in header and query; it goes no further (S-KEY-07)`, async () => {
          const gateway = await start({ args: [`--apikey.tokenConfigs.validateAllowedAPIs=${checked}`] });
          const others = [anyApi, otherApi, otherCase, otherVersion, none, subscribedElsewhere];
          const cases: readonly (readonly [key: string, good: boolean])[] = [
            ...[thisApi, anyVersion, subscribed].map((key) => [key, true] as const),
            ...others.map((key) => [key, !checked] as const),
          ];
          for (const [key, good] of cases) {
            for (const url of ["/keys/all?a=1", "/keys/scoped?a=1"]) {
              for (const inQuery of url.startsWith("/keys/all") ? [true, false] : [false]) {
                backend.seen.length = 0;
                const answer = inQuery
                  ? await ask(`${gateway.origin}${url}&apikey=${key}`)
                  : await ask(gateway.origin + url, { headers: { "x-key": key } });
                if (good) {
                  assert.equal(answer.status, 200, answer.body);
                  assert.match(backend.seen[0]?.target ?? "", /\?a=1$/);
                  assert.ok(!JSON.stringify(backend.seen).includes(key));
                } else {
                  assert.deepEqual(outcomeOf(answer), faults.token);
                  assert.equal(backend.seen.length, 0);
                }
              }
            }
          }
          const wrong = [`${anyApi}x`, issuer.token(), keyOf({ exp: 1 }), "x", keyOf({ exp: undefined })];
          for (const key of wrong) {
            const answer = await ask(`${gateway.origin}/keys/all`, { headers: { "x-key": key } });
            assert.deepEqual(outcomeOf(answer), faults.token, "S-KEY-04");
          }
          assert.deepEqual(outcomeOf(await ask(`${gateway.origin}/keys/all?apikey=`)), faults.missing);
        });
      }
    });

    describe("S-STS-02: how long a key is valid that /apikey makes", () => {
      const basic = { authorization: basicOf("carol", password) };
      const scope = original ? [] : ["--castgate.apiKeyIssuer.scope=read"];

      async function issuing(validityTime: number, most: number) {
        const httpsPort = await freePort();
        const store = path.join(project.folder, `own-${httpsPort}.pem`);
        writeFileSync(store, issuer.privateKeyPem + issuer.certificatePem);
        const settings = `${users}[castgate.apiKeyIssuer]
maxValiditySeconds = ${most}
[apikey.issuer.tokenConfig]
enabled = true
certificateAlias = "own-${httpsPort}"
issuer = "https://localhost/apikey"
validityTime = ${validityTime}
[[apikey.issuer.api]]
name = "Keys"
`;
        const args = [`--listenerConfig.httpsPort=${httpsPort}`, `--listenerConfig.keyStorePath=${store}`, ...scope];
        const gateway = await start({ settings, args });
        const post = (body: string, headers: Record<string, string> = basic) =>
          ask(`https://localhost:${httpsPort}/apikey`, { method: "POST", headers, body, ca: issuer.certificatePem });
        const seconds = async (body: string) => {
          const answer = await post(body);
          assert.equal(answer.status, 200, answer.body);
          assert.equal(answer.headers["cache-control"], "no-store");
          const { iat, exp } = JSON.parse(Buffer.from(answer.body.split(".")[1] ?? "", "base64url").toString("utf8"));
          const used = await ask(`${gateway.origin}/keys/all`, { headers: { "x-key": answer.body } });
          assert.equal(used.status, 200, used.body);
          return exp - iat;
        };
        return { post, seconds };
      }

      test("as long as is asked for, but no longer than the settings say", async () => {
        const { post, seconds } = await issuing(60, 600);
        assert.equal(await seconds(""), 60);
        assert.equal(await seconds('{"validityTime": 30}'), 30);
        assert.equal(await seconds('{"validityTime": 6000}'), 60);
        assert.equal((await post("{}", {})).status, 401);
        const wrong = await post("{}", { authorization: basicOf("carol", "wrong") });
        assert.equal(wrong.status, 401);
        assert.equal(wrong.body, original ? "Authentication failure." : faults.password[1], "S-STS-05");
        const without = await post("{}", { authorization: basicOf("dave", password) });
        assert.deepEqual(original ? without.status : outcomeOf(without), original ? 200 : faults.scope);
      });
      test("never without an end (S-SEC-04)", async () => {
        for (const validityTime of [-1, 0]) {
          const { post, seconds } = await issuing(validityTime, 600);
          assert.equal((await post("")).status, 400);
          assert.equal(await seconds('{"validityTime": 30}'), 30);
          assert.equal(await seconds('{"validityTime": 6000}'), 600);
        }
      });
    });
  });
}
