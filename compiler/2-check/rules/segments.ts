import type { PathSegment } from "../../model/checked-project.ts";

/**
 * What segments of path templates match, and how they compare. Exact, because texts that stand for parameters are made of
 * `filler`: what matches such a text has no literal there, so it matches whatever else may stand for the parameter.
 */

type Parameter = Extract<PathSegment, { kind: "parameter" }>;
/** A segment that stands for one segment of a request. */
export type OneSegment = Exclude<PathSegment, { kind: "wildcard" }>;

/** A character that no template holds: requests may not hold it either, so it is replaced before one is shown. */
export const filler = "\0";

/** Literal texts around and between the parameters of a segment; one text for a literal. */
function textsOf(segment: OneSegment): readonly string[] {
  if (segment.kind === "literal") return [segment.text];
  return [segment.prefix, ...(segment.more ?? []).map(({ text }) => text), segment.suffix];
}

/** Whether anything but an empty text matches: `{id}` alone. */
export function isPlain(segment: OneSegment): boolean {
  return segment.kind === "parameter" && textsOf(segment).every((text) => text === "") && segment.more === undefined;
}

/** The segment with the same thing for each parameter. */
export function fill(segment: OneSegment, parameter = filler): string {
  return textsOf(segment).join(parameter);
}

/** Equal for segments that match the same texts. */
export function shapeOf(segment: OneSegment): string {
  return fill(segment);
}

/** Whether a segment matches a text: something must stand for each parameter, the first that fits as well as any other. */
export function matchesText(segment: OneSegment, text: string): boolean {
  if (segment.kind === "literal") return segment.text === text;
  const { prefix, suffix, more = [] } = segment;
  if (!text.startsWith(prefix) || !text.endsWith(suffix)) return false;
  let from = prefix.length + 1;
  for (const piece of more) {
    const found = text.indexOf(piece.text, from);
    if (found < 0) return false;
    from = found + piece.text.length + 1;
  }
  return from <= text.length - suffix.length;
}

/**
 * Which of two segments is asked first, negative for `a`: literal text, then parameters with text around them (longer text in
 * front, longer text behind, more parameters, then plain order), then a plain parameter. 0: they are of one shape.
 */
export function compareSegments(a: OneSegment, b: OneSegment): number {
  const byKind = rank(a) - rank(b);
  if (byKind !== 0 || a.kind === "literal" || b.kind === "literal") return byKind;
  const byText = b.prefix.length - a.prefix.length || b.suffix.length - a.suffix.length || countOf(b) - countOf(a);
  if (byText !== 0 || shapeOf(a) === shapeOf(b)) return byText;
  return fill(a, "1") < fill(b, "1") ? -1 : 1;
}

function rank(segment: OneSegment): number {
  if (segment.kind === "literal") return 0;
  return isPlain(segment) ? 2 : 1;
}

function countOf({ more }: Parameter): number {
  return more?.length ?? 0;
}

/** Whether some text matches both. */
export function overlaps(a: OneSegment, b: OneSegment): boolean {
  if (a.kind === "literal") return matchesText(b, a.text);
  if (b.kind === "literal") return matchesText(a, b.text);
  // Between the longer of both fronts and the longer of both ends there is room for all that stands between.
  return isEither(a.prefix, b.prefix, "startsWith") && isEither(a.suffix, b.suffix, "endsWith");
}

function isEither(a: string, b: string, how: "startsWith" | "endsWith"): boolean {
  return a[how](b) || b[how](a);
}

/** At most so many texts are tried for two segments with text around their parameters: enough for four in each. */
const textsAtMost = 200;

/**
 * Texts that match both segments, as many as can differ in what else matches them; the simplest first. Every other common
 * text has one among these that stands for it: whatever matches the one here matches that text, too.
 */
export function* commonTexts(a: OneSegment, b: OneSegment): Generator<string> {
  if (!overlaps(a, b)) return;
  if (a.kind === "literal" || isPlain(b) || shapeOf(a) === shapeOf(b)) return yield fill(a);
  if (b.kind === "literal" || isPlain(a)) return yield fill(b);
  const longer = (one: string, other: string): string => (one.length >= other.length ? one : other);
  const between = [...(a.more ?? []), ...(b.more ?? [])].map(({ text }) => text + filler).join("");
  const simplest = `${longer(a.prefix, b.prefix)}${filler}${between}${longer(a.suffix, b.suffix)}`;
  yield simplest;
  let left = textsAtMost;
  for (const text of interleaved(tokensOf(a), tokensOf(b))) {
    if (text !== simplest) yield text;
    if (--left === 0) return;
  }
}

