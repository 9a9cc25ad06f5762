import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Api } from "../../../runtime-lib/api.ts";
import type { Caller, CallerApplication } from "../../../runtime-lib/caller.ts";
import { callerTiers, limit, type Throttle, throttle, type Verdict } from "../../../runtime-lib/throttle.ts";
import { CounterTable, countElsewhere, FixedWindow, type Quota } from "../../../runtime-lib/throttle-counter.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";

const minute = 60_000;

/** Counters of this process answer at once. */
function admit(limits: Throttle, from: RecordedExchange, caller: Caller | undefined, now: number): Verdict {
  const verdict = limits.admit(from, caller, now);
  assert.ok(!(verdict instanceof Promise));
  return verdict;
}

const api = { name: "Petstore", version: "1.0.0", basePath: "/petstore/v1" } as Api;
const x = new RecordedExchange();

function callerOf(application: Partial<CallerApplication> = {}, name = "ann"): Caller {
  return {
    name,
    scheme: "jwt",
    scopes: new Set(),
    scopesApply: true,
    keyType: "PRODUCTION",
    application: { id: "app", tier: "Unlimited", subscriptions: [], ...application },
    claims: {},
    consumerKey: "",
    revocationIds: [],
  };
}

const tiersOf = () =>
  callerTiers({
    application: { ten: { count: 10, windowMs: minute } },
    subscription: [
      ["Default", { count: 500, windowMs: minute }],
      ["five", { count: 5, windowMs: minute }],
      ["soft", { count: 2, windowMs: minute, stopOnQuota: false }],
    ],
  });

const subscribed = (tier: string, version = "1.0.0") => ({ subscriptions: [{ name: "Petstore", version, tier }] });

/** The codes of refused requests among n; `passed` counts the others. */
function run(
  limits: Throttle,
  n: number,
  caller: Caller | undefined,
  now: number,
): { passed: number; codes: number[] } {
  let passed = 0;
  const codes: number[] = [];
  for (let i = 0; i < n; i++) {
    const verdict: Verdict = admit(limits, x, caller, now);
    if (verdict.allowed) passed++;
    else codes.push(verdict.code);
  }
  return { passed, codes: [...new Set(codes)] };
}

describe("exact counting", () => {
  test("exactly the quota passes, also a quota of one (R-THR-08 without its flaw)", () => {
    for (const count of [1, 3, 100]) {
      const limits = throttle(api, "op", { resource: { tier: "t", count, windowMs: minute } });
      assert.deepEqual(run(limits, 200, undefined, 0), { passed: count, codes: [900802] });
    }
  });

  test("200 requests in flight at once: no more than the quota", async () => {
    const limits = throttle(api, "op", { resource: { tier: "t", count: 20, windowMs: minute } });
    const verdicts = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        if (i % 2) await new Promise(setImmediate);
        return admit(limits, x, undefined, 0);
      }),
    );
    assert.equal(verdicts.filter((v) => v.allowed).length, 20);
  });

  test("a refused request costs no quota at any level", () => {
    const shared = limit(api, { tier: "api", count: 5, windowMs: minute });
    const narrow = throttle(api, "op", { api: shared, resource: { tier: "r", count: 2, windowMs: minute } });
    const wide = throttle(api, "op", { api: shared });
    assert.deepEqual(run(narrow, 100, undefined, 0), { passed: 2, codes: [900802] });
    assert.deepEqual(run(wide, 100, undefined, 0), { passed: 3, codes: [900800] });
  });

  test("an application that is out leaves the subscription's quota alone", () => {
    const tiers = tiersOf();
    const limits = throttle(api, "op", { caller: tiers });
    const out = callerOf({ tier: "ten", ...subscribed("five") }, "ann");
    const other = callerOf({ tier: "Unlimited", ...subscribed("five") }, "bob");
    assert.deepEqual(run(limits, 3, out, 0), { passed: 3, codes: [] });
    assert.deepEqual(run(limits, 9, other, 0), { passed: 2, codes: [900804] });
  });
});

