import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Everybody } from "../explained/credentials.ts";
import { explainWorld } from "../explained/explained.ts";
import { worlds } from "../explained/worlds.ts";
import { noRedis, type Redis, startRedis } from "../support/redis.ts";

/** A sample of `npm run explained`: what `explain` says of random requests is what becomes of them in the running bundle. */
const sampled = ["shop", "possession", "edges-standard"];
const seed = Number(process.env.CASTGATE_SEED ?? 4);
const count = 110;

describe("requests are as explained", () => {
  const everybody = new Everybody();
  let redis: Redis | undefined;
  before(async () => {
    // Without it, what is charged is not looked at.
    redis = noRedis === false ? await startRedis() : undefined;
  });
  after(() => redis?.stop());

  for (const [database, name] of sampled.entries())
    test(name, async (t) => {
      const world = worlds().find((one) => one.name === name);
      assert.ok(world !== undefined);
      const report = await explainWorld({ world, everybody, redis, database, count, seed });
      assert.deepEqual(report.wrong, []);
      assert.deepEqual(report.keys?.wrong ?? [], []);
      // Neither all refused nor all let through.
      assert.ok((report.outcomes.get("forwarded") ?? 0) > count / 10, JSON.stringify([...report.outcomes]));
      assert.ok(report.outcomes.size >= 5, JSON.stringify([...report.outcomes]));
      if (redis === undefined) t.diagnostic(`charges were not compared: ${noRedis}`);
    });
});
