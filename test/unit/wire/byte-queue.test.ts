import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteQueue } from "../../../runtime-lib/wire/byte-queue.ts";

const text = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => i % 251));

describe("bytes that wait", () => {
  test("those that come one at a time share a few buffers", () => {
    const queue = new ByteQueue();
    const all = text(65_536);
    for (let i = 0; i < all.length; i++) queue.push(all, i, i + 1);
    assert.equal(queue.length, all.length);
    const parts: Buffer[] = [];
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) parts.push(part);
    assert.deepEqual(Buffer.concat(parts), all);
    assert.ok(parts.length < 20, `${parts.length} parts`);
    assert.equal(queue.length, 0);
  });

  test("parts of all sizes come out as they went in", () => {
    const all = text(200_000);
    for (const step of [1, 7, 255, 256, 257, 5_000, 8_191, 8_192, 20_000, 200_000]) {
      const queue = new ByteQueue();
      const taken: Buffer[] = [];
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const to = Math.min(all.length, at + 1 + ((turn * 31) % step));
        queue.push(all, at, to);
        at = to;
        if (turn % 5 !== 4) continue;
        const part = queue.shift() as Buffer;
        const half = part.length >> 1;
        queue.unshift(part.subarray(half));
        taken.push(part.subarray(0, half));
      }
      const left = queue.length;
      const rest = queue.take();
      assert.equal(rest.length, left);
      assert.ok(Buffer.concat([...taken, rest]).equals(all), `steps up to ${step}`);
      assert.equal(queue.shift(), undefined);
    }
  });

  test("they are copies", () => {
    const queue = new ByteQueue();
    const lent = Buffer.from("abc");
    queue.push(lent, 0, 1);
    queue.push(lent, 1, 3);
    lent.fill("x");
    assert.equal(queue.take().toString(), "abc");
  });
});
