import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { commentText, identifier, numberLiteral, pathText, stringLiteral } from "../../../compiler/5-emit/escape.ts";

describe("string literals", () => {
  for (const [text, literal] of [
    ["plain", '"plain"'],
    ['say "hi"', "'say \"hi\"'"],
    [`it's "so"`, `'it\\'s "so"'`],
    ["it's", '"it\'s"'],
    ["a\\b", '"a\\\\b"'],
    ["a\nb\r\t", '"a\\nb\\r\\t"'],
    ["\u2028\u2029", '"\\u2028\\u2029"'],
    ["\u0000\u0007", '"\\u0000\\u0007"'],
    ["\u202eevil", '"\\u202eevil"'],
    ["\ud800", '"\\ud800"'],
    [["$", "{x}"].join(""), '"\\u0024{x}"'],
    ["Käse 🐕", '"Käse 🐕"'],
    ["*/ process.exit() /*", '"*/ process.exit() /*"'],
  ] as const) {
    test(JSON.stringify(text), () => assert.equal(stringLiteral(text), literal));
  }

  test("read back, they are what was printed, on one line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const literal = stringLiteral(text);
        assert.doesNotMatch(literal, /[\r\n\u2028\u2029]/u);
        assert.equal(runInNewContext(literal), text);
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });
});

describe("comments", () => {
  for (const [text, comment] of [
    ["*/ process.exit() /*", "*\\/ process.exit() /*"],
    ["a\nb", "a\\nb"],
    ["a\u2028b", "a\\u2028b"],
    ["***/", "***\\/"],
  ] as const) {
    test(JSON.stringify(text), () => assert.equal(commentText(text), comment));
  }

  test("none holds a line end or the end of a comment", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("*", "/", "\\", "\n", "\u2028", "a") }), (text) => {
        assert.doesNotMatch(commentText(text), /\*\/|[\n\r\u2028\u2029]/u);
        assert.doesNotMatch(pathText(text), /\*\/|\s/u);
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });

  test("paths hold no blanks, so that columns stay columns", () => {
    assert.equal(pathText("/a b\u00a0c"), "/a%20b%C2%A0c");
  });
});

describe("numbers and names", () => {
  for (const [value, literal] of [
    [0, "0"],
    [999, "999"],
    [5_000, "5_000"],
    [60_000, "60_000"],
    [86_400_000, "86_400_000"],
  ] as const) {
    test(literal, () => assert.equal(numberLiteral(value), literal));
  }

  test("only whole numbers that are exact", () => {
    for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(() => numberLiteral(value), /not a count/);
    }
  });

  test("only identifiers", () => {
    assert.equal(identifier("$get_1"), "$get_1");
    for (const text of ["", "1a", "a-b", "a b", "a;b", "é", "a\n"]) assert.throws(() => identifier(text), /not an id/);
  });
});
