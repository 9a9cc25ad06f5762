import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as plainRequest, type RequestOptions } from "node:http";
import { request } from "node:https";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import {
  type CompiledProject,
  compileProject,
  freePort,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const definition = {
  openapi: "3.0.3",
  info: { title: "Open", version: "1" },
  servers: [{ url: "http://open.test" }],
  "x-wso2-basePath": "/open",
  "x-wso2-disable-security": true,
  paths: { "/all": { get: { responses: { 200: { description: "Fine" } } } } },
};

const crossOrigin = `[corsConfiguration]
corsConfigurationEnabled = true
accessControlAllowOrigins = ["https://ui.test"]
accessControlAllowHeaders = ["authorization"]
accessControlAllowMethods = ["GET", "POST"]
`;

const form = { "content-type": "application/x-www-form-urlencoded" };
const grant = "grant_type=password&username=alice&password=wonder-land";
const authorization = `Basic ${Buffer.from("client:client-secret").toString("base64")}`;

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`the key manager's endpoints, ${compatibility} (S-LSN-03, S-LSN-13)`, () => {
    const parent = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
    const own = new TestIssuer("https://issuer.test");
    const keyManager = new ServiceUnderTest({ key: own.privateKeyPem, cert: own.certificatePem });
    let project: CompiledProject;
    let gateway: RunningGateway;
    let apiPort = 0;
    let tokenPort = 0;

    before(async () => {
      const source = path.join(parent, "open");
      mkdirSync(path.join(source, "api_definitions"), { recursive: true });
      writeFileSync(path.join(source, "api_definitions/open.json"), JSON.stringify(definition));
      if (compatibility === "wso2-3.2") {
        mkdirSync(path.join(source, "conf"));
        writeFileSync(path.join(source, "conf/toolkit-config.toml"), crossOrigin);
      }
      const features = compatibility === "standard" ? "features: [key-manager-proxies]\n" : "";
      writeFileSync(path.join(source, "castgate.yaml"), `name: open\ncompatibility: ${compatibility}\n${features}`);
      [project, apiPort, tokenPort] = await Promise.all([compileProject(source), freePort(), freePort()]);
      await keyManager.start();
      const store = path.join(project.folder, "own.pem");
      writeFileSync(store, own.privateKeyPem + own.certificatePem);
      gateway = await startGateway(project, {
        issuer: own,
        settings: `[keyManager]
serverUrl = "${keyManager.url}/km/"
[castgate]
failedLoginsPerMinute = 5
keyManagerTimeoutSeconds = 2
[castgate.keyManagerProxies]
enabled = true
onApiListener = ${compatibility === "standard"}
`,
        args: [
          `--listenerConfig.httpsPort=${apiPort}`,
          `--listenerConfig.tokenListenerPort=${tokenPort}`,
          `--listenerConfig.keyStorePath=${store}`,
        ],
      });
    });
    after(async () => {
      assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
      await keyManager.stop();
      project.remove();
      rmSync(parent, { recursive: true });
    });
    beforeEach(() => {
      keyManager.requests.length = 0;
    });

    interface Answer {
      readonly status: number | undefined;
      readonly headers: Readonly<Record<string, unknown>>;
      readonly body: string;
    }

    function send(
      method: string,
      url: string,
      more: RequestOptions = {},
      body = "",
      port = tokenPort,
    ): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const options = { host: "127.0.0.1", servername: "localhost", ca: own.certificatePem, agent: false } as const;
        const sent = request({ ...options, port, method, path: url, ...more }, (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (part: string) => {
            text += part;
          });
          answer
            .on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: text }))
            .on("error", reject);
        });
        sent.on("error", reject);
        sent.end(body);
      });
    }

    test("a request goes there as it came, and so does the answer", async () => {
      keyManager.answer = (response) => {
        const headers = { "content-type": "application/json", "cache-control": "no-store", pragma: "no-cache" };
        response.writeHead(200, headers).end('{"access_token":"made-by-km"}');
      };
      const headers = { ...form, authorization, expect: "100-continue", "x-forwarded-for": "192.0.2.9" };
      const answer = await send("POST", "/token/oidc?tenant=a%20b", { headers }, grant);
      assert.equal(answer.status, 200);
      assert.equal(answer.body, '{"access_token":"made-by-km"}');
      assert.equal(answer.headers["cache-control"], "no-store");
      const [seen] = keyManager.requests;
      assert.equal(seen?.url, "/km/oauth2/token/oidc?tenant=a%20b");
      assert.equal(seen?.body, grant);
      assert.equal(seen?.headers.authorization, authorization);
      assert.equal(seen?.headers.expect, undefined);
      assert.equal(seen?.headers["x-forwarded-for"], "127.0.0.1");
      assert.equal(seen?.headers["x-forwarded-proto"], "https");
    });

    test("each of them, with its own method alone", async () => {
      keyManager.json({});
      for (const [method, url] of [
        ["POST", "/token"],
        ["POST", "/revoke"],
        ["GET", "/authorize?response_type=code"],
        ["GET", "/userinfo"],
      ] as const) {
        assert.equal((await send(method, url)).status, 200);
        assert.equal(keyManager.requests.at(-1)?.url, `/km/oauth2${url}`);
        const other = await send(method === "GET" ? "POST" : "GET", url);
        assert.deepEqual([other.status, other.headers.allow], [405, method]);
      }
      assert.equal(keyManager.requests.length, 4);
      for (const url of ["/introspect", "/tokens", "/token%2F..%2Fadmin", "/token/../admin", "/open/all"])
        assert.ok([400, 404].includes((await send("POST", url)).status ?? 0), url);
      assert.equal(keyManager.requests.length, 4);
    });

    test("a redirect is the client's to follow", async () => {
      keyManager.answer = (response) => void response.writeHead(302, { location: "https://km.test/login?s=1" }).end();
      const { status, headers } = await send("GET", "/authorize?client_id=c&state=s");
      assert.deepEqual([status, headers.location], [302, "https://km.test/login?s=1"]);
    });

    test("what pages of other origins may do, the gateway says (T-CFG-09)", async () => {
      keyManager.answer = (response) => void response.writeHead(200, { "access-control-allow-origin": "*" }).end("{}");
      const origin = "https://ui.test";
      const { headers } = await send("GET", "/userinfo", { headers: { origin } });
      const asked = {
        origin,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
      };
      const preflight = await send("OPTIONS", "/userinfo", { headers: asked });
      assert.equal(keyManager.requests.length, 1);
      if (compatibility === "wso2-3.2") {
        assert.equal(headers["access-control-allow-origin"], origin);
        assert.equal(headers.vary, "Origin");
        assert.deepEqual([preflight.status, preflight.headers["access-control-allow-methods"]], [200, "GET"]);
        const other = await send("GET", "/userinfo", { headers: { origin: "https://evil.test" } });
        assert.equal(other.headers["access-control-allow-origin"], undefined);
      } else {
        // No rules of the gateway: those of the key manager.
        assert.equal(headers["access-control-allow-origin"], "*");
        assert.equal(preflight.status, 405);
      }
    });

    test("on the TLS listener of the APIs where that is wanted, never without TLS", async () => {
      keyManager.json({});
      const wanted = compatibility === "standard";
      const { status } = await send("POST", "/token", { headers: form }, grant, apiPort);
      assert.equal(status, wanted ? 200 : 404);
      const plain = await new Promise((resolve, reject) => {
        const sent = plainRequest(`${gateway.origin}/token`, { method: "POST" }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        sent.on("error", reject).end(grant);
      });
      assert.equal(plain, 404);
      assert.equal(keyManager.requests.length, wanted ? 1 : 0);
    });

    test("key manager away (S-ERR-40)", async () => {
      await keyManager.stop();
      const unreachable = compatibility === "standard" ? 502 : 500;
      for (const [method, url, name] of [
        ["POST", "/token", "token"],
        ["POST", "/revoke", "revoke"],
        ["GET", "/authorize", "authorize"],
        ["GET", "/userinfo", "user info"],
      ] as const) {
        const { status, body } = await send(method, url);
        assert.deepEqual(
          [status, body],
          [unreachable, `{"error":"error occurred while invoking the ${name} endpoint"}`],
        );
      }
      await keyManager.start();
      keyManager.answer = () => undefined;
      const { status } = await send("POST", "/token", { headers: form }, grant);
      assert.equal(status, compatibility === "standard" ? 504 : 500);
    });

    test("guessing is limited for each client address (S-SEC-05)", async () => {
      keyManager.json({ error: "invalid_grant" }, 400);
      for (let tries = 0; tries < 5; tries++) {
        const { status, body } = await send("POST", "/token", { headers: form }, grant);
        // A minute that begins amidst the test begins the count anew, not earlier than its first request.
        assert.deepEqual([status, body], [400, '{"error":"invalid_grant"}']);
      }
      let last = await send("POST", "/token", { headers: form }, grant);
      for (let tries = 0; tries < 5 && last.status !== 429; tries++)
        last = await send("POST", "/token", { headers: form }, grant);
      assert.equal(last.status, 429);
      assert.match(last.body, /"code":900800/);
      assert.ok(Number(last.headers["retry-after"]) > 0);
      const before = keyManager.requests.length;
      assert.equal((await send("GET", "/userinfo")).status, 429);
      assert.equal(keyManager.requests.length, before);
    });

    test("no credential in the log (S-SEC-15)", async () => {
      await until(() => gateway.log().includes('"operation":"/token"'));
      const log = gateway.log();
      for (const secret of ["wonder-land", "client-secret", authorization, "alice", "made-by-km", "tenant"])
        assert.ok(!log.includes(secret), secret);
    });
  });
}
