/**
 * What is wrong with a pattern of a condition; undefined: nothing. It is a JavaScript regular expression for a whole value, which
 * clients choose: what could take longer than the square of a value's length is refused.
 */
export function patternProblem(pattern: string): string | undefined {
  try {
    new RegExp(pattern, "u");
  } catch (error) {
    return (error as Error).message.replace(/^.*?: (?=[^:]*$)/, "").toLowerCase();
  }
  let open = 0;
  let inClass = false;
  /** Where a group last ended. */
  let groupEnd = -1;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "\\") {
      i++;
      if (/[1-9k]/.test(pattern[i] ?? "") && !inClass) return "it refers back to what was matched before";
    } else if (inClass) {
      inClass = c !== "]";
    } else if (c === "[") {
      inClass = true;
    } else if (c === ")") {
      groupEnd = i;
    } else if (c === "(" && /^\(\?<?[=!]/.test(pattern.slice(i))) {
      return "it looks ahead or behind";
    } else if (c === "*" || c === "+" || c === "{") {
      const [, least = "0", comma, most = ""] = /^\{(\d+)(,?)(\d*)\}/.exec(pattern.slice(i)) ?? [];
      const bounded = c === "{" && (comma === "" || most !== "");
      if (groupEnd === i - 1) return "it repeats a group";
      if (!bounded || Number(most === "" ? least : most) > 100) open++;
    }
  }
  return open > 2 ? "it has more than two open-ended repetitions" : undefined;
}
