import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import {
  type Answer,
  type Asked,
  ask,
  compileParts,
  definition,
  faults,
  faultText,
  get,
  outcomeOf,
} from "../../support/security-project.ts";
import { identity } from "../../support/self-signed.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const tier = "x-wso2-throttling-tier";
const perDay = (count: number, more: object = {}) => ({ count, unitTime: 1, timeUnit: "day", ...more });
const policies = {
  resourcePolicies: [{ TwoPerDay: perDay(2) }],
  applicationPolicies: [{ Team: perDay(2) }],
  subscriptionPolicies: [
    { Trial: perDay(2) },
    { Soft: perDay(2, { stopOnQuota: false }) },
    { Default: perDay(9999) },
    { Unauthenticated: perDay(2) },
  ],
};

function apisOf(original: boolean): Readonly<Record<string, object>> {
  return {
    limits: definition(
      "Limits",
      { security: [{ token: [] }] },
      {
        "/all": get(),
        "/resource": get({ [tier]: "TwoPerDay" }),
        "/public": get({ "x-wso2-disable-security": true }),
        // An error of the definition in standard.
        ...(original && { "/unknown-tier": get({ [tier]: "NoSuchTier" }) }),
      },
    ),
    whole: definition("Whole", { security: [{ token: [] }], [tier]: "TwoPerDay" }, { "/one": get(), "/two": get() }),
  };
}

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  const original = compatibility === "wso2-3.2";
  const server = identity("gateway", { type: 2, value: "localhost" });
  describe(`limits, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    let backend: StubBackend;
    let project: CompiledProject;
    let gateway: RunningGateway;

    before(async () => {
      [backend, project] = await Promise.all([
        StubBackend.start(),
        compileParts("limits", { compatibility, apis: apisOf(original), policies }),
      ]);
      gateway = await startGateway(project, {
        issuer,
        backend,
        tls: { server, trust: {} },
        args: [
          "--listenerConfig.maxUriLength=200",
          "--listenerConfig.maxHeaderSize=3000",
          "--listenerConfig.maxEntityBodySize=100",
        ],
      });
    });
    after(async () => {
      await gateway?.stop();
      await backend?.stop();
      project?.remove();
    });

    const to = (path: string, token?: string): Promise<Answer> =>
      ask(gateway.origin + path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
    const tokenOf = (id: string, application: object = {}, subscriptionTier?: string) =>
      issuer.token({
        application: { id, name: "app", owner: "owner", ...application },
        ...(subscriptionTier !== undefined && {
          subscribedAPIs: [{ name: "Limits", version: "1.0.0", subscriptionTier }],
        }),
      });

    /** Two pass, then no further one does. */
    async function twoPass(
      requests: readonly (() => Promise<Answer>)[],
      quota: readonly [number, string],
      name: string,
    ) {
      const request = (i: number) => requests[i % requests.length] ?? assert.fail();
      for (const i of [0, 1]) assert.equal((await request(i)()).status, 200);
      const before = backend.seen.length;
      for (const i of [2, 3]) {
        const answer = await request(i)();
        assert.deepEqual(outcomeOf(answer), quota);
        assert.equal(answer.headers["content-type"], "application/json");
        const seconds = Number(answer.headers["retry-after"]);
        assert.ok(seconds >= 1 && seconds <= 86_400, `Retry-After: ${answer.headers["retry-after"]}`);
        assert.equal(answer.headers["www-authenticate"], undefined);
        if (original) assert.equal(answer.headers.ratelimit ?? answer.headers["ratelimit-policy"], undefined);
        else {
          assert.equal(answer.headers["ratelimit-policy"], `"${name}";q=2;w=86400`);
          assert.match(String(answer.headers.ratelimit), new RegExp(`^"${name}";r=0;t=\\d+$`));
        }
      }
      assert.equal(backend.seen.length, before);
    }

    test("S-ERR-16: the API's quota, whichever its operation", () => {
      const requests = ["/whole/one", "/whole/two"].map((path) => () => to(path, issuer.token()));
      return twoPass(requests, faults.apiQuota, "TwoPerDay");
    });
    test("S-ERR-17: the operation's quota, whoever calls", () => {
      const requests = ["alice", "bob"].map((sub) => () => to("/limits/resource", issuer.token({ sub })));
      return twoPass(requests, faults.resourceQuota, "TwoPerDay");
    });
    test("S-ERR-18: the application's quota, at any API", () => {
      const token = tokenOf("18", { tier: "Team" });
      return twoPass([() => to("/limits/all", token)], faults.applicationQuota, "Team");
    });
    test("S-ERR-19: the subscription's quota", async () => {
      await twoPass([() => to("/limits/all", tokenOf("19", {}, "Trial"))], faults.subscriptionQuota, "Trial");
      for (let i = 0; i < 4; i++) assert.equal((await to("/limits/all", tokenOf("20", {}, "Soft"))).status, 200);
    });
    test("S-ERR-19: the quota of requests without a token", () =>
      twoPass([() => to("/limits/public")], faults.subscriptionQuota, "Unauthenticated"));
    test("S-ERR-22: a tier that nobody defined", async () => {
      const tokens = [tokenOf("22", { tier: "NoSuchTier" }), tokenOf("22", {}, "NoSuchTier")];
      for (const token of tokens) {
        const answer = await to("/limits/all", token);
        assert.deepEqual(outcomeOf(answer), faults.noTier);
        assert.equal(answer.headers["retry-after"], undefined);
      }
      if (original) assert.deepEqual(outcomeOf(await to("/limits/unknown-tier", issuer.token())), faults.noTier);
    });
    test("S-PIPE-03: who is not authenticated uses up nothing", async () => {
      for (let i = 0; i < 5; i++) assert.deepEqual(outcomeOf(await to("/limits/all")), faults.missing);
    });

    for (const scheme of ["http", "https"] as const) {
      const at = (path: string, asked: Asked = {}): Promise<Answer> =>
        ask((scheme === "http" ? gateway.origin : `https://localhost:${gateway.httpsPort}`) + path, {
          ...asked,
          ca: server.cert,
        });

      test(`S-LSN-10, S-ERR-36: limits of URI, header and body, before anything else, over ${scheme}`, async () => {
        const fault = (status: number, phrase: string, description: string) => [
          status,
          faultText(status, phrase, description),
        ];
        const longUri = await at(`/limits/all?${"x".repeat(200)}`);
        assert.deepEqual(outcomeOf(longUri), fault(414, "URI Too Long", "The request target is too long"));
        const longHeader = await at("/limits/all", { headers: { "x-long": "x".repeat(3000) } });
        assert.deepEqual(
          outcomeOf(longHeader),
          fault(431, "Request Header Fields Too Large", "The header fields are too long"),
        );
        const longBody = await at("/limits/public", { method: "POST", body: "x".repeat(101) });
        assert.equal(longBody.status, 413);
        assert.match(
          longBody.body,
          /^\{"fault":\{"code":413, "message":"Content Too Large", "description":"[^"]+"\}\}$/,
        );
      });
      test(`S-LSN-11: /health, with any method and below, over ${scheme}`, async () => {
        for (const path of ["/health", "/health/more"]) {
          for (const method of ["GET", "POST", "DELETE", "PATCH"]) {
            const answer = await at(path, { method });
            assert.deepEqual(outcomeOf(answer), [200, '{"status":"healthy"}'], `${method} ${path}`);
            assert.equal(answer.headers["content-type"], "application/json");
          }
        }
      });
    }
  });
}
