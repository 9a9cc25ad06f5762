import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { circuitBreaker } from "../../../runtime-lib/circuit-breaker.ts";
import { outlierEjection } from "../../../runtime-lib/outlier-ejection.ts";
import { retries } from "../../../runtime-lib/retry.ts";
import { RollingWindow } from "../../../runtime-lib/rolling-window.ts";

/** Time is what the tests say it is. */

describe("a rolling window", () => {
  test("forgets a bucket at a time, and all when nothing came for long", () => {
    const window = new RollingWindow(1000, 250, 2);
    for (const now of [0, 100, 250, 999]) window.add(0, now);
    window.add(1, 999);
    assert.equal(window.sum(0, 999), 4);
    assert.equal(window.sum(0, 1000), 2);
    assert.equal(window.sum(0, 1250), 1);
    assert.equal(window.sum(1, 1250), 1);
    assert.equal(window.sum(0, 1750), 0);
    window.add(0, 2000);
    assert.equal(window.sum(0, 1_000_000), 0);
  });

  test("counts go to the present when time stands still or goes back", () => {
    const window = new RollingWindow(1000, 250, 1);
    window.add(0, 5000);
    window.add(0, 4000);
    assert.equal(window.sum(0, 5000), 2);
  });

  test("one bucket is enough", () => {
    const window = new RollingWindow(100, 100, 1);
    window.add(0, 10);
    assert.equal(window.sum(0, 99), 1);
    assert.equal(window.sum(0, 100), 0);
  });
});

describe("a circuit breaker", () => {
  const settings = {
    requestVolume: 4,
    failureThreshold: 0.5,
    windowMs: 1000,
    bucketMs: 100,
    resetMs: 500,
    statusCodes: [],
  };
  const make = (more: Partial<typeof settings> = {}) => circuitBreaker({ ...settings, ...more }).breaker("b");
  /** Sends one through; false when it is not let through. */
  const pass = (breaker: ReturnType<typeof make>, now: number, well: boolean): boolean => {
    if (!breaker.admits(now)) return false;
    const probe = breaker.enter(now);
    if (well) breaker.succeeded(probe);
    else breaker.failed(probe, now);
    return true;
  };

  test("R-RES-04: opens when more than the threshold fail, of at least the volume", () => {
    const breaker = make();
    for (const well of [false, false, true, true]) assert.ok(pass(breaker, 10, well));
    assert.ok(pass(breaker, 20, false), "half of them is not more than half");
    assert.equal(pass(breaker, 30, true), false, "three of five are");
  });

  test("R-RES-04: below the volume nothing is decided", () => {
    const breaker = make();
    for (let i = 0; i < 3; i++) assert.ok(pass(breaker, 10 + 2000 * i, false));
    for (let i = 0; i < 3; i++) assert.ok(pass(breaker, 10_000, false));
    assert.ok(breaker.admits(10_000));
  });

  test("R-RES-04: half-open after the reset time from the last failure, to the millisecond", () => {
    const breaker = make({ requestVolume: 1 });
    pass(breaker, 100, false);
    assert.equal(breaker.admits(101), false);
    assert.equal(breaker.secondsLeft(101), 1);
    assert.equal(breaker.admits(600), false);
    assert.ok(breaker.admits(601));
  });

  test("R-RES-06 done right: half-open lets one through; the others wait for what it finds", () => {
    const breaker = make({ requestVolume: 1 });
    pass(breaker, 0, false);
    assert.equal(breaker.admits(1), false);
    assert.ok(breaker.admits(501));
    assert.equal(breaker.enter(501), true);
    assert.equal(breaker.admits(502), false);
    breaker.failed(true, 600);
    assert.equal(breaker.admits(1100), false);
    assert.ok(breaker.admits(1101));
    assert.equal(breaker.enter(1101), true);
    breaker.succeeded(true);
    assert.ok(breaker.admits(1102), "closed, and what was counted before is forgotten");
    assert.equal(breaker.enter(1102), false);
  });

  test("a probe that nobody knows the end of makes room for another", () => {
    const breaker = make({ requestVolume: 1 });
    pass(breaker, 0, false);
    breaker.admits(1);
    breaker.enter(501);
    breaker.left(true);
    assert.ok(breaker.admits(502));
  });

  test("what was sent before it opened does not close it", () => {
    const breaker = make({ requestVolume: 1 });
    const early = breaker.enter(0);
    for (let i = 0; i < 2; i++) breaker.failed(breaker.enter(0), 0);
    assert.equal(breaker.admits(1), false);
    breaker.succeeded(early);
    assert.equal(breaker.admits(2), false);
  });
});

