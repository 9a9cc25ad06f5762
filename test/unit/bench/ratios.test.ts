import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compare, processorRatio, ratiosOf, throughputRatio } from "../../bench/ratios.ts";
import { type BenchRecord, type Circumstances, merge, nothingRecorded, type Sample } from "../../bench/record.ts";
import { targetsOf } from "../../bench/targets.ts";

const circumstances: Circumstances = {
  date: "2026-01-01",
  machine: "a machine",
  versions: {},
  load: 0,
  stolen: 0,
  rounds: 2,
  seconds: 1,
};

function sample(round: number, requestsPerSecond: number, microsecondsPerRequest: number): Sample {
  const rest = { share: 1, others: 0, loadCore: 0.5, p50: 1, p99: 2, residentMiB: 50, errors: 0 };
  return { round, requestsPerSecond, microsecondsPerRequest, ...rest };
}

/** `rates` are those of two rounds. */
function record(scenario: string, rates: Readonly<Record<string, readonly [number, number]>>): BenchRecord {
  const contenders = Object.entries(rates).map(([id, [first, second]]) => ({
    id,
    samples: [sample(0, first, 1000 / first), sample(1, second, 1000 / second)],
  }));
  return { ...nothingRecorded, throughput: [{ scenario, circumstances, contenders }] };
}

const full = record("full", {
  nginx: [1000, 500],
  "haproxy, RS256 verified each time": [250, 125],
  "fastify + @fastify/http-proxy, cached JWT": [150, 75],
  "castgate wire, Node 26": [700, 350],
});

describe("ratios", () => {
  test("of throughput and of processor time are by round", () => {
    assert.equal(throughputRatio(full.throughput[0], "castgate wire, Node 26"), 0.7);
    assert.equal(processorRatio(full.throughput[0], "castgate wire, Node 26").toFixed(6), "0.700000");
  });
  test("of what was not measured are not a number", () => {
    assert.equal(throughputRatio(full.throughput[0], "castgate node, Node 20"), Number.NaN);
    assert.equal(throughputRatio(undefined, "nginx"), Number.NaN);
  });
  test("that are compared are our own: to nginx, and to an empty server", () => {
    const start = {
      circumstances,
      rows: [
        { id: "castgate wire, Node 26", node: "26.1.0", times: [50, 60, 70] },
        { id: "an empty node:http server", node: "26.1.0", times: [30, 30, 30] },
        { id: "an empty node:http server", node: "20.1.0", times: [60] },
      ],
    };
    assert.deepEqual(ratiosOf({ ...full, start }), [
      { name: "full: castgate wire, Node 26 to nginx, throughput", value: 0.7, better: "higher" },
      { name: "full: castgate wire, Node 26 to nginx, processor time", value: 0.7, better: "higher" },
      { name: "start: castgate wire, Node 26 to an empty node:http server", value: 2, better: "lower" },
    ]);
  });
});

describe("a busy machine", () => {
  const busy: BenchRecord = {
    ...full,
    throughput: full.throughput.map((one) => ({
      ...one,
      contenders: one.contenders.map((each) =>
        each.id === "nginx" ? { ...each, samples: each.samples.map((some) => ({ ...some, others: 0.5 })) } : each,
      ),
    })),
  };
  test("leaves ratios of processor time only, when the core of either side was shared", () => {
    assert.deepEqual(
      ratiosOf(busy).map(({ name }) => name),
      ["full: castgate wire, Node 26 to nginx, processor time"],
    );
  });
  test("leaves the targets unjudged that depend on it", () => {
    assert.deepEqual(
      targetsOf(busy).map(({ met }) => met),
      [undefined, true, true],
    );
  });
});

describe("the check", () => {
  const recorded = [
    { name: "fast", value: 0.8, better: "higher" },
    { name: "start", value: 2, better: "lower" },
  ] as const;
  const failures = (fast: number, start: number) =>
    compare(
      recorded,
      [
        { name: "fast", value: fast, better: "higher" },
        { name: "start", value: start, better: "lower" },
      ],
      0.15,
    )
      .filter(({ failed }) => failed)
      .map(({ name }) => name);

  test("lets pass what is the same, better, or worse by less than the margin", () => {
    assert.deepEqual(failures(0.8, 2), []);
    assert.deepEqual(failures(1.6, 1), []);
    assert.deepEqual(failures(0.69, 2.29), []);
  });
  test("fails a throughput that fell, and a time that grew, by more than the margin", () => {
    assert.deepEqual(failures(0.67, 2), ["fast"]);
    assert.deepEqual(failures(0.8, 2.31), ["start"]);
  });
  test("compares only what both have", () => {
    assert.deepEqual(compare(recorded, [{ name: "other", value: 1, better: "higher" }], 0.15), []);
  });
});

describe("merge", () => {
  test("replaces the scenarios that were measured, and keeps the others", () => {
    const recorded = merge(full, record("jwt", { nginx: [10, 10] }));
    const merged = merge(recorded, record("full", { nginx: [20, 20] }));
    assert.deepEqual(
      merged.throughput.map(({ scenario, contenders }) => [scenario, contenders.length]),
      [
        ["jwt", 1],
        ["full", 1],
      ],
    );
  });
});

describe("targets", () => {
  test("are met or not for each variant of our own, and absent when nothing was measured", () => {
    const found = targetsOf(full).map(({ wanted, met }) => `${wanted}: ${met}`);
    assert.deepEqual(found, ["at least 0.65: true", "at least 2.6: true", "at least 4: true"]);
    assert.deepEqual(targetsOf(nothingRecorded), []);
  });
});
