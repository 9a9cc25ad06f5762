import { relative, resolve, sep } from "node:path";
import { packageVersion } from "../../6-bundle/package-root.ts";
import { changeCatalogue } from "../../review/diff/catalogue.ts";
import { diffSides } from "../../review/diff/diff-sides.ts";
import { buildReport, type ReportSide } from "../../review/diff-report/build-report.ts";
import { exitCodeOf } from "../../review/diff-report/exit-code.ts";
import { renderGithub } from "../../review/diff-report/render-github.ts";
import { renderJson } from "../../review/diff-report/render-json.ts";
import { renderMarkdown } from "../../review/diff-report/render-markdown.ts";
import { renderSarif } from "../../review/diff-report/render-sarif.ts";
import { renderTerminal } from "../../review/diff-report/render-terminal.ts";
import type { DiffReport } from "../../review/diff-report/report.ts";
import { readSide, type Side } from "../../review/side.ts";
import { exitCode, type Terminal } from "../command.ts";
import { renderDiagnostics } from "../render.ts";

export type DiffFormat = "pretty" | "json" | "markdown" | "github" | "sarif";

export interface DiffRequest {
  /** As the user named them. */
  readonly base: string;
  readonly head: string;
  readonly format: DiffFormat;
  /** UTC, `2027-01-31`. */
  readonly day: string;
}

/** Reads both sides, prints what changed, and says the exit code. Throws `CommandFailure` when a side cannot be read. */
export async function compareSides(request: DiffRequest, terminal: Terminal): Promise<number> {
  const base = await read("base", request.base, request.format, terminal);
  const head = await read("head", request.head, request.format, terminal);
  if (base === undefined || head === undefined) return exitCode.inputWrong;
  const changes = diffSides(base, head);
  // Generating takes longer than comparing, and without a change there is no line to look for.
  const withCode = changes.length > 0;
  const sides = {
    base: await reportSide(base, withCode, terminal),
    head: await reportSide(head, withCode, terminal),
  };
  const report = buildReport(sides, changes, request.day);
  terminal.out(render(report, request.format, terminal));
  return exitCodeOf(report);
}

/** Undefined when the side has errors, which are printed. */
async function read(
  which: "base" | "head",
  name: string,
  format: DiffFormat,
  terminal: Terminal,
): Promise<Side | undefined> {
  const result = await readSide(name, terminal.folder);
  if ("side" in result) return result.side;
  // Notes are for whoever compiles.
  const grave = result.failed.diagnostics.filter(({ severity }) => severity !== "note");
  const failed = { ...result.failed, diagnostics: grave };
  terminal.err(`the ${which}, ${name}, has errors:\n\n`);
  terminal.err(renderDiagnostics("pretty", failed, "", terminal.colors));
  // Not in the other formats: whoever reads them expects a comparison.
  if (format === "github") terminal.out(renderDiagnostics("github", failed, folderOfSpec(name, terminal), false));
  return undefined;
}

/** Before it is known what a side is: the part of a revision that is a path is one in the repository. */
function folderOfSpec(name: string, terminal: Terminal): string {
  return folderOf(name.replace(/^[^:]*:/, ""), terminal);
}

async function reportSide(side: Side, withCode: boolean, terminal: Terminal): Promise<ReportSide> {
  const code = withCode ? await side.code() : [];
  return { side, code, ...(side.kind === "project" && { folder: folderOf(side.name, terminal) }) };
}

/** Of a project, from where the command runs: annotations and SARIF want such paths. */
function folderOf(name: string, { folder }: Terminal): string {
  return relative(folder, resolve(folder, name)).split(sep).join("/");
}

function render(report: DiffReport, format: DiffFormat, terminal: Terminal): string {
  switch (format) {
    case "pretty":
      return renderTerminal(report, { color: terminal.colorsOut });
    case "json":
      return renderJson(report);
    case "markdown":
      return renderMarkdown(report);
    case "github":
      return renderGithub(report);
    case "sarif":
      return renderSarif(report, { version: packageVersion(), explanations: explanations() });
    default:
      return format satisfies never;
  }
}

function explanations(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(changeCatalogue).map(([code, { explanation }]) => [code, explanation]));
}
