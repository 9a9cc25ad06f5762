/** Where a fact was written. A pointer survives edits elsewhere in the file; a line number does not. */
export interface SourceRef {
  /** Project-relative, with `/` on every platform. */
  readonly file: string;
  /** RFC 6901 JSON pointer; `""` is the whole document. */
  readonly pointer: string;
}

/** A file as it was read. Places are computed from `text`, and only when a diagnostic is printed. */
export interface SourceDocument {
  readonly file: string;
  readonly format: "json" | "proto" | "toml" | "xml" | "yaml";
  readonly text: string;
  /** Plain data. Keys are own properties, also `__proto__`: never read it with plain member access, use a Cursor. */
  readonly value: unknown;
}

/**
 * A value together with the place where it was written. The only way in which the compiler reads a definition: own keys
 * only, and a `$ref` is followed to its target, whose place it then carries. Owner: 1-load.
 */
export interface Cursor {
  readonly ref: SourceRef;
  readonly value: unknown;
  /** The member `key` of an object, `$ref` followed; undefined when absent, not an object, or when the `$ref` dangles or loops. */
  get(key: string): Cursor | undefined;
  /** The member as it was written, a `$ref` not followed. */
  raw(key: string): Cursor | undefined;
  /** Members of an object in the order of their keys (plain `<`), `$ref`s followed; empty for anything else. */
  entries(): readonly (readonly [key: string, value: Cursor])[];
  /** Elements of an array in order; empty for anything else. */
  items(): readonly Cursor[];
}
