import type { BenchRecord, Measured, Sample, ScenarioRecord } from "./record.ts";
import { median, type OfRound, ratioByRound } from "./statistics.ts";

/** What all throughput is compared with. */
export const baseline = "nginx";

/** Requests a second of one contender by those of another, by round. NaN when one of them was not measured. */
export function throughputRatio(record: ScenarioRecord<Sample> | undefined, id: string, base = baseline): number {
  const of = (name: string): readonly OfRound[] =>
    record?.contenders
      .find((one) => one.id === name)
      ?.samples.map(({ round, requestsPerSecond }) => ({ round, value: requestsPerSecond })) ?? [];
  return ratioByRound(of(id), of(base));
}

/** The median over the rounds of one figure. */
export function middle<S>({ samples }: Measured<S>, of: (sample: S) => number): number {
  return median(samples.map(of));
}

/** A ratio that a later run can be held against. */
export interface NamedRatio {
  readonly name: string;
  readonly value: number;
  readonly better: "higher" | "lower";
}

export const emptyServerId = "an empty node:http server";

/** All ratios of our own that do not depend on how fast the machine is. */
export function ratiosOf({ throughput, start }: BenchRecord): readonly NamedRatio[] {
  const ratios: NamedRatio[] = [];
  for (const record of throughput) {
    for (const { id } of record.contenders.filter((one) => isOurs(one.id))) {
      const value = throughputRatio(record, id);
      if (Number.isFinite(value)) ratios.push({ name: `${record.scenario}: ${id} to nginx`, value, better: "higher" });
    }
  }
  for (const { id, node, times } of start?.rows.filter((row) => isOurs(row.id)) ?? []) {
    const empty = start?.rows.find((row) => row.id === emptyServerId && row.node === node);
    const value = median(times) / median(empty?.times ?? []);
    if (Number.isFinite(value)) ratios.push({ name: `start: ${id} to ${emptyServerId}`, value, better: "lower" });
  }
  return ratios;
}

export function isOurs(id: string): boolean {
  return id.startsWith("castgate");
}

export interface Comparison {
  readonly name: string;
  readonly recorded: number;
  readonly now: number;
  /** How much worse, as a share of what was recorded; negative: better. */
  readonly worse: number;
  readonly failed: boolean;
}

/**
 * Compares what both runs have, in the order of the recorded one. A ratio fails that is worse by more than `margin` of what
 * was recorded.
 */
export function compare(
  recorded: readonly NamedRatio[],
  now: readonly NamedRatio[],
  margin: number,
): readonly Comparison[] {
  const measured = new Map(now.map((ratio) => [ratio.name, ratio.value]));
  return recorded.flatMap(({ name, value, better }) => {
    const current = measured.get(name);
    if (current === undefined) return [];
    const change = (current - value) / value;
    const worse = better === "higher" ? -change : change;
    return [{ name, recorded: value, now: current, worse, failed: worse > margin }];
  });
}
