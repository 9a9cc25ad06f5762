import { baseline, isOurs, middle, throughputRatio, undisturbed } from "./ratios.ts";
import type { BenchRecord, Sample, ScenarioRecord } from "./record.ts";
import { median } from "./statistics.ts";

/** What our own promises to reach, and what it reached. */
export interface Target {
  readonly title: string;
  readonly id: string;
  readonly wanted: string;
  readonly found: number;
  readonly unit: string;
  /** Undefined: others used the core meanwhile, so the figure does not tell. */
  readonly met: boolean | undefined;
}

const haproxy = "haproxy, RS256 verified each time";
const fastify = "fastify + @fastify/http-proxy, cached JWT";

/** Every promise on every variant of our own that was measured. */
export function targetsOf(record: BenchRecord): readonly Target[] {
  const targets: Target[] = [];
  const add = (
    title: string,
    id: string,
    bound: "at least" | "at most",
    limit: number,
    found: number,
    { unit = "", judged = true } = {},
  ) => {
    if (!Number.isFinite(found)) return;
    const met = bound === "at least" ? found >= limit : found <= limit;
    targets.push({ title, id, wanted: `${bound} ${limit}${unit}`, found, unit, met: judged ? met : undefined });
  };
  const addRatio = (
    from: ScenarioRecord<Sample> | undefined,
    title: string,
    id: string,
    limit: number,
    base = baseline,
  ) => add(title, id, "at least", limit, throughputRatio(from, id, base), { judged: undisturbed(from, id, base) });
  const scenario = <S>(records: readonly ScenarioRecord<S>[], name: string) =>
    records.find((one) => one.scenario === name);

  const full = scenario(record.throughput, "full");
  for (const id of ownIn(full)) {
    addRatio(full, "JWT (cached) + scope + throttling, to nginx", id, 0.65);
    addRatio(full, "the same, to haproxy verifying each time", id, 2.6, haproxy);
    addRatio(full, "the same, to fastify's proxy with a cached JWT", id, 4, fastify);
  }
  // Beside what any definition gets: this one declares that its backend bears pipelined requests.
  const pipelined = scenario(record.throughput, "full-pipelined");
  for (const id of ownIn(pipelined)) {
    addRatio(pipelined, "with pipelining declared safe: JWT (cached) + scope + throttling, to nginx", id, 0.65);
    addRatio(pipelined, "with pipelining declared safe: to haproxy verifying each time", id, 2.6, haproxy);
    addRatio(pipelined, "with pipelining declared safe: to fastify's proxy with a cached JWT", id, 4, fastify);
  }
  const fresh = scenario(record.throughput, "jwt-new");
  for (const id of ownIn(fresh)) {
    addRatio(fresh, "RS256 verified on every request, to haproxy", id, 0.9, haproxy);
  }
  const freshPipelined = scenario(record.throughput, "jwt-new-pipelined");
  for (const id of ownIn(freshPipelined)) {
    const title = "with pipelining declared safe: RS256 verified on every request, to haproxy";
    addRatio(freshPipelined, title, id, 0.9, haproxy);
  }
  const latency = scenario(record.latency, "full");
  const haproxyLatency = latency?.contenders.find(({ id }) => id === haproxy);
  for (const one of latency?.contenders.filter(({ id }) => isOurs(id)) ?? []) {
    if (haproxyLatency === undefined || haproxyLatency.samples.length === 0) break;
    const limit = Number(middle(haproxyLatency, ({ p99 }) => p99).toFixed(2));
    add(
      "p99 at the fixed rate, that of haproxy",
      one.id,
      "at most",
      limit,
      middle(one, ({ p99 }) => p99),
      { unit: " ms", judged: undisturbed(latency, one.id, haproxy) },
    );
  }
  for (const { id, times } of record.start?.rows.filter((row) => isOurs(row.id)) ?? []) {
    add("start to first 200 with a JWT, PEM keys", id, "at most", 60, median(times), { unit: " ms" });
  }
  for (const { id, loadedMiB, requests, failure } of record.memory?.rows ?? []) {
    if (failure === undefined)
      add(`resident after ${number(requests)} requests`, id, "at most", 100, loadedMiB, { unit: " MiB" });
  }
  for (const { id, residentMiB, connections, failure } of record.idle?.rows ?? []) {
    if (failure === undefined)
      add(`resident with ${number(connections)} idle connections`, id, "at most", 200, residentMiB, { unit: " MiB" });
  }
  for (const { project, node, seconds, failure } of record.compile?.rows ?? []) {
    const limit = compileLimits[project];
    if (limit !== undefined && failure === undefined)
      add(`compile: ${project}`, `Node ${node}`, "at most", limit, seconds, { unit: " s" });
  }
  return targets;
}

const compileLimits: Readonly<Record<string, number>> = { GitHub: 4, "Microsoft Graph beta": 60 };

function ownIn<S>(record: ScenarioRecord<S> | undefined): readonly string[] {
  return record?.contenders.map(({ id }) => id).filter(isOurs) ?? [];
}

/** `1,000,000`, whatever the language of the machine. */
export function number(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}
