/** The least and the most that is set aside at a time for small parts. */
const leastRoom = 256;
const mostRoom = 16_384;

/**
 * Bytes that wait, as copies. Small parts share buffers: somebody who sends a byte at a time would otherwise have a hundred bytes of
 * memory kept for each.
 */
export class ByteQueue {
  /** Bytes in it. */
  length = 0;
  #parts: Buffer[] = [];
  /** Where small parts go: `#used` bytes of it are taken, and not among `#parts` yet. */
  #room: Buffer | undefined;
  #used = 0;

  /** Appends a copy of bytes `from` to `to`. */
  push(bytes: Buffer, from: number, to: number): void {
    const size = to - from;
    if (size === 0) return;
    const first = this.length === 0;
    this.length += size;
    if (this.#room !== undefined && size <= this.#room.length - this.#used) {
      bytes.copy(this.#room, this.#used, from, to);
      this.#used += size;
      return;
    }
    this.#seal();
    // Most bodies come in one part, or in few large ones.
    if (first || size >= mostRoom / 2) {
      this.#parts.push(Buffer.from(bytes.subarray(from, to)));
      return;
    }
    this.#room = Buffer.allocUnsafe(Math.min(Math.max(leastRoom, this.length), mostRoom));
    this.#used = bytes.copy(this.#room, 0, from, to);
  }

  /** Takes the first part out. */
  shift(): Buffer | undefined {
    if (this.#parts.length === 0) this.#seal();
    const part = this.#parts.shift();
    if (part !== undefined) this.length -= part.length;
    return part;
  }

  /** Puts bytes back before all others. They are not copied. */
  unshift(part: Buffer): void {
    this.#parts.unshift(part);
    this.length += part.length;
  }

  /** Takes all of it out, in one piece. */
  take(): Buffer {
    this.#seal();
    const all = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.clear();
    return all;
  }

  clear(): void {
    this.#parts = [];
    this.#room = undefined;
    this.#used = 0;
    this.length = 0;
  }

  #seal(): void {
    if (this.#room === undefined) return;
    this.#parts.push(this.#room.subarray(0, this.#used));
    this.#room = undefined;
    this.#used = 0;
  }
}
