import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { holdsTexts } from "../../../runtime-lib/segment.ts";

describe("several parameters in one segment", () => {
  for (const [segment, texts, expected] of [
    ["range(1,2)", ["range(", ",", ")"], true],
    ["range(from=1,to=2)", ["range(from=", ",to=", ")"], true],
    ["range(1,2,3)", ["range(", ",", ")"], true],
    ["range(,2)", ["range(", ",", ")"], false],
    ["range(1,)", ["range(", ",", ")"], false],
    ["range(12)", ["range(", ",", ")"], false],
    ["range(1,2", ["range(", ",", ")"], false],
    ["1...2", ["", "...", ""], true],
    ["...2", ["", "...", ""], false],
    ["1...", ["", "...", ""], false],
    ["", ["", "...", ""], false],
    ["1....", ["", "...", ""], true],
    ["a-b-c", ["", "-", "-", ""], true],
    ["a-b", ["", "-", "-", ""], false],
    ["a--b", ["", "-", "-", ""], false],
    ["aa", ["a", "a", "a"], false],
    ["a1a1a", ["a", "a", "a"], true],
  ] as const) {
    test(`${segment} of ${texts.join("{}")}`, () => assert.equal(holdsTexts(segment, texts), expected));
  }
});
