/** Counts of several kinds over the last `windowMs`, forgotten in steps of `bucketMs`. Time is what the caller says it is. */
export class RollingWindow {
  readonly #bucketMs: number;
  readonly #buckets: number;
  readonly #kinds: number;
  readonly #counts: Float64Array;
  readonly #sums: Float64Array;
  /** Number of the bucket that counts go to, from the beginning of time. */
  #current = 0;

  constructor(windowMs: number, bucketMs: number, kinds: number) {
    this.#bucketMs = bucketMs;
    this.#buckets = Math.max(1, Math.floor(windowMs / bucketMs));
    this.#kinds = kinds;
    this.#counts = new Float64Array(this.#buckets * kinds);
    this.#sums = new Float64Array(kinds);
  }

  add(kind: number, now: number): void {
    this.#advance(now);
    const at = (this.#current % this.#buckets) * this.#kinds + kind;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sums[kind] = (this.#sums[kind] as number) + 1;
  }

  sum(kind: number, now: number): number {
    this.#advance(now);
    return this.#sums[kind] as number;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#sums.fill(0);
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs);
    if (bucket <= this.#current) return;
    if (bucket - this.#current >= this.#buckets) this.clear();
    else for (let old = this.#current + 1; old <= bucket; old++) this.#forget(old % this.#buckets);
    this.#current = bucket;
  }

  #forget(bucket: number): void {
    for (let kind = 0; kind < this.#kinds; kind++) {
      const at = bucket * this.#kinds + kind;
      this.#sums[kind] = (this.#sums[kind] as number) - (this.#counts[at] as number);
      this.#counts[at] = 0;
    }
  }
}
