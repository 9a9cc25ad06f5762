import type { SourceRef } from "../model/source.ts";

/** What of the referenced member a diagnostic points at; `missing`: a key that should stand inside `ref`'s object. */
export type Target = "key" | "value" | "missing";

/** A place in a source file, still a pointer: line and column are found only when it is printed. */
export interface Place {
  readonly ref: SourceRef;
  readonly target: Target;
  /** For mistakes that a parser found before there were pointers: character offsets into the text. */
  readonly range?: readonly [start: number, end: number];
}

export function at(ref: SourceRef, target: Target = "value"): Place {
  return { ref, target };
}

/** A mistake at an offset of a text that has no pointers (syntax errors). */
export function atOffset(file: string, start: number, end: number): Place {
  return { ref: { file, pointer: "" }, target: "value", range: [start, end] };
}
