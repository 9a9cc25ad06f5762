import type { SourceRef } from "../model/source.ts";
import type { Place } from "./place.ts";
import { PlaceTree } from "./place-tree.ts";
import { jsonPlaces } from "./place-tree-json.ts";
import { tomlPlaces } from "./place-tree-toml.ts";
import { yamlPlaces } from "./place-tree-yaml.ts";

type Format = "json" | "proto" | "toml" | "typescript" | "xml" | "yaml";

/** Where something stands in a text. Offsets and columns are UTF-16 units; lines and columns start at 1, ends are exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

interface Source {
  readonly format: Format;
  readonly text: string;
  tree?: PlaceTree;
  lineStarts?: readonly number[];
}

/** Characters; hiding secrets in longer ones takes a while. */
const longLine = 10_000;

/** The texts that were read, and the places in them. Nothing is computed before it is asked for; each file is indexed once. */
export class Sources {
  readonly #files = new Map<string, Source>();
  /** What is never shown, wherever it stands. */
  readonly #secrets = new Set<string>();
  /** Those that were asked for. */
  readonly #longLines = new Map<string, string>();
  /** By file, the offsets at which it stands. */
  readonly #concealed = new Map<string, (readonly [start: number, end: number])[]>();

  /** `places`: where the parser has found them already; else they are looked for once one is asked for. */
  add(file: string, format: Format, text: string, places?: PlaceTree): void {
    this.#files.set(file, { format, text, ...(places && { tree: places }) });
  }

  /** Where a place is; undefined when its file was not read. A pointer that leads nowhere gives its nearest ancestor. */
  locate(place: Place): Span | undefined {
    const source = this.#files.get(place.ref.file);
    if (source === undefined) return undefined;
    const [start, end] = place.range ?? this.#range(source, place);
    const first = position(source, start);
    const last = position(source, end);
    return { start, end, line: first.line, column: first.column, endLine: last.line, endColumn: last.column };
  }

  /** A line's text without its line feed; undefined when there is no such line. Lines start at 1. */
  line(file: string, line: number): string | undefined {
    const source = this.#files.get(file);
    if (source === undefined) return undefined;
    const starts = lineStarts(source);
    const start = starts[line - 1];
    if (start === undefined) return undefined;
    const next = starts[line];
    let end = next === undefined ? source.text.length : next - 1;
    if (source.text.charCodeAt(end - 1) === 0x0d) end--;
    const shown = () => this.#veiled(file, source.text.slice(start, Math.max(start, end)), start);
    if (end - start < longLine) return shown();
    // Minified files are one line of megabytes, asked for again and again.
    const key = `${line} ${file}`;
    const known = this.#longLines.get(key) ?? shown();
    this.#longLines.set(key, known);
    return known;
  }

  /**
   * Never shows a secret that stands in a value: its characters become asterisks here and wherever else it stands; where it is
   * written in another way than it is read, all of the value's.
   */
  conceal(ref: SourceRef, secret: string): void {
    this.#secrets.add(secret);
    this.#longLines.clear();
    const source = this.#files.get(ref.file);
    if (source === undefined) return;
    const range = this.placeOf(ref, secret)?.range ?? this.#range(source, { ref, target: "value" });
    const ranges = this.#concealed.get(ref.file);
    if (ranges === undefined) this.#concealed.set(ref.file, [range]);
    else ranges.push(range);
  }

  /** Where a part of a value stands; undefined when it is not written there as it is read (escapes, folded lines). */
  placeOf(ref: SourceRef, part: string): Place | undefined {
    const source = this.#files.get(ref.file);
    if (source === undefined) return undefined;
    const [start, end] = this.#range(source, { ref, target: "value" });
    const offset = source.text.slice(start, end).indexOf(part);
    return offset < 0 ? undefined : { ref, target: "value", range: [start + offset, start + offset + part.length] };
  }

