/** Longest value that is looked at, as a power of two: what an open-ended repetition may take. */
const openBits = 10;
/** Two open-ended repetitions, and a little beside them. */
const mostBits = 2 * openBits + 4;
/** Repetitions up to this are not open-ended. */
const mostCounted = 100;

/**
 * What is wrong with a pattern of a condition; undefined: nothing. It is a JavaScript regular expression for a whole value, which
 * clients choose: what could take longer than about the square of a value's length is refused. A value can be matched in no more
 * ways than the choices of all parts multiplied, as long as no group is repeated: their logarithms are added up.
 */
export function patternProblem(pattern: string): string | undefined {
  try {
    new RegExp(pattern, "u");
  } catch (error) {
    return (error as Error).message.replace(/^.*?: (?=[^:]*$)/, "").toLowerCase();
  }
  let bits = 0;
  let open = 0;
  let inClass = false;
  /** What stands before: the end of a group, a repetition, or anything else. */
  let before: "group" | "repetition" | "other" = "other";
  /** Of each group that is open, and of the whole. */
  const alternatives = [1];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    const last = before;
    before = "other";
    if (c === "\\") {
      i++;
      if (/[1-9k]/.test(pattern[i] ?? "") && !inClass) return "it refers back to what was matched before";
      // `\p{L}`, `\u{1f600}`
      if (/[pPu]/.test(pattern[i] ?? "") && pattern[i + 1] === "{") i = pattern.indexOf("}", i);
    } else if (inClass) {
      inClass = c !== "]";
    } else if (c === "[") {
      inClass = true;
    } else if (c === "(") {
      if (/^\(\?<?[=!]/.test(pattern.slice(i))) return "it looks ahead or behind";
      alternatives.push(1);
      // `(?:`, `(?<name>`
      if (pattern[i + 1] === "?") i++;
    } else if (c === "|") {
      alternatives.push((alternatives.pop() ?? 0) + 1);
    } else if (c === ")") {
      bits += Math.log2(alternatives.pop() ?? 1);
      before = "group";
    } else if (c === "?") {
      // Behind a repetition it says that fewer are tried first.
      if (last !== "repetition") bits++;
      before = "repetition";
    } else if (c === "*" || c === "+" || c === "{") {
      if (last === "group") return "it repeats a group";
      const [text = c, least = "0", comma, most = ""] = /^\{(\d+)(,?)(\d*)\}/.exec(pattern.slice(i)) ?? [];
      const highest = most === "" ? Number(least) : Number(most);
      const isOpen = c !== "{" || (comma === "," && most === "") || highest > mostCounted;
      if (isOpen) open++;
      bits += isOpen ? openBits : Math.log2(highest - Number(least) + 1);
      i += text.length - 1;
      before = "repetition";
    }
  }
  if (open > 2) return "it has more than two open-ended repetitions";
  bits += Math.log2(alternatives[0] ?? 1);
  return bits > mostBits ? "it has too many parts that can be matched in several ways" : undefined;
}
