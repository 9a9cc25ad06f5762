import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { ask, compileParts, definition, faults, get, outcomeOf } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** What the original's own tests ask of throttling (R-THR-20), in windows of a day so that no test meets the end of one. */
const perDay = (count: number, more: object = {}) => ({ count, unitTime: 1, timeUnit: "day", ...more });
const security = [{ token: [] }];

describe("limits as the original has them", () => {
  const issuer = new TestIssuer("https://issuer.test");
  let project: CompiledProject;
  let backend: StubBackend;
  let gateway: RunningGateway;

  before(async () => {
    project = await compileParts("limits", {
      compatibility: "wso2-3.2",
      apis: {
        pets: definition(
          "Pets",
          { security },
          {
            "/three": get({ "x-wso2-throttling-tier": "3PerDay" }),
            "/lost": get({ "x-wso2-throttling-tier": "NonExistingPolicy" }),
            "/free": get(),
          },
        ),
        shop: definition(
          "Shop",
          { security, "x-wso2-throttling-tier": "15PerDay" },
          {
            "/a": get({ "x-wso2-throttling-tier": "3PerDay" }),
            "/b": get(),
          },
        ),
      },
      policies: {
        resourcePolicies: [{ "3PerDay": perDay(3) }, { "15PerDay": perDay(15) }],
        applicationPolicies: [{ "4PerDay": perDay(4) }],
        subscriptionPolicies: [
          { "5PerDay": perDay(5) },
          { "10PerDay": perDay(10, { stopOnQuota: false }) },
          { Default: perDay(1000) },
        ],
      },
    });
    backend = await StubBackend.start();
    gateway = await startGateway(project, { issuer, backend });
  });
  after(async () => {
    await gateway?.stop();
    await backend?.stop();
    project?.remove();
  });

  let lastId = 0;
  /** A token of an application of its own. */
  const token = (subscriptionTier: string, tier = "Unlimited") => ({
    authorization: `Bearer ${issuer.token({
      application: { id: ++lastId, name: `app${lastId}`, tier },
      subscribedAPIs: [{ name: "Pets", version: "1.0.0", subscriptionTier }],
    })}`,
  });
  const send = (target: string, headers: Record<string, string>) => ask(`${gateway.origin}${target}`, { headers });
  const passes = async (times: number, target: string, headers: Record<string, string>) => {
    for (let i = 1; i <= times; i++) assert.equal((await send(target, headers)).status, 200, `request ${i}`);
  };

  test("a resource's tier of 3: the fourth is 429/900802, with Retry-After and nothing else (R-THR-16)", async () => {
    const headers = token("Unlimited");
    await passes(3, "/pets/three", headers);
    const answer = await send("/pets/three", headers);
    assert.deepEqual(outcomeOf(answer), faults.resourceQuota);
    assert.match(String(answer.headers["retry-after"]), /^[0-9]+$/);
    const told = Object.keys(answer.headers).filter((name) => name.includes("ratelimit"));
    assert.deepEqual(told, []);
    assert.equal((await send("/pets/free", headers)).headers.ratelimit, undefined);
  });

  test("an API's tier of 15 for all of its operations, whatever theirs say: 429/900800 (T-POL-08)", async () => {
    const headers = token("Unlimited");
    await passes(10, "/shop/a", headers);
    await passes(5, "/shop/b", headers);
    assert.deepEqual(outcomeOf(await send("/shop/a", headers)), faults.apiQuota);
  });

  test("a tier that nobody defined: 500/900809", async () => {
    assert.deepEqual(outcomeOf(await send("/pets/lost", token("Unlimited"))), faults.noTier);
  });

  test("a subscription of 5: 429/900804", async () => {
    const headers = token("5PerDay");
    await passes(5, "/pets/free", headers);
    assert.deepEqual(outcomeOf(await send("/pets/free", headers)), faults.subscriptionQuota);
  });

  test("one of 10 with stopOnQuota: false goes on (R-THR-17), but not beyond its application's tier", async () => {
    await passes(14, "/pets/free", token("10PerDay"));
    const limited = token("10PerDay", "4PerDay");
    await passes(4, "/pets/free", limited);
    assert.deepEqual(outcomeOf(await send("/pets/free", limited)), faults.applicationQuota);
  });

  test("an application or subscription with a tier that nobody defined: 500/900809", async () => {
    assert.deepEqual(outcomeOf(await send("/pets/free", token("NoSuchTier"))), faults.noTier);
    assert.deepEqual(outcomeOf(await send("/pets/free", token("Unlimited", "NoSuchTier"))), faults.noTier);
  });
});