/** A character, or `filler` for one or more of any. */
type Tokens = readonly string[];

function tokensOf(segment: OneSegment): Tokens {
  return textsOf(segment).flatMap((text, index) => (index === 0 ? [...text] : [filler, ...text]));
}

/** Where a reader of tokens stands: before token `at`, or, `inside`, within the parameter at `at`. */
interface Reader {
  readonly at: number;
  readonly inside: boolean;
}

/** All texts that both read, one filler for any run that lies within a parameter of both. */
function* interleaved(a: Tokens, b: Tokens): Generator<string> {
  const stack: { readonly text: string; readonly one: Reader; readonly other: Reader }[] = [
    { text: "", one: { at: 0, inside: false }, other: { at: 0, inside: false } },
  ];
  const seen = new Set<string>();
  const known = new Set<string>();
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    const { text, one, other } = state;
    if (isAtEnd(one, a) && isAtEnd(other, b) && !seen.has(text)) {
      seen.add(text);
      yield text;
    }
    for (const sign of new Set([...wanted(one, a), ...wanted(other, b), filler])) {
      if (sign === filler && text.endsWith(filler)) continue;
      for (const nextOne of read(one, a, sign)) {
        for (const nextOther of read(other, b, sign)) {
          // A character that stands for a parameter in both is part of a filler.
          if (sign !== filler && nextOne.inside && nextOther.inside) continue;
          const next = { text: text + sign, one: nextOne, other: nextOther };
          const key = JSON.stringify(next);
          if (known.has(key) || known.size > 100 * textsAtMost) continue;
          known.add(key);
          stack.push(next);
        }
      }
    }
  }
}

function isAtEnd({ at, inside }: Reader, tokens: Tokens): boolean {
  return inside ? at === tokens.length - 1 : at === tokens.length;
}

/** The characters that bring a reader on. */
function wanted({ at, inside }: Reader, tokens: Tokens): readonly string[] {
  const next = tokens[inside ? at + 1 : at];
  return next === undefined || next === filler ? [] : [next];
}

function read(reader: Reader, tokens: Tokens, sign: string): readonly Reader[] {
  const { at, inside } = reader;
  const next = inside ? at + 1 : at;
  const onwards: Reader[] = inside ? [reader] : [];
  if (tokens[next] === filler) onwards.push({ at: next, inside: true });
  else if (tokens[next] === sign) onwards.push({ at: next + 1, inside: false });
  return onwards;
}

/** Whether every request that `narrow` matches is matched by `wide`, too. */
export function covers(wide: readonly PathSegment[], narrow: readonly PathSegment[]): boolean {
  const open = wide.at(-1)?.kind === "wildcard";
  const fixed = open ? wide.length - 1 : wide.length;
  const narrowOpen = narrow.at(-1)?.kind === "wildcard";
  const narrowFixed = narrowOpen ? narrow.length - 1 : narrow.length;
  if (open ? narrowFixed < fixed : narrowOpen || narrowFixed !== fixed) return false;
  for (let index = 0; index < fixed; index++) {
    if (!matchesText(wide[index] as OneSegment, fill(narrow[index] as OneSegment))) return false;
  }
  return true;
}

/**
 * Which of two overlapping templates a request goes to that no third one takes: from the left, the first segment in which
 * they differ. Negative: `a`.
 */
export function compareTemplates(a: readonly PathSegment[], b: readonly PathSegment[]): number {
  for (let index = 0; ; index++) {
    const [one, other] = [a[index], b[index]];
    // The end wins over a wildcard that may match nothing.
    if (one?.kind === "wildcard" || other?.kind === "wildcard") {
      return Number(one?.kind === "wildcard") - Number(other?.kind === "wildcard");
    }
    if (one === undefined || other === undefined) return 0;
    const difference = compareSegments(one, other);
    if (difference !== 0) return difference;
  }
}
