/** How the linter's organizeImports ranks punctuation: CLDR's root collation, as far as names and our paths need it. */
const punctuation = ".-_$";

/**
 * Compares as the linter sorts imported names and paths: letter by letter `A < a < B < b`, a run of digits first by its
 * length, then by value; what ends first comes first.
 */
export function naturalOrder(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = digitsAt(a, i);
    const y = digitsAt(b, j);
    if (x !== "" && y !== "") {
      if (x.length !== y.length) return x.length - y.length;
      if (x !== y) return x < y ? -1 : 1;
      i += x.length;
      j += y.length;
      continue;
    }
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(j));
    if (difference !== 0) return difference;
    i++;
    j++;
  }
  return a.length - i - (b.length - j);
}

function digitsAt(text: string, start: number): string {
  let end = start;
  while (isDigit(text.charCodeAt(end))) end++;
  return text.slice(start, end);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function rank(code: number): number {
  const mark = punctuation.indexOf(String.fromCharCode(code));
  if (mark >= 0) return mark;
  if (isDigit(code)) return 100 + code;
  const isUpper = code >= 0x41 && code <= 0x5a;
  return 1000 + 2 * (isUpper ? code + 0x20 : code) + (isUpper ? 0 : 1);
}
