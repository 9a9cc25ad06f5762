import { ts } from "@ts-morph/common";

/** One token, blanks and comments dropped. */
interface Token {
  readonly kind: ts.SyntaxKind;
  readonly text: string;
}

const closing: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.CloseBraceToken,
  ts.SyntaxKind.CloseBracketToken,
  ts.SyntaxKind.CloseParenToken,
]);

/** Bounds the memory for a large API. */
const knownAtMost = 1_000;

/** Names that are always there. */
const globals: ReadonlySet<string> = new Set(["Promise", "undefined"]);

/** Reads source text as the language does, so that layout and spelling of literals make no difference. */
export class TokenReader {
  readonly #scanner = ts.createScanner(ts.ScriptTarget.Latest, true);
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
   * forms are the same code.
   */
  normalForm(text: string, start = 0, end = text.length): string {
    const tokens = this.#read(text, start, end);
    let form = "";
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i] as Token;
      const next = tokens[i + 1];
      if (token.kind === ts.SyntaxKind.CommaToken && next !== undefined && closing.has(next.kind)) continue;
      form += form === "" ? token.text : ` ${token.text}`;
    }
    return form;
  }

  /** How often `text` says which name: not counting members, keys, parameters, or names of the language itself. */
  names(text: string, start: number, end: number): ReadonlyMap<string, number> {
    const tokens = this.#read(text, start, end);
    const names = new Map<string, number>();
    tokens.forEach(({ kind, text }, index) => {
      if (kind !== ts.SyntaxKind.Identifier || globals.has(text)) return;
      const before = tokens[index - 1]?.kind;
      if (before === ts.SyntaxKind.DotToken || before === ts.SyntaxKind.QuestionDotToken) return;
      const opensKey =
        before === ts.SyntaxKind.OpenBraceToken ||
        before === ts.SyntaxKind.CommaToken ||
        before === ts.SyntaxKind.OpenParenToken;
      if (opensKey && tokens[index + 1]?.kind === ts.SyntaxKind.ColonToken) return;
      names.set(text, (names.get(text) ?? 0) + 1);
    });
    return names;
  }

  #read(text: string, start: number, end: number): Token[] {
    const scanner = this.#scanner;
    scanner.setText(text, start, end - start);
    const tokens: Token[] = [];
    for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
      tokens.push({ kind, text: this.#textOf(kind) });
    }
    return tokens;
  }

  #textOf(kind: ts.SyntaxKind): string {
    if (kind === ts.SyntaxKind.StringLiteral) return quoted(this.#scanner.getTokenValue());
    if (kind === ts.SyntaxKind.NumericLiteral) return this.#scanner.getTokenValue();
    return this.#scanner.getTokenText();
  }
}

/** A string literal that any reader of the language takes as it is: ASCII only. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
