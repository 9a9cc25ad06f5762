import { readBuffer } from "./read-buffer.ts";

/**
 * Memory for bytes that are written on while their buffer is read into again. A fresh buffer for each read would be garbage as soon
 * as it is sent, and V8 lets 64 MiB of that come together before it collects: bodies of any size go through a few of these.
 */

/** As much as is read at once, with the frame of a chunk around it. */
const size = readBuffer.length + 64;
/** Less than this is not worth a whole one: who takes nothing would hold many times what waits for him. */
const least = 32_768;
/** More than these are left to the garbage collector: 4 MiB. */
const mostFree = 64;
const free: ArrayBuffer[] = [];
/** Those of ours: Node's pool for small buffers, which all of the process writes to, may have the very same size. */
const slabs = new WeakSet<ArrayBufferLike>();

/** A copy of the bytes with text of latin1 around them; whoever is done with it may say so by `giveBack`. */
export function copied(before: string, bytes: Uint8Array, after: string): Buffer {
  const length = before.length + bytes.length + after.length;
  const lent = length >= least && length <= size;
  const copy = lent ? Buffer.from(free.pop() ?? slab(), 0, length) : Buffer.allocUnsafe(length);
  if (before !== "") copy.write(before, 0, "latin1");
  copy.set(bytes, before.length);
  if (after !== "") copy.write(after, length - after.length, "latin1");
  return copy;
}

/** Nobody reads this copy any more: neither Node nor the kernel. */
export function giveBack({ buffer }: Buffer): void {
  if (buffer.byteLength === size && free.length < mostFree && slabs.has(buffer)) free.push(buffer as ArrayBuffer);
}

function slab(): ArrayBuffer {
  const made = new ArrayBuffer(size);
  slabs.add(made);
  return made;
}
