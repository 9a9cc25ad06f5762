import { printable } from "../../diagnostics/printable.ts";
import { workflowCommand } from "../../diagnostics/render-github.ts";
import type { DiffReport, Finding } from "./report.ts";
import { repositoryFile } from "./side-names.ts";
import { acceptanceText, affectedText, isOpen, titleText } from "./texts.ts";

/**
 * A report as annotations of GitHub Actions: an error for what is weaker, a warning for what cannot be ordered or is accepted by
 * the head itself, a notice for what else is accepted or is stronger, at its place in the head, or in the base where it was removed. GitHub shows ten of each kind, so
 * a finding is one annotation wherever it holds, and what is neutral has none.
 */
export function renderGithub(report: DiffReport): string {
  const { findings, accepted, head } = report;
  return [
    ...findings.filter(({ verdict }) => verdict !== "neutral").map((finding) => annotation(finding, report)),
    ...accepted.flatMap(({ entry, place, complaint }) => {
      if (complaint === undefined) return [];
      const text = printable(`accepted ${entry.change} on ${entry.on} does not count: ${complaint}`);
      return [workflowCommand("warning", propertiesOf(repositoryFile(head, place.file), place, "accepted"), text)];
    }),
  ].join("");
}

function annotation(finding: Finding, { base, head }: DiffReport): string {
  const { verdict, code, before, after, affected, occurrences, acceptedBy } = finding;
  // Notices are overlooked; that a change accepts its own weakening must not be.
  const isClosed = !isOpen(finding) && !acceptedBy?.isNew;
  const kind = isClosed ? "notice" : verdict === "weaker" && acceptedBy === undefined ? "error" : "warning";
  const inHead = occurrences.find((each) => each.head !== undefined)?.head;
  const place = inHead ?? occurrences.find((each) => each.base !== undefined)?.base;
  const file = place && repositoryFile(inHead === undefined ? base : head, place.file);
  const lines = [
    `${verdict}${acceptedBy === undefined ? "" : ", accepted"}: ${titleText(finding)}`,
    ...(before === undefined ? [] : [`before: ${before}`]),
    ...(after === undefined ? [] : [`after: ${after}`]),
    `affects: ${affectedText(affected)}`,
    ...(acceptedBy === undefined ? [] : [`accepted ${acceptanceText(acceptedBy)}: ${acceptedBy.reason}`]),
  ];
  return workflowCommand(kind, propertiesOf(file, place, code), lines.map(printable).join("\n"));
}

function propertiesOf(
  file: string | undefined,
  place: { readonly line?: number; readonly column?: number } | undefined,
  title: string,
): readonly (readonly [string, string | number])[] {
  const properties: (readonly [string, string | number])[] = [];
  if (file !== undefined) {
    properties.push(["file", file]);
    if (place?.line !== undefined) properties.push(["line", place.line]);
    if (place?.column !== undefined) properties.push(["col", place.column]);
  }
  return [...properties, ["title", title]];
}
