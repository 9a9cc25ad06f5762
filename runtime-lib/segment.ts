/**
 * Whether a segment begins with the first text, ends with the last and has the others between, in this order, with
 * something around each: `range(from=1,to=2)` and `["range(from=", ",to=", ")"]`. For path templates with several
 * parameters in one segment. The leftmost place of each text decides; if that leaves no room, no other place does.
 */
export function holdsTexts(segment: string, texts: readonly [first: string, ...rest: string[]]): boolean {
  const last = texts[texts.length - 1] as string;
  if (!segment.startsWith(texts[0]) || !segment.endsWith(last)) return false;
  let from = texts[0].length + 1;
  for (let i = 1; i < texts.length - 1; i++) {
    const text = texts[i] as string;
    const found = segment.indexOf(text, from);
    if (found < 0) return false;
    from = found + text.length + 1;
  }
  return from <= segment.length - last.length;
}
