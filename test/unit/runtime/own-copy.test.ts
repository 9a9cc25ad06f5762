import assert from "node:assert/strict";
import { test } from "node:test";
import { ownCopy } from "../../../runtime-lib/own-copy.ts";

test("a copy is the same text, however long and of whatever characters", () => {
  for (const text of ["", "a", "é", "€", "\u{1f600}", "Bearer a.b.c"]) {
    for (const length of [1, 1_000, 10_922, 10_923, 40_000]) {
      const long = text.repeat(length);
      assert.equal(ownCopy(long), long);
      assert.equal(ownCopy(`x${long}y`.slice(1, -1)), long);
    }
  }
});
