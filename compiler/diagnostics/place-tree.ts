/** Numbers a node: where its key and value stand, and its place in the tree. */
const fields = 7;
const [keyStart, keyEnd, valueStart, valueEnd, firstChild, lastChild, nextSibling] = [0, 1, 2, 3, 4, 5, 6] as const;
const none = -1;

/** Where the members of one document stand. Nodes are rows of numbers: a large definition has millions of them. */
export class PlaceTree {
  /** The document itself. The first node, unless the builder says otherwise. */
  root = 0;
  #rows = new Int32Array(fields * 64);
  #count = 0;
  readonly #keys: (string | undefined)[] = [];
  /** Children by name or index, of nodes that were asked for one. */
  readonly #index = new Map<number, readonly number[] | Map<string, number>>();

  /** Adds a value that has no parent yet. */
  add(start: number, end: number): number {
    const node = this.#count++;
    if (this.#rows.length < this.#count * fields) {
      const grown = new Int32Array(this.#rows.length * 2);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    this.#keys.push(undefined);
    this.#rows.set([0, 0, start, end, none, none, none], node * fields);
    return node;
  }

  /** Makes a node the last element of a sequence. */
  append(parent: number, node: number): void {
    const last = this.#get(parent, lastChild);
    if (last === none) this.#set(parent, firstChild, node);
    else this.#set(last, nextSibling, node);
    this.#set(parent, lastChild, node);
    this.#index.delete(parent);
  }

  /** Makes a node the last member of an object, with the place of its key. */
  appendMember(parent: number, key: string, start: number, end: number, node: number): void {
    this.#keys[node] = key;
    this.#set(node, keyStart, start);
    this.#set(node, keyEnd, end);
    this.append(parent, node);
  }

  setEnd(node: number, end: number): void {
    this.#set(node, valueEnd, end);
  }

  /** Starts where the parser began to look for the value: white space and comments may come first. */
  valueSpan(node: number): readonly [start: number, end: number] {
    return [this.#get(node, valueStart), this.#get(node, valueEnd)];
  }

  /** undefined for the root and for elements of a sequence. */
  keySpan(node: number): readonly [start: number, end: number] | undefined {
    return this.#keys[node] === undefined ? undefined : [this.#get(node, keyStart), this.#get(node, keyEnd)];
  }

  /** The last member of that name, as parsers take it, or the element of that index. */
  child(node: number, token: string): number | undefined {
    let index = this.#index.get(node);
    if (index === undefined) {
      const children = [...this.#children(node)];
      const named = children[0] !== undefined && this.#keys[children[0]] !== undefined;
      index = named ? new Map(children.map((child) => [this.#keys[child] ?? "", child])) : children;
      this.#index.set(node, index);
    }
    if (index instanceof Map) return index.get(token);
    return /^[0-9]{1,9}$/.test(token) ? index[Number(token)] : undefined;
  }

  /** The element of a sequence that was added last; undefined for anything else. */
  lastItem(node: number): number | undefined {
    const last = this.#get(node, lastChild);
    return last === none || this.#keys[last] !== undefined ? undefined : last;
  }

  /** Members that repeat the name of an earlier member of the same object, in document order. */
  duplicates(): readonly { readonly key: string; readonly first: number; readonly repeated: number }[] {
    const found: { key: string; first: number; repeated: number }[] = [];
    for (let node = 0; node < this.#count; node++) {
      if (this.#get(node, firstChild) === this.#get(node, lastChild)) continue; // none, or one
      const seen = new Map<string, number>();
      for (const child of this.#children(node)) {
        const key = this.#keys[child];
        if (key === undefined) break;
        const first = seen.get(key);
        if (first === undefined) seen.set(key, child);
        else found.push({ key, first, repeated: child });
      }
    }
    return found.sort((a, b) => this.#get(a.repeated, keyStart) - this.#get(b.repeated, keyStart));
  }

  *#children(node: number): Generator<number> {
    for (let child = this.#get(node, firstChild); child !== none; child = this.#get(child, nextSibling)) yield child;
  }

  #get(node: number, field: number): number {
    return node < this.#count ? (this.#rows[node * fields + field] ?? none) : none;
  }

  #set(node: number, field: number, value: number): void {
    this.#rows[node * fields + field] = value;
  }
}
