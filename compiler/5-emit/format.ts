import { format } from "prettier";
import { lineWidth } from "./import-list.ts";
import { breakLine, columns, isText } from "./line-breaks.ts";

/**
 * Formats one top-level piece of a generated file. The templates write what fits into a line in its final form, so only
 * lines that do not fit are worked on, and the formatter sees only a piece with a line of unusual shape: on a large API
 * it takes ten times as long as all the rest. A test holds both ways to the same result.
 */
export async function formatPiece(text: string): Promise<string> {
  const lines: string[] = [];
  let usual = !mayHoldMatrix(text);
  for (const full of text.trimEnd().split("\n")) {
    const line = full.trimEnd();
    if (columns(line) <= lineWidth || isComment(line)) {
      lines.push(line);
      continue;
    }
    const broken = breakLine(line);
    usual &&= broken.length > 0 && broken.every((part) => columns(part) <= lineWidth || isText(part));
    lines.push(...(usual ? broken : [line]));
  }
  const result = lines.join("\n");
  return usual ? result : formatAlways(result);
}

/** Formats text whose template leaves the line breaks to the formatter. For the few declarations that occur once an API. */
export async function formatAlways(text: string): Promise<string> {
  const formatted = await format(text, { parser: "typescript", printWidth: lineWidth, endOfLine: "lf" });
  return formatted.trimEnd();
}

function isComment(line: string): boolean {
  const text = line.trimStart();
  return text.startsWith("//") || (text.startsWith("/**") && text.indexOf("*/") === text.length - 2);
}

/** Arrays of objects or of arrays, which the formatter breaks at any length. */
function mayHoldMatrix(text: string): boolean {
  if (text.includes("}, {")) return true;
  return text.includes("], [") && /, [^[\]]*\], \[[^[\]]*, /.test(text);
}
