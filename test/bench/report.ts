import { baseline, emptyServerId, middle, processorRatio, throughputRatio } from "./ratios.ts";
import type { BenchRecord, Circumstances, Measured, Sample, ScenarioRecord } from "./record.ts";
import { scenarioNames, scenarios } from "./scenarios.ts";
import { median } from "./statistics.ts";
import { number, targetsOf } from "./targets.ts";

/** All that is recorded, as Markdown. */
export function renderReport(record: BenchRecord): string {
  const sections = [
    "# Benchmarks: results",
    "Written by `npm run bench`; do not edit. What is measured, and how, stands in [README.md](README.md). Figures of different machines or days do not compare; ratios within a table do. Validation of bodies is not built yet, so there is no row with and without it.",
    ...targets(record),
    ...throughput(record.throughput),
    ...latency(record),
    ...starts(record),
    ...memory(record),
    ...workers(record),
    ...compilations(record),
  ];
  return `${sections.join("\n\n")}\n`;
}

function targets(record: BenchRecord): readonly string[] {
  const rows = targetsOf(record).map(({ title, id, wanted, found, unit, met }) => [
    title,
    id,
    wanted,
    `${unit === "" ? found.toFixed(2) : unit === " ms" && found < 20 ? found.toFixed(2) : found.toFixed(1)}${unit}`,
    met === undefined ? "not judged: others used core 0" : met ? "yes" : "**no**",
  ]);
  if (rows.length === 0) return [];
  return ["## Targets", table(["", "", "target", "found", "met"], "llrrl", rows)];
}

function throughput(records: readonly ScenarioRecord<Sample>[]): readonly string[] {
  const known = scenarioNames.flatMap((name) => records.find(({ scenario }) => scenario === name) ?? []);
  if (known.length === 0) return [];
  return [
    "## Requests a second on one core",
    `\`ratio\` is the median over the rounds of the ratio to ${baseline}'s plain \`proxy_pass\` in the same round. \`CPU\`: user and system time of the process a request. \`core\`: how much of core 0 it got, and what others took of it. \`load\`: how busy the core of load and backend was; near 100 %, that core is the limit.`,
    ...known.flatMap((record) => [
      `### \`${record.scenario}\`: ${scenarios[record.scenario as keyof typeof scenarios].title}`,
      circumstances(record.circumstances),
      table(
        [
          "",
          "requests a second",
          "of the rounds",
          "ratio",
          "by CPU",
          "CPU, us",
          "core",
          "load",
          "p50 / p99, ms",
          "MiB",
          "errors",
        ],
        "lrrrrrrrrrr",
        record.contenders.map((one) => throughputRow(record, one)),
      ),
    ]),
  ];
}

function throughputRow(record: ScenarioRecord<Sample>, one: Measured<Sample>): readonly string[] {
  if (one.samples.length === 0) return failed(one.id, one.failure, 11);
  const of = (pick: (sample: Sample) => number) => middle(one, pick);
  const rates = one.samples.map(({ requestsPerSecond }) => requestsPerSecond);
  const errors = one.samples.reduce((sum, sample) => sum + sample.errors, 0);
  return [
    one.id,
    number(median(rates)),
    `${number(Math.min(...rates))} to ${number(Math.max(...rates))}`,
    throughputRatio(record, one.id).toFixed(2),
    processorRatio(record, one.id).toFixed(2),
    of((sample) => sample.microsecondsPerRequest).toFixed(1),
    `${percent(of((sample) => sample.share))}, others ${percent(of((sample) => sample.others))}`,
    percent(of((sample) => sample.loadCore)),
    `${of((sample) => sample.p50).toFixed(2)} / ${of((sample) => sample.p99).toFixed(2)}`,
    of((sample) => sample.residentMiB).toFixed(0),
    one.failure === undefined ? number(errors) : `${number(errors)}; ${cell(one.failure)}`,
  ];
}

function latency({ latency: records }: BenchRecord): readonly string[] {
  return records.flatMap(({ circumstances: when, contenders }) => [
    "## Latency at a fixed rate",
    "Milliseconds from when a request was due to the end of its answer: medians of the rounds. `generator`: 99th percentile of how late the generator itself was with a connection free; no p99 can be below it.",
    circumstances(when),
    table(
      ["", "a second", "p50", "p99", "p99.9", "worst", "generator", "others on core 0", "errors"],
      "lrrrrrrrr",
      contenders.map((one) => {
        if (one.samples.length === 0) return failed(one.id, one.failure, 9);
        const errors = one.samples.reduce((sum, sample) => sum + sample.errors, 0);
        return [
          one.id,
          number(middle(one, (sample) => sample.requestsPerSecond)),
          ...(["p50", "p99", "p999", "worst"] as const).map((name) => middle(one, (sample) => sample[name]).toFixed(2)),
          middle(one, (sample) => sample.generatorP99 ?? Number.NaN).toFixed(2),
          percent(middle(one, (sample) => sample.others)),
          one.failure === undefined ? number(errors) : `${number(errors)}; ${cell(one.failure)}`,
        ];
      }),
    ),
  ]);
}

