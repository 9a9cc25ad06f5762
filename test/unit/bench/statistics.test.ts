import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { median, percentile, ratioByRound, rotated } from "../../bench/statistics.ts";

describe("median", () => {
  test("is the middle value, whatever the order", () => assert.equal(median([9, 1, 5]), 5));
  test("of an even number of values is the mean of both in the middle", () => assert.equal(median([4, 1, 3, 2]), 2.5));
  test("sorts as numbers", () => assert.equal(median([10, 9, 100]), 10));
  test("of none is not a number", () => assert.equal(median([]), Number.NaN));
});

describe("percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  for (const [percent, expected] of [
    [50, 50],
    [99, 99],
    [99.9, 100],
    [100, 100],
    [0, 1],
  ] as const) {
    test(`${percent} of 1 to 100 is ${expected}`, () => assert.equal(percentile(hundred, percent), expected));
  }
  test("99.9 of 1 to 1000 is 999: the rank is not rounded up by the arithmetic", () => {
    assert.equal(
      percentile(
        Array.from({ length: 1000 }, (_, index) => index + 1),
        99.9,
      ),
      999,
    );
  });
  test("of one value is that value", () => assert.equal(percentile(Float64Array.of(7), 99), 7));
  test("of none is not a number", () => assert.equal(percentile([], 50), Number.NaN));
});

describe("ratioByRound", () => {
  test("compares within rounds: a slow round does not count more than another", () => {
    const own = [
      { round: 0, value: 50 },
      { round: 1, value: 5 },
      { round: 2, value: 60 },
    ];
    const base = [
      { round: 0, value: 100 },
      { round: 1, value: 10 },
      { round: 2, value: 100 },
    ];
    assert.equal(ratioByRound(own, base), 0.5);
  });
  test("leaves out rounds that only one of them has", () => {
    assert.equal(
      ratioByRound(
        [
          { round: 0, value: 1 },
          { round: 1, value: 9 },
        ],
        [{ round: 1, value: 3 }],
      ),
      3,
    );
  });
  test("is not a number when they have no round in common", () => {
    assert.equal(ratioByRound([{ round: 0, value: 1 }], [{ round: 1, value: 1 }]), Number.NaN);
  });
});

test("rotated begins each round with another item and has all of them", () => {
  const rounds = [0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""));
  assert.deepEqual(rounds, ["abc", "bca", "cab", "abc"]);
  assert.deepEqual(rotated([], 1), []);
});
