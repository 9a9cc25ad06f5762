import type { Change } from "../diff/change.ts";
import type { CodeLine, GeneratedLines } from "../generated-line.ts";
import type { OperationIndex } from "./operation-index.ts";

/** The line of generated code that a change is about, on one side; undefined where that side has none. */
export function findGenerated(change: Change, index: OperationIndex, lines: GeneratedLines): CodeLine | undefined {
  const { subject, aspect, step } = change;
  if (subject === undefined) return ofGateway(change, lines);
  const [placed] = index.of(subject);
  if (placed === undefined) return undefined;
  const { api, operation } = placed;
  if (subject.method === undefined) return ofApi(change, api, lines);
  if (aspect === "route" && step === undefined) {
    const call = new RegExp(`return ${escapePattern(operation.id)}\\d*\\(x\\)`);
    const found = lines.lineIn(api.slug, call);
    if (found !== undefined) return found;
  }
  return lines.check(api.slug, operation.id, step);
}

function ofApi(
  { aspect }: Change,
  { slug, basePath }: { readonly slug: string; readonly basePath: string },
  lines: GeneratedLines,
): CodeLine | undefined {
  const shared = `${slug}/shared.ts`;
  if (aspect === "cors") {
    const found = lines.line(shared, /\bcors\d*\(\{/);
    if (found !== undefined) return found;
  }
  if (aspect === "limits") {
    const found = lines.line(shared, /\bapiLimit\d*\b/);
    if (found !== undefined) return found;
  }
  if (aspect === "transports" || aspect === "route") {
    const found = lines.line("gateway.ts", new RegExp(`x\\.under\\(${escapePattern(JSON.stringify(basePath))}\\)`));
    if (found !== undefined) return found;
  }
  return lines.line(shared, /= api\d*\(\{/);
}

function ofGateway({ aspect }: Change, lines: GeneratedLines): CodeLine | undefined {
  // Bound at the start: no line of code.
  if (aspect === "settings") return undefined;
  if (aspect === "limits") {
    const found = lines.line("tiers.ts", /\btiers\d* = /) ?? lines.line("conditions.ts", /=/);
    if (found !== undefined) return found;
  }
  if (aspect === "deny") {
    const found = lines.line("conditions.ts", /\bisDenied\d*\b/);
    if (found !== undefined) return found;
  }
  return lines.line("gateway.ts", /\bgateway\d*\b.*= \{$/);
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
