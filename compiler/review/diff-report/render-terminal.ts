import { printable } from "../../diagnostics/printable.ts";
import type { Verdict } from "../diff/change.ts";
import type { AcceptanceUse, DiffReport, Finding, Occurrence } from "./report.ts";
import { generatedText, placeText } from "./side-names.ts";
import {
  acceptanceText,
  acceptedEntry,
  affectedText,
  countsText,
  isOpen,
  operationsText,
  titleText,
  verdictText,
} from "./texts.ts";

/** Places and operations of one finding that are shown; `--format=json` has all. */
const shownPlaces = 3;
const shownOperations = 8;
/** Entries that are shown ready to paste. */
const shownEntries = 5;

/** A report for people. The gravest comes first; the last lines say what it comes to. */
export function renderTerminal(report: DiffReport, { color = false }: { readonly color?: boolean } = {}): string {
  const paint = color ? ansi : plain;
  const blocks = [
    ...report.findings.map((finding) => findingText(finding, report, paint)),
    ...report.accepted.flatMap((use) => complaintText(use, report, paint)),
    ...pasteText(report, paint),
    `${[countsText(report.findings), operationsText(report), paint.bold(verdictText(report))].join("\n")}\n`,
  ];
  return blocks.join("\n");
}

type Paint = Readonly<Record<Verdict | "bold" | "dim", (text: string) => string>>;

const same = (text: string) => text;
const plain: Paint = { weaker: same, unknown: same, stronger: same, neutral: same, bold: same, dim: same };
const sgr = (code: string) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const ansi: Paint = {
  weaker: sgr("1;31"),
  unknown: sgr("1;33"),
  stronger: sgr("1;32"),
  neutral: sgr("1;36"),
  bold: sgr("1"),
  dim: sgr("2"),
};

function findingText(finding: Finding, { base, head }: DiffReport, paint: Paint): string {
  const { verdict, code, before, after, affected, occurrences, acceptedBy } = finding;
  const title = acceptedBy === undefined ? verdict : `${verdict}, accepted`;
  const lines = [`${paint[verdict](`${title}[${code}]`)}${paint.bold(`: ${printable(titleText(finding))}`)}`];
  const row = (name: string, text: string) => lines.push(`  ${paint.dim(name.padEnd(10))}${printable(text)}`);
  if (before !== undefined) row("before", before);
  if (after !== undefined) row("after", after);
  row("affects", affectedText(affected));
  if (occurrences.length > 1) row("at", shortList(occurrences.map(nameOf), shownOperations));
  // What nobody is the worse for is not worth a page.
  if (verdict !== "neutral") {
    const places = (name: string, found: readonly (string | undefined)[]) => {
      const distinct = [...new Set(found.filter((text) => text !== undefined))];
      if (distinct.length > 0) row(name, shortList(distinct, shownPlaces));
    };
    places(
      "base",
      occurrences.map((each) => each.base && placeText(base, each.base)),
    );
    places(
      "head",
      occurrences.map((each) => each.head && placeText(head, each.head)),
    );
    places(
      "code",
      occurrences.map(
        ({ generated }) => generated && generatedText(generated.side === "base" ? base : head, generated),
      ),
    );
  }
  if (acceptedBy !== undefined) row("accepted", `${acceptanceText(acceptedBy)}: ${acceptedBy.reason}`);
  return `${lines.join("\n")}\n`;
}

function complaintText({ entry, place, complaint }: AcceptanceUse, { head }: DiffReport, paint: Paint): string[] {
  if (complaint === undefined) return [];
  const what = printable(`${entry.change} on ${entry.on}`);
  return [
    `${paint.unknown("accepted, but does not count")}${paint.bold(`: ${what}`)}\n` +
      `  ${paint.dim("because".padEnd(10))}${printable(complaint)}\n` +
      `  ${paint.dim("head".padEnd(10))}${printable(placeText(head, place))}\n`,
  ];
}

function pasteText({ findings, head }: DiffReport, paint: Paint): string[] {
  const open = findings.filter(isOpen);
  if (open.length === 0 || head.kind === "bundle") return [];
  const shown = open.slice(0, shownEntries).flatMap((finding) => acceptedEntry(finding).map((line) => `    ${line}\n`));
  const more = open.length > shownEntries ? `  (${open.length - shownEntries} more: --format=json)\n` : "";
  return [
    `${paint.dim("to accept on purpose, in castgate.yaml, with a reason and the last day on which it holds:")}\n` +
      `  accepted:\n${shown.map(printableLine).join("")}${more}`,
  ];
}

function printableLine(line: string): string {
  return `${printable(line.trimEnd())}\n`;
}

function nameOf({ method, path }: Occurrence): string {
  return [method, path].filter((text) => text !== undefined).join(" ");
}

function shortList(texts: readonly string[], most: number): string {
  const shown = texts.slice(0, most).join(", ");
  return texts.length <= most ? shown : `${shown} and ${texts.length - most} more`;
}
