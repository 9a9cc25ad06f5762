import type { OperationFacts, PathSegment } from "../../model/checked-project.ts";
import type { HttpMethod } from "../../model/names.ts";

type Parameter = Extract<PathSegment, { kind: "parameter" }>;

/** All operations of one shape: the same path but for the names of its parameters. */
export interface Route {
  readonly path: string;
  readonly methods: Map<HttpMethod, OperationFacts>;
}

/** A trie over segments, for finding overlaps without looking at every pair of routes. */
export class RouteTrie {
  readonly literals = new Map<string, RouteTrie>();
  readonly affixed = new Map<string, { readonly segment: Parameter; readonly child: RouteTrie }>();
  parameter: RouteTrie | undefined;
  route: Route | undefined;
  wildcard: Route | undefined;

  /** Adds an operation; answers the one that already has its shape and method. */
  add(operation: OperationFacts): OperationFacts | undefined {
    let node: RouteTrie = this;
    let route: Route | undefined;
    for (const segment of operation.segments) {
      if (segment.kind === "wildcard") route = node.wildcard ??= { path: operation.path, methods: new Map() };
      else node = node.#child(segment);
    }
    route ??= node.route ??= { path: operation.path, methods: new Map() };
    const earlier = route.methods.get(operation.method);
    if (earlier === undefined) route.methods.set(operation.method, operation);
    return earlier;
  }

  #child(segment: Exclude<PathSegment, { kind: "wildcard" }>): RouteTrie {
    if (segment.kind === "literal") {
      const found = this.literals.get(segment.text) ?? new RouteTrie();
      this.literals.set(segment.text, found);
      return found;
    }
    if (isPlain(segment)) {
      this.parameter ??= new RouteTrie();
      return this.parameter;
    }
    const key = JSON.stringify([segment.prefix, ...between(segment), segment.suffix]);
    const found = this.affixed.get(key) ?? { segment, child: new RouteTrie() };
    this.affixed.set(key, found);
    return found.child;
  }
}

/** Two routes that match one request, and that request. */
export interface Overlap {
  /** The route that gets the request: first difference from the left, literal over affixed over plain over wildcard. */
  readonly winner: Route;
  readonly loser: Route;
  /** The winner matches nothing but what the loser matches too. */
  readonly contained: boolean;
  /** Segments of the request's path below the base path. */
  readonly witness: readonly string[];
}

/**
 * Calls `found` for each two routes that overlap. `steps` bounds the work on hostile input (the largest definition known,
 * with 22,361 operations, takes 43,000); false when it did not suffice and some overlaps may be missing.
 */
export function findOverlaps(root: RouteTrie, found: (overlap: Overlap) => void, steps = 5_000_000): boolean {
  const walk = new OverlapWalk(found, steps);
  walk.pair(root, root, 0);
  return walk.left >= 0;
}

/** Which of a pair is more specific so far. */
const firstNarrower = 1;
const secondNarrower = 2;
const firstWins = 4;
const secondWins = 8;

class OverlapWalk {
  readonly #witness: string[] = [];
  readonly #found: (overlap: Overlap) => void;
  left: number;

  constructor(found: (overlap: Overlap) => void, steps: number) {
    this.#found = found;
    this.left = steps;
  }

  /** Everything below `a` against everything below `b`; both lie at the end of the same request prefix. */
  pair(a: RouteTrie, b: RouteTrie, state: number): void {
    if (this.left-- < 0) return;
    if (a !== b && a.route && b.route) this.#report(a.route, b.route, state);
    this.#wildcards(a, b, state);
    const [few, many, swapped] = a.literals.size <= b.literals.size ? [a, b, false] : [b, a, true];
    for (const [text, child] of few.literals) {
      const other = many.literals.get(text);
      if (other !== undefined) this.#step(text, swapped ? other : child, swapped ? child : other, state);
    }
    this.#literalsAgainstParameters(a, b, state, false);
    if (a !== b) this.#literalsAgainstParameters(b, a, swap(state), true);
    this.#affixed(a, b, state);
    if (a.parameter && b.parameter) this.#step(freshText(a, b), a.parameter, b.parameter, state);
  }

