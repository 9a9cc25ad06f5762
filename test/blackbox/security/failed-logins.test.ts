import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { withinOneMinute } from "../../support/one-minute.ts";
import { type Answer, ask, compileParts, definition, faults, get, outcomeOf } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const apis = {
  pets: definition(
    "Pets",
    { security: [{ token: [] }, { user: [] }, { key: [] }] },
    { "/x": get(), "/public": get({ "x-wso2-disable-security": true }) },
  ),
};
const policies = {
  subscriptionPolicies: ["Default", "Unauthenticated"].map((name) => ({
    [name]: { count: 9999, unitTime: 1, timeUnit: "day" },
  })),
};

/** S-SEC-05: what is guessed is not even verified any more, for an address and for an identity. */
describe("failed log-ins", () => {
  const issuer = new TestIssuer("https://issuer.test");
  const stranger = new TestIssuer("https://issuer.test");
  const password = "correct horse";
  let backend: StubBackend;
  let project: CompiledProject;
  let gateway: RunningGateway;

  before(async () => {
    [backend, project] = await Promise.all([
      StubBackend.start(),
      compileParts("guesses", { compatibility: "standard", apis, policies }),
    ]);
    const hash = createHash("sha256").update(password).digest("hex");
    gateway = await startGateway(project, {
      issuer,
      backend,
      settings: `[castgate]
failedLoginsPerMinute = 6
failedLoginsPerIdentityPerMinute = 2
${["carol", "dave", "erin"].map((name) => `[b7a.users.${name}]\npassword = "@sha256:{${hash}}"\n`).join("")}`,
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

  const call = (headers: Record<string, string>, at = "/pets/x"): Promise<Answer> =>
    ask(gateway.origin + at, { headers });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const basic = (name: string, secret = password) => ({
    authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`,
  });
  const passes = async (answer: Promise<Answer>) => assert.equal((await answer).status, 200);
  const isLimited = async (answer: Promise<Answer>) => {
    const { status, body, headers } = await answer;
    assert.equal(status, 429);
    assert.equal(JSON.parse(body).fault.code, 900800);
    const seconds = Number(headers["retry-after"]);
    assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${headers["retry-after"]}`);
  };

  test("two wrong passwords for a name close it, four more close the address; what is known already still passes", async () => {
    await withinOneMinute(async () => {
      const known = bearer(issuer.token());
      const key = { "x-key": issuer.token({ iss: `${issuer.name}/apikey` }) };
      for (const headers of [known, key, basic("erin")]) await passes(call(headers));
      for (const guess of ["one", "two"])
        assert.deepEqual(outcomeOf(await call(basic("carol", guess))), faults.password);
      await isLimited(call(basic("carol")));
      await passes(call(basic("dave")));
      await passes(call(basic("erin")));

      for (const token of ["a.b.c", stranger.token(), issuer.token({ exp: 1 })])
        assert.deepEqual(outcomeOf(await call(bearer(token))), faults.token);
      const forwarded = { "x-forwarded-for": "203.0.113.9", forwarded: "for=203.0.113.9" };
      assert.deepEqual(outcomeOf(await call({ "x-key": "wrong", ...forwarded })), faults.token);

      backend.seen.length = 0;
      const fresh = [
        bearer(issuer.token({ jti: randomUUID() })),
        bearer("opaque"),
        basic("nobody"),
        { "x-key": stranger.token() },
      ];
      for (const headers of fresh) await isLimited(call({ ...headers, ...forwarded }));
      assert.equal(backend.seen.length, 0);
      for (const headers of [known, key, basic("erin"), basic("dave")]) await passes(call(headers));
      await passes(call({}, "/pets/public"));
      assert.deepEqual(outcomeOf(await call({})), faults.missing);
    });
  });
});
