/**
 * How values from outside become source text. What is printed can hold no character that ends a literal or a comment, is
 * not shown as itself, or changes the direction of the text around it.
 */

/** Controls, format characters (bidirectional overrides among them), line separators, lone surrogates, private use. */
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeCharacter(character: string): string {
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  let escaped = "";
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}

/**
 * A string literal as the formatter writes it: double quotes, unless single quotes need fewer escapes. `${` is escaped
 * too: in a plain string it means nothing, and looks as if it did.
 */
export function stringLiteral(text: string): string {
  const doubles = text.split('"').length;
  const singles = text.split("'").length;
  const quote = doubles > singles ? "'" : '"';
  const body = text
    .replaceAll("\\", "\\\\")
    .replaceAll(quote, `\\${quote}`)
    .replaceAll("${", "\\u0024{")
    .replace(unprintable, escapeCharacter);
  return quote + body + quote;
}

/** Text on one line that can stand in any comment. */
export function commentText(text: string): string {
  return text.replace(unprintable, escapeCharacter).replaceAll("*/", "*\\/");
}

/** A path or URL in a comment or in a column: without blanks. */
export function pathText(text: string): string {
  return commentText(text).replace(/\s/gu, encodeURIComponent);
}

/** A whole number with separators: `60_000`. */
export function numberLiteral(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a count or a duration: ${value}`);
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, "_");
}

/** A share or a factor. */
export function fractionLiteral(value: number): string {
  if (Number.isSafeInteger(value)) return numberLiteral(value);
  if (!Number.isFinite(value) || value < 0) throw new Error(`not a share or a factor: ${value}`);
  return String(value);
}

/** Throws unless `text` can stand where code wants a name. Words of the language were refused when the name was made. */
export function identifier(text: string): string {
  if (!/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(text)) throw new Error(`not an identifier: ${JSON.stringify(text)}`);
  return text;
}
