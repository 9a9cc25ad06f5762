import { monotonicMs } from "./monotonic.ts";

/** A quota: `count` requests a window. */
export interface Quota {
  readonly count: number;
  readonly windowMs: number;
  /** Windows start at multiples of this since the epoch (R-THR-07); the window's own length when it is one unit long. */
  readonly unitMs?: number;
}

/**
 * Requests counted in one fixed window (R-THR-07): it starts with the first counted request, rounded down to the unit,
 * and lasts `windowMs`. Which quota applies is the caller's to say: tokens of one application may name different tiers.
 */
export class Counter {
  private end = 0;
  private used = 0;
  /** A table forgot it, or never kept it for its key alone: who holds it asks the table again. */
  dropped = false;

  /** Whether one more request fits. Counts nothing. */
  admits(quota: Quota, now: number): boolean {
    return now >= this.end ? quota.count > 0 : this.used < quota.count;
  }

  /** Counts a request. */
  count(quota: Quota, now: number): void {
    if (now >= this.end) {
      const unit = quota.unitMs ?? quota.windowMs;
      this.end = now - (now % unit) + quota.windowMs;
      this.used = 0;
    }
    this.used++;
  }

  /** Whole seconds until the window ends, at least 1. */
  secondsLeft(now: number): number {
    return Math.max(1, Math.ceil((this.end - now) / 1000));
  }

  /** Whether its window is over: it then holds nothing worth keeping. */
  expired(now: number): boolean {
    return now >= this.end;
  }
}

/**
 * Counters by key, at most `capacity` of them. Each new key pays for looking at two old ones, so windows that are over go
 * without a timer and without a pause. When all are in use, further keys share one counter: such callers are limited
 * together, none is let through uncounted, and nobody's count is dropped to make room.
 */
export class CounterTable {
  private readonly counters = new Map<string, Counter>();
  private readonly overflow = new Counter();
  private hand: IterableIterator<[string, Counter]> | undefined;
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.overflow.dropped = true;
  }

  /** The counter of a key. It may be held until it is `dropped`. */
  of(key: string, now: number): Counter {
    const known = this.counters.get(key);
    if (known !== undefined) return known;
    this.sweep(now, this.counters.size < this.capacity ? 2 : 32);
    if (this.counters.size >= this.capacity) return this.overflow;
    const made = new Counter();
    this.counters.set(key, made);
    return made;
  }

  /** Keys that have a counter of their own. */
  get size(): number {
    return this.counters.size;
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