function starts({ start }: BenchRecord): readonly string[] {
  if (start === undefined) return [];
  return [
    "## Start",
    `From spawn to the first 200, in milliseconds. Our own: the pet store's bundle with PEM keys, an operation that needs a token. ${upperFirst(emptyServerId)} and a script that does nothing (to its end) show what this machine takes at least.`,
    circumstances(start.circumstances),
    table(
      ["", "Node", "median", "best to worst", "starts"],
      "llrrr",
      start.rows.map(({ id, node, times, failure }) =>
        failure !== undefined
          ? failed(id, failure, 5)
          : [
              id,
              node,
              median(times).toFixed(1),
              `${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)}`,
              String(times.length),
            ],
      ),
    ),
  ];
}

function memory({ memory: loaded, idle }: BenchRecord): readonly string[] {
  const sections: string[] = [];
  if (loaded !== undefined) {
    sections.push(
      "## Memory after load",
      "Resident, before and after the requests, on 100 connections; JWT, scope and throttling, 1 KiB.",
      circumstances(loaded.circumstances),
      table(
        ["", "requests", "before, MiB", "after, MiB", "peak, MiB", "a second", "errors"],
        "lrrrrrr",
        loaded.rows.map((row) =>
          row.failure !== undefined
            ? failed(row.id, row.failure, 7)
            : [
                row.id,
                number(row.requests),
                row.startMiB.toFixed(0),
                row.loadedMiB.toFixed(0),
                row.peakMiB.toFixed(0),
                number(row.requestsPerSecond),
                number(row.errors),
              ],
        ),
      ),
    );
  }
  if (idle !== undefined) {
    sections.push(
      "## Memory with idle connections",
      "Resident while keep-alive connections are held, each after one request. Lost: those that no longer answered afterwards.",
      circumstances(idle.circumstances),
      table(
        ["", "connections", "MiB", "lost"],
        "lrrr",
        idle.rows.map((row) =>
          row.failure !== undefined
            ? failed(row.id, row.failure, 4)
            : [row.id, number(row.connections), row.residentMiB.toFixed(0), number(row.lost)],
        ),
      ),
    );
  }
  return sections;
}

function workers({ workers: found }: BenchRecord): readonly string[] {
  if (found === undefined) return [];
  return [
    "## Two workers",
    "Whether it is right, not how fast it is: every request is answered once and reaches the backend once, and both workers have work, without limits and with limits that the workers share.",
    circumstances(found.circumstances),
    table(
      ["", "requests", "answered 200", "seen by the backend", "workers with work"],
      "lrrrr",
      found.rows.map((row) =>
        row.failure !== undefined
          ? failed(row.id, row.failure, 5)
          : [row.id, number(row.requests), number(row.answered), number(row.backendSaw), String(row.busyWorkers)],
      ),
    ),
  ];
}

function compilations({ compile }: BenchRecord): readonly string[] {
  if (compile === undefined) return [];
  const phases = [...new Set(compile.rows.flatMap((row) => row.phases.map(([name]) => name)))];
  return [
    "## Compile",
    "As `castgate compile` of the installed package does it, in a process of its own, on both cores: seconds, from spawn to exit. `start`: Node, the loading of the compiler, and the end of the process.",
    circumstances(compile.circumstances),
    table(
      ["", "Node", "operations", "all", ...phases.map((name) => `${name}`), "MiB"],
      `llrr${"r".repeat(phases.length)}r`,
      compile.rows.map((row) =>
        row.failure !== undefined
          ? failed(row.project, row.failure, phases.length + 5)
          : [
              row.project,
              row.node,
              number(row.operations),
              row.seconds.toFixed(1),
              ...phases.map((name) => row.phases.find(([other]) => other === name)?.[1].toFixed(2) ?? "-"),
              row.peakMiB.toFixed(0),
            ],
      ),
    ),
  ];
}

/** Date, machine, versions, and how busy the machine was: at the head of each part, because parts can be run alone. */
function circumstances({ date, machine, versions, load, stolen, rounds, seconds }: Circumstances): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const busy = `load ${load.toFixed(1)} when it began, ${(stolen * 100).toFixed(1)} % of the time stolen`;
  const repeated = seconds > 0 ? `rounds: ${rounds} of ${seconds} s; ` : "";
  return `${date}; ${machine}; ${named.join(", ")}; ${repeated}${busy}.`;
}

function failed(id: string, failure: string | undefined, width: number): readonly string[] {
  return [id, cell(failure ?? "not measured"), ...Array.from({ length: width - 2 }, () => "-")];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** One short line without a bar. */
function cell(text: string): string {
  return `failed: ${text.replace(/[\s|]+/g, " ").slice(0, 120)}`;
}

function table(head: readonly string[], align: string, rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = `|${[...align].map((side) => (side === "r" ? "--:" : "---")).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
