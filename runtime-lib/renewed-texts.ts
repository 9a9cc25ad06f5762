/**
 * Texts that are made for an owner, such as tokens about a caller, and kept for a while. An owner is an object that lives as
 * long as its credential is remembered: with it go its texts, so that nothing of a credential stands here. Two generations
 * bound them; who asks while a text is being made waits for that one.
 */
export class RenewedTexts {
  readonly #half: number;
  readonly #keepMs: number;
  #young: Generation = new WeakMap();
  #old: Generation = new WeakMap();
  #added = 0;

  /** `keepMs`: how long a text is handed out after it was made. */
  constructor({ capacity, keepMs }: { readonly capacity: number; readonly keepMs: number }) {
    this.#half = Math.max(1, Math.ceil(capacity / 2));
    this.#keepMs = keepMs;
  }

  /** `make` must not reject; when it gives undefined, nothing is kept. */
  get(owner: object, variant: string, make: () => Promise<string | undefined>): string | Promise<string | undefined> {
    const found = this.#young.get(owner)?.get(variant) ?? this.#old.get(owner)?.get(variant);
    if (found !== undefined && (found.until > Date.now() || typeof found.text !== "string")) return found.text;
    // From before it is made: it may not outlive its own end by what that takes.
    const until = Date.now() + this.#keepMs;
    const text = make();
    const entry: Entry = { text, until };
    this.#add(owner, variant, entry);
    return text.then((made) => {
      if (made === undefined) this.#forget(owner, variant, entry);
      else entry.text = made;
      return made;
    });
  }

  #add(owner: object, variant: string, entry: Entry): void {
    if (this.#added >= this.#half) {
      this.#old = this.#young;
      this.#young = new WeakMap();
      this.#added = 0;
    }
    const variants = this.#young.get(owner) ?? new Map<string, Entry>();
    this.#young.set(owner, variants);
    if (!variants.has(variant)) this.#added++;
    variants.set(variant, entry);
  }

  #forget(owner: object, variant: string, entry: Entry): void {
    for (const generation of [this.#young, this.#old]) {
      const variants = generation.get(owner);
      if (variants?.get(variant) === entry) variants.delete(variant);
    }
  }
}

type Generation = WeakMap<object, Map<string, Entry>>;

interface Entry {
  text: string | Promise<string | undefined>;
  readonly until: number;
}
