import { ownCopy } from "./own-copy.ts";

/**
 * What was found for texts that come again and again, such as parts of tokens. When it is full it is emptied: whoever
 * sends ever new texts makes others pay for finding anew, not for memory.
 */
export class BoundedMemo<T> {
  readonly #found = new Map<string, T>();
  readonly #capacity: number;
  readonly #find: (text: string) => T;

  /** `find` depends on nothing but the text. */
  constructor(capacity: number, find: (text: string) => T) {
    this.#capacity = capacity;
    this.#find = find;
  }

  /** The value for a text, found before or now. */
  of(text: string): T {
    const known = this.#found.get(text);
    if (known !== undefined) return known;
    const value = this.#find(text);
    const kept = text.length > longest ? "" : ownCopy(text);
    if (kept !== text) return value;
    if (this.#found.size >= this.#capacity) this.#found.clear();
    this.#found.set(kept, value);
    return value;
  }
}

/** Texts beyond this are not kept. */
const longest = 1_024;
