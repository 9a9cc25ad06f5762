import { printable } from "../../diagnostics/printable.ts";
import type { DiffReport, Finding, Occurrence } from "./report.ts";
import { generatedText, placeText } from "./side-names.ts";
import {
  acceptanceText,
  acceptedEntry,
  acceptedNote,
  affectedText,
  count,
  countsText,
  isOpen,
  operationsText,
  verdictText,
} from "./texts.ts";

/** The longest comment that GitHub takes has 65,536 characters; some are kept for those who put a line of their own in front. */
export const longestComment = 65_000;
/** Kept for what is said at the end. */
const reserve = 1_500;
/** Operations of one finding that are listed, and findings whose entries are shown ready to paste. */
const shownOccurrences = 20;
const shownEntries = 5;
/** Texts are quoted from definitions, where they may have any length. */
const longestText = 400;

/**
 * A report as a comment on a pull request. It consists of HTML blocks without an empty line, in which Markdown means nothing;
 * what comes out of definitions is escaped, and stands in `<code>`, where nobody is mentioned and nothing is linked. What
 * does not fit is counted at the end.
 */
export function renderMarkdown(report: DiffReport, limit = longestComment): string {
  const { findings } = report;
  // What is accepted stays in sight.
  const grave = findings.filter(({ verdict }) => verdict === "weaker" || verdict === "unknown");
  const others = findings.filter((finding) => !grave.includes(finding));
  const isPassed = report.verdict !== "weaker" && report.verdict !== "unknown";
  const head = [
    `### castgate diff: ${report.verdict}${isPassed ? acceptedNote(findings) : ""}`,
    "",
    `<p>${prose(verdictText(report))}.<br>${code(report.base.name)} to ${code(report.head.name)}: ` +
      `${countsText(findings)}.<br>${operationsText(report)}.</p>`,
    "",
  ].join("\n");
  const budget = { left: limit - reserve - head.length };
  const parts = [head];
  const shown = takeRows(grave, report, budget);
  if (shown.length > 0) parts.push(table(shown), "\n");
  const rest = takeRows(others, report, budget);
  if (rest.length > 0) {
    parts.push(`<details><summary>${countsText(others)}</summary>\n${table(rest)}</details>\n`, "\n");
  }
  const leftOut = [...grave.slice(shown.length), ...others.slice(rest.length)];
  const complaints = takeLines(complaintLines(report), budget);
  if (complaints.length > 0) parts.push(`<ul>\n${complaints.join("")}</ul>\n`, "\n");
  const entries = takeLines(entryLines(grave.filter(isOpen), report), budget);
  if (entries.length > 0) {
    parts.push(
      "<details><summary>To accept on purpose, in castgate.yaml</summary>\n" +
        `<pre lang="yaml">accepted:\n${entries.join("")}</pre>\n</details>\n`,
      "\n",
    );
  }
  if (leftOut.length > 0) {
    parts.push(`<p><b>Left out here, as it would be too long:</b> ${countsText(leftOut)}. ${hintAtAll}</p>\n`);
  }
  return `${parts.join("").trimEnd()}\n`;
}

const hintAtAll = "<code>castgate diff</code> lists all of it.";
const tableHead = "<tr><th></th><th>change</th><th>before</th><th>after</th><th>affects</th></tr>\n";
/** Of a table and what is around it. */
const tableLength = 200;

interface Budget {
  left: number;
}

/** As many as fit, in order: what is left out is less grave than what is shown. */
function takeRows(findings: readonly Finding[], report: DiffReport, budget: Budget): readonly string[] {
  return takeLines(
    findings.map((finding) => () => row(finding, report)),
    budget,
  );
}

function takeLines(makers: readonly (() => string)[], budget: Budget): readonly string[] {
  const taken: string[] = [];
  let left = budget.left - tableLength;
  for (const make of makers) {
    const text = make();
    if (text.length > left) break;
    taken.push(text);
    left -= text.length;
  }
  if (taken.length > 0) budget.left = left;
  return taken;
}

function table(rows: readonly string[]): string {
  return `<table>\n${tableHead}${rows.join("")}</table>\n`;
}

function row(finding: Finding, report: DiffReport): string {
  const { verdict, code: name, message, before, after, affected, acceptedBy } = finding;
  const accepted =
    acceptedBy === undefined ? "" : `<br>accepted ${acceptanceText(acceptedBy)}: ${code(acceptedBy.reason)}`;
  const cells = [
    isOpen(finding) ? `<b>${verdict}</b>` : acceptedBy === undefined ? verdict : `${verdict}, accepted`,
    `${code(finding.on)}: ${prose(message)} ${code(name)}${accepted}${where(finding, report)}`,
    before === undefined ? "" : code(before),
    after === undefined ? "" : code(after),
    affectedText(affected),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>\n`;
}

function where({ occurrences }: Finding, report: DiffReport): string {
  const lines = occurrences.slice(0, shownOccurrences).map((occurrence) => whereOne(occurrence, report));
  if (occurrences.length > shownOccurrences) lines.push(`and ${occurrences.length - shownOccurrences} more`);
  const summary = occurrences.length === 1 ? "where" : `${count(occurrences.length, "place")}`;
  return `<details><summary>${summary}</summary>${lines.join("<br>")}</details>`;
}

function whereOne({ method, path, base, head, generated }: Occurrence, report: DiffReport): string {
  const name = [method, path].filter((text) => text !== undefined).join(" ");
  const places = [
    ...(base === undefined ? [] : [`was ${code(placeText(report.base, base))}`]),
    ...(head === undefined ? [] : [`is ${code(placeText(report.head, head))}`]),
    ...(generated === undefined ? [] : [`code ${code(generatedText(report[generated.side], generated))}`]),
  ];
  return [...(name === "" ? [] : [code(name)]), ...places].join(", ");
}

function complaintLines({ accepted, head }: DiffReport): readonly (() => string)[] {
  return accepted.flatMap(({ entry, place, complaint }) => {
    if (complaint === undefined) return [];
    const what = `${code(entry.change)} on ${code(entry.on)} (${code(placeText(head, place))})`;
    return [() => `<li>An accepted change does not count: ${what}: ${prose(complaint)}</li>\n`];
  });
}

function entryLines(open: readonly Finding[], { head }: DiffReport): readonly (() => string)[] {
  if (head.kind === "bundle") return [];
  return open.slice(0, shownEntries).map((finding) => () => {
    const lines = acceptedEntry(finding).map((line) => `  ${escapeHtml(printable(line.trimEnd()))}\n`);
    return lines.join("");
  });
}

/** Text of anybody, as code. */
function code(text: string): string {
  return `<code>${escapeHtml(shortened(printable(text)))}</code>`;
}

/** A sentence of ours with texts of others in it: whatever is not a plain word or a number is code. */
function prose(text: string): string {
  return shortened(printable(text))
    .split(" ")
    .map((word) => (plainWord.test(word) ? escapeHtml(word) : `<code>${escapeHtml(word)}</code>`))
    .join(" ")
    .replaceAll("</code> <code>", " ");
}

const plainWord = /^["'(]?(?:[A-Za-z]+(?:['-][A-Za-z]+)*|\d{1,6})?["')]?[,.;:]?$/;

function shortened(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText)}…`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
