import { printableJson } from "../../diagnostics/printable.ts";
import { relativeUri } from "../../diagnostics/render-sarif.ts";
import type { SidePlace } from "../side.ts";
import type { DiffReport, Finding, Occurrence, SideFacts } from "./report.ts";
import { repositoryFile } from "./side-names.ts";
import { acceptanceText, affectedText, isOpen, titleText } from "./texts.ts";

export interface SarifOptions {
  /** Of castgate. */
  readonly version: string;
  /** Of every code of a change: its explanation. */
  readonly explanations: Readonly<Record<string, string>>;
}

/** Further operations of a finding that are listed as places. */
const shownOccurrences = 50;

/**
 * A report as a SARIF 2.1.0 log: every code of a change is a rule, each finding a result with a fingerprint that does not depend
 * on lines. What is weaker is an error, what cannot be ordered a warning, all else is for information. What is accepted is
 * suppressed, with its reason.
 */
export function renderSarif(report: DiffReport, { version, explanations }: SarifOptions): string {
  const codes = Object.keys(explanations).sort();
  const document = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "castgate diff",
            semanticVersion: version,
            rules: codes.map((code) => ({
              id: code,
              shortDescription: { text: sentence(code) },
              fullDescription: { text: explanations[code] ?? code },
              help: { text: explanations[code] ?? code },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: report.findings.map((finding) => resultOf(finding, codes.indexOf(finding.code), report)),
      },
    ],
  };
  return `${printableJson(document)}\n`;
}

function resultOf(finding: Finding, ruleIndex: number, report: DiffReport) {
  const { code, verdict, before, after, affected, fingerprint, acceptedBy, occurrences } = finding;
  const graded = verdict === "weaker" ? "error" : verdict === "unknown" ? "warning" : undefined;
  const [main, ...others] = occurrences.flatMap((occurrence) => {
    const found = mainPlace(occurrence, report);
    return found === undefined ? [] : [found];
  });
  const related = [
    ...occurrences
      .slice(0, 1)
      .flatMap(({ base, head }) =>
        base === undefined || head === undefined
          ? []
          : physical(report.base, base).map((place) => ({ place, text: "before" })),
      ),
    ...others.slice(0, shownOccurrences).map(({ place, name }) => ({ place, text: name })),
  ];
  const text = [
    `${verdict}: ${titleText(finding)}`,
    ...(before === undefined ? [] : [`before: ${before}`]),
    ...(after === undefined ? [] : [`after: ${after}`]),
    `affects: ${affectedText(affected)}`,
  ].join("\n");
  return {
    ruleId: code,
    ...(ruleIndex < 0 ? {} : { ruleIndex }),
    ...(graded === undefined ? { kind: "informational", level: "none" } : { kind: "fail", level: graded }),
    message: { text: withoutLinks(text) },
    locations: main === undefined ? [] : [{ physicalLocation: main.place, ...logical(main.name) }],
    ...(related.length === 0
      ? {}
      : {
          relatedLocations: related.map((other, index) => ({
            id: index + 1,
            message: { text: withoutLinks(other.text) },
            physicalLocation: other.place,
          })),
        }),
    fingerprints: { "castgateChange/v1": fingerprint },
    // The one that code scanning follows a result by.
    partialFingerprints: { primaryLocationLineHash: `${fingerprint}:1` },
    // In a run where anything is suppressed, the rest says that it is not.
    suppressions:
      acceptedBy === undefined || isOpen(finding)
        ? []
        : [
            {
              kind: "external",
              status: "accepted",
              justification: `${acceptedBy.reason} (${acceptanceText(acceptedBy)})`,
            },
          ],
    properties: { verdict, affected },
  };
}

function logical(name: string) {
  return name === "" ? {} : { logicalLocations: [{ fullyQualifiedName: name, kind: "resource" }] };
}

/** In the head, or in the base where the head has none. */
function mainPlace({ method, path, base, head }: Occurrence, report: DiffReport) {
  const place = head ?? base;
  if (place === undefined) return undefined;
  const [found] = physical(head === undefined ? report.base : report.head, place);
  const name = [method, path].filter((text) => text !== undefined).join(" ");
  return found && { place: found, name };
}

function physical(side: SideFacts, { file, line, column }: SidePlace) {
  // Of a bundle, its input as it was named then.
  const artifactLocation = { uri: relativeUri(repositoryFile(side, file) ?? file) };
  if (line === undefined) return [{ artifactLocation }];
  const region = { startLine: line, ...(column === undefined ? {} : { startColumn: column }) };
  return [{ artifactLocation, region }];
}

/** In a message `[text](address)` is a link. */
function withoutLinks(text: string): string {
  return text.includes("](") ? text.replace(/[\\[\]]/g, "\\$&") : text;
}

/** `operation-became-public` -> `Operation became public`. */
function sentence(code: string): string {
  const words = code.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
