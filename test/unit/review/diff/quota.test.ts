import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeQuota, isAsStrict, type Quota } from "../../../../compiler/review/diff/quota.ts";

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];

function fixed(count: number, windowMs: number, unitMs = windowMs): Quota {
  return { count, windowMs, unitMs };
}
function sliding(count: number, windowMs: number, burst: number): Quota {
  return { count, windowMs, unitMs: windowMs, burst };
}

describe("which quota lets nothing pass that another refuses", () => {
  const cases: readonly (readonly [
    what: string,
    a: Quota,
    b: Quota,
    verdict: "stricter" | "laxer" | "same" | "neither",
  ])[] = [
    ["fewer in the same time", fixed(9, minute), fixed(10, minute), "stricter"],
    ["the same", fixed(10, minute), fixed(10, minute), "same"],
    ["as many in a longer time", fixed(10, hour), fixed(10, minute), "stricter"],
    ["60 times as many in an hour: all at once, but no fewer", fixed(600, hour), fixed(10, minute), "laxer"],
    ["fewer in an hour, but more at once", fixed(100, hour), fixed(10, minute), "neither"],
    ["hours lie in days", fixed(10, minute), fixed(14_400, day), "stricter"],
    ["a window of two minutes holds whole minutes", fixed(5, minute), fixed(10, 2 * minute, minute), "stricter"],
    ["and may begin amidst two hours", fixed(10, hour), fixed(10, 2 * minute, minute), "neither"],
    ["twice as many are enough for that", fixed(5, hour), fixed(10, 2 * minute, minute), "stricter"],
    ["from any second on, or from any minute on", fixed(10, minute, second), fixed(10, minute), "neither"],
    ["nothing at all", fixed(0, minute), fixed(1, day), "stricter"],
    ["evenly, with a smaller burst", sliding(10, minute, 2), sliding(10, minute, 5), "stricter"],
    ["evenly, more slowly", sliding(10, hour, 5), sliding(10, minute, 5), "stricter"],
    ["evenly: a smaller burst, but faster", sliding(20, minute, 2), sliding(10, minute, 5), "neither"],
    ["windows that meet let twice as many pass at once", fixed(10, minute), sliding(10, minute, 20), "stricter"],
    ["a burst of one window is too small for that", fixed(10, minute), sliding(10, minute, 10), "neither"],
    ["evenly, within a window", sliding(10, minute, 1), fixed(10, minute), "stricter"],
    ["evenly, with a burst beyond a window", sliding(10, minute, 10), fixed(10, minute), "neither"],
    ["refused requests count too", { ...fixed(10, minute), counted: "all" }, fixed(10, minute), "stricter"],
    ["only successes count", { ...fixed(10, minute), counted: "success" }, fixed(10, minute), "laxer"],
    ["bytes are no requests", { ...fixed(10, minute), counted: "bytes" }, fixed(10, minute), "neither"],
  ];
  for (const [what, a, b, verdict] of cases) {
    test(`${what}: ${describeQuota(a)} and ${describeQuota(b)}`, () => {
      const found = [isAsStrict(a, b), isAsStrict(b, a)];
      const expected = { stricter: [true, false], laxer: [false, true], same: [true, true], neither: [false, false] }[
        verdict
      ];
      assert.deepEqual(found, expected);
    });
  }

  test("a quota that is said to be as strict refuses whatever the other refuses, request by request", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const quotas: Quota[] = [];
    for (const count of [1, 2, 5, 12]) {
      for (const [window, unit] of [
        [4, 4],
        [4, 2],
        [4, 1],
        [8, 8],
        [8, 4],
        [12, 12],
        [12, 4],
        [6, 3],
      ] as const) {
        quotas.push(fixed(count, window, unit));
      }
      for (const burst of [1, 3, 10]) quotas.push(sliding(count, 4, burst), sliding(count, 12, burst));
    }
    let compared = 0;
    for (const strict of quotas) {
      for (const lax of quotas) {
        if (strict === lax || !isAsStrict(strict, lax)) continue;
        compared++;
        for (let round = 0; round < 20; round++) {
          const [a, b] = [counterOf(strict), counterOf(lax)];
          let now = random(24);
          for (let request = 0; request < 60; request++) {
            now += random(3) === 0 ? random(7) : 0;
            // What the strict one lets pass must fit into the lax one.
            if (a(now)) assert.ok(b(now), `${describeQuota(strict)} let pass what ${describeQuota(lax)} refuses`);
          }
        }
      }
    }
    assert.ok(compared > 500, String(compared));
  });
});

/** The counters of runtime-lib, in a few lines: they count what they admit. */
function counterOf({ count, windowMs, unitMs, burst }: Quota): (now: number) => boolean {
  let [end, used, fill, at] = [0, 0, 0, 0];
  if (burst !== undefined) {
    return (now) => {
      const left = Math.max(0, fill - (now - at) * count);
      const fits = left + windowMs <= burst * windowMs;
      [fill, at] = [fits ? left + windowMs : left, now];
      return fits;
    };
  }
  return (now) => {
    if (now >= end) [end, used] = [now - (now % unitMs) + windowMs, 0];
    if (used >= count) return false;
    used++;
    return true;
  };
}

describe("quotas in words", () => {
  for (const [quota, text] of [
    [fixed(1, second), "1 request a second"],
    [fixed(1000, hour), "1,000 requests an hour"],
    [fixed(10, 2 * minute, minute), "10 requests each 2 minutes from any full minute on"],
    [{ ...fixed(5_000_000, day), counted: "bytes" }, "5,000,000 bytes a day"],
    [sliding(10, minute, 3), "10 requests a minute, evenly, 3 at once"],
    [{ ...fixed(2, minute), counted: "success" }, "2 requests a minute, successful ones only"],
    [fixed(0, minute), "nothing"],
  ] as const) {
    test(text, () => assert.equal(describeQuota(quota), text));
  }
});
