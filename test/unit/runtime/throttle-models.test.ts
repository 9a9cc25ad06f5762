import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Counter, FixedWindow, type Quota } from "../../../runtime-lib/throttle-counter.ts";
import { sliding } from "../../../runtime-lib/throttle-sliding.ts";

/** Counters against the plainest models of what they promise, with times that a test makes. */

const quotas = fc.record({ count: fc.integer({ min: 1, max: 20 }), windowMs: fc.integer({ min: 1, max: 5000 }) });
/** Pauses between requests, many of them none. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 6000 })), {
  maxLength: 200,
});

function timesOf(start: number, gaps: readonly number[]): number[] {
  let now = start;
  return gaps.map((gap) => {
    now += gap;
    return now;
  });
}

/** Asks and counts; the times at which one passed. */
function passing(counter: Counter, quota: Quota, times: readonly number[]): number[] {
  return times.filter((now) => {
    if (!counter.admits(quota, now)) return false;
    counter.count(quota, now);
    return true;
  });
}

describe("fixed windows (R-THR-07)", () => {
  test("agree with a list of all that passed", () => {
    fc.assert(
      fc.property(quotas, fc.integer({ min: 1, max: 4 }), fc.nat(1_000_000), pauses, (unit, units, start, gaps) => {
        const quota = { count: unit.count, unitMs: unit.windowMs, windowMs: unit.windowMs * units };
        const times = timesOf(start, gaps);
        const expected: number[] = [];
        let end = Number.NEGATIVE_INFINITY;
        let used = 0;
        for (const now of times) {
          if (now >= end) {
            // A window begins with the first request that is counted, at a multiple of the unit.
            end = Math.floor(now / quota.unitMs) * quota.unitMs + quota.windowMs;
            used = 0;
          }
          if (used < quota.count) {
            used++;
            expected.push(now);
          }
        }
        assert.deepEqual(passing(new FixedWindow(), quota, times), expected);
      }),
    );
  });

  test("what is taken back within its window can be used again, later not", () => {
    const quota = { count: 2, windowMs: 100 };
    const counter = new FixedWindow();
    counter.count(quota, 10);
    counter.count(quota, 20);
    assert.equal(counter.admits(quota, 30), false);
    counter.takeBack(quota, 20, 30);
    assert.equal(counter.remaining(quota, 30), 1);
    counter.count(quota, 30);
    counter.count(quota, 110);
    counter.takeBack(quota, 30, 120);
    assert.equal(counter.remaining(quota, 120), 1);
  });

  test("bytes go beyond the quota, and the window is then closed", () => {
    const quota = { count: 1000, windowMs: 60_000 };
    const counter = new FixedWindow();
    counter.count(quota, 0, 999);
    assert.equal(counter.admits(quota, 1), true);
    counter.count(quota, 1, 5000);
    assert.equal(counter.admits(quota, 2), false);
    assert.equal(counter.remaining(quota, 2), 0);
    assert.equal(counter.secondsLeft(quota, 2), 60);
    assert.equal(counter.admits(quota, 60_000), true);
  });
});

describe("sliding: the generic cell rate algorithm", () => {
  /** Virtual scheduling, in fractions of whole numbers: the other form of the algorithm in I.371. */
  function virtualScheduling(quota: Quota, burst: number, times: readonly number[]): number[] {
    // Times are scaled by `count`, so that the interval between two requests, `windowMs / count`, is whole.
    const interval = BigInt(quota.windowMs);
    const tolerance = interval * BigInt(burst - 1);
    let arrival = -1_000_000_000_000n;
    return times.filter((now) => {
      const at = BigInt(now) * BigInt(quota.count);
      if (at < arrival - tolerance) return false;
      arrival = (at > arrival ? at : arrival) + interval;
      return true;
    });
  }
  const bursts = fc.integer({ min: 1, max: 10 });

  test("lets pass what virtual scheduling lets pass", () => {
    fc.assert(
      fc.property(quotas, bursts, fc.nat(1_000_000), pauses, (quota, burst, start, gaps) => {
        const times = timesOf(start, gaps);
        const counter = sliding({ burst }).counter();
        assert.deepEqual(passing(counter, quota, times), virtualScheduling(quota, burst, times));
      }),
    );
  });

  test("no window of its length, wherever it begins, lets more than count + burst pass", () => {
    fc.assert(
      fc.property(quotas, bursts, pauses, (quota, burst, gaps) => {
        const passed = passing(sliding({ burst }).counter(), quota, timesOf(0, gaps));
        for (const from of passed) {
          const within = passed.filter((now) => now >= from && now < from + quota.windowMs).length;
          assert.ok(within <= quota.count + burst, `${within} from ${from}`);
        }
      }),
    );
  });

  test("whoever waits as long as he is told gets in, and not a millisecond too early", () => {
    fc.assert(
      fc.property(quotas, bursts, pauses, (quota, burst, gaps) => {
        const counter = sliding({ burst }).counter();
        for (const now of timesOf(0, gaps)) {
          const fits = counter.admits(quota, now);
          assert.equal(fits, counter.remaining(quota, now) > 0);
          if (fits) counter.count(quota, now);
          else assert.ok(counter.admits(quota, now + 1000 * counter.secondsLeft(quota, now)));
        }
      }),
    );
  });

  test("what is taken back never lets more succeed than the quota", () => {
    fc.assert(
      fc.property(quotas, bursts, pauses, fc.array(fc.boolean(), { maxLength: 200 }), (quota, burst, gaps, fails) => {
        const counter = sliding({ burst }).counter();
        const succeeded: number[] = [];
        timesOf(0, gaps).forEach((now, i) => {
          if (!counter.admits(quota, now)) return;
          counter.count(quota, now);
          if (fails[i]) counter.takeBack(quota, now, now);
          else succeeded.push(now);
        });
        assert.deepEqual(virtualScheduling(quota, burst, succeeded), succeeded);
      }),
    );
  });

  test("refused requests that are counted keep their caller out for a window at most", () => {
    const quota = { count: 10, windowMs: 1000 };
    const counter = sliding({ burst: 2 }).counter();
    for (let i = 0; i < 1000; i++) counter.count(quota, 0);
    assert.equal(counter.admits(quota, 1099), false);
    assert.equal(counter.admits(quota, 1100), true);
    assert.equal(counter.expired(1100), false);
    assert.equal(counter.expired(1200), true);
  });

  test("a quota of none lets nobody pass", () => {
    const counter = sliding({ burst: 5 }).counter();
    assert.equal(counter.admits({ count: 0, windowMs: 60_000 }, 0), false);
    assert.equal(counter.secondsLeft({ count: 0, windowMs: 60_000 }, 0), 60);
  });
});
