import { type Counter, FixedWindow, type Quota, wholeSeconds } from "./throttle-counter.ts";

/** What a counter asks its source for. */
export interface Ask {
  readonly key: string;
  readonly quota: Quota;
  /** Requests that wait for a token each. */
  readonly need: number;
  /** Tokens that are likely to be spent soon; at least `need`. Never more than a part of what is left is given beyond it. */
  readonly want: number;
  /** What was counted without a token, beyond any quota: to be added whatever is left. */
  readonly owed: number;
  /** What is still here of the lease of `until`. */
  readonly held: number;
  readonly until: number;
}

/** A source's answer. Times are milliseconds by the clock of the source. */
export interface Grant {
  readonly now: number;
  readonly tokens: number;
  /** Fixed windows: how many of the window were given out before. Sliding: until when the first token can be spent. */
  readonly at: number;
  /** Sliding: the others can be spent so many milliseconds later each. 0: a fixed window. */
  readonly step: number;
  /** End of the window; names it where leases are given back. 0: sliding. */
  readonly until: number;
  /** Tokens that nobody holds now. */
  readonly left: number;
  /** When one more fits by what is known. */
  readonly opens: number;
  /** Without a token: it is not worth asking before, also if others give some back. */
  readonly again: number;
}

/** What is left of a lease, on its way back. */
export interface Remainder {
  readonly key: string;
  readonly tokens: number;
  readonly at: number;
  readonly step: number;
  readonly until: number;
}

/** What happens to requests while there is nobody to ask: they are refused, pass, or are counted in this process. */
export type WhileAway = "deny" | "allow" | "local";

/** Where tokens come from. */
export interface TokenSource {
  /** Set while nobody can be asked. */
  readonly away: WhileAway | undefined;
  /** The counter wants to be asked for its `ask` soon, together with others. Its `granted` or `missed` is then called. */
  enqueue(counter: LeasedCounter): void;
  /** The counter has tokens again that were spent already: others may need them. */
  regained(counter: LeasedCounter): void;
  /** A request has passed while nobody could be asked, and `away` is `allow`. */
  uncounted(): void;
}

/** How many requests may come at once where there are no windows; 0: there are. */
export function burstOf({ algorithm }: Quota): number {
  return algorithm === undefined ? 0 : algorithm.burst;
}

/** A lease that was used up within this time was too small, */
const shortMs = 50;
/** one that lasted longer than this too large. */
const longMs = 200;
const largestLease = 1_000_000;

/**
 * A counter whose truth is elsewhere. It takes tokens from there, several at a time, and each counts one request: a busy key
 * asks for as many as it spends in some 0.1 s, a quiet one for what it needs. What was taken counts there at once, so no more
 * than the quota pass in all places together.
 */
export class LeasedCounter implements Counter {
  dropped = false;
  readonly key: string;
  readonly #source: TokenSource;
  #quota: Quota;
  #tokens = 0;
  #at = 0;
  #step = 0;
  #until = 0;
  #left = 0;
  /** The source's clock minus ours; never too small, so that no token outlives its window. */
  #skew = 0;
  #opens = 0;
  #again = 0;
  /** `again` was said of quotas up to this. */
  #againCount = 0;
  #need = 0;
  #owed = 0;
  #size = 1;
  #askedAt = Number.NEGATIVE_INFINITY;
  #spent = 0;
  /** Sliding: tokens for requests that waited. These were let in when the source answered: their slots may lie behind us. */
  #reserved = 0;
  #waiting: Waiting | undefined;
  #alone: Counter | undefined;

  constructor(key: string, quota: Quota, source: TokenSource) {
    this.key = key;
    this.#quota = quota;
    this.#source = source;
  }

