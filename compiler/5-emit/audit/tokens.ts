import { type Token as AcornToken, tokenizer, tokTypes } from "acorn";

/** One token, blanks and comments dropped. */
interface Token {
  readonly start: number;
  /** A literal stands by its value. */
  readonly text: string;
}

/** Bounds the memory for a large API. */
const knownAtMost = 1_000;

/** Names that are always there. */
const globals: ReadonlySet<string> = new Set(["Promise", "undefined"]);

/** Words of the language that are no names. */
const words: ReadonlySet<string> = new Set(
  (
    "async await break case catch class const continue debugger default delete do else enum export extends false finally for " +
    "function if import in instanceof let new null return super switch this throw true try typeof var void while with yield"
  ).split(" "),
);

/** Reads source text as the language does, so that layout and spelling of literals make no difference. */
export class TokenReader {
  /** The file that was read last: it is asked for statement by statement. */
  #file: { readonly text: string; readonly tokens: readonly Token[] } = { text: "", tokens: [] };
  /** Forms of short texts without an operation's own names: most of what is planned. */
  readonly #known = new Map<string, string>();

  /** `normalForm` of text that is planned again and again. */
  planned(text: string): string {
    let form = this.#known.get(text);
    if (form === undefined) {
      form = this.normalForm(text);
      if (this.#known.size < knownAtMost) this.#known.set(text, form);
    }
    return form;
  }

  /**
   * `text` in one normal form: one blank between tokens, literals by their value, no trailing commas. Two texts with equal
   * forms are the same code. A part begins and ends between two tokens.
   */
  normalForm(text: string, start = 0, end = text.length): string {
    const tokens = this.#tokensOf(text, start, end);
    let form = "";
    for (let i = 0; i < tokens.length; i++) {
      const word = (tokens[i] as Token).text;
      if (word === "," && i + 1 < tokens.length && isClosing((tokens[i + 1] as Token).text)) continue;
      form += form === "" ? word : ` ${word}`;
    }
    return form;
  }

  /** How often `text` says which name: not counting members, keys, parameters, or names of the language itself. */
  names(text: string, start: number, end: number): ReadonlyMap<string, number> {
    const tokens = this.#tokensOf(text, start, end);
    const names = new Map<string, number>();
    for (let i = 0; i < tokens.length; i++) {
      const name = (tokens[i] as Token).text;
      if (!/^[A-Za-z_$\u0080-\uffff]/.test(name) || words.has(name) || globals.has(name)) continue;
      const before = tokens[i - 1]?.text;
      if (before === "." || before === "?.") continue;
      if ((before === "{" || before === "," || before === "(") && tokens[i + 1]?.text === ":") continue;
      names.set(name, (names.get(name) ?? 0) + 1);
    }
    return names;
  }

  #tokensOf(text: string, start: number, end: number): readonly Token[] {
    if (start === 0 && end === text.length) return tokensIn(text);
    if (this.#file.text !== text) this.#file = { text, tokens: tokensIn(text) };
    const { tokens } = this.#file;
    return tokens.slice(firstFrom(tokens, start), firstFrom(tokens, end));
  }
}

/** Types are the same kinds of tokens as all else. What is no token at all is planned nowhere: it stands for the rest of the text. */
function tokensIn(text: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  try {
    for (const token of tokenizer(text, { ecmaVersion: 2024, sourceType: "module" })) {
      tokens.push({ start: token.start, text: wordOf(token, text) });
      end = token.end;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    tokens.push({ start: end, text: text.slice(end) });
  }
  return tokens;
}

function wordOf(token: AcornToken, text: string): string {
  // The library's types leave out what a literal comes to.
  const { value } = token as { readonly value?: unknown };
  if (token.type === tokTypes.string) return quoted(String(value));
  if (token.type === tokTypes.num && typeof value === "number") return String(value);
  return text.slice(token.start, token.end);
}

/** Index of the first token that begins there or later. */
function firstFrom(tokens: readonly Token[], start: number): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle] as Token).start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isClosing(text: string): boolean {
  return text === "}" || text === "]" || text === ")";
}

/** A string literal that any reader of the language takes as it is: ASCII only. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
