import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { countOf, statusesOf } from "../../support/load.ts";
import { noRedis, type Redis, startRedis } from "../../support/redis.ts";
import { compileParts, definition, get } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";

/** Two gateways whose Redis is not there when they start, then comes, goes and comes back. */
const limit = 7;
const clients = 60;
const daily = { unitTime: 1, timeUnit: "day" };

for (const onUnavailable of ["allow", "local"] as const)
  describe(`onUnavailable: ${onUnavailable}`, { skip: noRedis }, () => {
    let project: CompiledProject;
    let backend: StubBackend;
    let redis: Redis;
    let gateways: readonly RunningGateway[] = [];

    before(async () => {
      [project, backend, redis] = await Promise.all([
        compileParts(onUnavailable, {
          compatibility: "standard",
          apis: {
            counted: definition(
              "Counted",
              {},
              {
                "/limited": get({ security: [], "x-wso2-throttling-tier": "Some" }),
                "/burst": get({ security: [], "x-wso2-throttling-tier": "Burst" }),
                "/good": get({ security: [], "x-wso2-throttling-tier": "Good" }),
              },
            ),
          },
          policies: {
            counters: { store: "redis", onUnavailable },
            resourcePolicies: [
              { Some: { count: limit, ...daily } },
              { Burst: { count: 4, ...daily, algorithm: "sliding", burst: 3 } },
              { Good: { count: 2, ...daily, countedRequests: "success" } },
            ],
          },
        }),
        StubBackend.start(),
        startRedis(),
      ]);
      await redis.kill();
      const settings = `[castgate.redis]
url = "redis://127.0.0.1:${redis.port}"
password = "${redis.password}"
timeoutMs = 2000
`;
      gateways = await Promise.all([1, 2].map(() => startGateway(project, { backend, settings })));
    });
    after(async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await Promise.all([redis?.stop(), backend?.stop()]);
      project?.remove();
    });

    const ask = async (path = "limited", times = clients) => {
      const urls = gateways.map(({ origin }) => `${origin}/counted/${path}`);
      return countOf(await statusesOf(urls, times));
    };
    const logged = (message: string) => gateways.map((gateway) => gateway.log().split(`"msg":"${message}"`).length - 1);

    test("away from the start", async () => {
      assert.deepEqual(logged("counter store away"), [1, 1]);
      if (onUnavailable === "local") {
        assert.deepEqual(await ask(), { 200: 2 * limit, 429: clients - 2 * limit });
      } else {
        assert.deepEqual(await ask(), { 200: clients });
        assert.deepEqual(logged("requests passed uncounted"), [1, 1]);
      }
    });

    test("there: exactly the limit passes in both together", async () => {
      await redis.start();
      await until(() => logged("counter store back").every((times) => times === 1));
      assert.deepEqual(await ask(), { 200: limit, 429: clients - limit });
      assert.deepEqual(await ask(), { 429: clients });
    });

    test("sliding: exactly the burst passes at once", async () => {
      assert.deepEqual(await ask("burst"), { 200: 3, 429: clients - 3 });
    });

    test("successes alone count: what failed at one gateway can be had at the other", async () => {
      for (let i = 0; i < 6; i++) {
        backend.answers.push({ status: 500 }, { status: 500 });
        await ask("good", 2);
        backend.answers.length = 0;
      }
      let passed = 0;
      await until(async () => {
        passed += (await ask("good", 2))[200] ?? 0;
        return passed >= 2;
      });
      assert.equal(passed, 2);
      assert.deepEqual(await ask("good"), { 429: clients });
    });

    test("gone, and back without what it had counted", async () => {
      await redis.kill();
      await until(() => logged("counter store away").every((times) => times === 2));
      const meanwhile = await ask();
      assert.deepEqual(
        meanwhile,
        onUnavailable === "allow" ? { 200: clients } : { 200: 2 * limit, 429: clients - 2 * limit },
      );
      await redis.start();
      await until(() => logged("counter store back").every((times) => times === 2));
      assert.deepEqual(await ask(), { 200: limit, 429: clients - limit });
    });

    test("an orderly end", async () => {
      for (const gateway of gateways) assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    });
  });
