import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { type CompiledProject, freePort, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import {
  type Answer,
  ask,
  compileParts,
  definition,
  faults,
  faultText,
  get,
  outcomeOf,
} from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const urls = (host: string, more: object = {}) => ({ urls: [`http://${host}.test/api`], ...more });
const soon = { advanceEndpointConfig: { timeoutInMillis: 500 } };
const open = { "x-wso2-disable-security": true };
const apis = {
  away: definition("Away", open, {
    "/x": get(),
    "/items/{id}": {
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
      ...get(),
      post: { responses: { 200: { description: "Fine" } } },
    },
  }),
  slow: definition("Slow", { ...open, "x-wso2-production-endpoints": urls("slow", soon) }, { "/x": get() }),
  live: definition("Live", { security: [{ token: [] }], "x-wso2-production-endpoints": urls("live") }, { "/x": get() }),
  trial: definition(
    "Trial",
    {
      security: [{ token: [] }],
      "x-wso2-production-endpoints": undefined,
      "x-wso2-sandbox-endpoints": urls("trial"),
    },
    { "/x": get() },
  ),
};
const perDay = (count: number) => ({ count, unitTime: 1, timeUnit: "day" });
const policies = { subscriptionPolicies: [{ Default: perDay(9999) }, { Unauthenticated: perDay(9999) }] };

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  const original = compatibility === "wso2-3.2";
  describe(`backends and paths, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    let backend: StubBackend;
    let silent: Server;
    let project: CompiledProject;
    let gateway: RunningGateway;

    before(async () => {
      [backend, project] = await Promise.all([
        StubBackend.start(),
        compileParts("backends", { compatibility, apis: apis, policies }),
      ]);
      silent = createServer(() => undefined);
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const deaf = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const nobody = `http://127.0.0.1:${await freePort()}`;
      const origins: Readonly<Record<string, string>> = { "away.test": nobody, "slow.test": deaf };
      const args = project.manifest.endpoints.flatMap(({ key, urls }) =>
        urls.map((url, index) => `--${key}_endpoint_${index}=${origins[new URL(url).host] ?? backend.origin}/api`),
      );
      gateway = await startGateway(project, { issuer, args });
    });
    after(async () => {
      await gateway?.stop();
      await backend?.stop();
      silent?.closeAllConnections();
      silent?.close();
      project?.remove();
    });

    const to = (path: string, token?: string): Promise<Answer> =>
      ask(gateway.origin + path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });

    test("S-ERR-26: nobody listens at the backend", async () => {
      const answer = await to("/away/x");
      assert.deepEqual(outcomeOf(answer), [original ? 500 : 502, faults.backend[1]]);
      assert.equal(answer.headers["www-authenticate"] ?? answer.headers["retry-after"], undefined);
    });
    test("S-ERR-26, S-ERR-27: the backend does not answer in time", async () => {
      assert.deepEqual(outcomeOf(await to("/slow/x")), [original ? 500 : 504, faults.backend[1]]);
    });

    test("S-ERR-28: keys that there is no backend for", async () => {
      const of = (keytype: string) => issuer.token({ keytype, application: { id: "1", tier: "Unlimited" } });
      const body = (Key: string, key: string) =>
        `{"ERROR_CODE":"900901", "ERROR_MESSAGE":"${Key} key offered to the API with no ${key} endpoint"}`;
      assert.equal((await to("/live/x", of("PRODUCTION"))).status, 200);
      assert.equal((await to("/trial/x", of("SANDBOX"))).status, 200);
      assert.deepEqual(outcomeOf(await to("/live/x", of("SANDBOX"))), [403, body("Sandbox", "sandbox")]);
      assert.deepEqual(outcomeOf(await to("/trial/x", of("PRODUCTION"))), [403, body("Production", "production")]);
      assert.equal(backend.seen.length, 2);
    });
    test("S-ERR-R6: what a backend itself refuses passes untouched", async () => {
      const body = '{"mine":true}';
      backend.answers.push({
        status: 401,
        headers: { "www-authenticate": "Mine", "content-type": "application/json" },
        body,
      });
      const answer = await to("/live/x", issuer.token());
      assert.deepEqual(outcomeOf(answer), [401, body]);
      assert.equal(answer.headers["www-authenticate"], "Mine");
    });

    const method = (name: string, path: string) => ask(gateway.origin + path, { method: name });
    test("S-ERR-29: unknown base path", async () => {
      const answer = await to("/nowhere/x?a=1");
      if (!original) return isFault(answer, 404, "Not Found");
      assert.deepEqual(outcomeOf(answer), [404, "no matching service found for path : /nowhere/x"]);
      assert.equal(answer.headers["content-type"], "text/plain");
    });
    test("S-ERR-30: unknown resource", async () => {
      const answer = await to("/away/y");
      if (!original) return isFault(answer, 404, "Not Found");
      assert.deepEqual(outcomeOf(answer), [404, "no matching resource found for path : /away/y , method : GET"]);
      assert.equal(answer.headers["content-type"], "text/plain");
    });
    test("S-ERR-31: wrong method", async () => {
      const answer = await method("DELETE", "/away/items/1");
      assert.equal(answer.headers.allow, "GET, POST");
      if (!original) return isFault(answer, 405, "Method Not Allowed");
      assert.deepEqual(outcomeOf(answer), [405, "Method not allowed"]);
      assert.equal(answer.headers["content-type"], "text/plain");
    });

    function isFault({ status, body, headers }: Answer, code: number, message: string): void {
      assert.equal(status, code);
      assert.equal(headers["content-type"], "application/json");
      const { fault } = JSON.parse(body);
      assert.equal(body, faultText(code, message, fault.description));
    }
  });
}

