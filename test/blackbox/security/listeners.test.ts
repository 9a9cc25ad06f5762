import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { type Answer, ask, compileParts, definition, faults, get, outcomeOf } from "../../support/security-project.ts";
import { identity } from "../../support/self-signed.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const transports = "x-wso2-transports";
const open = { "/x": get({ "x-wso2-disable-security": true }) };
const apis = {
  plain: definition("Plain", { [transports]: ["http"] }, open),
  tls: definition("Tls", { [transports]: ["https"] }, open),
  both: definition("Both", {}, open),
  tokens: definition("Tokens", { security: [{ token: [] }] }, { "/x": get() }),
  partners: definition(
    "Partners",
    { security: [{ token: [] }], "x-wso2-mutual-ssl": "mandatory", [transports]: ["http"] },
    { "/x": get() },
  ),
};
const policies = { subscriptionPolicies: [{ Default: perDay(9999) }, { Unauthenticated: perDay(9999) }] };

function perDay(count: number): object {
  return { count, unitTime: 1, timeUnit: "day" };
}

for (const compatibility of ["wso2-3.2", "standard"] as const) {
  describe(`APIs and their listeners, ${compatibility}`, () => {
    const issuer = new TestIssuer("https://issuer.test");
    const successor = new TestIssuer("https://issuer.test");
    const stranger = new TestIssuer("https://issuer.test");
    const server = identity("gateway", { type: 2, value: "localhost" });
    let backend: StubBackend;
    let project: CompiledProject;
    let gateway: RunningGateway;

    before(async () => {
      [backend, project] = await Promise.all([
        StubBackend.start(),
        compileParts("listeners", { compatibility, apis, policies }),
      ]);
      gateway = await startGateway(project, {
        issuer,
        backend,
        tls: { server, trust: { successor: successor.certificatePem } },
        settings: `[[mutualSSLConfig.api.certificates]]
name = "Partners"
version = "1.0.0"
aliasList = ["successor"]
[[jwtTokenConfig]]
issuer = "https://issuer.test"
certificateAlias = "successor"
audience = "shop"
`,
      });
    });
    after(async () => {
      await gateway?.stop();
      await backend?.stop();
      project?.remove();
    });
    beforeEach(() => {
      backend.seen.length = 0;
    });

    const over = (scheme: "http" | "https", target: string, headers: Record<string, string> = {}): Promise<Answer> =>
      ask((scheme === "http" ? gateway.origin : `https://localhost:${gateway.httpsPort}`) + target, {
        headers,
        ca: server.cert,
      });

    for (const [target, onHttp, onHttps] of [
      ["/plain/x", 200, 404],
      ["/tls/x", 404, 200],
      ["/both/x", 200, 200],
    ] as const) {
      test(`S-LSN-12: ${target} is there where its API is offered, and nowhere else`, async () => {
        const [plain, tls] = [await over("http", target), await over("https", target)];
        assert.deepEqual([plain.status, tls.status], [onHttp, onHttps]);
        assert.equal(backend.seen.length, [onHttp, onHttps].filter((status) => status === 200).length);
        const nowhere = await over(onHttp === 404 ? "http" : "https", "/nowhere/x");
        for (const answer of [plain, tls].filter(({ status }) => status === 404))
          assert.equal(answer.body.replace(target, "/nowhere/x"), nowhere.body, "as if it did not exist");
      });
    }
    test("S-LSN-12: a mandatory certificate adds https, and takes nothing away", async () => {
      const bearer = { authorization: `Bearer ${issuer.token()}` };
      for (const scheme of ["http", "https"] as const)
        assert.deepEqual(outcomeOf(await over(scheme, "/partners/x", bearer)), faults.token, scheme);
      assert.equal(backend.seen.length, 0);
    });
    test("S-JWT-14: of several entries for one issuer a later one may know the token", async () => {
      const call = (token: string) => over("https", "/tokens/x", { authorization: `Bearer ${token}` });
      assert.equal((await call(issuer.token())).status, 200);
      assert.equal((await call(successor.token({ aud: "shop" }))).status, 200);
      assert.deepEqual(outcomeOf(await call(successor.token())), faults.token, "its own audience holds");
      assert.deepEqual(outcomeOf(await call(stranger.token({ aud: "shop" }))), faults.token);
      assert.equal(backend.seen.length, 2);
    });
  });
}