  #step(text: string, a: RouteTrie, b: RouteTrie, state: number): void {
    this.#witness.push(text);
    this.pair(a, b, state);
    this.#witness.pop();
  }

  #literalsAgainstParameters(a: RouteTrie, b: RouteTrie, state: number, swapped: boolean): void {
    if (b.parameter === undefined && b.affixed.size === 0) return;
    const next = decide(state, firstNarrower | firstWins);
    for (const [text, child] of a.literals) {
      for (const { segment, child: other } of b.affixed.values()) {
        if (this.left-- < 0) return;
        if (matches(segment, text)) this.#ordered(text, child, other, next, swapped);
      }
      if (b.parameter !== undefined && text !== "") this.#ordered(text, child, b.parameter, next, swapped);
    }
  }

  #ordered(text: string, a: RouteTrie, b: RouteTrie, state: number, swapped: boolean): void {
    if (swapped) this.#step(text, b, a, swap(state));
    else this.#step(text, a, b, state);
  }

  #affixed(a: RouteTrie, b: RouteTrie, state: number): void {
    const own = [...a.affixed.values()];
    const others = a === b ? own : [...b.affixed.values()];
    for (const [index, one] of own.entries()) {
      for (const other of a === b ? own.slice(index) : others) {
        if (this.left-- < 0) return;
        const text = commonText(one.segment, other.segment);
        if (text === undefined) continue;
        const same = sameAffixes(one.segment, other.segment);
        this.#step(text, one.child, other.child, same ? state : decide(state, compare(one.segment, other.segment)));
      }
    }
    const next = decide(state, firstNarrower | firstWins);
    if (b.parameter) for (const { segment, child } of own) this.#step(sample(segment), child, b.parameter, next);
    if (a === b || a.parameter === undefined) return;
    for (const { segment, child } of others) {
      this.#step(sample(segment), a.parameter, child, decide(state, secondNarrower | secondWins));
    }
  }

  /** A wildcard matches whatever lies below the same prefix, also nothing. */
  #wildcards(a: RouteTrie, b: RouteTrie, state: number): void {
    if (a.wildcard) this.#below(a.wildcard, b, decide(state, secondNarrower | secondWins), false);
    if (a === b) return;
    if (b.wildcard) this.#below(b.wildcard, a, decide(state, firstNarrower | firstWins), true);
    if (a.wildcard && b.wildcard) this.#report(a.wildcard, b.wildcard, state);
  }

  #below(wildcard: Route, node: RouteTrie, state: number, swapped: boolean, depth = 0): void {
    if (this.left-- < 0) return;
    const report = (route: Route): void => {
      if (swapped) this.#report(route, wildcard, state);
      else this.#report(wildcard, route, state);
    };
    if (node.route) report(node.route);
    if (node.wildcard && depth > 0) report(node.wildcard);
    const enter = (text: string, child: RouteTrie): void => {
      this.#witness.push(text);
      this.#below(wildcard, child, state, swapped, depth + 1);
      this.#witness.pop();
    };
    for (const [text, child] of node.literals) enter(text, child);
    for (const { segment, child } of node.affixed.values()) enter(sample(segment), child);
    if (node.parameter) enter(freshText(node, node), node.parameter);
  }

  #report(a: Route, b: Route, state: number): void {
    if (a === b) return;
    const [winner, loser] = (state & secondWins) === 0 ? [a, b] : [b, a];
    const narrower = state & (firstNarrower | secondNarrower);
    const contained = narrower !== (firstNarrower | secondNarrower);
    this.#found({ winner, loser, contained, witness: [...this.#witness] });
  }
}

/** The first difference decides who wins; every difference says who is narrower. */
function decide(state: number, marks: number): number {
  const decided = (state & (firstWins | secondWins)) !== 0;
  return state | (decided ? marks & (firstNarrower | secondNarrower) : marks);
}

function swap(state: number): number {
  return ((state & 0b0101) << 1) | ((state & 0b1010) >> 1);
}

function isPlain({ prefix, suffix, more }: Parameter): boolean {
  return prefix === "" && suffix === "" && more === undefined;
}

function between(segment: Parameter): readonly string[] {
  return (segment.more ?? []).map(({ text }) => text);
}

function sameAffixes(a: Parameter, b: Parameter): boolean {
  return a.prefix === b.prefix && a.suffix === b.suffix && between(a).join("\0") === between(b).join("\0");
}

/** Whether a parameter segment matches `text`: something must stand for each parameter. */
function matches(segment: Parameter, text: string): boolean {
  if (!text.startsWith(segment.prefix) || !text.endsWith(segment.suffix)) return false;
  const end = text.length - segment.suffix.length;
  let from = segment.prefix.length + 1;
  for (const piece of between(segment)) {
    const found = text.indexOf(piece, from);
    if (found < 0) return false;
    from = found + piece.length + 1;
  }
  return from <= end;
}

function sample(segment: Parameter): string {
  return `${segment.prefix}1${between(segment)
    .map((text) => `${text}1`)
    .join("")}${segment.suffix}`;
}

/** A text that two parameter segments both match; undefined when there is none. */
function commonText(a: Parameter, b: Parameter): string | undefined {
  if (sameAffixes(a, b)) return sample(a);
  const prefix = longer(a.prefix, b.prefix, (long, short) => long.startsWith(short));
  const suffix = longer(a.suffix, b.suffix, (long, short) => long.endsWith(short));
  if (prefix === undefined || suffix === undefined) return undefined;
  const middle = [...between(a), ...between(b)].map((text) => `${text}1`).join("");
  return `${prefix}1${middle}${suffix}`;
}

function longer(a: string, b: string, fits: (long: string, short: string) => boolean): string | undefined {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return fits(long, short) ? long : undefined;
}

/** Two affixed parameters that overlap: longer prefix, longer suffix, more pieces, then text order wins. */
function compare(a: Parameter, b: Parameter): number {
  const order =
    b.prefix.length - a.prefix.length ||
    b.suffix.length - a.suffix.length ||
    between(b).length - between(a).length ||
    (sample(a) < sample(b) ? -1 : 1);
  const narrower = (holds(b, a) ? firstNarrower : 0) | (holds(a, b) ? secondNarrower : 0);
  // Neither holds the other: each is narrower somewhere.
  return (order < 0 ? firstWins : secondWins) | (narrower === 0 ? firstNarrower | secondNarrower : narrower);
}

/** Whether `wide` surely matches all that `narrow` matches. */
function holds(wide: Parameter, narrow: Parameter): boolean {
  const pieces = between(wide);
  return (
    narrow.prefix.startsWith(wide.prefix) &&
    narrow.suffix.endsWith(wide.suffix) &&
    (pieces.length === 0 || pieces.join("\0") === between(narrow).join("\0"))
  );
}

/** Text for a plain parameter that no literal beside it takes. */
function freshText(a: RouteTrie, b: RouteTrie): string {
  let number = 1;
  while (a.literals.has(String(number)) || b.literals.has(String(number))) number++;
  return String(number);
}
