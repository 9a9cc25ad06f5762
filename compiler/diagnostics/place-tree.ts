/** Where the members of one document stand. Nodes are numbers: a large definition has millions of them. */
export class PlaceTree {
  readonly #key: (string | undefined)[] = [];
  readonly #keyStart: number[] = [];
  readonly #keyEnd: number[] = [];
  readonly #start: number[] = [];
  readonly #end: number[] = [];
  readonly #children: (number[] | undefined)[] = [];
  readonly #index = new Map<number, Map<string, number>>();

  /** The root is node 0, and must be added first. */
  static readonly root = 0;

  /** Adds a member (`key` set) or an element of a sequence (`key` undefined); returns its node. */
  add(
    parent: number | undefined,
    key: string | undefined,
    keyStart: number,
    keyEnd: number,
    start: number,
    end: number,
  ) {
    const node = this.#start.length;
    this.#key.push(key);
    this.#keyStart.push(keyStart);
    this.#keyEnd.push(keyEnd);
    this.#start.push(start);
    this.#end.push(end);
    this.#children.push(undefined);
    if (parent !== undefined) {
      this.#index.delete(parent);
      const siblings = this.#children[parent];
      if (siblings === undefined) this.#children[parent] = [node];
      else siblings.push(node);
    }
    return node;
  }

  setEnd(node: number, end: number): void {
    this.#end[node] = end;
  }

  /** Starts where the parser began to look for the value: white space and comments may come first. */
  valueSpan(node: number): readonly [start: number, end: number] {
    return [this.#start[node] ?? 0, this.#end[node] ?? 0];
  }

  /** undefined for the root and for elements of a sequence. */
  keySpan(node: number): readonly [start: number, end: number] | undefined {
    return this.#key[node] === undefined ? undefined : [this.#keyStart[node] ?? 0, this.#keyEnd[node] ?? 0];
  }

  /** The last member of that name, as parsers take it, or the element of that index. */
  child(node: number, token: string): number | undefined {
    const children = this.#children[node];
    if (children === undefined) return undefined;
    if (this.#key[children[0] ?? 0] === undefined) {
      return /^[0-9]{1,9}$/.test(token) ? children[Number(token)] : undefined;
    }
    let index = this.#index.get(node);
    if (index === undefined) {
      index = new Map(children.map((child) => [this.#key[child] ?? "", child]));
      this.#index.set(node, index);
    }
    return index.get(token);
  }

  /** The element of a sequence that was added last; undefined for anything else. */
  lastItem(node: number): number | undefined {
    const last = this.#children[node]?.at(-1);
    return last === undefined || this.#key[last] !== undefined ? undefined : last;
  }

  /** Members that repeat the name of an earlier member of the same object, in document order. */
  duplicates(): readonly { readonly key: string; readonly first: number; readonly repeated: number }[] {
    const found: { key: string; first: number; repeated: number }[] = [];
    for (const children of this.#children) {
      if (children === undefined || children.length < 2 || this.#key[children[0] ?? 0] === undefined) continue;
      const seen = new Map<string, number>();
      for (const child of children) {
        const key = this.#key[child] ?? "";
        const first = seen.get(key);
        if (first === undefined) seen.set(key, child);
        else found.push({ key, first, repeated: child });
      }
    }
    return found.sort((a, b) => (this.#keyStart[a.repeated] ?? 0) - (this.#keyStart[b.repeated] ?? 0));
  }
}
