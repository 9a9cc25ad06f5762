/** A set of code points: sorted, separate ranges, both ends included. */
export type CharSet = readonly (readonly [first: number, last: number])[];

export type Node =
  | { readonly kind: "chars"; readonly set: CharSet }
  | { readonly kind: "sequence"; readonly parts: readonly Node[] }
  | { readonly kind: "choice"; readonly options: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly body: Node;
      readonly min: number;
      /** `Infinity`: open-ended. */
      readonly max: number;
      readonly isLazy: boolean;
    }
  | { readonly kind: "assertion"; readonly what: "start" | "end" | "boundary" | "no-boundary" };

const lastCodePoint = 0x10ffff;
const digits: CharSet = [[0x30, 0x39]];
const wordCharacters: CharSet = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const spaces = setOf(
  [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff].map(
    (code) => [code, code] as const,
  ),
);
const lineEnds = setOf([0x0a, 0x0d, 0x2028, 0x2029].map((code) => [code, code] as const));

/** `pattern` must be one that `RegExp` takes. Undefined: it looks around or refers back, which is not understood here. */
export function parsePattern(pattern: string): Node | undefined {
  const reader = new Reader(pattern);
  try {
    return reader.choice();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

class NotUnderstood extends Error {}

class Reader {
  readonly #text: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#text = [...pattern];
  }

  choice(): Node {
    const options: Node[] = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    const [only] = options;
    return options.length === 1 && only !== undefined ? only : { kind: "choice", options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    for (let c = this.#peek(); c !== undefined && c !== "|" && c !== ")"; c = this.#peek())
      parts.push(this.#repeated());
    return { kind: "sequence", parts };
  }

  #repeated(): Node {
    let node = this.#atom();
    for (;;) {
      const range = this.#range();
      if (range === undefined) return node;
      node = { kind: "repeat", body: node, ...range, isLazy: this.#take("?") };
    }
  }

  #range(): { readonly min: number; readonly max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { min: 0, max: 1 };
    const found = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 30).join(""));
    if (found === null) return undefined;
    const [whole, least = "0", comma, most] = found;
    this.#at += whole.length;
    const max = comma === undefined ? Number(least) : most === "" ? Number.POSITIVE_INFINITY : Number(most);
    return { min: Number(least), max };
  }

  #atom(): Node {
    const c = this.#next();
    switch (c) {
      case "(":
        return this.#group();
      case "[":
        return { kind: "chars", set: this.#set() };
      case ".":
        return { kind: "chars", set: without(lineEnds) };
      case "^":
        return { kind: "assertion", what: "start" };
      case "$":
        return { kind: "assertion", what: "end" };
      case "\\":
        if (this.#take("b")) return { kind: "assertion", what: "boundary" };
        if (this.#take("B")) return { kind: "assertion", what: "no-boundary" };
        return { kind: "chars", set: this.#escape() };
      default:
        return { kind: "chars", set: single(c) };
    }
  }

  #group(): Node {
    if (this.#take("?")) {
      if (this.#take("<")) {
        const c = this.#peek();
        if (c === "=" || c === "!") throw new NotUnderstood();
        while (this.#next() !== ">");
      } else if (!this.#take(":")) throw new NotUnderstood();
    }
    const node = this.choice();
    if (!this.#take(")")) throw new NotUnderstood();
    return node;
  }

  #set(): CharSet {
    const isNegative = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    while (!this.#take("]")) {
      const first = this.#member();
      const [only] = first;
      if (this.#peek() === "-" && this.#peek(1) !== "]" && first.length === 1 && only?.[0] === only?.[1]) {
        this.#next();
        const [last] = this.#member();
        if (only === undefined || last === undefined || last[1] < only[0]) throw new NotUnderstood();
        ranges.push([only[0], last[1]]);
      } else ranges.push(...first);
    }
    const set = setOf(ranges);
    return isNegative ? without(set) : set;
  }

  #member(): CharSet {
    const c = this.#next();
    if (c !== "\\") return single(c);
    if (this.#take("b")) return [[0x08, 0x08]];
    return this.#escape();
  }

  #escape(): CharSet {
    const c = this.#next();
    switch (c) {
      case "d":
        return digits;
      case "D":
        return without(digits);
      case "w":
        return wordCharacters;
      case "W":
        return without(wordCharacters);
      case "s":
        return spaces;
      case "S":
        return without(spaces);
      case "t":
        return single("\t");
      case "n":
        return single("\n");
      case "v":
        return single("\v");
      case "f":
        return single("\f");
      case "r":
        return single("\r");
      case "0":
        return single("\0");
      case "c":
        return [codeRange((this.#next().codePointAt(0) ?? 0) % 32)];
      case "x":
        return [codeRange(this.#hex(/^[\da-f]{2}/i))];
      case "u":
        return [codeRange(this.#hex(/^(?:[\da-f]{4}|\{[\da-f]+\})/i))];
      case "p":
      case "P":
        return this.#property(c);
      default:
        if (/[1-9k]/.test(c)) throw new NotUnderstood();
        return single(c);
    }
  }

  #hex(form: RegExp): number {
    const found = form.exec(this.#text.slice(this.#at, this.#at + 12).join(""))?.[0];
    if (found === undefined) throw new NotUnderstood();
    this.#at += found.length;
    return Number.parseInt(found.replace(/[{}]/g, ""), 16);
  }

  /** As far as Latin letters go: enough to find what blows up. */
  #property(kind: "p" | "P"): CharSet {
    if (!this.#take("{")) return single(kind);
    let name = "";
    for (let c = this.#next(); c !== "}"; c = this.#next()) name += c;
    const member = new RegExp(`^\\${kind}{${name}}$`, "u");
    const codes = Array.from({ length: 0x180 }, (_, code) => code);
    return setOf(codes.filter((code) => member.test(String.fromCodePoint(code))).map(codeRange));
  }

  #peek(ahead = 0): string | undefined {
    return this.#text[this.#at + ahead];
  }

  #next(): string {
    const c = this.#text[this.#at++];
    if (c === undefined) throw new NotUnderstood();
    return c;
  }

  #take(c: string): boolean {
    if (this.#text[this.#at] !== c) return false;
    this.#at++;
    return true;
  }
}

function single(c: string): CharSet {
  return [codeRange(c.codePointAt(0) ?? 0)];
}

function codeRange(code: number): readonly [number, number] {
  return [code, code];
}

function setOf(ranges: readonly (readonly [number, number])[]): CharSet {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const before = merged[merged.length - 1];
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

function without(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let from = 0;
  for (const [first, last] of set) {
    if (first > from) rest.push([from, first - 1]);
    from = last + 1;
  }
  if (from <= lastCodePoint) rest.push([from, lastCodePoint]);
  return rest;
}

export function holds(set: CharSet, code: number): boolean {
  return set.some(([first, last]) => first <= code && code <= last);
}

/** A character that both have, a readable one where there is one. */
export function common(a: CharSet, b: CharSet): number | undefined {
  let found: number | undefined;
  for (const [first, last] of a) {
    for (const [from, to] of b) {
      const [low, high] = [Math.max(first, from), Math.min(last, to)];
      if (low > high) continue;
      const readable = Math.max(low, 0x61) <= Math.min(high, 0x7a) ? Math.max(low, 0x61) : Math.max(low, 0x21);
      if (readable <= high && readable < 0x7f) return readable;
      found ??= low;
    }
  }
  return found;
}