describe("windows (R-THR-07)", () => {
  test("start at the unit, last unitTime units, and say when they end", () => {
    const limits = throttle(api, "op", { resource: { tier: "t", count: 1, windowMs: 5 * minute, unitMs: minute } });
    const first = 7 * minute + 30_000;
    assert.equal(admit(limits, x, undefined, first).allowed, true);
    const refused = admit(limits, x, undefined, first + 1000);
    assert.ok(!refused.allowed);
    assert.equal(refused.retryAfterSeconds, 269);
    assert.equal(admit(limits, x, undefined, 12 * minute - 1).allowed, false);
    assert.equal(admit(limits, x, undefined, 12 * minute).allowed, true);
  });

  test("a counter without requests admits, one with a quota of none never does", () => {
    const counter = new FixedWindow();
    assert.equal(counter.admits({ count: 1, windowMs: minute }, 0), true);
    assert.equal(counter.admits({ count: 0, windowMs: minute }, 0), false);
    assert.equal(counter.secondsLeft({ count: 1, windowMs: minute }, 5), 60);
  });
});

describe("levels and keys (sections 3.2 and 3.4)", () => {
  test("API before resource before subscription before application", () => {
    const all = throttle(api, "op", {
      api: limit(api, { tier: "a", count: 0, windowMs: minute }),
      resource: { tier: "r", count: 0, windowMs: minute },
      caller: tiersOf(),
    });
    assert.deepEqual(run(all, 1, callerOf(), 0).codes, [900800]);
    const resource = throttle(api, "op", { resource: { tier: "r", count: 0, windowMs: minute }, caller: tiersOf() });
    assert.deepEqual(run(resource, 1, callerOf({ tier: "nobody" }), 0).codes, [900802]);
    const both = throttle(api, "op", { caller: tiersOf() });
    assert.deepEqual(run(both, 11, callerOf({ tier: "ten", ...subscribed("five") }), 0), {
      passed: 5,
      codes: [900804],
    });
    assert.deepEqual(run(both, 11, callerOf({ id: "b", tier: "ten" }), 0), { passed: 10, codes: [900803] });
  });

  test("the API's counter is one for all its operations, the resource's its own", () => {
    const shared = limit(api, { tier: "a", count: 4, windowMs: minute });
    const one = throttle(api, "op", { api: shared });
    const two = throttle(api, "op", { api: shared });
    assert.equal(run(one, 3, undefined, 0).passed + run(two, 3, undefined, 0).passed, 4);
  });

  test("an application is counted for each of its users, over all APIs", () => {
    const tiers = tiersOf();
    const here = throttle(api, "op", { caller: tiers });
    const there = throttle({ ...api, name: "Shop", basePath: "/shop" } as Api, "op", { caller: tiers });
    assert.equal(run(here, 6, callerOf({ tier: "ten" }), 0).passed, 6);
    assert.deepEqual(run(there, 6, callerOf({ tier: "ten" }), 0), { passed: 4, codes: [900803] });
    assert.equal(run(there, 6, callerOf({ tier: "ten" }, "bob"), 0).passed, 6);
  });

  test("a subscription is counted over its users, at one API", () => {
    const tiers = tiersOf();
    const here = throttle(api, "op", { caller: tiers });
    const sibling = throttle(api, "op", { caller: tiers });
    const there = throttle({ ...api, version: "2.0.0" } as Api, "op", { caller: tiers });
    assert.equal(run(here, 3, callerOf(subscribed("five")), 0).passed, 3);
    assert.deepEqual(run(sibling, 3, callerOf(subscribed("five"), "bob"), 0), { passed: 2, codes: [900804] });
    assert.equal(run(there, 3, callerOf(subscribed("five", "*")), 0).passed, 3);
  });

  test("tokens of one user share a counter, also after its window was over and its place was given away", () => {
    const tiers = tiersOf();
    const limits = throttle(api, "op", { caller: tiers });
    const first = callerOf({ tier: "ten" });
    for (let window = 0; window < 3; window++) {
      const now = window * minute;
      assert.equal(run(limits, 6, first, now).passed, 6);
      assert.deepEqual(run(limits, 6, callerOf({ tier: "ten" }), now), { passed: 4, codes: [900803] });
      for (let i = 0; i < 5; i++) run(limits, 1, callerOf({ tier: "ten", id: `other${window}${i}` }), now + minute);
    }
  });

  test("names with colons do not share a counter", () => {
    const limits = throttle(api, "op", { caller: tiersOf() });
    assert.equal(run(limits, 10, callerOf({ id: "a:b", tier: "ten" }, "c"), 0).passed, 10);
    assert.equal(run(limits, 10, callerOf({ id: "a", tier: "ten" }, "b:c"), 0).passed, 10);
  });

  test("clients without credentials are counted by address and API (S-ANO-01)", () => {
    const tier = { tier: "Unauthenticated", count: 2, windowMs: minute };
    const own = { ...api, basePath: "/unauthenticated-test" } as Api;
    const limits = throttle(own, "op", { unauthenticated: tier });
    const near = new RecordedExchange({ clientAddress: "192.0.2.7" });
    const far = new RecordedExchange({ clientAddress: "192.0.2.8" });
    const verdicts = [near, near, near, far].map((from) => admit(limits, from, undefined, 0));
    assert.deepEqual(
      verdicts.map((verdict) => (verdict.allowed ? "pass" : `${verdict.code} ${verdict.level}`)),
      ["pass", "pass", "900804 unauthenticated", "pass"],
    );
    const anonymous: Caller = { ...callerOf(), scheme: "anonymous" };
    assert.equal(admit(limits, near, anonymous, 0).allowed, false);
  });

  test("an IPv6 client does not get a quota for each address of its network", () => {
    const own = { ...api, basePath: "/unauthenticated-v6-test" } as Api;
    const limits = throttle(own, "op", { unauthenticated: { tier: "Unauthenticated", count: 2, windowMs: minute } });
    const passes = ["2001:db8::1", "2001:db8:0:0:ffff::1", "2001:0DB8::2", "2001:db8:0:1::1"].map(
      (clientAddress) => admit(limits, new RecordedExchange({ clientAddress }), undefined, 0).allowed,
    );
    assert.deepEqual(passes, [true, true, false, true]);
  });
});

