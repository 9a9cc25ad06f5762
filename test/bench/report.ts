import { cpus, totalmem } from "node:os";
import type { Memory } from "./memory.ts";
import type { SideBySide } from "./side-by-side.ts";
import type { StartUp } from "./start-up.ts";

export interface NodeRow {
  /** Of Node. */
  readonly version: string;
  readonly startUp: StartUp | undefined;
  /** The same for a server of node:http that does nothing: what this machine takes at least. */
  readonly emptyStart: StartUp | undefined;
  readonly memory: Memory | undefined;
}

export interface BenchReport {
  readonly date: string;
  readonly rows: readonly NodeRow[];
  /** Empty when it was not measured. */
  readonly throughput: readonly SideBySide[];
  /** Of the machine when the run began: figures of a busy machine are worse than they could be. */
  readonly load: number;
  /** Why there is no side-by-side benchmark. */
  readonly absent: string | undefined;
}

/** The figures as Markdown. */
export function renderReport({ date, rows, throughput, load, absent }: BenchReport): string {
  const machine = `${cpus()[0]?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux`;
  return `${[
    "# Benchmarks: results",
    "Written by `npm run bench`; do not edit. What is measured, and how, stands in [README.md](README.md).",
    `${date}; ${machine}; other work on the machine: load ${load.toFixed(1)} when the run began.`,
    ...(rows.length > 0 ? ["## The petstore: start and memory", petstoreTable(rows)] : []),
    "## Beside nginx, one core, a cached RS256 token, 1 KiB, 100 connections",
    throughput.length > 0 ? throughputTable(throughput) : `Not measured${absent === undefined ? "" : `: ${absent}`}.`,
  ].join("\n\n")}\n`;
}

function petstoreTable(rows: readonly NodeRow[]): string {
  const lines = rows.map(({ version, startUp, emptyStart, memory }) => {
    const start = startUp && `${ms(startUp.median)} (${ms(startUp.best)} to ${ms(startUp.worst)})`;
    const empty = emptyStart && ms(emptyStart.median);
    const resident = memory && `${Math.round(memory.residentMiB)} MiB (peak ${Math.round(memory.peakMiB)} MiB)`;
    return `| ${version} | ${start ?? "-"} | ${empty ?? "-"} | ${resident ?? "-"} |`;
  });
  return [
    "| Node | spawn to first 200 with a token, median (best to worst); target: below 150 ms | an empty node:http server | resident after load; target: below 150 MiB |",
    "|---|--:|--:|--:|",
    ...lines,
  ].join("\n");
}

function throughputTable(results: readonly SideBySide[]): string {
  const lines = results.map((one) => {
    const cells = [
      Math.round(one.requestsPerSecond),
      one.ratio.toFixed(2),
      one.microsecondsPerRequest.toFixed(1),
      `${one.p50.toFixed(2)} / ${one.p99.toFixed(2)} ms`,
      `${Math.round(one.residentMiB)} MiB`,
      one.errors,
    ];
    return `| ${one.id} | ${cells.join(" | ")} |`;
  });
  return [
    "| gateway | requests a second | ratio to nginx; target: at least 0.20 | us a request | p50 / p99 | resident | errors |",
    "|---|--:|--:|--:|--:|--:|--:|",
    ...lines,
  ].join("\n");
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
