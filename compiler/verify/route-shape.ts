import type { PathSegment } from "../model/checked-project.ts";

/** What one segment of a path must be. */
export type SegmentShape =
  | { readonly kind: "literal"; readonly text: string }
  /** The texts in this order with something between each two: `{id}.json` is `["", ".json"]`; `["", ""]` is anything but nothing. */
  | { readonly kind: "texts"; readonly texts: readonly string[] };

/** The paths that an operation answers, below its base path. */
export interface RouteShape {
  readonly segments: readonly SegmentShape[];
  /** Any segments may follow, also none. */
  readonly open: boolean;
}

/** What a path template stands for; names of parameters mean nothing. */
export function shapeOfTemplate(template: readonly PathSegment[]): RouteShape {
  const segments: SegmentShape[] = [];
  for (const segment of template) {
    if (segment.kind === "wildcard") return { segments, open: true };
    if (segment.kind === "literal") segments.push(segment);
    else {
      const { prefix, suffix, more = [] } = segment;
      segments.push({ kind: "texts", texts: [prefix, ...more.map(({ text }) => text), suffix] });
    }
  }
  return { segments, open: false };
}

/** Equal for shapes that the same paths have. */
export function keyOfShape({ segments, open }: RouteShape): string {
  return JSON.stringify([segments.map((one) => (one.kind === "literal" ? one.text : one.texts)), open]);
}

/** A shape as a path template. */
export function templateOfShape({ segments, open }: RouteShape): string {
  const parts = segments.map((one) => (one.kind === "literal" ? one.text : one.texts.join("{}")));
  return `/${[...parts, ...(open ? ["*"] : [])].join("/")}`;
}

/** Whether some path may have both shapes. Errs only towards yes. */
export function overlap(a: RouteShape, b: RouteShape): boolean {
  if (!a.open && a.segments.length < b.segments.length) return false;
  if (!b.open && b.segments.length < a.segments.length) return false;
  const both = Math.min(a.segments.length, b.segments.length);
  // Most shapes differ in a literal, which costs nothing to see.
  for (let i = 0; i < both; i++) {
    const [first, second] = [a.segments[i] as SegmentShape, b.segments[i] as SegmentShape];
    if (first.kind === "literal" && second.kind === "literal" && first.text !== second.text) return false;
  }
  for (let i = 0; i < both; i++) {
    if (!segmentsOverlap(a.segments[i] as SegmentShape, b.segments[i] as SegmentShape)) return false;
  }
  return true;
}

function segmentsOverlap(a: SegmentShape, b: SegmentShape): boolean {
  if (a.kind === "literal") return b.kind === "literal" ? a.text === b.text : matchesTexts(a.text, b.texts);
  if (b.kind === "literal") return matchesTexts(b.text, a.texts);
  const [first, last] = [ends(a.texts), ends(b.texts)];
  return (
    (first.begin.startsWith(last.begin) || last.begin.startsWith(first.begin)) &&
    (first.end.endsWith(last.end) || last.end.endsWith(first.end))
  );
}

function ends(texts: readonly string[]): { readonly begin: string; readonly end: string } {
  return { begin: texts[0] ?? "", end: texts[texts.length - 1] ?? "" };
}

/** Whether a segment has the texts in order, with at least a character between each two. */
function matchesTexts(segment: string, texts: readonly string[]): boolean {
  const { begin, end } = ends(texts);
  if (!segment.startsWith(begin)) return false;
  let from = begin.length + 1;
  for (const text of texts.slice(1, -1)) {
    const found = segment.indexOf(text, from);
    if (found < 0) return false;
    from = found + text.length + 1;
  }
  return segment.endsWith(end) && from <= segment.length - end.length;
}

/**
 * Whether a path of both shapes belongs to the first: at the first segment in which they differ, a literal wins over texts around
 * parameters, those over a plain parameter, and that over any remainder; of texts the longer beginning, then the longer end, then
 * the more between, then their order.
 */
export function isPreferred(a: RouteShape, b: RouteShape): boolean {
  for (let i = 0; ; i++) {
    const [first, second] = [a.segments[i], b.segments[i]];
    // The end of a template wins over any remainder.
    if (first === undefined && second === undefined) return !a.open && b.open;
    if (first === undefined || second === undefined) return second === undefined;
    const order = compareSegments(first, second);
    if (order !== 0) return order < 0;
  }
}

function compareSegments(a: SegmentShape, b: SegmentShape): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a.kind === "literal" || b.kind === "literal") return 0;
  const [first, second] = [ends(a.texts), ends(b.texts)];
  if (first.begin.length !== second.begin.length) return second.begin.length - first.begin.length;
  if (first.end.length !== second.end.length) return second.end.length - first.end.length;
  if (a.texts.length !== b.texts.length) return b.texts.length - a.texts.length;
  const [one, other] = [a.texts.join("1"), b.texts.join("1")];
  return one === other ? 0 : one < other ? -1 : 1;
}

function rank(segment: SegmentShape): number {
  if (segment.kind === "literal") return 0;
  return segment.texts.every((text) => text === "") && segment.texts.length === 2 ? 2 : 1;
}