describe("[codeGen] fault responses of wso2-3.2", () => {
  let project: CompiledProject;
  let gateway: RunningGateway;
  before(async () => {
    const toolkit = "[codeGen]\napiFaultResponses = true\nglobalFaultResponses = true\n";
    project = await compileParts("reports", {
      compatibility: "wso2-3.2",
      apis: { away: apis.away, live: apis.live },
      policies: { subscriptionPolicies: [{ Default: perDay(9999) }, { Unauthenticated: perDay(2) }] },
      toolkit,
    });
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const args = project.manifest.endpoints.flatMap(({ key, urls }) =>
      urls.map((_, index) => `--${key}_endpoint_${index}=${nobody}`),
    );
    gateway = await startGateway(project, { issuer: new TestIssuer("https://issuer.test"), args });
  });
  after(async () => {
    await gateway?.stop();
    project?.remove();
  });

  const report = (code: number, description: string) =>
    `{"code":${code}, "type":"Status report", "message":"Runtime Error", "description":"${description}"}`;
  test("S-ERR-33: unknown API, unknown resource", async () => {
    for (const path of ["/nowhere", "/away/y"]) {
      const answer = await ask(gateway.origin + path);
      assert.deepEqual(outcomeOf(answer), [404, report(404, "No matching resource found for given API Request")]);
      assert.equal(answer.headers["content-type"], "application/json");
    }
  });
  test("S-ERR-35: they are open in an API that is not, and no quota is for them: they come to no backend", async () => {
    for (let i = 0; i < 4; i++) {
      const answer = await ask(`${gateway.origin}/live/y`);
      assert.deepEqual(outcomeOf(answer), [404, report(404, "No matching resource found for given API Request")]);
      assert.equal((await ask(`${gateway.origin}/live/x`, { method: "DELETE" })).status, 405);
    }
    assert.deepEqual(outcomeOf(await ask(`${gateway.origin}/live/x`)), faults.missing);
    // The quota of who is not authenticated is whole: two.
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask(`${gateway.origin}/away/x`)).status);
    assert.deepEqual(statuses, [500, 500, 429]);
  });
  test("S-ERR-34: wrong method", async () => {
    const answer = await ask(`${gateway.origin}/away/items/1`, { method: "DELETE" });
    assert.deepEqual(outcomeOf(answer), [405, report(405, "Method not allowed for given API resource")]);
    assert.equal(answer.headers.allow, "GET, POST");
    assert.equal((await ask(`${gateway.origin}/away/items/1`, { method: "OPTIONS" })).status, 200, "not for OPTIONS");
  });
});
