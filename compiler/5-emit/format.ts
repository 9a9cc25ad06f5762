import { format } from "prettier";
import { lineWidth } from "./import-list.ts";

/**
 * Formats one top-level piece of a generated file. The templates write what fits into a line in its final form, so only
 * text that may not is handed to the formatter: it takes about 95 % of the time of a large API otherwise. A test holds the
 * formatter to agreeing with all the rest.
 */
export async function formatPiece(text: string): Promise<string> {
  const trimmed = text.replace(/[ \t]+$/gm, "").trimEnd();
  return mayNeedBreaks(trimmed) ? formatAlways(trimmed) : trimmed;
}

/** Formats text whose template leaves the line breaks to the formatter. For the few declarations that occur once an API. */
export async function formatAlways(text: string): Promise<string> {
  const formatted = await format(text, { parser: "typescript", printWidth: lineWidth, endOfLine: "lf" });
  return formatted.trimEnd();
}

/** A line that is too long, or an array of objects or arrays, which the formatter breaks at any length. */
function mayNeedBreaks(text: string): boolean {
  for (const line of text.split("\n")) {
    if (line.length <= lineWidth / 2) continue;
    if (/^ *\/\//.test(line)) continue;
    if (columns(line) > lineWidth) return true;
  }
  return /\}, \{|, [^[\]]*\], \[[^[\]]*, /.test(text);
}

/** At least as many as the line takes: characters beyond ASCII may be wide. */
function columns(line: string): number {
  let wide = 0;
  for (let i = 0; i < line.length; i++) if (line.charCodeAt(i) > 0x7e) wide++;
  return line.length + wide;
}
