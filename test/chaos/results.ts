import { existsSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Sample } from "../soak/soak.ts";
import type { ChaosReport } from "./chaos.ts";
import type { DeadTime, Verdict } from "./judge.ts";

const file = path.join(import.meta.dirname, "RESULTS.md");
const title = `# Chaos: results

Written by \`npm run chaos\`; do not edit. What is done and how it is judged stands in [README.md](README.md).
`;
const kinds: readonly Verdict["kind"][] = ["right", "refused", "failed", "cut", "raced", "left", "wrong"];

export interface Run {
  readonly minutes: number;
  readonly engine: string;
  readonly seed: number;
  /** Put it into RESULTS.md, in the place of the last run of that engine. */
  readonly keep: boolean;
}

/** The run as a section of RESULTS.md. */
export function keepResults(report: ChaosReport, run: Run): string {
  const text = section(report, run);
  if (!run.keep) return text;
  const before = existsSync(file) ? readFileSync(file, "utf8") : title;
  const [head = title, ...sections] = before.split(/^(?=## )/m);
  const others = sections.filter((one) => !one.startsWith(`## Engine ${run.engine}\n`)).map((one) => one.trimEnd());
  // The default engine first.
  const all = [...others, text].sort().reverse();
  writeFileSync(file, `${head.trimEnd()}\n\n${all.join("\n\n")}\n`);
  return text;
}

function section(report: ChaosReport, { minutes, engine, seed }: Run): string {
  const { outcomes, faults, dead, samples, wrong } = report;
  const machine = `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} processors, Node ${process.version}`;
  const load = os.loadavg()[0]?.toFixed(0);
  return [
    `## Engine ${engine}`,
    `${new Date().toISOString().slice(0, 10)}, ${machine}, load ${load}; ${minutes} minutes, seed ${seed}. **${wrong.length === 0 ? "Nothing went wrong." : `${wrong.length} things went wrong.`}**`,
    `Done to the world: ${[...faults]
      .sort()
      .map(([fault, times]) => `${fault} ${times}`)
      .join(", ")}.`,
    table(
      ["requests to", ...kinds],
      [...outcomes].sort().map(([name, of]) => [name, ...kinds.map((kind) => of.get(kind) ?? 0)]),
    ),
    "Connections to members that were dead (the worst time of each; no bound where nothing guards an endpoint, or no other member was well):",
    table(["endpoint", "dead by", "times", "seconds", "connections", "at most"], worst(dead)),
    "What the gateway holds when all is quiet:",
    table(
      ["", "requests so far", "heap MiB", "external MiB", "resident MiB", "sockets", "timers", "files"],
      samples.map((sample, round) => [round === 0 ? "before" : `round ${round}`, ...figures(sample)]),
    ),
    ...(wrong.length === 0
      ? []
      : [
          wrong
            .slice(0, 20)
            .map((what) => `- ${what.replaceAll("|", "/")}`)
            .join("\n"),
        ]),
  ].join("\n\n");
}

function figures({ requests, heap, external, resident, sockets, timers, files }: Sample): (string | number)[] {
  return [requests, heap.toFixed(1), external.toFixed(1), resident.toFixed(1), sockets, timers, files];
}

/** For each endpoint and way to be dead, the time in which most was asked of what may be. */
function worst(dead: readonly DeadTime[]): (string | number)[][] {
  // Those with a bound before those without.
  const share = ({ attempts, most }: DeadTime) => (most === undefined ? attempts / 1e6 : 1 + attempts / most);
  const found = new Map<string, { times: number; worst: DeadTime }>();
  for (const time of dead) {
    const key = `${time.endpoint} ${time.fault}`;
    const known = found.get(key);
    found.set(key, {
      times: (known?.times ?? 0) + 1,
      worst: known !== undefined && share(known.worst) >= share(time) ? known.worst : time,
    });
  }
  return [...found.values()]
    .map(({ times, worst: { endpoint, fault, seconds, attempts, most } }) => [
      endpoint,
      fault,
      times,
      seconds.toFixed(1),
      attempts,
      most ?? "",
    ])
    .sort((one, other) => (one.join() < other.join() ? -1 : 1));
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}
