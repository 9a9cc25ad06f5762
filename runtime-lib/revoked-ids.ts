/** How exactly ends are kept: entries go within this time after theirs. */
const bucketMs = 60_000;

/**
 * Ids that are revoked until their credentials end by themselves. Bounded; what ended goes by the minute, without a look at
 * the rest. An id that finds no room is not forgotten silently: see `overflowUntil`.
 */
export class RevokedIds {
  readonly #capacity: number;
  readonly #ends = new Map<string, number>();
  /** Ids by the minute of their end. One whose end was moved on stands in several. */
  readonly #buckets = new Map<number, string[]>();
  #overflowUntil = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  has(id: string): boolean {
    return this.#ends.has(id);
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Until then, in milliseconds since 1970, some id is missing because there was no room for it. 0: none was. */
  get overflowUntil(): number {
    return this.#overflowUntil;
  }

  /** `end` in milliseconds since 1970. Of two ends the later one counts. False: there was no room. */
  add(id: string, end: number): boolean {
    const known = this.#ends.get(id);
    if (known !== undefined && known >= end) return true;
    if (known === undefined && this.#ends.size >= this.#capacity) {
      this.#overflowUntil = Math.max(this.#overflowUntil, end);
      return false;
    }
    this.#ends.set(id, end);
    const bucket = Math.ceil(end / bucketMs);
    const ids = this.#buckets.get(bucket);
    if (ids === undefined) this.#buckets.set(bucket, [id]);
    else ids.push(id);
    return true;
  }

  /** Drops what has ended. To be called about once a minute. */
  sweep(now: number): void {
    for (const [bucket, ids] of this.#buckets) {
      if (bucket * bucketMs > now) continue;
      this.#buckets.delete(bucket);
      for (const id of ids) if ((this.#ends.get(id) ?? 0) <= now) this.#ends.delete(id);
    }
    if (this.#overflowUntil <= now) this.#overflowUntil = 0;
  }
}
