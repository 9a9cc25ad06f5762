import type { Caller } from "./caller.ts";
import { ownCopy } from "./own-copy.ts";

/** A credential that was verified; what schemes hand out for it, so that a hit makes no object. */
export interface VerifiedCredential {
  readonly ok: true;
  readonly caller: Caller;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * Verified credentials, bound to the whole text of the header field: nothing of a token is read before the look-up. They
 * are found by a number made of their last characters, which are a signature's or a digest's and so differ, and then
 * compared to the end; of two with the same number the later one stays. Two generations bound it: when the young one is
 * full, or older than an entry may be, it becomes the old one, and what is still used moves back. Expiry is checked on
 * every hit.
 */
export class VerifiedCache<T extends VerifiedCredential> {
  readonly #half: number;
  readonly #maxAgeMs: number;
  #young = new Map<number, Entry<T>>();
  #old = new Map<number, Entry<T>>();
  /** When the young generation was begun. */
  #since = 0;

  constructor(capacity: number, maxAgeMs: number) {
    this.#half = Math.max(1, Math.ceil(capacity / 2));
    this.#maxAgeMs = maxAgeMs;
  }

  get(credential: string): T | undefined {
    const key = keyOf(credential);
    let entry = this.#young.get(key);
    if (entry === undefined || entry.credential !== credential) {
      entry = this.#promoted(key, credential);
      if (entry === undefined) return undefined;
    }
    if (entry.verified.until > Date.now()) return entry.verified;
    this.#young.delete(key);
    return undefined;
  }

  /** How long an entry may be kept at most: `until` of entries must not be later. */
  latest(now: number): number {
    return now + this.#maxAgeMs;
  }

  add(credential: string, verified: T): void {
    this.#set(keyOf(credential), { credential: ownCopy(credential), verified });
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #set(key: number, entry: Entry<T>): void {
    const now = Date.now();
    if (this.#young.size >= this.#half || now - this.#since > this.#maxAgeMs) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#since = now;
    }
    this.#young.set(key, entry);
  }

  #promoted(key: number, credential: string): Entry<T> | undefined {
    const entry = this.#old.get(key);
    if (entry === undefined || entry.credential !== credential) return undefined;
    this.#old.delete(key);
    this.#set(key, entry);
    return entry;
  }
}

interface Entry<T> {
  readonly credential: string;
  readonly verified: T;
}

/** 32 bits of the last characters. Hashing a whole token takes longer than comparing it. */
function keyOf(credential: string): number {
  const end = credential.length;
  let key = 0;
  for (let i = Math.max(0, end - 8); i < end; i++) key = (Math.imul(key, 31) + credential.charCodeAt(i)) | 0;
  return key;
}
