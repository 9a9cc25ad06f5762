/**
 * What may stand at a place of a file that users write, with the words that explain it. The checks of 1-load and 2-check take
 * their keys, words and ranges from here, and the schemas for editors are printed from it: the two cannot drift apart.
 * No imports, no logic but that of building values.
 */
export type Term = TextTerm | FlagTerm | NumberTerm | WordTerm | ListTerm | MapTerm | EitherTerm | AnyTerm;

interface Described {
  /** Markdown, for whoever points at it in an editor. */
  readonly doc: string;
  readonly default?: unknown;
}

export interface TextTerm extends Described {
  readonly kind: "text";
  /** A shape that each accepted text has; the checks may ask for more. Without anchors it may stand anywhere. */
  readonly pattern?: string;
  readonly example?: string;
}

export interface FlagTerm extends Described {
  readonly kind: "flag";
  /** The other value says nothing here. */
  readonly only?: boolean;
}

/** Inclusive. */
export interface Range {
  readonly min: number;
  readonly max?: number;
  readonly whole: boolean;
}

/** Text of digits counts, too. */
export interface NumberTerm extends Described {
  readonly kind: "number";
  readonly range: Range;
}

export interface WordTerm<W extends string = string> extends Described {
  readonly kind: "word";
  readonly words: readonly W[];
  /** Upper and lower case are the same. */
  readonly anyCase?: true;
}

export interface ListTerm<T extends Term = Term> extends Described {
  readonly kind: "list";
  readonly of: T;
  readonly min?: number;
}

export interface MapTerm<K extends Keys = Keys> extends Described {
  readonly kind: "map";
  readonly keys: K;
  readonly required?: readonly string[];
  /** What other keys are: a mistake, without effect, or names that users choose. */
  readonly others: "refused" | "ignored" | Term;
}

export type Keys = Readonly<Record<string, Term>>;

/** Any one of several forms. */
export interface EitherTerm extends Described {
  readonly kind: "either";
  readonly of: readonly Term[];
}

/** Whatever it is, somebody else reads it. */
export interface AnyTerm extends Described {
  readonly kind: "any";
}

export function text(doc: string, more: Omit<TextTerm, "doc" | "kind"> = {}): TextTerm {
  return { kind: "text", doc, ...more };
}

export function flag(doc: string, more: Omit<FlagTerm, "doc" | "kind"> = {}): FlagTerm {
  return { kind: "flag", doc, ...more };
}

export function number(doc: string, range: Range, more: Pick<Described, "default"> = {}): NumberTerm {
  return { kind: "number", doc, range, ...more };
}

export function word<const W extends string>(
  doc: string,
  words: readonly W[],
  more: Omit<WordTerm, "doc" | "kind" | "words"> = {},
): WordTerm<W> {
  return { kind: "word", doc, words, ...more };
}

export function list<T extends Term>(doc: string, of: T, more: { readonly min?: number } = {}): ListTerm<T> {
  return { kind: "list", doc, of, ...more };
}

export function map<const K extends Keys>(
  doc: string,
  keys: K,
  more: { readonly required?: readonly (keyof K & string)[]; readonly others?: MapTerm["others"] } = {},
): MapTerm<K> {
  return { kind: "map", doc, keys, others: "refused", ...more };
}

export function either(doc: string, ...of: readonly Term[]): EitherTerm {
  return { kind: "either", doc, of };
}

export function any(doc: string): AnyTerm {
  return { kind: "any", doc };
}

export function termKeys(term: MapTerm): readonly string[] {
  return Object.keys(term.keys);
}
