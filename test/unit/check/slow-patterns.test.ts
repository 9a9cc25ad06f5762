import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stepsOf } from "../../../compiler/2-check/regular-expressions/backtracking.ts";
import { findBlowUp } from "../../../compiler/2-check/regular-expressions/blow-up.ts";
import { parsePattern } from "../../../compiler/2-check/regular-expressions/syntax.ts";
import { check, definition } from "./check.ts";

describe("patterns that blow up", () => {
  const slow: readonly (readonly [pattern: string, growth: string])[] = [
    ["^(a+)+$", "exponential"],
    ["(a*)*b", "exponential"],
    ["^(a|a)*$", "exponential"],
    ["^(a|aa)+$", "exponential"],
    ["^(\\w+\\s?)*$", "exponential"],
    ["^([a-z0-9]+[._]?)+@x$", "exponential"],
    ["^((ab)*|(ba)*)+$", "exponential"],
    ["^(?:[0-9.]+,?){3,}$", "exponential"],
    ["^(\\p{L}+-?)*$", "exponential"],
    ["^(?<name>[^,]+,?)*;$", "exponential"],
    [".*.*.*=", "cubic or worse"],
    ["^\\s*\\s*\\s*\\s*$", "cubic or worse"],
  ];
  for (const [pattern, growth] of slow) {
    test(pattern, () => {
      const found = findBlowUp(pattern);
      assert.equal(found?.growth, growth);
      const text = (turns: number) => `${found?.prefix}${found?.pump.repeat(turns)}${found?.suffix}`;
      const root = parsePattern(pattern);
      assert.ok(root);
      const most = 500_000;
      const many = stepsOf(root, text(12), most);
      assert.ok(many === most || many > stepsOf(root, text(6), most) * 5);
    });
  }

  const quick: readonly string[] = [
    "^[a-z]+$",
    "^(\\d+)(\\.\\d+)*$",
    "^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$",
    "^[a-z0-9]+(?:-[a-z0-9]+)*$",
    "^.+@.+\\..+$",
    "\\s+$",
    "^\\s*(.*?)\\s*$",
    "^(ab|cd)*$",
    // Nothing is left that could fail.
    "^(a+)+",
    // What is not understood is not judged.
    "^(?=a)(a+)+$",
    "^(a+)\\1+$",
    `^${"(a?)".repeat(600)}$`,
  ];
  for (const pattern of quick) {
    test(`not ${pattern.slice(0, 40)}`, () => assert.equal(findBlowUp(pattern), undefined));
  }

  test("a matcher that counts finds what `RegExp` finds", () => {
    const cases: readonly (readonly [string, string])[] = [
      ["^a{2,3}?b$", "aaab"],
      ["[^\\d\\s]\\b", "7x"],
      ["(?:x|yz)+$", "xyzx"],
      ["^\\u0061\\x62[\\cJ-\\r]$", "ab\n"],
      ["^[a\\-z]$", "-"],
    ];
    for (const [pattern, text] of cases) {
      const root = parsePattern(pattern);
      assert.ok(root && new RegExp(pattern, "u").test(text));
      // It stops at the first match: from each later place it would take more.
      assert.ok(stepsOf(root, text, 1e6) < 60, pattern);
    }
  });
});

test("each pattern of a schema once, with a text that does it", async () => {
  const schemas = {
    A: { type: "string", pattern: "^(a+)+$" },
    B: { type: "object", properties: { pattern: { type: "string", pattern: "^(a+)+$" } } },
    C: { type: "string", example: { pattern: "^(b+)+$" } },
    D: { type: "string", pattern: "(" },
  };
  const { diagnostics } = await check(definition({ components: { securitySchemes: {}, schemas } }), { lint: true });
  const found = diagnostics.filter(({ code }) => code === "pattern-slow");
  assert.deepEqual(
    found.map(({ place, message }) => [place.ref.pointer, message]),
    [
      [
        "/components/schemas/A/pattern",
        'a caller can make this pattern run for very long (exponential): "aaa" + "aa".repeat(40) + "!"',
      ],
    ],
  );
});
