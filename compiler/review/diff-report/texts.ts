import type { Verdict } from "../diff/change.ts";
import type { Acceptance, Affected, DiffReport, Finding } from "./report.ts";

/** `3 operations`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** `3 of 214 operations (1 public), 2 tiers, 1 backend`; several APIs are counted, too. */
export function affectedText({ operations, of, publicOperations, apis, tiers, backends }: Affected): string {
  const open = publicOperations === 0 ? "" : ` (${publicOperations} public)`;
  return [
    `${operations} of ${count(of, "operation")}${open}`,
    ...(apis > 1 ? [count(apis, "API")] : []),
    ...(tiers > 0 ? [count(tiers, "tier")] : []),
    ...(backends > 0 ? [count(backends, "backend")] : []),
  ].join(", ");
}

/** `GET /shop/v1/items and 2 more: everyone may call now`. */
export function titleText({ on, message }: Finding): string {
  return `${on}: ${message}`;
}

/** `2 weaker (1 accepted), 1 unknown`; `nothing differs`. */
export function countsText(findings: readonly Finding[]): string {
  const parts = verdicts.flatMap((verdict) => {
    const found = findings.filter((finding) => finding.verdict === verdict);
    const accepted = found.filter(({ acceptedBy }) => acceptedBy !== undefined).length;
    return found.length === 0 ? [] : [`${found.length} ${verdict}${accepted === 0 ? "" : ` (${accepted} accepted)`}`];
  });
  return parts.length === 0 ? "nothing differs" : parts.join(", ");
}

/** `214 operations, 3 public (before: 210, 2 public); 5 added, 1 removed, 3 changed`. */
export function operationsText({ base, head, operations }: DiffReport): string {
  const { added, removed, changed } = operations;
  return (
    `${count(head.operations, "operation")}, ${head.publicOperations} public ` +
    `(before: ${base.operations}, ${base.publicOperations} public); ${added} added, ${removed} removed, ${changed} changed`
  );
}

/** What the comparison comes to, for somebody who has to decide. */
export function verdictText({ verdict, findings }: DiffReport): string {
  switch (verdict) {
    case "weaker":
      return "weaker: something that was refused before may pass now";
    case "unknown":
      return "unknown: something changed that cannot be ordered, so somebody has to look at it";
    case "stronger":
    case "neutral":
      return `${verdict}: nothing that was refused before may pass now${acceptedNote(findings)}`;
    case "none":
      return findings.length === 0
        ? "the gateways do the same"
        : `all that is weaker or unknown is accepted${newNote(findings)}`;
    default:
      return verdict satisfies never;
  }
}

/** `, but for 2 accepted changes (1 of them accepted by the head itself)`; nothing if there are none. */
export function acceptedNote(findings: readonly Finding[]): string {
  const accepted = findings.filter(({ acceptedBy }) => acceptedBy !== undefined).length;
  return accepted === 0 ? "" : `, but for ${count(accepted, "accepted change")}${newNote(findings)}`;
}

function newNote(findings: readonly Finding[]): string {
  const ownWord = findings.filter(({ acceptedBy }) => acceptedBy?.isNew).length;
  return ownWord === 0 ? "" : ` (${ownWord} of them accepted by the head itself)`;
}

/** `accepted by the head itself, until 2027-01-31`: by when, and whose word it is. */
export function acceptanceText({ expires, isNew }: Acceptance): string {
  return `${isNew ? "by the head itself, " : ""}until ${expires}`;
}

/** In the order in which they matter. */
export const verdicts: readonly Verdict[] = ["weaker", "unknown", "stronger", "neutral"];

/** Whether a finding stops a merge: weaker or unknown, and not accepted. */
export function isOpen({ verdict, acceptedBy }: Finding): boolean {
  return (verdict === "weaker" || verdict === "unknown") && acceptedBy === undefined;
}

/** The entry of castgate.yaml that accepts a finding, but for what a person has to write. Lines of YAML. */
export function acceptedEntry({ code, on, fingerprint }: Finding): readonly string[] {
  return [
    `- change: ${code}`,
    `  on: ${yamlText(on)}`,
    `  fingerprint: ${fingerprint}`,
    `  reason: ""`,
    `  expires: ""`,
  ];
}

/** A text as a YAML scalar: as it is where that is safe, else in double quotes, whose escapes are those of JSON. */
function yamlText(text: string): string {
  return /^[A-Za-z/][A-Za-z0-9/ ._~-]*$/.test(text) && !text.endsWith(" ") ? text : JSON.stringify(text);
}