describe("tiers of the caller", () => {
  test("stopOnQuota false passes, counted and flagged (R-THR-17)", () => {
    const limits = throttle(api, "op", { caller: tiersOf() });
    const caller = callerOf(subscribed("soft"));
    const flags = [1, 2, 3, 4].map(() => {
      const verdict = admit(limits, x, caller, 0);
      return verdict.allowed && verdict.overQuota;
    });
    assert.deepEqual(flags, [false, false, true, true]);
  });

  test("Unlimited is built in, case-sensitive (R-THR-01)", () => {
    const limits = throttle(api, "op", { caller: tiersOf() });
    assert.equal(run(limits, 1000, callerOf(subscribed("Unlimited")), 0).passed, 1000);
    assert.deepEqual(run(limits, 1, callerOf(subscribed("unlimited")), 0), { passed: 0, codes: [900809] });
  });

  test("unknown tiers: 900809 in both compatibilities (R-THR-20)", () => {
    for (const compatibility of ["wso2-3.2", "standard"] as const) {
      const from = new RecordedExchange({ compatibility });
      for (const caller of [
        callerOf({ tier: "nobody" }),
        callerOf(subscribed("__proto__")),
        callerOf(subscribed("constructor")),
      ]) {
        const verdict = admit(throttle(api, "op", { caller: tiersOf() }), from, caller, 0);
        assert.ok(!verdict.allowed);
        assert.equal(verdict.code, 900809);
      }
    }
  });

  test("a token that says nothing has the tier Default; without one wso2-3.2 refuses, standard has no limit", () => {
    const none = callerTiers({ application: {}, subscription: {} });
    const original = admit(throttle(api, "op", { caller: none }), new RecordedExchange(), callerOf(), 0);
    assert.ok(!original.allowed);
    assert.equal(original.code, 900809);
    const standard = new RecordedExchange({ compatibility: "standard" });
    assert.equal(admit(throttle(api, "op", { caller: none }), standard, callerOf(), 0).allowed, true);
    assert.equal(run(throttle(api, "op", { caller: tiersOf() }), 501, callerOf(), 0).passed, 500);
  });
});

