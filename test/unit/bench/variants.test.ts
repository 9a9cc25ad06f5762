import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ownId, ownVariants } from "../../bench/contenders.ts";

const node = { binary: "node", version: "26.1.0", name: "Node 26" };

describe("variants of our own", () => {
  test("have other transports with the engine wire only", () => {
    const variants = ownVariants([node], undefined, ["wire", "node"], ["net", "handles"]);
    assert.deepEqual(
      variants.map((variant) => [ownId(variant), variant.flags]),
      [
        ["castgate wire, Node 26", ["--engine=wire"]],
        ["castgate wire, handles, Node 26", ["--engine=wire", "--transport=handles"]],
        ["castgate node, Node 26", ["--engine=node"]],
      ],
    );
  });
});
