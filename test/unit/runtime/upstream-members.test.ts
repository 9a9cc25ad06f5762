import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendPool, TargetOptions } from "../../../runtime-lib/backend.ts";
import { DeclaredUpstream, type MovableEndpoint, upstreamModule } from "../../../runtime-lib/upstream.ts";
import { settingsFrom } from "./settings-for-test.ts";

/** Pools that only say what became of them. */
class Pools {
  readonly open = new Map<string, number>();
  readonly states: string[] = [];
  /** How long the next one takes to open. */
  delayMs = 0;

  readonly openPool = async ({ origin }: TargetOptions): Promise<BackendPool> => {
    const { delayMs } = this;
    this.delayMs = 0;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    this.open.set(origin, (this.open.get(origin) ?? 0) + 1);
    const end = async (word: string): Promise<void> => {
      this.states.push(`${word} ${origin}`);
    };
    return {
      lendsBytes: false,
      send: () => assert.fail("nothing is sent"),
      retire: () => end("retired"),
      close: () => end("closed"),
    };
  };
}

test("members are replaced as a whole; pools go when nobody uses them any more, and never before", async () => {
  const endpoints: MovableEndpoint[] = [];
  const source = (fallback: string) => ({
    fallback,
    bind: (endpoint: MovableEndpoint) => void endpoints.push(endpoint),
  });
  const options = { timeoutMs: 1_000 };
  const pair = new DeclaredUpstream({ key: "pair_prod", ...options }, [source("http://a.test/x"), "http://b.test"]);
  const single = new DeclaredUpstream({ key: "one_prod", ...options }, [source("http://b.test/y")]);
  const pinned = new DeclaredUpstream({ key: "pin_prod", ...options, pins: ["x"] }, [source("https://p.test")]);
  const pools = new Pools();
  const { settings, report } = await settingsFrom("");
  await upstreamModule.configure(settings, report, pools.openPool);
  const [first, , third] = endpoints as [MovableEndpoint, MovableEndpoint, MovableEndpoint];
  const second = endpoints[1] as MovableEndpoint;
  assert.deepEqual([...pools.open.keys()], ["http://a.test", "http://b.test", "https://p.test"]);

  const before = pair.members;
  assert.equal(await first.place("http://c.test/new?q=1"), true);
  assert.deepEqual(
    before.map(({ target }) => target.origin),
    ["http://a.test", "http://b.test"],
    "who has begun goes on with these",
  );
  assert.deepEqual(
    pair.members.map(({ target, basePath, baseQuery }) => target.origin + basePath + baseQuery),
    ["http://c.test/new?q=1", "http://b.test"],
  );
  assert.equal(pair.members[1], before[1]);
  assert.deepEqual(pools.states, ["retired http://a.test"]);

  // Both use one pool for b.test.
  await second.place("http://c.test/");
  assert.deepEqual(pools.states, ["retired http://a.test"]);
  assert.equal(pair.members[0]?.target, single.members[0]?.target);

  for (const text of ["", "b", "ftp://b.test", "http://u:p@b.test", "http://b.test/#x"]) {
    assert.equal(await first.place(text), false, text);
  }
  assert.equal(await third.place("http://p.test"), false, "a key is pinned");
  assert.equal(pinned.members[0]?.target.origin, "https://p.test");

  // What was said last counts, though it was opened sooner.
  pools.delayMs = 50;
  const [slow, fast] = [first.place("http://slow.test"), first.place("http://fast.test")];
  assert.deepEqual(await Promise.all([slow, fast]), [true, true]);
  assert.equal(pair.members[0]?.target.origin, "http://fast.test");
  assert.deepEqual(pools.states, ["retired http://a.test", "retired http://slow.test"]);

  for (let i = 0; i < 100; i++) await second.place(`http://c.test/${i}`);
  assert.equal(pools.open.get("http://c.test"), 1, "the same pool all the time");
  pools.states.length = 0;
  await upstreamModule.close?.();
  assert.deepEqual(pools.states.sort(), [
    "closed http://b.test",
    "closed http://c.test",
    "closed http://fast.test",
    "closed https://p.test",
  ]);
});
