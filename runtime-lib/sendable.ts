/** Fields as text: what may stand on a field line, and what may not (RFC 9110 section 5). */

const token = /^[\w!#$%&'*+.^`|~-]+$/;
const value = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether all of these fields may stand in a head. */
export function allSendable(fields: readonly string[]): boolean {
  for (let i = 0; i < fields.length; i += 2)
    if (!isSendable(fields[i] as string, fields[i + 1] as string)) return false;
  return true;
}

function isSendable(name: string, text: string): boolean {
  return token.test(name) && value.test(text);
}

/**
 * Drops what may not stand in a head, in place. What a parser has read needs it not: it is for what was made here, of
 * settings, definitions and requests.
 */
export function dropUnsendable(fields: string[]): void {
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const key = fields[i] as string;
    const text = fields[i + 1] as string;
    if (!isSendable(key, text)) continue;
    fields[kept++] = key;
    fields[kept++] = text;
  }
  fields.length = kept;
}

/** Field lines of trailers and early hints, without what may not stand there. */
export function fieldLines(fields: string[]): string {
  dropUnsendable(fields);
  let text = "";
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return text;
}
