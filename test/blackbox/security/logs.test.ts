import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, get } from "../../support/security-project.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const apis = {
  pets: definition(
    "Pets",
    { security: [{ token: [] }, { user: [] }, { key: [] }, { queryKey: [] }] },
    { "/x": get(), "/read": get({ security: [{ token: ["read"] }] }) },
  ),
};
const policies = { subscriptionPolicies: [{ Default: { count: 9999, unitTime: 1, timeUnit: "day" } }] };
type Line = Readonly<Record<string, unknown>>;

/** S-SEC-15: who was let in or refused is said by issuer, client and request; never by person or credential. */
for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`logs of authentication, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    const stranger = new TestIssuer("https://issuer.test");
    const keyManager = new ServiceUnderTest();
    const password = "pass word of carol";
    const secrets: string[] = [password, "password of the gateway"];
    let backend: StubBackend;
    let project: CompiledProject;
    const gateways: Partial<Record<"INFO" | "DEBUG", RunningGateway>> = {};

    before(async () => {
      [backend, project] = await Promise.all([
        StubBackend.start(),
        compileParts("logs", {
          compatibility,
          features: compatibility === "standard" ? ["introspection"] : [],
          apis,
          policies,
        }),
        keyManager.start(),
      ]);
      for (const level of ["INFO", "DEBUG"] as const) {
        gateways[level] = await startGateway(project, {
          issuer,
          backend,
          args: [`--b7a.log.level=${level}`],
          settings: `[keyManager]
