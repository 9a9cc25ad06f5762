import { monotonicMs } from "./monotonic.ts";

/** A quota: `count` requests a window. */
export interface Quota {
  /** Requests, or what else is counted. */
  readonly count: number;
  readonly windowMs: number;
  /** Windows start at multiples of this since the epoch (R-THR-07); the window's own length when it is one unit long. */
  readonly unitMs?: number;
  /** How is counted; absent: in fixed windows. */
  readonly algorithm?: Algorithm;
}

/** A way of counting that is not that of fixed windows. */
export interface Algorithm {
  /** Tells counters of one key apart that count in different ways; part of the key. */
  readonly name: string;
  /** For who counts elsewhere: requests are `windowMs / count` apart, and so many may come at once. */
  readonly burst: number;
  /** A counter of this process that counts so. */
  counter(): Counter;
}

/**
 * What was counted against the quota of one key. Which quota applies is the caller's to say: tokens of one application may
 * name different tiers. `now` in milliseconds since the epoch.
 */
export interface Counter {
  /** Whether one more fits by what is known here. Counts nothing. */
  admits(quota: Quota, now: number): boolean;
  /** Counts one request, or `amount` of something else, which may go beyond the quota. */
  count(quota: Quota, now: number, amount?: number): void;
  /** Takes back one request that was counted at `then`, unless its window is over. */
  takeBack(quota: Quota, then: number, now: number): void;
  /** Whole seconds until the window ends, or until one more fits where there are no windows; at least 1. */
  secondsLeft(quota: Quota, now: number): number;
  /** How many more fit by what is known here; never below 0. */
  remaining(quota: Quota, now: number): number;
  /** It holds nothing worth keeping. */
  expired(now: number): boolean;
  /** A table forgot it, or never kept it for its key alone: who holds it asks for another. Set by the table. */
  dropped: boolean;
  /**
   * Only where the truth is elsewhere: asks there. Resolves when `admits` may have become true, or is known to be false until
   * its window ends. Undefined: the answer is known already.
   */
  refill?(quota: Quota, now: number): Promise<void> | undefined;
  /** Only where the truth is elsewhere: `admits` says no because nobody can be asked, not because nothing is left. */
  readonly undecided?: boolean;
}

/** Makes the counter of a key in another place than this process. `key` is the same in all processes of a gateway. */
export type CounterMaker = (key: string, quota: Quota) => Counter;

let elsewhere: CounterMaker | undefined;

/** From now on counters are made by `make`; undefined: in this process. To be called before the first request. */
export function countElsewhere(make: CounterMaker | undefined): void {
  elsewhere = make;
}

/** Whether counters are made in another place than this process. */
export function countsElsewhere(): boolean {
  return elsewhere !== undefined;
}

/**
 * A counter for a key, of this process unless `countElsewhere` said otherwise. Keys begin with their level: `api:`, `res:`,
 * `sub:`, `app:`, `ip:`, `open:` (clients without credentials). One key is always counted in one way: where another is possible,
 * its name stands behind the level.
 */
export function counterOf(key: string, quota: Quota): Counter {
  if (elsewhere !== undefined) return elsewhere(key, quota);
  return quota.algorithm === undefined ? new FixedWindow() : quota.algorithm.counter();
}

/**
 * Requests counted in one fixed window (R-THR-07): it starts with the first counted request, rounded down to the unit, and
 * lasts `windowMs`.
 */
export class FixedWindow implements Counter {
  private end = 0;
  private used = 0;
  dropped = false;

  admits(quota: Quota, now: number): boolean {
    return now >= this.end ? quota.count > 0 : this.used < quota.count;
  }

  count(quota: Quota, now: number, amount = 1): void {
    if (now >= this.end) {
      const unit = quota.unitMs ?? quota.windowMs;
      this.end = now - (now % unit) + quota.windowMs;
      this.used = 0;
    }
    this.used += amount;
  }

  takeBack(quota: Quota, then: number, _now: number): void {
    if (then < this.end && then >= this.end - quota.windowMs && this.used > 0) this.used--;
  }

  secondsLeft(quota: Quota, now: number): number {
    return wholeSeconds(now >= this.end ? quota.windowMs : this.end - now);
  }

  remaining(quota: Quota, now: number): number {
    return now >= this.end ? quota.count : Math.max(0, quota.count - this.used);
  }

  expired(now: number): boolean {
    return now >= this.end;
  }
}

/** Milliseconds as whole seconds for `Retry-After`, at least 1: who comes back then does not come too early. */
export function wholeSeconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}

/**
 * Counters by key, at most `capacity` of them. Each new key pays for looking at two old ones, so windows that are over go
 * without a timer and without a pause. When all are in use, further keys share one counter: such callers are limited
 * together, none is let through uncounted, and nobody's count is dropped to make room.
 */
export class CounterTable {
  private readonly counters = new Map<string, Counter>();
  /** By the name of the algorithm. */
  private readonly overflow = new Map<string, Counter>();
  private hand: IterableIterator<[string, Counter]> | undefined;
  private readonly level: string;
  private readonly capacity: number;

  /** `level` begins all keys: `sub`. */
  constructor(level: string, capacity: number) {
    this.level = level;
    this.capacity = capacity;
  }

  /** The counter of a key. It may be held until it is `dropped`. */
  of(name: string, quota: Quota, now: number): Counter {
    const key = quota.algorithm === undefined ? name : `${quota.algorithm.name} ${name}`;
    const known = this.counters.get(key);
    if (known !== undefined) return known;
    this.sweep(now, this.counters.size < this.capacity ? 2 : 32);
    if (this.counters.size >= this.capacity) return this.shared(quota);
    const made = counterOf(`${this.level}:${key}`, quota);
    this.counters.set(key, made);
    return made;
  }

  /** Keys that have a counter of their own. */
  get size(): number {
    return this.counters.size;
  }

  private shared(quota: Quota): Counter {
    const name = quota.algorithm?.name ?? "";
    const known = this.overflow.get(name);
    if (known !== undefined) return known;
    const made = counterOf(`${this.level}:${name}`, quota);
    made.dropped = true;
    this.overflow.set(name, made);
    return made;
  }

  private sweep(now: number, steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.hand ??= this.counters.entries();
      const next = this.hand.next();
      if (next.done) {
        this.hand = undefined;
        return;
      }
      const [key, counter] = next.value;
      if (!counter.expired(now)) continue;
      this.counters.delete(key);
      counter.dropped = true;
    }
  }
}

/**
 * Milliseconds since the epoch as the process saw them at its start, then monotonic: a clock that is set back must not
 * keep a window open, one that is set forward must not end it.
 */
export function monotonicNow(): number {
  return origin + monotonicMs();
}

const origin = Date.now() - monotonicMs();