  admits(quota: Quota, now: number): boolean {
    if (this.#usable(now) > 0) return this.#step > 0 || this.#at < quota.count;
    switch (this.#source.away) {
      case undefined:
      case "deny":
        return false;
      case "allow":
        return true;
      case "local":
        return this.#local(quota).admits(quota, now);
    }
  }

  /** Whether `admits` says no because nobody can be asked. */
  get undecided(): boolean {
    return this.#source.away === "deny";
  }

  count(quota: Quota, now: number, amount = 1): void {
    const usable = this.#usable(now);
    const here = Math.min(usable, amount);
    this.#tokens -= here;
    this.#at += here * (this.#step || 1);
    this.#spent += here;
    this.#reserved = Math.max(0, this.#reserved - here);
    const rest = amount - here;
    if (rest === 0) return;
    switch (this.#source.away) {
      case undefined:
        // In a window that is full already, more of it changes nothing.
        if (quota.count <= 0) return;
        if (burstOf(quota) === 0 && this.#isDry(quota, now)) return;
        this.#owed += rest;
        this.#quota = quota;
        return this.#source.enqueue(this);
      case "local":
        return this.#local(quota).count(quota, now, rest);
      case "allow":
        return this.#source.uncounted();
    }
  }

  takeBack(quota: Quota, then: number, now: number): void {
    if (this.#alone !== undefined) return this.#alone.takeBack(quota, then, now);
    const time = then + this.#skew;
    const inWindow = time < this.#until && time >= this.#until - quota.windowMs;
    if (this.#step === 0 && (!inWindow || this.#at === 0)) return;
    this.#tokens++;
    this.#at -= this.#step || 1;
    if (this.#usable(now) > 0) this.#source.regained(this);
  }

  secondsLeft(quota: Quota, now: number): number {
    if (this.#alone !== undefined) return this.#alone.secondsLeft(quota, now);
    const time = now + this.#skew;
    const end = this.#step > 0 || this.#until === 0 ? this.#opens : this.#until;
    return wholeSeconds(end <= time ? (this.#source.away === undefined ? quota.windowMs : 1_000) : end - time);
  }

  /** Those here, and those that nobody held when the source was asked last. */
  remaining(quota: Quota, now: number): number {
    if (this.#alone !== undefined) return this.#alone.remaining(quota, now);
    const known = this.#usable(now) + (now + this.#skew < this.#until || this.#step > 0 ? this.#left : quota.count);
    return Math.min(quota.count, known);
  }

  expired(now: number): boolean {
    const time = now + this.#skew;
    if (this.#waiting !== undefined || this.#owed > 0 || this.#usable(now) > 0) return false;
    if (this.#alone?.expired(now) === false) return false;
    return time >= this.#until && time >= this.#again;
  }

  refill(quota: Quota, now: number): Promise<void> | undefined {
    if (this.#source.away !== undefined || quota.count <= 0) return undefined;
    if (this.#isDry(quota, now)) return undefined;
    this.#need++;
    if (this.#waiting === undefined) {
      this.#waiting = newWaiting();
      this.#quota = quota;
      this.#source.enqueue(this);
    }
    return this.#waiting.promise;
  }

  /** For the source: what to ask for now. */
  ask(now: number): Ask {
    const held = this.#usable(now);
    const elapsed = now - this.#askedAt;
    this.#askedAt = now;
    if (elapsed < shortMs) this.#size = Math.min(largestLease, this.#size * 2);
    else if (elapsed > longMs) this.#size = Math.max(1, Math.floor((this.#size * longMs) / elapsed));
    const need = this.#need;
    const owed = this.#owed;
    this.#need = 0;
    this.#owed = 0;
    return {
      key: this.key,
      quota: this.#quota,
      need,
      want: need + owed === 0 ? 0 : Math.max(need, this.#size),
      owed,
      held,
      until: this.#until,
    };
  }

  /** For the source: the answer to an `ask` that was sent at `sentAt`. */
  granted(grant: Grant, ask: Ask, sentAt: number): void {
    this.#alone = undefined;
    // Where the answer took long, its clock is ahead of what we take it for, never behind.
    this.#skew = grant.now - sentAt;
    if (this.#tokens > 0 && this.#step === 0 && this.#until === grant.until) {
      this.#tokens += grant.tokens;
      this.#at = grant.at - this.#tokens + grant.tokens;
    } else if (grant.tokens > 0 || this.#until !== grant.until) {
      this.#tokens = grant.tokens;
      this.#at = grant.at;
    }
    this.#step = grant.step;
    this.#reserved = 0;
    if (grant.step > 0 && grant.tokens > 0 && ask.need > 0) {
      this.#reserved = Math.min(ask.need, grant.tokens);
      setImmediate(() => {
        this.#reserved = 0;
      });
    }
    this.#until = grant.until;
    this.#left = grant.left;
    this.#opens = grant.opens;
    if (grant.tokens === 0 && ask.need > 0) {
      this.#again = grant.again;
      this.#againCount = ask.quota.count;
    }
    this.#wake();
  }

  /** For the source: there is no answer. What was owed is not known to be counted. */
  missed(): void {
    this.#wake();
  }

  /** For the source: takes away what is left of the lease. Undefined: nothing. */
  takeRemainder(now: number): Remainder | undefined {
    const tokens = this.#usable(now);
    if (tokens === 0) return undefined;
    this.#tokens = 0;
    return { key: this.key, tokens, at: this.#at, step: this.#step, until: this.#until };
  }

  /** For the source: whether it has tokens that can be spent. */
  holds(now: number): boolean {
    return this.#usable(now) > 0;
  }

  /** For the source: grows with each token that is spent here. */
  get spent(): number {
    return this.#spent;
  }

  #isDry(quota: Quota, now: number): boolean {
    return now + this.#skew < this.#again && quota.count <= this.#againCount;
  }

  #usable(now: number): number {
    if (this.#tokens === 0) return 0;
    const time = now + this.#skew;
    if (this.#step === 0) {
      if (time >= this.#until) this.#tokens = 0;
    } else if (this.#at < time && this.#reserved === 0) {
      const over = Math.min(this.#tokens, Math.ceil((time - this.#at) / this.#step));
      this.#tokens -= over;
      this.#at += over * this.#step;
    }
    return this.#tokens;
  }

  #local({ algorithm }: Quota): Counter {
    this.#alone ??= algorithm === undefined ? new FixedWindow() : algorithm.counter();
    return this.#alone;
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this.#need = 0;
    waiting.resolve();
  }
}

interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function newWaiting(): Waiting {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
