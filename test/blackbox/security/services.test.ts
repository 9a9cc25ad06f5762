import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, get } from "../../support/security-project.ts";
import { identity } from "../../support/self-signed.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const server = identity("gateway", { type: 2, value: "localhost" });
const plenty = { count: 9999, unitTime: 1, timeUnit: "day" };
const policies = { subscriptionPolicies: [{ Default: plenty }, { Unauthenticated: plenty }] };

describe("an API in the place of a service of the gateway's own, wso2-3.2 (T-OAS-12)", () => {
  const issuer = new TestIssuer("https://issuer.test");
  let backend: StubBackend;
  let project: CompiledProject;
  let gateway: RunningGateway;

  before(async () => {
    const apis = { apikey: definition("Apikey", { "x-wso2-disable-security": true }, { "/mine": get() }) };
    [backend, project] = await Promise.all([
      StubBackend.start(),
      compileParts("shadow", { compatibility: "wso2-3.2", apis, policies }),
    ]);
    gateway = await startGateway(project, {
      issuer,
      backend,
      tls: { server, trust: {} },
      settings: `[b7a.users.alice]
password = "@sha256:{2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90}"
[apikey.issuer.tokenConfig]
enabled = true
certificateAlias = "server"
issuer = "https://keys.test"
`,
    });
  });
  after(async () => {
    await gateway?.stop();
    await backend?.stop();
    project?.remove();
  });

  test("wins on its listener, and compile says so", async () => {
    assert.match(project.output, /warning\[base-path-reserved\]: the base path \/apikey is one of the gateway's own/);
    for (const origin of [gateway.origin, `https://localhost:${gateway.httpsPort}`]) {
      const known = await ask(`${origin}/apikey/mine`, { ca: server.cert });
      assert.deepEqual([known.status, backend.seen.length], [200, 1], origin);
      backend.seen.length = 0;
      const unknown = await ask(`${origin}/apikey`, { method: "POST", ca: server.cert });
      assert.deepEqual([unknown.status, unknown.headers["content-type"]], [404, "text/plain"], origin);
    }
  });
});
