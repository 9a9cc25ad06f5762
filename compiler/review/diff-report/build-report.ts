import { at } from "../../diagnostics/place.ts";
import type { AcceptedEntry } from "../../model/loaded-project.ts";
import type { SourceRef } from "../../model/source.ts";
import type { Aspect, Change, Verdict } from "../diff/change.ts";
import { GeneratedLines } from "../generated-line.ts";
import type { Side, SideCode, SidePlace } from "../side.ts";
import { countAffected, countOperations } from "./affected.ts";
import { findGenerated } from "./find-generated.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { groupChanges, subjectPath } from "./group-changes.ts";
import { judgeAccepted } from "./judge-accepted.ts";
import { OperationIndex } from "./operation-index.ts";
import type { AcceptanceUse, DiffReport, Finding, GeneratedPlace, Occurrence, SideFacts } from "./report.ts";

/** A side, with what only a report asks of it. */
export interface ReportSide {
  readonly side: Pick<Side, "accepted" | "kind" | "locate" | "model" | "name">;
  /** Its generated code. */
  readonly code: readonly SideCode[];
  /** Of a project: its folder, from where annotations are shown. */
  readonly folder?: string;
}

/**
 * Puts changes together, counts what they affect, and judges what is accepted on `day` (UTC, `2027-01-31`). Pure.
 */
export function buildReport(
  { base, head }: { readonly base: ReportSide; readonly head: ReportSide },
  changes: readonly Change[],
  day: string,
): DiffReport {
  const before = indexed(base);
  const after = indexed(head);
  const found = groupChanges(changes).map(({ on, changes: group }): Finding => {
    const [{ code, verdict, aspect, message, before: was, after: is }] = group;
    return {
      code,
      verdict,
      aspect,
      message,
      before: was,
      after: is,
      on,
      occurrences: group.map((change) => occurrenceOf(change, before, after)) as [Occurrence, ...Occurrence[]],
      affected: countAffected(group, before.operations, after.operations),
      fingerprint: fingerprintOf(group),
      acceptedBy: undefined,
    };
  });
  const accepted = head.side.accepted.map(
    (entry): AcceptanceUse => ({
      entry,
      place: head.side.locate(at(entry.ref)),
      ...judgeAccepted(entry, found, day),
    }),
  );
  const inForce = new Map(
    accepted
      .filter(({ state }) => state === "used")
      .map(({ entry }) => [entry.fingerprint, { ...entry, isNew: isNewTo(base.side, entry) }] as const),
  );
  const findings = found
    .map((finding) => ({ ...finding, acceptedBy: inForce.get(finding.fingerprint) }))
    .sort(byDanger);
  return {
    base: factsOf(before),
    head: factsOf(after),
    verdict: overall(findings),
    operations: countOperations(changes, before.operations, after.operations),
    findings,
    accepted,
  };
}

function isNewTo({ kind, accepted }: ReportSide["side"], { fingerprint, expires }: AcceptedEntry): boolean {
  return kind !== "bundle" && !accepted.some((known) => known.fingerprint === fingerprint && known.expires >= expires);
}

interface IndexedSide extends ReportSide {
  readonly operations: OperationIndex;
  readonly lines: GeneratedLines;
}

function indexed(given: ReportSide): IndexedSide {
  return { ...given, operations: new OperationIndex(given.side.model), lines: new GeneratedLines(given.code) };
}

function factsOf({ side, folder = "", operations }: IndexedSide): SideFacts {
  return {
    name: side.name,
    kind: side.kind,
    folder,
    apis: operations.apis.length,
    operations: operations.all.length,
    publicOperations: operations.all.filter(({ operation }) => operation.access.kind === "public").length,
  };
}

function occurrenceOf(change: Change, base: IndexedSide, head: IndexedSide): Occurrence {
  return {
    method: change.subject?.method,
    path: change.subject && subjectPath(change.subject),
    base: placeOf(change.base, base),
    head: placeOf(change.head, head),
    generated: generatedOf(change, "head", head) ?? generatedOf(change, "base", base),
  };
}

/** The key, where there is one: that of an operation says more than the first line of what it holds. */
function placeOf(ref: SourceRef | undefined, { side }: ReportSide): SidePlace | undefined {
  return ref && side.locate(at(ref, "key"));
}

function generatedOf(
  change: Change,
  name: "base" | "head",
  { operations, lines }: IndexedSide,
): GeneratedPlace | undefined {
  const found = findGenerated(change, operations, lines);
  return found && { side: name, ...found };
}

const verdicts: readonly Verdict[] = ["weaker", "unknown", "stronger", "neutral"];

function overall(findings: readonly Finding[]): DiffReport["verdict"] {
  const open = findings.filter(({ acceptedBy }) => acceptedBy === undefined);
  return verdicts.find((verdict) => open.some((finding) => finding.verdict === verdict)) ?? "none";
}

/** Who gets in, then what they may do there, then how they are served. */
const aspects: readonly Aspect[] = [
  "access",
  "route",
  "scopes",
  "caller",
  "deny",
  "domains",
  "transports",
  "cors",
  "limits",
  "backend",
  "headers",
  "upgrade",
  "extensions",
  "features",
  "settings",
  "timeouts",
  "resilience",
  "faults",
  "text",
];

function byDanger(a: Finding, b: Finding): number {
  return (
    verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict) ||
    Number(a.acceptedBy !== undefined) - Number(b.acceptedBy !== undefined) ||
    Number(isPublicAccess(b)) - Number(isPublicAccess(a)) ||
    aspects.indexOf(a.aspect) - aspects.indexOf(b.aspect) ||
    b.affected.operations - a.affected.operations ||
    compare(a.code, b.code) ||
    compare(a.message, b.message) ||
    compare(a.fingerprint, b.fingerprint)
  );
}

/** About who gets in, where anybody does. */
function isPublicAccess({ aspect, affected }: Finding): boolean {
  return (aspect === "access" || aspect === "route") && affected.publicOperations > 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
