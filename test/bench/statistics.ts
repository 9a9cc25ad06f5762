/** The middle value; of an even number of values the mean of both middle ones. NaN of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** The smallest value that `percent` of all do not exceed (nearest rank). The values must be sorted. NaN of none. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0) return Number.NaN;
  // Multiplied before divided: 99.9 / 100 is a little more than 0.999.
  const rank = Math.ceil((percent * sorted.length) / 100);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] as number;
}

/** A figure of one round. */
export interface OfRound {
  readonly round: number;
  readonly value: number;
}

/**
 * The median of the ratios within the rounds that both have: what slows a whole round down falls out of it, while medians
 * of either side may come from different rounds. NaN when no round has both.
 */
export function ratioByRound(own: readonly OfRound[], base: readonly OfRound[]): number {
  const bases = new Map(base.map(({ round, value }) => [round, value]));
  return median(own.flatMap(({ round, value }) => value / (bases.get(round) ?? Number.NaN)).filter(Number.isFinite));
}

/** Interleaves: each round has all items once, and begins with another one. */
export function rotated<T>(items: readonly T[], round: number): readonly T[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
