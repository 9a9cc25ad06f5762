import type { BenchRecord, Measured, Sample, ScenarioRecord } from "./record.ts";
import { median, type OfRound, ratioByRound } from "./statistics.ts";

/** What all throughput is compared with. */
export const baseline = "nginx";

/** Requests a second of one contender by those of another, by round. NaN when one of them was not measured. */
export function throughputRatio(record: ScenarioRecord<Sample> | undefined, id: string, base = baseline): number {
  return ratioOf(record, id, base, ({ requestsPerSecond }) => requestsPerSecond);
}

/**
 * The same of the requests that a second of processor time is enough for: what it would be if each had its core to itself.
 * On a busy machine it says more; on a quiet one they agree, unless the load core was the limit.
 */
export function processorRatio(record: ScenarioRecord<Sample> | undefined, id: string, base = baseline): number {
  return ratioOf(record, id, base, ({ microsecondsPerRequest }) => 1 / microsecondsPerRequest);
}

function ratioOf(
  record: ScenarioRecord<Sample> | undefined,
  id: string,
  base: string,
  pick: (sample: Sample) => number,
): number {
  const of = (name: string): readonly OfRound[] =>
    record?.contenders
      .find((one) => one.id === name)
      ?.samples.map((sample) => ({ round: sample.round, value: pick(sample) })) ?? [];
  return ratioByRound(of(id), of(base));
}

/** Others may take so much of core 0 before a figure says more about them than about the contender. */
export const mostOthers = 0.1;

/** Whether none of these contenders had to share its core. Of what was not measured: true. */
export function undisturbed(
  record: ScenarioRecord<{ readonly others: number }> | undefined,
  ...ids: readonly string[]
): boolean {
  const shared = record?.contenders.filter(
    (one) => ids.includes(one.id) && middle(one, ({ others }) => others) > mostOthers,
  );
  return shared === undefined || shared.length === 0;
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

/**
 * All ratios of our own that do not depend on how fast the machine is. That of throughput is only there when nobody else used
 * the core; that of processor time always is.
 */
export function ratiosOf({ throughput, start }: BenchRecord): readonly NamedRatio[] {
  const ratios: NamedRatio[] = [];
  for (const record of throughput) {
    for (const { id } of record.contenders.filter((one) => isOurs(one.id))) {
      const name = `${record.scenario}: ${id} to ${baseline}`;
      const add = (what: string, value: number) => {
        if (Number.isFinite(value)) ratios.push({ name: `${name}, ${what}`, value, better: "higher" });
      };
      if (undisturbed(record, id, baseline)) add("throughput", throughputRatio(record, id));
      add("processor time", processorRatio(record, id));
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
