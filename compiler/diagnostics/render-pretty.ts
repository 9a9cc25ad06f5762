import type { Severity } from "./catalogue.ts";
import type { Sources, Span } from "./locate.ts";
import type { Diagnostic } from "./log.ts";
import type { Place } from "./place.ts";
import { displayWidth, printable } from "./printable.ts";
import { withoutSecrets } from "./redact.ts";
import { summarize } from "./summary.ts";

export interface PrettyOptions {
  /** ANSI colours; only for a terminal, and not when NO_COLOR is set. */
  readonly color?: boolean | undefined;
  /** Notes of one code are folded when there are more than this. */
  readonly foldNotesAbove?: number | undefined;
}

/** Longer source lines are cut around the place that matters (minified JSON). */
const maxLine = 110;
/** What is looked at on each side of the place. */
const around = 4000;
/** Longer messages are cut: they quote the input. */
const maxMessage = 600;
/** Notes of a folded code that are printed in full. */
const shownOfFolded = 5;

/** Diagnostics with their source lines, for people. Ends with a line that counts them; empty when there are none. */
export function renderPretty(
  diagnostics: readonly Diagnostic[],
  sources: Sources,
  { color = false, foldNotesAbove = 20 }: PrettyOptions = {},
): string {
  if (diagnostics.length === 0) return "";
  const paint = color ? ansi : plain;
  const counts = new Map<string, number>();
  for (const { code, severity } of diagnostics) {
    if (severity === "note") counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const printed = new Map<string, number>();
  const blocks: string[] = [];
  for (const each of diagnostics) {
    const count = each.severity === "note" ? (counts.get(each.code) ?? 0) : 0;
    if (count > foldNotesAbove) {
      const before = printed.get(each.code) ?? 0;
      printed.set(each.code, before + 1);
      if (before >= shownOfFolded) continue;
    }
    blocks.push(renderOne(each, sources, paint));
  }
  for (const [code, count] of [...printed].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const head = paint.note(`note[${code}]`);
    blocks.push(`${head}: ${count - shownOfFolded} more of these; --format=json lists them all\n`);
  }
  return `${blocks.join("\n")}\n${summarize(diagnostics)}\n`;
}

type Paint = Readonly<Record<Severity | "bold" | "dim" | "frame", (text: string) => string>>;

const same = (text: string) => text;
const plain: Paint = { error: same, warning: same, note: same, bold: same, dim: same, frame: same };
const sgr = (code: string) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const ansi: Paint = {
  error: sgr("1;31"),
  warning: sgr("1;33"),
  note: sgr("1;36"),
  bold: sgr("1"),
  dim: sgr("2"),
  frame: sgr("34"),
};

function renderOne(
  { code, severity, message, place, hint, related }: Diagnostic,
  sources: Sources,
  paint: Paint,
): string {
  const places = [place, ...related.map((other) => other.place)];
  const spans = places.map((each) => sources.locate(each));
  // One margin for all frames of a diagnostic.
  const gutter = Math.max(...spans.map((span) => String(span?.line ?? 1).length));
  const mark = paint[severity];
  const lines = [`${mark(`${severity}[${code}]`)}${paint.bold(`: ${shorten(printable(message))}`)}`];
  lines.push(...frame(place, spans[0], sources, gutter, paint, mark));
  for (const [index, other] of related.entries()) {
    lines.push(`${" ".repeat(gutter + 2)}${paint.frame("=")} ${printable(other.label)}:`);
    lines.push(...frame(other.place, spans[index + 1], sources, gutter, paint, paint.note));
  }
  if (hint !== undefined) lines.push(`${" ".repeat(gutter + 2)}${paint.frame("=")} hint: ${shorten(printable(hint))}`);
  return `${lines.join("\n")}\n`;
}

function frame(
  place: Place,
  span: Span | undefined,
  sources: Sources,
  gutter: number,
  paint: Paint,
  mark: (text: string) => string,
): readonly string[] {
  const { file } = place.ref;
  if (file === "") return [];
  const arrow = `${" ".repeat(gutter + 1)}${paint.frame("-->")} ${printable(file)}`;
  if (span === undefined) return [arrow];
  const located = `${arrow}:${span.line}:${span.column}`;
  const focus = span.column - 1;
  const { line, base } = shownLine(sources, file, span.line, focus);
  if (line === "") return [located];
  const bar = paint.frame("|");
  const numbered = (number: number, text: string) => {
    const shown = text === "" ? "" : ` ${text}`;
    return ` ${paint.frame(String(number).padStart(gutter))} ${bar}${shown}`;
  };
  const lines = [located, `${" ".repeat(gutter + 2)}${bar}`];
  const before = span.line > 1 ? shownLine(sources, file, span.line - 1, 0).line : "";
  if (before.trim() !== "") lines.push(numbered(span.line - 1, cut(before, 0, 0).text));
  const from = focus - base;
  const to = Math.max(from + 1, span.endLine > span.line ? line.trimEnd().length : span.endColumn - 1 - base);
  const shown = cut(line, from, base);
  const lead = printable(line.slice(shown.from, from));
  const marked = printable(line.slice(from, Math.min(to, shown.to)));
  const indent = displayWidth(shown.cutLeft ? `…${lead}` : lead);
  lines.push(numbered(span.line, shown.text));
  lines.push(
    `${" ".repeat(gutter + 2)}${bar} ${" ".repeat(indent)}${mark("^".repeat(Math.max(1, displayWidth(marked))))}`,
  );
  return lines;
}

/**
 * The part of a line around `focus` that may be shown, and where in the line it begins. It is wider than what is printed, so
 * that the name of a secret is seen with its value; minified files are one line of megabytes.
 */
function shownLine(sources: Sources, file: string, number: number, focus: number) {
  const line = sources.line(file, number) ?? "";
  const base = Math.max(0, focus - around);
  return { line: withoutSecrets(line.slice(base, focus + around)), base };
}

/** A window of a line that holds the character at `focus`. `base`: what was left out before the line. */
function cut(line: string, focus: number, base: number) {
  let from = line.length <= maxLine || focus < maxLine / 2 ? 0 : Math.max(0, focus - Math.floor(maxLine / 3));
  let to = Math.min(line.length, from + maxLine);
  // Never between the halves of a surrogate pair.
  if (isLow(line.charCodeAt(from)) && from > 0) from--;
  if (isLow(line.charCodeAt(to)) && to < line.length) to++;
  const cutLeft = from + base > 0;
  const text = printable(line.slice(from, to)).trimEnd();
  return { from, to, cutLeft, text: `${cutLeft ? "…" : ""}${text}${to < line.length ? "…" : ""}` };
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

function shorten(text: string): string {
  return text.length <= maxMessage ? text : `${text.slice(0, maxMessage)}…`;
}
