import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { type Answer, ask, compileParts, definition, faults, get, outcomeOf } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const operation = { responses: { 200: { description: "Fine" } } };
const ui = "https://ui.test";
const apis = {
  cross: definition(
    "Cross",
    {
      security: [{ token: [] }],
      "x-wso2-cors": {
        accessControlAllowOrigins: [ui, "https://other.test"],
        accessControlAllowMethods: ["GET", "POST"],
        accessControlAllowHeaders: ["Authorization", "X-One"],
        accessControlExposeHeaders: ["X-Total"],
        accessControlAllowCredentials: true,
      },
    },
    {
      "/x": { ...get(), post: operation, delete: operation },
      "/own": { ...get(), options: operation },
    },
  ),
  plain: definition("Plain", { security: [{ token: [] }] }, { "/x": get() }),
};
const policies = { subscriptionPolicies: [{ Default: { count: 9999, unitTime: 1, timeUnit: "day" } }] };

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  const original = compatibility === "wso2-3.2";
  describe(`cross-origin requests, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    const bearer = { authorization: `Bearer ${issuer.token()}` };
    let backend: StubBackend;
    let project: CompiledProject;
    let gateway: RunningGateway;

    before(async () => {
      [backend, project] = await Promise.all([
        StubBackend.start(),
        compileParts("cross", { compatibility, apis, policies }),
      ]);
      gateway = await startGateway(project, { issuer, backend });
    });
    after(async () => {
      await gateway?.stop();
      await backend?.stop();
      project?.remove();
    });
    beforeEach(() => {
      backend.seen.length = 0;
    });

    const to = (path: string, headers: Record<string, string>, method = "GET"): Promise<Answer> =>
      ask(gateway.origin + path, { method, headers });
    /** The fields of CORS in an answer. */
    const granted = ({ headers }: Answer) =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("access-control-")));
    const grants = {
      "access-control-allow-origin": ui,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "X-Total",
    };

    test("S-COR-05: an allowed origin is named, in the gateway's own refusals too", async () => {
      const good = await to("/cross/x", { ...bearer, origin: ui });
      assert.equal(good.status, 200);
      assert.deepEqual(granted(good), grants);
      assert.match(String(good.headers.vary), /Origin/);
      const refused = await to("/cross/x", { origin: ui });
      assert.deepEqual(outcomeOf(refused), faults.missing);
      assert.deepEqual(granted(refused), grants);
      assert.match(String(refused.headers.vary), /Origin/);
    });
    test("what the backend says of origins is dropped", async () => {
      backend.answers.push({ headers: { "access-control-allow-origin": "*" } });
      assert.deepEqual(granted(await to("/cross/x", { ...bearer, origin: "https://foreign.test" })), {});
    });
    test("S-COR-06: another origin is served, without a word of CORS (S-COR-04: exactly, never null)", async () => {
      for (const origin of ["https://foreign.test", "null", "https://UI.test", "http://ui.test", "ui.test", `${ui}/`]) {
        const answer = await to("/cross/x", { ...bearer, origin });
        assert.equal(answer.status, 200);
        assert.deepEqual(granted(answer), {}, origin);
      }
      assert.equal(backend.seen.length, 6);
    });

    const preflight = (path: string, more: Record<string, string> = {}) =>
      to(path, { origin: ui, "access-control-request-method": "GET", ...more }, "OPTIONS");

    test("S-COR-07, S-COR-08: a preflight is answered before any check", async () => {
      for (const method of ["GET", "POST", "HEAD"]) {
        const answer = await preflight("/cross/x", {
          "access-control-request-method": method,
          "access-control-request-headers": "x-one, AUTHORIZATION",
        });
        if (method === "HEAD") {
          // The path has it, by its GET, but the API does not allow it.
          assert.deepEqual(granted(answer), {});
          continue;
        }
        assert.deepEqual(outcomeOf(answer), [original ? 200 : 204, ""]);
        const {
          "access-control-max-age": maxAge,
          "access-control-allow-headers": headers,
          ...others
        } = granted(answer);
        assert.deepEqual(others, {
          "access-control-allow-origin": ui,
          "access-control-allow-credentials": "true",
          "access-control-allow-methods": method,
        });
        assert.equal(String(headers).toLowerCase(), "x-one, authorization");
        if (original) assert.equal(maxAge, "-1");
        assert.equal(answer.headers.allow, undefined);
        assert.match(String(answer.headers.vary), /Origin/);
      }
      assert.equal(backend.seen.length, 0);
    });
    test("S-COR-07, S-COR-09: one that asks for what is not allowed gets no word of CORS", async () => {
      const wrong: readonly Record<string, string>[] = [
        { origin: "https://foreign.test" },
        { origin: "null" },
        { "access-control-request-method": "DELETE" },
        { "access-control-request-method": "PATCH" },
        { "access-control-request-headers": "x-one, x-two" },
      ];
      for (const more of wrong) {
        const answer = await preflight("/cross/x", more);
        assert.deepEqual(granted(answer), {}, JSON.stringify(more));
        assert.equal(answer.headers.allow, "GET, POST, DELETE, OPTIONS");
        assert.deepEqual(outcomeOf(answer), [original ? 200 : 204, ""]);
      }
      const without = await to("/cross/x", { origin: ui }, "OPTIONS");
      assert.deepEqual(granted(without), {});
      assert.equal(backend.seen.length, 0);
    });
    test("S-COR-09: an API without CORS; a path that is not there", async () => {
      const plain = await preflight("/plain/x");
      // Standard: a method that the path does not have, like any other.
      assert.equal(plain.status, original ? 200 : 405);
      assert.equal(plain.headers.allow, original ? "GET, OPTIONS" : "GET");
      assert.deepEqual(granted(plain), {});
      assert.equal((await preflight("/cross/nothing")).status, 404);
      assert.equal(backend.seen.length, 0);
    });
    test("S-COR-10: OPTIONS that the definition declares is an operation like any other", async () => {
      assert.deepEqual(outcomeOf(await preflight("/cross/own")), faults.missing);
      assert.equal(backend.seen.length, 0);
      assert.equal((await preflight("/cross/own", bearer)).status, 200);
      assert.equal(backend.seen[0]?.method, "OPTIONS");
    });
  });
}

for (const style of ["text", "status-report", "standard"] as const) {
  describe(`a path of no API, ${style} (S-COR-02)`, () => {
    let project: CompiledProject;
    let gateway: RunningGateway;
    before(async () => {
      project = await compileParts("nowhere", {
        compatibility: style === "standard" ? "standard" : "wso2-3.2",
        apis,
        policies,
        toolkit: `[codeGen]
globalFaultResponses = ${style === "status-report"}
[corsConfiguration]
corsConfigurationEnabled = true
accessControlAllowOrigins = ["${ui}"]
accessControlAllowMethods = ["GET"]
accessControlAllowHeaders = ["authorization"]
`,
      });
      gateway = await startGateway(project, { issuer: new TestIssuer("https://issuer.test") });
    });
    after(async () => {
      await gateway?.stop();
      project?.remove();
    });
    const to = (method: string, headers: Record<string, string>) =>
      ask(`${gateway.origin}/nowhere`, { method, headers });

    test("carries what [corsConfiguration] grants where the gateway itself answers there", async () => {
      const unknown = await to("GET", { origin: ui });
      const preflight = await to("OPTIONS", { origin: ui, "access-control-request-method": "GET" });
      const foreign = await to("GET", { origin: "https://foreign.test" });
      const allowed = ({ headers }: Answer) => headers["access-control-allow-origin"];
      assert.deepEqual([unknown.status, foreign.status], [404, 404]);
      assert.equal(allowed(foreign), undefined);
      if (style === "text") {
        assert.deepEqual([allowed(unknown), preflight.status], [undefined, 404]);
        return;
      }
      assert.deepEqual([allowed(unknown), allowed(preflight)], [ui, ui]);
      assert.match(String(unknown.headers.vary), /Origin/);
      assert.equal(preflight.status, style === "standard" ? 204 : 200);
    });
  });
}
