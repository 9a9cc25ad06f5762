import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { after, before, describe, test } from "node:test";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { type ListServer, startListServer } from "../../support/list-server.ts";
import { ask, compileParts, definition, faults, get, outcomeOf } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const apis = { pets: definition("Pets", { security: [{ token: [] }] }, { "/x": get() }) };
const policies = { subscriptionPolicies: [{ Default: { count: 9999, unitTime: 1, timeUnit: "day" } }] };

/** What a state comes to for keys of both types (S-SUB-04); undefined: let in. */
const states: Readonly<
  Record<
    string,
    readonly [production: readonly [number, string] | undefined, sandbox: readonly [number, string] | undefined]
  >
> = {
  UNBLOCKED: [undefined, undefined],
  TIER_UPDATE_PENDING: [undefined, undefined],
  ON_HOLD: [faults.onHold, faults.onHold],
  BLOCKED: [faults.blocked, faults.blocked],
  // The original refused those of the sandbox.
  PROD_ONLY_BLOCKED: [faults.blocked, undefined],
  REJECTED: [faults.forbidden, faults.forbidden],
};
const clients = Object.keys(states).flatMap((state) =>
  (["PRODUCTION", "SANDBOX"] as const).map((keyType) => ({ state, keyType, name: `${state} ${keyType}` })),
);

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  const original = compatibility === "wso2-3.2";
  describe(`subscriptions and revocation, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    const byId = issuer.token({ aud: "UNBLOCKED PRODUCTION", jti: "revoked id" });
    const bySignature = issuer.token({ aud: "UNBLOCKED PRODUCTION", sub: "no id" });
    const byText = issuer.token({ aud: "UNBLOCKED PRODUCTION", sub: "whole" });
    let backend: StubBackend;
    let manager: ListServer;
    let project: CompiledProject;
    let gateway: RunningGateway;

    const expiry = Date.now() + 3_600_000;
    const lists: Readonly<Record<string, readonly object[]>> = {
      "application-key-mappings": clients.map(({ keyType, name }, i) => ({
        applicationId: i,
        consumerKey: name,
        keyType,
      })),
      applications: clients.map(({ name }, i) => ({ id: i, name, policy: "Unlimited" })),
      apis: [{ apiId: 7, name: "Pets", version: "1.0.0", context: "/pets" }],
      subscriptions: clients.map(({ state }, i) => ({
        subscriptionId: i,
        policyId: "Unlimited",
        apiId: 7,
        appId: i,
        subscriptionState: state,
      })),
    };
    const revoked = ["revoked id", bySignature.split(".")[2], byText, "opaque-revoked"].map((id) => ({
      jwt_signature: id,
      expiry_time: expiry,
    }));

    async function answer(request: IncomingMessage) {
      const target = request.url ?? "";
      if (target === "/internal/data/v1/revokedjwt") return { body: JSON.stringify(revoked) };
      if (target === "/oauth2/introspect") {
        let form = "";
        for await (const chunk of request) form += chunk;
        const token = new URLSearchParams(form).get("token") ?? "";
        const client = token.startsWith("opaque-client-")
          ? clients[Number(token.slice(14))]?.name
          : "UNBLOCKED PRODUCTION";
        return { body: JSON.stringify({ active: true, username: "alice", client_id: client }) };
      }
      const list = target.includes("?") ? [] : lists[target.slice("/internal/data/v1/".length)];
      return list === undefined ? { status: 404, body: "" } : { body: JSON.stringify({ count: list.length, list }) };
    }

    before(async () => {
      const features = original ? [] : ["event-hub", "introspection", "revocation"];
      [backend, manager, project] = await Promise.all([
        StubBackend.start(),
        startListServer(answer),
        compileParts("subscriptions", {
          compatibility,
          features,
          apis: { pets: { ...apis.pets, "x-wso2-sandbox-endpoints": { urls: ["http://sandbox.test/api"] } } },
          policies,
        }),
      ]);
      gateway = await startGateway(project, {
        issuer,
        backend,
        settings: `[keyManager]
serverUrl = "${manager.url}"
username = "gateway"
password = "a secret"
[security]
validateSubscriptions = true
[apim.eventHub]
enable = true
serviceUrl = "${manager.url}"
username = "hub"
password = "hub secret"
[tokenRevocationConfig.persistent]
enablePersistentStorageRetrieval = true
endpointURL = "${manager.url}/internal/data/v1"
username = "list"
password = "list secret"
`,
      });
    });
    after(async () => {
      await gateway?.stop();
      await Promise.all([backend?.stop(), manager?.close()]);
      project?.remove();
    });

    const call = (token: string, more: Readonly<Record<string, string>> = {}) =>
      ask(`${gateway.origin}/pets/x`, { headers: { authorization: `Bearer ${token}`, ...more } });

    for (const [index, { state, keyType, name }] of clients.entries()) {
      test(`S-SUB-04, S-ERR-08 to 10: ${state}, key of ${keyType}`, async () => {
        const expected = states[state]?.[keyType === "PRODUCTION" ? 0 : 1];
        for (const token of [issuer.token({ aud: name }), `opaque-client-${index}`]) {
          backend.seen.length = 0;
          const got = await call(token);
          if (expected === undefined) {
            assert.equal(got.status, 200, got.body);
            assert.match(backend.seen[0]?.target ?? "", keyType === "SANDBOX" ? /sandbox/ : /pets/, "S-JWT-11");
          } else {
            assert.deepEqual(outcomeOf(got), expected);
            assert.equal(backend.seen.length, 0);
            // The token is good: a challenge does not call it invalid.
            if (!original && got.status === 401)
              assert.equal(got.headers["www-authenticate"], 'Bearer realm="castgate"');
          }
        }
      });
    }
    test("S-SUB-05, S-ERR-09: a client that nobody has registered", async () => {
      assert.deepEqual(outcomeOf(await call(issuer.token({ aud: "nobody" }))), faults.forbidden);
    });

    test("S-SUB-12, S-SEC-06, mended: what a request says that it carries decides nothing", async () => {
      backend.seen.length = 0;
      const grpc = { "content-type": "application/grpc" };
      const blocked = await call(issuer.token({ aud: "BLOCKED PRODUCTION" }), grpc);
      assert.deepEqual(outcomeOf(blocked), faults.blocked);
      assert.equal(blocked.headers["content-type"], "application/json");
      assert.deepEqual(outcomeOf(await call(issuer.token({ aud: "nobody" }), grpc)), faults.forbidden);
      assert.equal(backend.seen.length, 0);
      assert.equal((await call(issuer.token({ aud: "UNBLOCKED PRODUCTION" }), grpc)).status, 200);
    });

    const named = {
      "its id": byId,
      "its signature": bySignature,
      "its text": byText,
      "its text, opaque": "opaque-revoked",
    };
    for (const [how, token] of Object.entries(named)) {
      test(`S-REV-03, S-ERR-03: revoked by ${how}`, async () => {
        backend.seen.length = 0;
        assert.deepEqual(outcomeOf(await call(token)), faults.token);
        assert.equal(backend.seen.length, 0);
      });
    }
  });
}
