import type { Caller } from "./caller.ts";

/** A credential that was verified; what schemes hand out for it, so that a hit makes no object. */
export interface VerifiedCredential {
  readonly ok: true;
  readonly caller: Caller;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * Verified credentials, by the whole text of the header field: a hit costs one look-up, and nothing of a token is read
 * before it. Two generations bound it: when the young one is full it becomes the old one, and what is still used moves
 * back. Expiry is checked on every hit.
 */
export class VerifiedCache<T extends VerifiedCredential> {
  readonly #half: number;
  readonly #maxAgeMs: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(capacity: number, maxAgeMs: number) {
    this.#half = Math.max(1, Math.ceil(capacity / 2));
    this.#maxAgeMs = maxAgeMs;
  }

  get(credential: string): T | undefined {
    const found = this.#young.get(credential) ?? this.#promote(credential);
    if (found === undefined || found.until > Date.now()) return found;
    this.#young.delete(credential);
    return undefined;
  }

  /** How long an entry may be kept at most: `until` of entries must not be later. */
  latest(now: number): number {
    return now + this.#maxAgeMs;
  }

  add(credential: string, verified: T): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    // A copy of its own: the header's text may be a slice that keeps a whole request alive.
    this.#young.set(Buffer.from(credential, "utf8").toString("utf8"), verified);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #promote(credential: string): T | undefined {
    const found = this.#old.get(credential);
    if (found === undefined) return undefined;
    this.#old.delete(credential);
    this.add(credential, found);
    return found;
  }
}
