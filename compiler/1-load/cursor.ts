import type { Cursor, SourceDocument, SourceRef } from "../model/source.ts";
import { childPointer, pointerTokens } from "./pointer.ts";
import { memberOf, parseReference, referenceIn } from "./reference.ts";

type Documents = ReadonlyMap<string, SourceDocument>;

/** A cursor at the root of a file; undefined when the file was not read or did not parse. The root's own `$ref` is followed. */
export function rootCursor(documents: Documents, file: string): Cursor | undefined {
  const document = documents.get(file);
  return document && follow(documents, { file, pointer: "" }, document.value);
}

/**
 * What a `$ref` written in `from` leads to, through further `$ref`s to the first value that is not one. Undefined when it
 * dangles, loops, is remote or leaves the project.
 */
export function resolveReference(documents: Documents, from: string, reference: string): Cursor | undefined {
  return chase(documents, from, reference, new Set());
}

/** Why `resolveReference` finds nothing. */
export type ReferenceFailure = "remote" | "outside" | "malformed" | "no-such-file" | "dangling" | "loop";

/** The reason why a `$ref` leads nowhere; undefined when it leads somewhere. */
export function referenceFailure(documents: Documents, from: string, reference: string): ReferenceFailure | undefined {
  const target = parseReference(from, reference);
  if (target.kind !== "project") return target.kind;
  if (!documents.has(target.file)) return "no-such-file";
  const seen = new Set<string>();
  if (chase(documents, from, reference, seen) !== undefined) return undefined;
  return seen.has(loopMark) ? "loop" : "dangling";
}

/** Can never be a place: files are not named with a line feed. */
const loopMark = "\n";

class DocumentCursor implements Cursor {
  readonly ref: SourceRef;
  readonly value: unknown;
  readonly #documents: Documents;

  constructor(documents: Documents, ref: SourceRef, value: unknown) {
    this.#documents = documents;
    this.ref = ref;
    this.value = value;
  }

  get(key: string): Cursor | undefined {
    if (Array.isArray(this.value)) return undefined;
    const member = memberOf(this.value, key);
    return member && follow(this.#documents, this.#child(key), member.value);
  }

  raw(key: string): Cursor | undefined {
    if (Array.isArray(this.value)) return undefined;
    const member = memberOf(this.value, key);
    return member && new DocumentCursor(this.#documents, this.#child(key), member.value);
  }

  entries(): readonly (readonly [string, Cursor])[] {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) return [];
    const found: [string, Cursor][] = [];
    for (const key of Object.keys(this.value).sort()) {
      const cursor = this.get(key);
      if (cursor !== undefined) found.push([key, cursor]);
    }
    return found;
  }

  items(): readonly Cursor[] {
    if (!Array.isArray(this.value)) return [];
    const found: Cursor[] = [];
    for (const [index, item] of this.value.entries()) {
      const cursor = follow(this.#documents, this.#child(index), item);
      if (cursor !== undefined) found.push(cursor);
    }
    return found;
  }

  #child(token: string | number): SourceRef {
    return { file: this.ref.file, pointer: childPointer(this.ref.pointer, token) };
  }
}

function follow(documents: Documents, ref: SourceRef, value: unknown, seen?: Set<string>): Cursor | undefined {
  const reference = referenceIn(value);
  if (reference === undefined) return new DocumentCursor(documents, ref, value);
  return chase(documents, ref.file, reference, seen ?? new Set());
}

function chase(documents: Documents, from: string, reference: string, seen: Set<string>): Cursor | undefined {
  const target = parseReference(from, reference);
  if (target.kind !== "project") return undefined;
  const place = `${target.file}#${target.pointer}`;
  if (seen.has(place)) {
    seen.add(loopMark);
    return undefined;
  }
  seen.add(place);
  const document = documents.get(target.file);
  if (document === undefined) return undefined;
  let ref: SourceRef = { file: target.file, pointer: "" };
  let value: unknown = document.value;
  for (const token of pointerTokens(target.pointer)) {
    let member = memberOf(value, token);
    if (member === undefined && referenceIn(value) !== undefined) {
      // A copy: passing through a place on the way to another is no loop.
      const passed = new Set(seen);
      const parent = follow(documents, ref, value, passed);
      if (parent === undefined) {
        if (passed.has(loopMark)) seen.add(loopMark);
        return undefined;
      }
      ref = parent.ref;
      member = memberOf(parent.value, token);
    }
    if (member === undefined) return undefined;
    value = member.value;
    ref = { file: ref.file, pointer: childPointer(ref.pointer, token) };
  }
  return follow(documents, ref, value, seen);
}
