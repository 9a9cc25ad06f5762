import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { compile, nodeHost } from "../../../compiler/compile.ts";
import type { GatewayModel } from "../../../compiler/model/gateway-model.ts";
import type { PackedModel } from "../../../compiler/model/manifest.ts";
import { packModel, unpackModel } from "../../../compiler/review/packed-model.ts";

const fixtures = path.resolve(import.meta.dirname, "../../../fixtures");

async function modelOf(fixture: string): Promise<GatewayModel> {
  const folder = path.join(fixtures, fixture);
  const { lowered } = await compile(folder, nodeHost(folder), { stopAfter: "lower" });
  assert.ok(lowered !== undefined, fixture);
  return lowered.model;
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length;
}

describe("a packed model", () => {
  const projects = readdirSync(fixtures).filter((name) => !["README.md", "diagnostics", "diff"].includes(name));

  for (const project of projects) {
    test(`of ${project}: unpacked, it is the model, with the members that are undefined`, async () => {
      const model = await modelOf(project);
      const packed = packModel(model);
      assert.deepEqual(unpackModel(JSON.parse(JSON.stringify(packed))), { model });
      assert.deepEqual(packModel(structuredClone(model)), packed);
      assert.ok(sizeOf(packed) < sizeOf(model), `${sizeOf(packed)} of ${sizeOf(model)} characters`);
    });
  }

  test("shares texts, and what is equal", async () => {
    const origin = { file: "a.yaml", pointer: "/paths/~1a/get" };
    const cors = {
      allowOrigins: ["*"],
      allowMethods: [],
      allowHeaders: ["*"],
      exposeHeaders: [],
      allowCredentials: false,
    };
    const packed = packModel({ origin, again: { ...origin }, cors, absent: undefined } as unknown as GatewayModel);
    assert.deepEqual(packed, {
      shapes: [
        "allowOrigins allowMethods allowHeaders exposeHeaders allowCredentials",
        "file pointer",
        "origin again cors absent?",
      ],
      texts: ["0*", "0/paths/~1a/get", "0a.yaml"],
      others: [false],
      parts: "[[1,2,1],[-1,0],[-1],[2,-1,-1,[0,-2,-3,-2,-3,3]]]",
    });
  });
});

describe("what is no packed model is refused with a sentence", () => {
  const cases: readonly (readonly [why: string, edit: (packed: PackedModel) => unknown, problem: RegExp])[] = [
    ["nothing", () => undefined, /lacks its tables/],
    ["a table that is missing", ({ texts: _, ...rest }) => rest, /lacks its tables/],
    ["a number among the texts", (packed) => ({ ...packed, texts: [1] }), /lacks its tables/],
    [
      "a text without its first character",
      (packed) => ({ ...packed, texts: [""] }),
      /texts are not as they are packed/,
    ],
    ["a text that shares too much", (packed) => ({ ...packed, texts: ["9a"] }), /texts are not as they are packed/],
    ["parts that are no JSON", (packed) => ({ ...packed, parts: "[" }), /no JSON/],
    ["parts that are no list", (packed) => ({ ...packed, parts: "{}" }), /no list/],
    ["no part", (packed) => ({ ...packed, parts: "[]" }), /is not an object/],
    ["a text for a part", (packed) => ({ ...packed, parts: '["a"]' }), /not a part/],
    ["a text that is not there", (packed) => ({ ...packed, parts: "[[-1,123456]]" }), /refers to a text/],
    ["a part that is not there yet", (packed) => ({ ...packed, parts: "[[-1,-1]]" }), /does not stand before it/],
    ["an unknown shape", (packed) => ({ ...packed, parts: "[[999]]" }), /refers to a shape/],
    ["too many members", (packed) => ({ ...packed, shapes: ["a"], parts: "[[0,0,0]]" }), /more members/],
    ["too few members", (packed) => ({ ...packed, shapes: ["a b"], parts: "[[0,0]]" }), /not a part/],
    ["a member __proto__", (packed) => ({ ...packed, shapes: ["__proto__"], parts: "[[0,0]]" }), /__proto__/],
    ["empty lists in lists", (packed) => ({ ...packed, parts: `${"[".repeat(1e5)}${"]".repeat(1e5)}` }), /shape/],
    [
      "lists in lists that are lists",
      (packed) => ({ ...packed, parts: `[${"[-1,".repeat(5e4)}0${"]".repeat(5e4)}]` }),
      /deeply/,
    ],
    ["parts that double", (packed) => ({ ...packed, parts: doubling }), /too large/],
    [
      "an object of another kind",
      (packed) => ({ ...packed, shapes: ["apis"], parts: "[[0,[-1]]]" }),
      /^\/compatibility/,
    ],
  ];
  const doubling = `[[-1],${Array.from({ length: 60 }, (_, n) => `[-1,${-n - 1},${-n - 1}]`).join(",")}]`;

  for (const [why, edit, problem] of cases) {
    test(why, async () => {
      const found = unpackModel(edit(packModel(await modelOf("shop"))));
      assert.match("problem" in found ? found.problem : "(it was read)", problem);
    });
  }
});
