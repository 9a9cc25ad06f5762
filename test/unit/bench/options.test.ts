import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enginesIn, ownVariants } from "../../bench/contenders.ts";
import { type BenchOptions, readOptions } from "../../bench/options.ts";

function read(...args: string[]): BenchOptions {
  const options = readOptions(args);
  assert.notEqual(typeof options, "string", String(options));
  return options as BenchOptions;
}

describe("options of the benchmark", () => {
  test("measure everything unless told otherwise", () => {
    const { only, scenarios, engines, nodes, rounds, seconds, peers } = read();
    assert.deepEqual(only, ["throughput", "latency", "start", "memory", "idle", "workers", "compile"]);
    assert.equal(scenarios.length, 15);
    assert.deepEqual(read("--scenario=all").scenarios, scenarios);
    assert.deepEqual(
      { engines, nodes, rounds, seconds, peers },
      { engines: undefined, nodes: "all", rounds: 5, seconds: 6, peers: true },
    );
  });
  test("select parts and scenarios, in the benchmark's own order", () => {
    const { only, scenarios, engines } = read("--only=start,throughput", "--scenario=jwt,full", "--engines=wire,node");
    assert.deepEqual(only, ["throughput", "start"]);
    assert.deepEqual(scenarios, ["full", "jwt"]);
    assert.deepEqual(engines, ["wire", "node"]);
  });
  test("--check is short and leaves the peers out", () => {
    const { only, scenarios, rounds, seconds, peers, margin } = read("--check");
    assert.deepEqual(scenarios, ["full", "plain", "jwt-new"]);
    assert.deepEqual(
      { only, rounds, seconds, peers, margin },
      { only: ["throughput", "start"], rounds: 3, seconds: 3, peers: false, margin: 0.15 },
    );
  });
  for (const [arg, message] of [
    ["--only=speed", /"speed" is not one of throughput/],
    ["--rounds=0", /--rounds needs a number of at least 1/],
    ["--secs=", /--secs needs a number/],
    ["--nonsense", /nonsense/],
  ] as const) {
    test(`${arg} is refused`, () => assert.match(String(readOptions([arg])), message));
  }
});

describe("engines", () => {
  test("are those that the bundle's help names", () => {
    assert.deepEqual(enginesIn("  --engine=wire|node      how requests are served\n"), ["wire", "node"]);
    assert.deepEqual(
      enginesIn("  --check\n  --engine NAME    what carries HTTP: node or wire (default node)\n  --x=a|b\n"),
      ["node", "wire"],
    );
    assert.deepEqual(enginesIn("  --workers N\n  --mode=a|b\n"), []);
  });
  const node = { binary: "node", version: "26.1.0", name: "Node 26" };
  test("are selected by a flag only where there is a choice", () => {
    assert.deepEqual(ownVariants([node], undefined, []), [{ engine: "node", node, flags: [] }]);
    assert.deepEqual(
      ownVariants([node], undefined, ["wire", "node"]).map(({ flags }) => flags),
      [["--engine=wire"], ["--engine=node"]],
    );
    assert.deepEqual(
      ownVariants([node], ["node"], ["wire", "node"]).map(({ flags }) => flags),
      [["--engine=node"]],
    );
  });
  test("that a bundle does not have are asked for all the same: the bundle says what is wrong", () => {
    assert.deepEqual(ownVariants([node], ["wire"], []), [{ engine: "wire", node, flags: ["--engine=wire"] }]);
  });
});