describe("retries", () => {
  const settings = {
    count: 3,
    intervalMs: 100,
    factor: 2,
    maxMs: 250,
    statusCodes: [],
    budget: { ratio: 0, perSecond: 1000 },
  };
  const make = (more: Partial<typeof settings> = {}) => retries({ ...settings, ...more });

  test("R-RES-02: waits up to the interval, times the factor, at most the longest; then there is no other", () => {
    const policy = make();
    const longest = [1, 2, 3, 4].map((count) =>
      Math.max(...Array.from({ length: 200 }, () => policy.waitAfter(count, 0, 0))),
    );
    const bounds = [100, 200, 250];
    for (const [index, bound] of bounds.entries()) {
      const wait = longest[index] ?? -1;
      assert.ok(wait <= bound && wait > bound / 2, `retry ${index + 1}: ${wait}`);
    }
    assert.equal(longest[3], -1);
  });

  test("waits are spread from nothing to their bound", () => {
    const policy = make();
    const waits = Array.from({ length: 500 }, () => policy.waitAfter(1, 0, 0));
    assert.ok(Math.min(...waits) < 10 && Math.max(...waits) > 90);
  });

  test("Retry-After is the least wait; what asks for more than the longest is not asked", () => {
    const policy = make({ maxMs: 5000 });
    assert.ok(policy.waitAfter(1, 4000, 0) >= 4000);
    assert.equal(policy.waitAfter(1, 5001, 0), -1);
    assert.equal(make({ maxMs: 60_000 }).waitAfter(1, 10_001, 0), -1);
  });

  test("a share of the requests of ten seconds is repeated, and some each second", () => {
    const share = make({ budget: { ratio: 0.2, perSecond: 0 } });
    for (let i = 0; i < 10; i++) share.began(0);
    const grants = Array.from({ length: 4 }, () => share.waitAfter(1, 0, 0) >= 0);
    assert.deepEqual(grants, [true, true, false, false]);
    assert.equal(share.waitAfter(1, 0, 20_000), -1, "ten seconds later nothing is left of either");

    const always = make({ budget: { ratio: 0, perSecond: 1 } });
    const some = Array.from({ length: 12 }, () => always.waitAfter(1, 0, 0)).filter((wait) => wait >= 0);
    assert.equal(some.length, 10);
    assert.ok(always.waitAfter(1, 0, 20_000) >= 0);
  });
});

describe("leaving members out", () => {
  const settings = { failures: 2, initialMs: 100, factor: 2, maxMs: 300, share: 0.5, statusCodes: [] };
  const policy = outlierEjection(settings);

  test("at most a share of them, one always may, all never are", () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 10].map((count) => policy.most(count)),
      [0, 1, 1, 2, 2, 5],
    );
    const any = outlierEjection({ ...settings, share: 1 });
    assert.deepEqual(
      [1, 2, 3].map((count) => any.most(count)),
      [0, 1, 2],
    );
  });

  test("after failures in a row, for a time that grows; then one request finds out", () => {
    const standing = policy.standing("b");
    standing.failed(0, true);
    standing.succeeded();
    standing.failed(0, true);
    assert.equal(standing.isOut(0), false);
    standing.failed(0, true);
    assert.equal(standing.isOut(99), true);
    assert.equal(standing.isOut(100), false);
    assert.equal(standing.enter(100), true);
    assert.equal(standing.isOut(101), true, "while one finds out, nobody else does");
    standing.failed(110, true);
    assert.equal(standing.isOut(309), true);
    assert.equal(standing.isOut(310), false);
    standing.enter(310);
    standing.failed(320, true);
    assert.equal(standing.isOut(619), true);
    assert.equal(standing.isOut(620), false, "the longest is 300 ms");
    standing.enter(620);
    standing.succeeded();
    assert.equal(standing.isOut(621), false);
    standing.failed(630, true);
    assert.equal(standing.isOut(631), false, "it begins anew");
  });

  test("not while too many are out already", () => {
    const standing = policy.standing("b");
    for (let i = 0; i < 5; i++) standing.failed(0, false);
    assert.equal(standing.isOut(0), false);
    standing.failed(0, true);
    assert.equal(standing.isOut(0), true);
  });

  test("requests that were sent before do not prolong it; a probe without an end makes room for another", () => {
    const standing = policy.standing("b");
    standing.failed(0, true);
    standing.failed(0, true);
    standing.failed(50, true);
    assert.equal(standing.isOut(100), false);
    standing.enter(100);
    standing.left();
    assert.equal(standing.enter(101), true);
  });
});
