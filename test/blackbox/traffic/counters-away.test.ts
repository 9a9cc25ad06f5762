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
              },
            ),
          },
          policies: {
            counters: { store: "redis", onUnavailable },
            resourcePolicies: [{ Some: { count: limit, unitTime: 1, timeUnit: "day" } }],
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

    const ask = async () =>
      countOf(
        await statusesOf(
          gateways.map(({ origin }) => `${origin}/counted/limited`),
          clients,
        ),
      );
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