serverUrl = "${keyManager.url}"
username = "gateway"
password = "password of the gateway"
[castgate]
accessLog = ${level === "INFO"}
[b7a.users.carol]
password = "@sha256:{${createHash("sha256").update(password).digest("hex")}}"
[[jwtTokenConfig]]
issuer = "https://clients.test"
certificateAlias = "issuer"
consumerKeyClaim = "azp"
`,
        });
      }
    });
    after(async () => {
      for (const gateway of Object.values(gateways)) await gateway.stop();
      await Promise.all([backend?.stop(), keyManager.stop()]);
      project?.remove();
      for (const gateway of Object.values(gateways)) {
        for (const secret of [...secrets, ...secrets.map((one) => encodeURIComponent(one))])
          assert.ok(!gateway.log().includes(secret), secret);
        for (const word of ["eyJ", "alice", "carol", "alice@example.test", "Alice"])
          assert.ok(!gateway.log().includes(word), word);
      }
    });

    let requests = 0;
    /** The line with this message that a request leaves, without what is not of this test. */
    async function lineOf(
      level: "INFO" | "DEBUG",
      msg: string,
      headers: Readonly<Record<string, string>>,
      at = "/pets/x",
    ): Promise<Line | undefined> {
      const gateway = gateways[level] ?? assert.fail();
      const id = `logs-${++requests}`;
      await ask(gateway.origin + at, { headers: { "x-request-id": id, ...headers } });
      const find = () =>
        gateway
          .log()
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line) => JSON.parse(line) as Line)
          .find((line) => line.id === id && line.msg === msg);
      await until(
        () => find() !== undefined,
        () => `no line "${msg}" of ${id}`,
      );
      const { time, client, operation, method, path, ms, ...said } = find() ?? assert.fail();
      assert.deepEqual([typeof time, client, method, path], ["string", "127.0.0.1", "GET", at.replace(/\?.*/, "")]);
      assert.match(String(operation), /^get(X|Read)$/);
      assert.equal(said.id, id);
      const { id: _, ...others } = said;
      return others;
    }
    const person = { sub: "alice", name: "Alice", email: "alice@example.test", azp: "web-shop" };
    function tokenOf(claims: object = {}, by = issuer): Record<string, string> {
      const token = by.token({ iss: "https://clients.test", ...person, ...claims });
      secrets.push(token, token.split(".")[2] ?? "");
      return { authorization: `Bearer ${token}` };
    }
    const basicOf = (secret: string) => {
      const text = Buffer.from(`carol:${secret}`).toString("base64");
      secrets.push(text);
      return { authorization: `Basic ${text}` };
    };
    const keyOf = (claims: object) => {
      const key = issuer.token({
        iss: "https://issuer.test/apikey",
        sub: "alice",
        consumerKey: "key-client",
        ...claims,
      });
      secrets.push(key);
      return { "x-key": key };
    };

    const refused = { level: "info", msg: "refused" };
    const ofClient = { issuer: "https://clients.test", clientId: "web-shop" };

    test("refused: reason, issuer and client, as far as the credential vouches for them", async () => {
      const wrong = { ...refused, status: 401, code: 900901 };
      const cases: readonly (readonly [headers: Record<string, string>, line: Line])[] = [
        [{}, { ...refused, status: 401, code: 900902, reason: "no credentials" }],
        [tokenOf({ exp: 1 }), { ...wrong, reason: "jwt: expired", ...ofClient }],
        // What another key has signed may say of its client what it likes.
        [tokenOf({}, stranger), { ...wrong, reason: "jwt: signature", issuer: "https://clients.test" }],
        [
          tokenOf({ iss: "https://nobody.test" }),
          { ...wrong, reason: "jwt: unknown issuer", issuer: "https://nobody.test" },
        ],
        [tokenOf({ iss: 'a"\r\n\u2028{}' }), { ...wrong, reason: "jwt: unknown issuer", issuer: 'a"\r\n\u2028{}' }],
        [
          tokenOf({ iss: "x".repeat(2000) }),
          { ...wrong, reason: "jwt: unknown issuer", issuer: `${"x".repeat(200)}...` },
        ],
        [tokenOf({ iss: ["https://clients.test"] }), { ...wrong, reason: "jwt: unknown issuer" }],
        [basicOf("wrong pass word"), { ...refused, status: 401, code: 900911, reason: "basic: user or password" }],
        [
          keyOf({ exp: 1 }),
          { ...wrong, reason: "api-key: expired", issuer: "https://issuer.test/apikey", clientId: "key-client" },
        ],
      ];
      for (const [headers, line] of cases) assert.deepEqual(await lineOf("INFO", "refused", headers), line);
    });

    test("refused later on: a scope that a known caller lacks", async () => {
      const line = { ...refused, status: 403, code: 900910 };
      const said = await lineOf("INFO", "refused", tokenOf({ scope: "write" }), "/pets/read");
      const { reason, ...others } = said ?? {};
      assert.match(String(reason), /scope missing/);
      assert.deepEqual(others, { ...line, ...ofClient });
    });

    test("refused: an opaque token, by what the key manager says of it", async () => {
      const opaque = (token: string) => {
        secrets.push(token);
        return { authorization: `Bearer ${token}` };
      };
      const wrong = { ...refused, status: 401, code: 900901 };
      keyManager.json({ active: false, client_id: "not to be believed" });
      const inactive = await lineOf("INFO", "refused", opaque("opaque-1"));
      assert.deepEqual(inactive, { ...wrong, reason: "opaque token: not active" });
      keyManager.json({
        active: true,
        token_type: "refresh",
        username: "alice",
        client_id: "web-shop",
        iss: "https://km.test",
      });
      const other = await lineOf("INFO", "refused", opaque("opaque-2"));
      const named = { issuer: "https://km.test", clientId: "web-shop" };
      assert.deepEqual(other, { ...wrong, reason: "opaque token: not an access token", ...named });
      keyManager.json({ active: true, username: "alice", client_id: "web-shop", iss: "https://km.test" });
      const good = await lineOf("DEBUG", "authenticated", opaque("opaque-3"));
      assert.deepEqual(good, { level: "debug", msg: "authenticated", scheme: "opaque", ...named });
    });

    test("accepted: said at DEBUG, and in the access log", async () => {
      const cases: readonly (readonly [headers: Record<string, string>, line: Line])[] = [
        [tokenOf(), { scheme: "jwt", ...ofClient }],
        [basicOf(password), { scheme: "basic" }],
        [keyOf({}), { scheme: "api-key", issuer: "https://issuer.test/apikey", clientId: "key-client" }],
      ];
      for (const [headers, line] of cases) {
        const debug = await lineOf("DEBUG", "authenticated", headers);
        assert.deepEqual(debug, { level: "debug", msg: "authenticated", ...line });
        const access = await lineOf("INFO", "access", headers);
        assert.deepEqual(access, { level: "info", msg: "access", status: 200, ...line });
      }
      assert.ok(!gateways.INFO?.log().includes('"authenticated"'));
    });

    test("a key in the query is in no line", async () => {
      const { "x-key": key = "" } = keyOf({});
      const line = await lineOf("INFO", "access", {}, `/pets/x?apikey=${key}`);
      assert.equal(line?.scheme, "api-key");
    });
  });
}
