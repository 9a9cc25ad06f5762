import { printableJson } from "../../diagnostics/printable.ts";
import type { SidePlace } from "../side.ts";
import { exitCodeOf } from "./exit-code.ts";
import type {
  Acceptance,
  AcceptanceUse,
  DiffReport,
  Finding,
  GeneratedPlace,
  Occurrence,
  SideFacts,
} from "./report.ts";
import { isOpen, verdicts } from "./texts.ts";

/** A report for programs, as `diff-output.schema.json` describes it. Nothing is left out. */
export function renderJson(report: DiffReport): string {
  const { base, head, verdict, operations, findings, accepted } = report;
  const document = {
    version: 1,
    verdict,
    exitCode: exitCodeOf(report),
    base: describeSide(base),
    head: describeSide(head),
    operations: { base: base.operations, head: head.operations, ...operations },
    counts: Object.fromEntries(
      verdicts.map((each) => {
        const found = findings.filter((finding) => finding.verdict === each);
        return [
          each,
          { findings: found.length, accepted: found.filter(({ acceptedBy }) => acceptedBy !== undefined).length },
        ];
      }),
    ),
    findings: findings.map(describeFinding),
    accepted: accepted.map(describeUse),
  };
  return `${printableJson(document)}\n`;
}

function describeSide({ name, kind, apis, operations, publicOperations }: SideFacts) {
  return { name, kind, apis, operations, publicOperations };
}

function describeFinding(finding: Finding) {
  const { code, verdict, aspect, message, before, after, on, affected, fingerprint, acceptedBy, occurrences } = finding;
  return {
    code,
    verdict,
    aspect,
    message,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    on,
    affected,
    fingerprint,
    open: isOpen(finding),
    ...(acceptedBy === undefined ? {} : { accepted: describeAcceptance(acceptedBy) }),
    occurrences: occurrences.map(describeOccurrence),
  };
}

function describeAcceptance({ reason, expires, isNew }: Acceptance) {
  return { reason, expires, isNew };
}

function describeOccurrence({ method, path, base, head, generated }: Occurrence) {
  return {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(base === undefined ? {} : { base: describePlace(base) }),
    ...(head === undefined ? {} : { head: describePlace(head) }),
    ...(generated === undefined ? {} : { generated: describeGenerated(generated) }),
  };
}

function describePlace({ file, line, column, pointer }: SidePlace) {
  return { file, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }), pointer };
}

function describeGenerated({ side, file, line }: GeneratedPlace) {
  return { side, file, line };
}

function describeUse({ entry, place, state, complaint }: AcceptanceUse) {
  const { change, on, fingerprint, reason, expires } = entry;
  return {
    change,
    on,
    fingerprint,
    reason,
    expires,
    place: describePlace(place),
    state,
    ...(complaint === undefined ? {} : { complaint }),
  };
}
