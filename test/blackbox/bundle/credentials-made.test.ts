import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { writeFileSync } from "node:fs";
import { request } from "node:https";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type CompiledProject,
  compileProject,
  freePort,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** What a gateway signs itself: API keys for clients, and tokens about its callers for backends. */
describe("a real bundle signs", () => {
  const issuer = new TestIssuer("https://issuer.example.com");
  const password = "correct horse";
  const basic = `Basic ${Buffer.from(`carol:${password}`).toString("base64")}`;
  let backend: StubBackend;
  let project: CompiledProject;
  let gateway: RunningGateway;
  let httpsPort = 0;
  before(async () => {
    project = await compileProject(path.resolve(import.meta.dirname, "../../../fixtures/shop"));
    backend = await StubBackend.start();
    httpsPort = await freePort();
    const store = path.join(project.folder, "own.pem");
    writeFileSync(store, issuer.privateKeyPem + issuer.certificatePem);
    gateway = await startGateway(project, {
      issuer,
      backend,
      settings: `[b7a.users.carol]
password = "@sha256:{${createHash("sha256").update(password).digest("hex")}}"
scopes = "orders_write"
[apikey.issuer.tokenConfig]
enabled = true
certificateAlias = "own"
issuer = "${issuer.name}/apikey"
validityTime = 60
[[apikey.issuer.api]]
name = "Orders"
[jwtGeneratorConfig]
jwtGeneratorEnabled = true
privateKeyAlias = "own"
`,
      args: [`--listenerConfig.httpsPort=${httpsPort}`, `--listenerConfig.keyStorePath=${store}`],
    });
  });
  after(async () => {
    assert.deepEqual(await gateway?.stop(), { code: 0, signal: null });
    await backend?.stop();
    project?.remove();
  });

  function askForKey(authorization: string): Promise<{ status: number | undefined; cache: unknown; body: string }> {
    return new Promise((resolve, reject) => {
      const options = { port: httpsPort, host: "127.0.0.1", servername: "localhost", ca: issuer.certificatePem };
      const sent = request(
        { ...options, agent: false, method: "POST", path: "/apikey", headers: { authorization } },
        (answer) => {
          let body = "";
          answer.setEncoding("utf8").on("data", (text: string) => {
            body += text;
          });
          answer
            .on("end", () => resolve({ status: answer.statusCode, cache: answer.headers["cache-control"], body }))
            .on("error", reject);
        },
      );
      sent.on("error", reject);
      sent.end('{"validityTime": 30}');
    });
  }

  /** What the backend got of a request with these fields. */
  async function seenWith(headers: Readonly<Record<string, string>>) {
    const answer = await fetch(`${gateway.origin}/orders/1.2.0/orders`, { method: "POST", headers, body: "{}" });
    assert.equal(answer.status, 200, await answer.text());
    const seen = backend.seen.at(-1);
    assert.ok(seen !== undefined);
    return seen;
  }

  function claimsOf(token: string): Readonly<Record<string, unknown>> {
    const [header = "", claims = "", signature = ""] = token.split(".");
    const key = createPublicKey(issuer.certificatePem);
    assert.ok(verify("sha256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url")));
    return JSON.parse(Buffer.from(claims, "base64url").toString("utf8"));
  }

  test("an API key, over TLS only, which opens an API and goes no further (S-STS-01, S-KEY-07)", async () => {
    const { status, cache, body } = await askForKey(basic);
    assert.deepEqual([status, cache], [200, "no-store"], body);
    const { sub, iat, exp } = claimsOf(body);
    assert.equal(sub, "carol");
    assert.equal(Number(exp) - Number(iat), 30);
    const { headers } = await seenWith({ "X-Key": body, "X-JWT-Assertion": "mine" });
    assert.equal(headers["x-key"], undefined);
    assert.equal(headers["x-jwt-assertion"], undefined, "keys get none, and nobody's own passes (S-BJW-03, S-BJW-10)");
    assert.equal((await askForKey("Basic Y2Fyb2w6d3Jvbmc=")).status, 401);
    const plain = await fetch(`${gateway.origin}/apikey`, { method: "POST", headers: { authorization: basic } });
    assert.equal(plain.status, 404);
    assert.ok(!gateway.log().includes(body), "no key in the log");
  });

  test("who calls, for the backend (S-BJW-01, S-BJW-05)", async () => {
    const token = issuer.token({ sub: "alice", scope: "orders_write", colour: "blue" });
    const { headers } = await seenWith({ "X-Orders-Auth": `Bearer ${token}`, "X-JWT-Assertion": "mine" });
    const claims = claimsOf(String(headers["x-jwt-assertion"]));
    assert.equal(claims.sub, "alice");
    assert.equal(claims.colour, "blue");
    assert.equal(claims["http://wso2.org/claims/apicontext"], "/orders/1.2.0");
    assert.equal(claims.iss, "wso2.org/products/am");
    assert.equal(headers["x-orders-auth"], undefined);
    const again = await seenWith({ "X-Orders-Auth": `Bearer ${token}` });
    assert.equal(again.headers["x-jwt-assertion"], headers["x-jwt-assertion"], "made once");
    const byPassword = await seenWith({ "X-Orders-Auth": basic });
    assert.equal(byPassword.headers["x-jwt-assertion"], undefined);
  });
});
