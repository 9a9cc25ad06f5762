/** A word, number, string or symbol of a `.proto` text. Offsets are UTF-16 units, the end exclusive. */
export interface Token {
  readonly kind: "word" | "number" | "string" | "symbol" | "unusable" | "end";
  /** As written; of a string what its escapes stand for; of what is unusable the reason. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const blank = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?/y;
const quoted = /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'/y;

/** The tokens of a `.proto` text, comments left out; the last one is always the end. Never throws. */
export function protoTokens(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  for (;;) {
    at += take(blank)?.length ?? 0;
    if (at >= text.length) break;
    const token = tokenAt();
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: "end", text: "", start: text.length, end: text.length });
  return tokens;

  function tokenAt(): Token {
    for (const [kind, pattern] of [
      ["word", word],
      ["number", number],
    ] as const) {
      const found = take(pattern);
      if (found !== undefined) return { kind, text: found, start: at, end: at + found.length };
    }
    const string = take(quoted);
    if (string !== undefined) {
      return { kind: "string", text: unescaped(string.slice(1, -1)), start: at, end: at + string.length };
    }
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === '"' || character === "'") return unusable("the string has no closing quote", lineEnd());
    if (text.startsWith("/*", at)) return unusable("the comment has no end", text.length);
    if (/^[!-~]$/.test(character)) return { kind: "symbol", text: character, start: at, end: at + 1 };
    return unusable("names are written with letters a to z, digits and _", at + character.length);
  }

  function unusable(why: string, end: number): Token {
    return { kind: "unusable", text: why, start: at, end };
  }

  function lineEnd(): number {
    const end = text.indexOf("\n", at);
    return end < 0 ? text.length : end;
  }
}

const escapes = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
]);

function unescaped(text: string): string {
  return text.replace(
    /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|(.))/gs,
    (whole, octal?: string, hex?: string, unicode?: string, letter?: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      const code = hex ?? unicode;
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      return letter === undefined ? whole : (escapes.get(letter) ?? letter);
    },
  );
}
