import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import {
  type CompiledProject,
  compileProject,
  type GatewayOptions,
  type RunningGateway,
  startGateway,
} from "../../support/gateway-under-test.ts";
import { countOf, Load, statusesOf } from "../../support/load.ts";
import { noRedis, type Redis, startRedis } from "../../support/redis.ts";
import { identity } from "../../support/self-signed.ts";
import { application, shopLimits, subscribed } from "../../support/shop-limits.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** Two gateways that count in one Redis; `onUnavailable: deny`. */
const clients = 200;
const users = `[b7a.users.bob]
password = "@sha256:{5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8}"
`;
const vast = "{count: 1000000000, unitTime: 1, timeUnit: day}";
const shop = path.join(import.meta.dirname, "../../../fixtures/shop");

describe("counters in Redis", { skip: noRedis }, () => {
  const issuer = new TestIssuer("https://issuer.test");
  const server = identity("redis.test", { type: 7, ip: "127.0.0.1" });
  let project: CompiledProject;
  let backend: StubBackend;
  let redis: Redis;
  const running: RunningGateway[] = [];

  before(async () => {
    const parent = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
    const source = path.join(parent, "shop");
    cpSync(shop, source, { recursive: true });
    const policies = readFileSync(path.join(shop, "policies.yaml"), "utf8");
    writeFileSync(
      path.join(source, "policies.yaml"),
      `counters: {store: redis, onUnavailable: deny}\n${policies}  - vast: ${vast}\n`,
    );
    [project, backend, redis] = await Promise.all([compileProject(source), StubBackend.start(), startRedis(server)]);
    rmSync(parent, { recursive: true });
  });
  after(async () => {
    await Promise.all(running.map((gateway) => gateway.stop()));
    await Promise.all([redis?.stop(), backend?.stop()]);
    project?.remove();
  });

  const start = async (more: string, options: GatewayOptions = {}): Promise<RunningGateway> => {
    const tls = { server, trust: { redis: server.cert } };
    const gateway = await startGateway(project, { issuer, backend, tls, settings: users + more, ...options });
    running.push(gateway);
    return gateway;
  };
  const reached = (timeoutMs = 5_000): string => `[castgate.redis]
url = "redis://127.0.0.1:${redis.port}/1"
password = "${redis.password}"
timeoutMs = ${timeoutMs}
`;
  const open = "/orders/1.2.0/status";

  describe("two gateways", () => {
    let gateways: readonly RunningGateway[];
    before(async () => {
      gateways = await Promise.all([start(reached()), start(reached(), { args: ["--workers=2"] })]);
    });

    for (const { level, limit, target, headers } of shopLimits(issuer))
      test(`${level}: exactly ${limit} of ${clients} pass`, async () => {
        backend.seen.length = 0;
        const urls = gateways.map(({ origin }) => `${origin}${target}`);
        const statuses = await statusesOf(urls, clients, headers);
        assert.deepEqual(countOf(statuses), { 200: limit, 429: clients - limit });
        assert.equal(backend.seen.length, limit, "the backend saw what passed and nothing else");
      });

    test("keys end with their windows, and hold neither names nor addresses", async () => {
      const select = await redis.inDatabase(1, "KEYS", "*");
      assert.ok(Array.isArray(select));
      const keys = select.map(String).filter((key) => !key.endsWith("probe"));
      assert.deepEqual([...new Set(keys.map((key) => key.replace(/^(castgate:[a-z]+:).*$/, "$1")))].sort(), [
        "castgate:api:",
        "castgate:app:",
        "castgate:open:",
        "castgate:res:",
        "castgate:sub:",
      ]);
      for (const key of keys) {
        assert.doesNotMatch(key, /bob|127\.0\.0\.1|@/);
        assert.ok(Number(await redis.inDatabase(1, "PTTL", key)) > 0, key);
      }
    });
  });

  test("over TLS, with the gateway's trust", async () => {
    const settings = `[castgate.redis]
url = "rediss://:${redis.password}@127.0.0.1:${redis.tlsPort}"
timeoutMs = 5000
`;
    const gateway = await start(settings);
    assert.deepEqual(countOf(await statusesOf([`${gateway.origin}${open}`], 10)), { 200: 3, 429: 7 });
    await gateway.stop();
    assert.doesNotMatch(gateway.log(), /away/);
  });

  test("a wrong password: not ready, and requests with a limit are refused", async () => {
    const gateway = await start(reached().replace(redis.password, "another"), { waitFor: "/livez" });
    await until(() => gateway.log().includes('"reason":"WRONGPASS"'));
    const ready = await fetch(`${gateway.origin}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /the counter store/);
    assert.deepEqual(await statusesOf([`${gateway.origin}${open}`], 1), [503]);
    assert.doesNotMatch(gateway.log(), /another|correct-horse/);
  });

  for (const [what, settings, message] of [
    ["no URL", "", /castgate\.redis\.url: is required/],
    ["another protocol", '[castgate.redis]\nurl = "http://cache"\n', /castgate\.redis\.url: must be a URL: rediss/],
    [
      "a user alone",
      '[castgate.redis]\nurl = "redis://127.0.0.1"\nusername = "x"\n',
      /castgate\.redis\.password: is required/,
    ],
  ] as const)
    test(`settings: ${what} is 78`, async () => {
      await assert.rejects(start(settings), (error: Error) => {
        assert.match(error.message, /ended with 78/);
        assert.match(error.message, message);
        return true;
      });
    });

  describe("under load", () => {
    let gateway: RunningGateway;
    let load: Load;
    // Bound to no limit that ends: a caller whose tiers are large.
    const claims = { application: application(13, "Unlimited"), subscribedAPIs: subscribed("vast") };
    before(async () => {
      await redis.inDatabase(0, "FLUSHALL");
      gateway = await start(reached(1_000));
      const headers = { "x-orders-auth": `Bearer ${issuer.token(claims)}` };
      load = new Load(`${gateway.origin}/orders/1.2.0/orders/1`, headers, 8);
    });
    after(() => load?.stop());
    const awayAndBack = () => ({
      away: gateway.log().match(/"msg":"counter store away"/g)?.length ?? 0,
      back: gateway.log().match(/"msg":"counter store back"/g)?.length ?? 0,
    });

    test("scripts that the server forgets are sent again", async () => {
      await load.answered(50);
      await redis.call("SCRIPT", "FLUSH");
      await load.answered(500);
      assert.deepEqual(Object.keys(countOf(load.statuses)), ["200"]);
      assert.deepEqual(awayAndBack(), { away: 0, back: 0 });
    });

    test("the server is stopped and started: 503 meanwhile and nothing else, one line in the log for each", async () => {
      await redis.kill();
      await load.until(503);
      await load.answered(100);
      const refused = await fetch(load.url, { headers: load.headers });
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get("retry-after"), "5");
      assert.deepEqual(await refused.json(), {
        fault: {
          code: 503,
          message: "Service Unavailable",
          description: "The limits of this request cannot be checked",
        },
      });
      assert.equal((await fetch(`${gateway.origin}/readyz`)).status, 200, "what has no limit is served");
      await redis.start();
      await until(() => awayAndBack().back === 1);
      await load.answered(20);
      load.forget();
      await load.answered(200);
      assert.deepEqual(Object.keys(countOf(load.statuses)), ["200"]);
      assert.deepEqual(awayAndBack(), { away: 1, back: 1 });
      assert.match(gateway.log(), /"reason":"(ECONNREFUSED|connection closed|ECONNRESET)","onUnavailable":"deny"/);
    });

    test("a server that does not answer in time is as good as away", async () => {
      await redis.call("CLIENT", "PAUSE", "4000", "ALL");
      await load.until(503);
      await until(() => awayAndBack().back === 2);
      load.forget();
      await load.answered(100);
      assert.ok((countOf(load.statuses)[200] ?? 0) > 0);
      assert.deepEqual(
        Object.keys(countOf(load.statuses)).filter((status) => status !== "503"),
        ["200"],
      );
      assert.match(gateway.log(), /"reason":"timeout"/);
    });

    test("a server that has no room counts nothing: away until it has", async () => {
      await redis.call("CONFIG", "SET", "maxmemory", "1");
      await load.until(503);
      assert.match(gateway.log(), /"reason":"OOM"/);
      await redis.call("CONFIG", "SET", "maxmemory", "0");
      await until(() => awayAndBack().back === 3);
      load.forget();
      await load.until(200);
    });

    test("only these answers, and an orderly end", async () => {
      await load.stop();
      assert.deepEqual(Object.keys(countOf(load.all)).sort(), ["200", "503"]);
      assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    });
  });
});