describe("counts that are kept elsewhere", () => {
  /** Has nothing until it has asked; then `granted`, once. */
  class Leased extends FixedWindow {
    asked = 0;
    granted = 0;
    left = 0;
    override admits(): boolean {
      return this.left > 0;
    }
    override count(quota: Quota, now: number): void {
      super.count(quota, now);
      this.left--;
    }
    refill(): Promise<void> | undefined {
      if (this.asked++ > 0) return undefined;
      return Promise.resolve().then(() => {
        this.left = this.granted;
      });
    }
  }

  test("whoever has to ask waits, and all levels are asked again", async () => {
    const made = new Map<string, Leased>();
    const limits = throttle(api, "getPet", {
      api: limit(api, { tier: "a", count: 9, windowMs: minute }),
      resource: { tier: "r", count: 9, windowMs: minute },
      caller: tiersOf(),
    });
    countElsewhere((key) => {
      const counter = new Leased();
      counter.granted = key.startsWith("api:") ? 2 : 5;
      made.set(key, counter);
      return counter;
    });
    try {
      const caller = callerOf({ tier: "ten", ...subscribed("five") });
      const verdicts = await Promise.all([1, 2, 3, 4].map(() => limits.admit(x, caller)));
      assert.deepEqual(
        verdicts.map((verdict) => (verdict.allowed ? "pass" : verdict.code)),
        ["pass", 900800, 900800, 900800],
        "the first one asks on; those that came behind it find an answer that is known",
      );
      assert.deepEqual(
        [...made.keys()],
        ["api:/petstore/v1:1.0.0", "res:18:/petstore/v1:1.0.0:getPet", "sub:3:app:/petstore/v1:1.0.0", "app:3:app:ann"],
      );
      assert.equal((await limits.admit(x, caller)).allowed, true);
      const last = await limits.admit(x, caller);
      assert.deepEqual(last.allowed ? "pass" : last.code, 900800);
      assert.deepEqual(
        [...made.values()].map(({ left }) => left),
        [0, 3, 3, 3],
      );
    } finally {
      countElsewhere(undefined);
    }
  });
});

describe("many keys", () => {
  const quota = { count: 2, windowMs: minute };

  test("windows that are over make room", () => {
    const table = new CounterTable("app", 100);
    for (let i = 0; i < 10_000; i++) table.of(`k${i}`, quota, i * minute).count(quota, i * minute);
    assert.ok(table.size <= 4, `${table.size} counters left`);
  });

  test("at capacity new keys are limited together; those before them keep their counts", () => {
    const table = new CounterTable("app", 10);
    for (let i = 0; i < 10; i++) table.of(`k${i}`, quota, 0).count(quota, 0);
    let passed = 0;
    for (let i = 10; i < 50; i++) {
      const counter = table.of(`k${i}`, quota, 0);
      if (counter.admits(quota, 0)) {
        counter.count(quota, 0);
        passed++;
      }
    }
    assert.equal(passed, 2);
    assert.equal(table.size, 10);
    assert.equal(table.of("k0", quota, 0).admits(quota, 0), true);
    table.of("k0", quota, 0).count(quota, 0);
    assert.equal(table.of("k0", quota, 0).admits(quota, 0), false);
  });
});
