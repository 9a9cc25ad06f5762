import assert from "node:assert/strict";
import { test } from "node:test";
import { copied, giveBack } from "castgate/runtime/wire/slabs.js";

/** Large enough for memory that is used again. */
const large = Buffer.alloc(50_000, "l");

test("memory that was given back is written to again, and none that is still in use", () => {
  const first = copied("", large, "");
  const second = copied("", large, "");
  assert.notEqual(first.buffer, second.buffer);
  giveBack(first);
  assert.equal(copied("", large, "").buffer, first.buffer);
  assert.notEqual(copied("", large, "").buffer, second.buffer);
});

test("a copy has text around it", () => {
  assert.equal(copied("5\r\n", Buffer.from("bytes"), "\r\n").toString("latin1"), "5\r\nbytes\r\n");
  const framed = copied("c350\r\n", large, "\r\n").toString("latin1");
  assert.equal(framed, `c350\r\n${large.toString("latin1")}\r\n`);
});

test("Node's pool for small buffers is never taken for memory of our own, whatever its size", () => {
  for (const length of [1, 100, 5_000, 31_000]) {
    const small = copied("", Buffer.alloc(length, "s"), "");
    giveBack(small);
    copied("", large, "");
    assert.equal(small.toString("latin1"), "s".repeat(length));
    assert.notEqual(copied("", large, "").buffer, small.buffer);
  }
  // As large as ours, and somebody else's.
  const other = Buffer.from(new ArrayBuffer(copied("", large, "").buffer.byteLength), 0, 10).fill("o");
  giveBack(other);
  assert.notEqual(copied("", large, "").buffer, other.buffer);
  assert.equal(other.toString("latin1"), "oooooooooo");
});
