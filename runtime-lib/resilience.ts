/**
 * What a guarded upstream asks of its policies. They are handed to it as values, so that a bundle holds those that the
 * project uses. Times are milliseconds that only grow (`monotonicMs`).
 */

/** When a request is sent once more to the same member, for one endpoint. */
export interface RetryPolicy {
  readonly statusCodes: readonly number[];
  /** A request came: what may be repeated is a share of those. */
  began(now: number): void;
  /**
   * Milliseconds to wait before attempt `count` + 1, of which the backend wants `askedMs` at least. -1: there is no other
   * attempt. Counts what it grants.
   */
  waitAfter(count: number, askedMs: number, now: number): number;
}

/** Makes the breakers of an endpoint's members. */
export interface BreakerPolicy {
  readonly statusCodes: readonly number[];
  /** `name`: for the log. */
  breaker(name: string): Breaker;
}

/** Stops asking a member that fails too often. */
export interface Breaker {
  /** Whether it lets a request through. Counts nothing. */
  admits(now: number): boolean;
  /** A request goes through; true when it is the one that finds out whether the member is back. Only when `admits`. */
  enter(now: number): boolean;
  succeeded(probe: boolean): void;
  failed(probe: boolean, now: number): void;
  /** Nobody knows what came of a request. */
  left(probe: boolean): void;
  /** Until it lets a request through again; at least 1. */
  secondsLeft(now: number): number;
}

/** Makes what is known of an endpoint's members. */
export interface EjectionPolicy {
  /** Answers that count as failures. */
  readonly statusCodes: readonly number[];
  /** Members out of `count` that may be left out at the same time: never all. */
  most(count: number): number;
  /** `name`: for the log. */
  standing(name: string): Standing;
}

/** Whether a member is left out for a while. */
export interface Standing {
  /** It is not to be asked while there is another. */
  isOut(now: number): boolean;
  /** A request goes to it; true when it is the one that finds out whether the member is back. */
  enter(now: number): boolean;
  succeeded(): void;
  /** `mayEject`: not too many are left out already. */
  failed(now: number, mayEject: boolean): void;
  /** Nobody knows what came of the request that was to find out. */
  left(): void;
}
