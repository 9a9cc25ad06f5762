/** Words that act on their own, or bring other code in by more than a name. */
const acting =
  /->|\b(while|foreach|worker|fork|lock|start|panic|check|checkpanic|trap|service|listener|transaction|retry|wait|xmlns|new)\b/;

/**
 * Whether a Ballerina extension file cannot have any effect: its functions call only functions of the same file that are
 * empty, answer nothing but `true`, and change nothing beyond their own variables. So it is with the files that the
 * original's `init` creates (T-PRJ-03), commented examples included. Anything not understood counts as having an effect.
 */
export function doesNothing(text: string): boolean {
  const code = withoutComments(text);
  if (code === undefined || acting.test(code)) return false;
  const empty = new Set<string>();
  for (const [, name = ""] of code.matchAll(/\bfunction\s+(\w+)\s*\([^()]*\)\s*(?:returns\s+[\w:?|]+\s*)?\{\s*\}/g)) {
    empty.add(name);
  }
  // Not calls: what is declared, and the conditions of `if`.
  const bodies = code.replaceAll(/\bfunction\s+\w+\s*\(/g, ";(");
  for (const [, callee = ""] of bodies.matchAll(/([\w.:]+)\s*\(/g)) {
    if (callee !== "if" && !empty.has(callee)) return false;
  }
  for (const [, answer = ""] of code.matchAll(/\breturn\b([^;]*);/g)) {
    if (!["", "true"].includes(answer.trim())) return false;
  }
  // An assignment may only make or change a variable of the function: no member, no element.
  const statements = code.replaceAll(/[=!<>]=+/g, " ").split(/[;{}]/);
  return statements.every((statement) => {
    const equals = statement.indexOf("=");
    return equals < 0 || /^\s*(?:[\w:?]+\s+)?\w+\s*$/.test(statement.slice(0, equals));
  });
}

/** Comments become blanks and texts become `""`; undefined when a text does not end. */
function withoutComments(text: string): string | undefined {
  let code = "";
  for (const line of text.split(/\r?\n/)) {
    let at = 0;
    while (at < line.length) {
      const char = line[at];
      if (char === "`") return undefined;
      if ((char === "/" && line[at + 1] === "/") || (char === "#" && code.trimEnd().match(/(^|[;{}])$/))) break;
      if (char === '"') {
        const close = /^"(?:[^"\\]|\\.)*"/.exec(line.slice(at));
        if (close === null) return undefined;
        code += '""';
        at += close[0].length;
        continue;
      }
      code += char;
      at++;
    }
    code += "\n";
  }
  return code;
}