  #veiled(file: string, text: string, start: number): string {
    let shown = text;
    for (const [from, to] of this.#concealed.get(file) ?? []) {
      const [first, last] = [Math.max(0, from - start), Math.min(text.length, to - start)];
      if (first < last) shown = shown.slice(0, first) + asterisks(shown.slice(first, last)) + shown.slice(last);
    }
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, asterisks(secret));
    return shown;
  }

  /** A scalar as it is written (`1.0` where the parsed value is 1), quotes included; undefined when it is not found. */
  writtenAs(file: string, pointer: string): string | undefined {
    const source = this.#files.get(file);
    if (source === undefined) return undefined;
    const found = find(tree(source), pointer);
    if (!found.exact) return undefined;
    const [start, end] = valueRange(source, found.node);
    return this.#veiled(file, source.text.slice(start, end), start);
  }

  /** Keys that stand twice in one object, with the spans of both. */
  duplicateKeys(file: string): readonly {
    readonly key: string;
    readonly first: readonly [start: number, end: number];
    readonly repeated: readonly [start: number, end: number];
  }[] {
    const source = this.#files.get(file);
    if (source === undefined) return [];
    const places = tree(source);
    return places.duplicates().map(({ key, first, repeated }) => ({
      key,
      first: keyRange(source, first) ?? [0, 0],
      repeated: keyRange(source, repeated) ?? [0, 0],
    }));
  }

  #range(source: Source, place: Place): readonly [start: number, end: number] {
    const found = find(tree(source), place.ref.pointer);
    // What is missing has no place of its own: the object that lacks it is named by its key.
    if (found.exact && place.target === "value") return valueRange(source, found.node);
    return keyRange(source, found.node) ?? firstToken(source, found.node);
  }
}

/** One for each character, so that columns stay where they are. */
function asterisks(text: string): string {
  return text.replace(/\S/g, "*");
}

function tree(source: Source): PlaceTree {
  source.tree ??= placesIn(source);
  return source.tree;
}

function placesIn({ format, text }: Source): PlaceTree {
  if (format === "json") return jsonPlaces(text);
  if (format === "yaml") return yamlPlaces(text);
  if (format === "toml") return tomlPlaces(text);
  // A .proto or XML file that was parsed came with its places; mistakes in code are found with theirs.
  const whole = new PlaceTree();
  whole.add(0, text.length);
  return whole;
}

function find(places: PlaceTree, pointer: string): { readonly node: number; readonly exact: boolean } {
  let node = places.root;
  if (pointer === "") return { node, exact: true };
  for (const token of pointer.slice(1).split("/")) {
    const child = places.child(node, token.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (child === undefined) return { node, exact: false };
    node = child;
  }
  return { node, exact: true };
}

function keyRange(source: Source, node: number): readonly [start: number, end: number] | undefined {
  const span = tree(source).keySpan(node);
  return span && trimmed(source.text, span);
}

function valueRange(source: Source, node: number): readonly [start: number, end: number] {
  const places = tree(source);
  const [start, end] = trimmed(source.text, places.valueSpan(node), source.format === "yaml");
  // A value that is not written (`key:`) is shown by its key.
  if (start >= end) return keyRange(source, node) ?? (node === places.root ? [0, 0] : [start, start]);
  return [start, end];
}

/** The first line of a value without a key: the whole document, or an element. */
function firstToken(source: Source, node: number): readonly [start: number, end: number] {
  const [start, end] = valueRange(source, node);
  const line = source.text.slice(start, end).split(/\r?\n/, 1)[0] ?? "";
  return [start, start + Math.max(1, line.length)];
}

function trimmed(
  text: string,
  span: readonly [number, number],
  comments = false,
): readonly [start: number, end: number] {
  let [start, end] = span;
  for (;;) {
    while (start < end && isSpace(text.charCodeAt(start))) start++;
    if (!comments || text.charCodeAt(start) !== 0x23 || start >= end) break;
    const lineEnd = text.indexOf("\n", start);
    start = lineEnd < 0 || lineEnd > end ? end : lineEnd;
  }
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return [start, end];
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function lineStarts(source: Source): readonly number[] {
  if (source.lineStarts === undefined) {
    const starts = [0];
    for (let at = source.text.indexOf("\n"); at >= 0; at = source.text.indexOf("\n", at + 1)) starts.push(at + 1);
    source.lineStarts = starts;
  }
  return source.lineStarts;
}

function position(source: Source, offset: number): { readonly line: number; readonly column: number } {
  const starts = lineStarts(source);
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}
