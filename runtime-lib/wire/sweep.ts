import { monotonicMs } from "../monotonic.ts";

/**
 * Time limits without timers: whoever has some keeps deadlines as numbers, and all are looked through once a second, more
 * often only where a limit is shorter than four seconds. A timer for each request costs 0.25 us; this costs nothing.
 */

/** Has deadlines. */
export interface Swept {
  /** The shortest of its time limits in milliseconds. */
  readonly shortestMs: number;
  /** Called about four times within `shortestMs`, at least once a second. May call `stopSweep` for itself. */
  sweep(): void;
}

/** Milliseconds, as of the last sweep; meaningful only while something is swept. */
export const clock = {
  /** Stands still while the event loop does: an answer that waits in the kernel meanwhile is not late. */
  now: 0,
  /** Does not: what may have been closed by the other side meanwhile was. */
  real: 0,
  /** Between two sweeps. */
  periodMs: 1_000,
};

const longestPeriodMs = 1_000;
const shortestPeriodMs = 5;

const members = new Set<Swept>();
let timer: NodeJS.Timeout | undefined;

/** What `clock.now` will not be less than when `ms` milliseconds have passed. The sweep sees it up to two periods later. */
export function deadlineIn(ms: number): number {
  return clock.now + clock.periodMs + ms;
}

/** Sweeps it from now on. The timer does not keep the process alive. */
export function startSweep(member: Swept): void {
  if (members.has(member)) return;
  if (members.size === 0) clock.real = monotonicMs();
  members.add(member);
  setPeriod();
}

export function stopSweep(member: Swept): void {
  if (members.delete(member)) setPeriod();
}

function setPeriod(): void {
  let shortest = longestPeriodMs * 4;
  for (const member of members) shortest = Math.min(shortest, member.shortestMs);
  const period = Math.max(shortestPeriodMs, Math.ceil(shortest / 4));
  if (members.size > 0 && timer !== undefined && period === clock.periodMs) return;
  clearInterval(timer);
  timer = undefined;
  if (members.size === 0) return;
  clock.periodMs = period;
  timer = setInterval(sweepAll, period).unref();
}

function sweepAll(): void {
  const real = monotonicMs();
  clock.now += Math.min(real - clock.real, 2 * clock.periodMs);
  clock.real = real;
  let failure: { readonly error: unknown } | undefined;
  for (const member of members) {
    try {
      member.sweep();
    } catch (error) {
      failure ??= { error };
    }
  }
  // Told once all were looked at: a bug of one must not suspend the others' limits.
  if (failure !== undefined) throw failure.error;
}
