import { lineWidth } from "./import-list.ts";

/**
 * Breaks a line that is too long as the formatter would, for the shapes that occur in every operation of a large API:
 * `if (a && b) {`, `if (a) return b;`, `{ a: b, c: d },`, and a call or a signature with plain arguments. Empty: another shape.
 */
export function breakLine(line: string): readonly string[] {
  const indent = /^ */.exec(line)?.[0] ?? "";
  const text = line.slice(indent.length);
  if (text.startsWith("if (")) {
    const end = closingParen(text, 3);
    if (end < 0) return [];
    const condition = text.slice(4, end);
    const rest = text.slice(end + 1);
    if (rest === " {") return breakCondition(indent, condition);
    return rest.startsWith(" return ") ? [`${indent}if (${condition})`, `${indent}  ${rest.slice(1)}`] : [];
  }
  if (text.startsWith("{ ") && text.endsWith(" },")) return breakObject(indent, text);
  return breakCall(indent, text);
}

/** An object among arguments or elements that stand on lines of their own. A text that does not fit beside its key stands below it. */
function breakObject(indent: string, text: string): string[] {
  const lines: string[] = [];
  for (const member of splitOutside(text.slice(2, -3), ", ")) {
    const line = `${indent}  ${member},`;
    const [, key, value] = columns(line) > lineWidth ? (textMember.exec(member) ?? []) : [];
    if (key === undefined) lines.push(line);
    else lines.push(`${indent}  ${key}:`, `${indent}    ${value},`);
  }
  return [`${indent}{`, ...lines, `${indent}},`];
}

/** A key that is longer than an indentation, and a text. */
const textMember = /^(\w{3,}): ("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')$/;

/** Whether a line holds nothing but a text: no line break makes it shorter. */
export function isText(line: string): boolean {
  return /^ *(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'),$/.test(line);
}

/** At least as many as the line takes: characters beyond ASCII may be wide. */
export function columns(line: string): number {
  if (line.length <= lineWidth / 2) return line.length;
  let wide = 0;
  for (let i = 0; i < line.length; i++) if (line.charCodeAt(i) > 0x7e) wide++;
  return line.length + wide;
}

function breakCondition(indent: string, condition: string): string[] {
  const parts = splitOutside(condition, " && ");
  if (parts.length < 2) return [];
  const last = parts.length - 1;
  const lines = parts.map((part, index) => `${indent}  ${part}${index < last ? " &&" : ""}`);
  return [`${indent}if (`, ...lines, `${indent}) {`];
}

function breakCall(indent: string, text: string): string[] {
  const open = text.indexOf("(");
  const close = open < 0 ? -1 : closingParen(text, open);
  if (close < 0 || !/^(?:;|: [A-Za-z<>| ]+ \{)$/.test(text.slice(close + 1))) return [];
  const parts = splitOutside(text.slice(open + 1, close), ", ");
  // Objects and arrays hug the parentheses: the formatter's business.
  if (parts.some((part) => part === "" || /[[{]/.test(part))) return [];
  return [
    `${indent}${text.slice(0, open + 1)}`,
    ...parts.map((part) => `${indent}  ${part},`),
    `${indent}${text.slice(close)}`,
  ];
}

/** Index of the parenthesis that closes the one at `open`; -1 when none does. */
function closingParen(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i = next(text, i)) {
    const character = text[i];
    if (character === "(") depth++;
    if (character === ")" && --depth === 0) return i;
  }
  return -1;
}

/** Splits at a separator that stands in no string and between no brackets. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i = next(text, i)) {
    const character = text[i] as string;
    if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
    else if (depth === 0 && text.startsWith(separator, i)) {
      parts.push(text.slice(start, i));
      start = i + separator.length;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The index behind the string that begins here, or behind this character. */
function next(text: string, index: number): number {
  const quote = text[index];
  if (quote !== '"' && quote !== "'") return index + 1;
  for (let i = index + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote) return i + 1;
  }
  return text.length;
}
