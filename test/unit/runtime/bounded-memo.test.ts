import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BoundedMemo } from "../../../runtime-lib/bounded-memo.ts";

/** A memo that says what it was asked to find. */
function recording(capacity: number): { readonly memo: BoundedMemo<string>; readonly asked: string[] } {
  const asked: string[] = [];
  const memo = new BoundedMemo(capacity, (text) => {
    asked.push(text);
    return text.toUpperCase();
  });
  return { memo, asked };
}

describe("what is found once", () => {
  test("is not looked for again, and belongs to its own text", () => {
    const { memo, asked } = recording(10);
    for (const text of ["a", "b", "é€\u{1f600}", "a", ["é€", "\u{1f600}"].join(""), "b"]) {
      assert.equal(memo.of(text), text.toUpperCase());
    }
    assert.deepEqual(asked, ["a", "b", "é€\u{1f600}"]);
  });

  test("goes when there is too much of it", () => {
    const { memo, asked } = recording(2);
    for (const text of ["a", "b", "c", "c", "a"]) memo.of(text);
    assert.deepEqual(asked, ["a", "b", "c", "a"]);
  });

  test("is not kept for texts that cannot be copied", () => {
    const { memo, asked } = recording(10);
    for (const text of ["a\ud800", "a\ufffd", "a\ud800", "a\ufffd"]) assert.equal(memo.of(text), text.toUpperCase());
    assert.deepEqual(asked, ["a\ud800", "a\ufffd", "a\ud800"]);
  });

  test("is not kept for long texts", () => {
    const { memo, asked } = recording(2);
    for (const length of [1024, 1024, 1025, 1025]) memo.of("a".repeat(length));
    assert.deepEqual(
      asked.map((text) => text.length),
      [1024, 1025, 1025],
    );
  });
});
