/**
 * Values that count until a time of their own, at most `capacity` of them. A full map forgets what was not asked for the
 * longest. Nothing runs in the background: what has expired is dropped when it is met.
 */
export class ExpiringMap<V> {
  readonly #capacity: number;
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** `now` is in milliseconds since 1970, as `until` of `set` is. */
  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.until <= now) return undefined;
    // Entries stand in the order of their use.
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: V, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }
}
