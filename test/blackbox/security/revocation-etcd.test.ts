import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import { type Etcd, noEtcd, startEtcd } from "../../support/etcd.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, faults, get, outcomeOf } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const apis = { pets: definition("Pets", {}, { "/x": get({ security: [{ token: [] }, { key: [] }] }) }) };
const policies = { subscriptionPolicies: [{ Default: { count: 9999, unitTime: 1, timeUnit: "day" } }] };

/** S-REV-05, S-REV-07, S-SEC-08: a gateway beside a real etcd, which goes away and comes back. */
describe("tokens revoked in etcd", { skip: noEtcd }, () => {
  const issuer = new TestIssuer("https://issuer.test");
  let etcd: Etcd;
  let backend: StubBackend;
  let project: CompiledProject;
  let gateway: RunningGateway;

  before(async () => {
    [etcd, backend, project] = await Promise.all([
      startEtcd(),
      StubBackend.start(),
      compileParts("revoked", { compatibility: "standard", features: ["revocation"], apis, policies }),
    ]);
    gateway = await startGateway(project, {
      issuer,
      backend,
      settings: `[tokenRevocationConfig.persistent]
enablePersistentStorageRetrieval = true
type = "etcd"
endpointURL = "${etcd.url}"
[castgate.revocation]
refreshSeconds = 1
`,
    });
  });
  after(async () => {
    const ended = await gateway?.stop();
    await Promise.all([etcd?.stop(), backend?.stop()]);
    project?.remove();
    assert.deepEqual(ended, { code: 0, signal: null });
  });

  const withToken = (text: string) => ({ authorization: `Bearer ${text}` });
  const call = (headers: Record<string, string>) => ask(`${gateway.origin}/pets/x`, { headers });
  const passes = async (headers: Record<string, string>) => assert.equal((await call(headers)).status, 200);
  const isRefused = async (headers: Record<string, string>) => {
    const before = backend.seen.length;
    assert.deepEqual(outcomeOf(await call(headers)), faults.token);
    assert.equal(backend.seen.length, before);
  };
  const becomesRefused = (headers: Record<string, string>) => until(async () => (await call(headers)).status === 401);

  test("by id, by text, and a key, also those that were let in before; while etcd is away they stay refused", async () => {
    const byId = withToken(issuer.token({ jti: "by id" }));
    const byText = withToken(issuer.token({ sub: "no id" }));
    const key = { "x-key": issuer.token({ iss: `${issuer.name}/apikey`, jti: "a key" }) };
    const later = withToken(issuer.token({ jti: "later" }));
    const kept = withToken(issuer.token({ jti: "kept" }));
    for (const headers of [byId, byText, key, later, kept]) await passes(headers);
    const signature = byText.authorization.split(".")[2];
    for (const id of ["by id", signature, "a key"]) await etcd.put(`jti/${id}`, "");
    for (const headers of [byId, byText, key]) await becomesRefused(headers);
    for (const headers of [later, kept]) await passes(headers);

    await etcd.kill();
    await until(() => gateway.log().includes("revoked tokens"));
    for (const headers of [byId, byText, key]) await isRefused(headers);
    for (const headers of [later, kept]) await passes(headers);

    await etcd.start();
    await etcd.put("jti/later", "");
    await becomesRefused(later);
    for (const headers of [byId, byText, key]) await isRefused(headers);
    await passes(kept);
  });
});
