import { type Algorithm, type Counter, type Quota, wholeSeconds } from "./throttle-counter.ts";

/**
 * The generic cell rate algorithm (ITU-T I.371, in its form of a leaking bucket): requests pass evenly, one each
 * `windowMs / count`, and up to `burst` of them at once after a pause. So no window of that length lets more than
 * `count + burst` pass, wherever it begins, where two fixed windows that meet let twice their count pass in a moment.
 */
export function sliding(options: { readonly burst: number }): Algorithm {
  const { burst } = options;
  return { name: "sliding", burst, counter: () => new SlidingCounter(burst) };
}

/**
 * `fill` is what is still in the bucket, in units in which a request is `windowMs` and a millisecond takes `count` away: whole
 * numbers, so that nothing is lost by rounding.
 */
export class SlidingCounter implements Counter {
  readonly #burst: number;
  #fill = 0;
  #at = 0;
  /** Those that `fill` is in units of. */
  #windowMs = 1;
  #count = 1;
  dropped = false;

  constructor(burst: number) {
    this.#burst = burst;
  }

  admits(quota: Quota, now: number): boolean {
    return quota.count > 0 && this.#fillAt(quota, now) + quota.windowMs <= this.#burst * quota.windowMs;
  }

  count(quota: Quota, now: number, amount = 1): void {
    // Whoever is counted although refused stays out for a window longer at most.
    const most = (this.#burst + quota.count) * quota.windowMs;
    this.#fill = Math.max(0, Math.min(most, this.#fillAt(quota, now) + amount * quota.windowMs));
    this.#at = Math.max(this.#at, Math.floor(now));
    this.#windowMs = quota.windowMs;
    this.#count = quota.count;
  }

  /** What of it may have leaked out by now does not come back. */
  takeBack(quota: Quota, then: number, now: number): void {
    const kept = quota.windowMs - (Math.floor(now) - Math.floor(then)) * quota.count;
    if (kept > 0) this.count(quota, now, -kept / quota.windowMs);
  }

  secondsLeft(quota: Quota, now: number): number {
    if (quota.count === 0) return wholeSeconds(quota.windowMs);
    const over = this.#fillAt(quota, now) + quota.windowMs - this.#burst * quota.windowMs;
    return wholeSeconds(over / quota.count);
  }

  remaining(quota: Quota, now: number): number {
    return Math.max(0, Math.floor(this.#burst - this.#fillAt(quota, now) / quota.windowMs));
  }

  expired(now: number): boolean {
    return this.#fill - (Math.floor(now) - this.#at) * this.#count <= 0;
  }

  /** In units of `quota`; callers of one key may name different tiers. */
  #fillAt({ windowMs, count }: Quota, now: number): number {
    const same = windowMs === this.#windowMs;
    const fill = same ? this.#fill : (this.#fill / this.#windowMs) * windowMs;
    return Math.max(0, fill - Math.max(0, Math.floor(now) - this.#at) * count);
  }
}
