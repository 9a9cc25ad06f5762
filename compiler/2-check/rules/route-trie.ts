import type { OperationFacts, PathSegment } from "../../model/checked-project.ts";
import type { HttpMethod } from "../../model/names.ts";
import { compareSegments, isPlain, matchesText, type OneSegment, overlaps, shapeOf } from "./segments.ts";

/** What a trie needs to know of an operation. */
export type RoutedOperation = Pick<OperationFacts, "method" | "path" | "segments">;

/** All operations of one shape: the same path but for the names of its parameters. */
export interface Route<T extends RoutedOperation = RoutedOperation> {
  /** As the first of them has it. */
  readonly path: string;
  readonly segments: readonly PathSegment[];
  readonly methods: Map<HttpMethod, T>;
}

/** What may still be done; hostile input could ask for more than anyone waits for. */
export interface Budget {
  left: number;
}

/** A trie over segments, for finding overlaps without looking at every pair of routes. */
export class RouteTrie<T extends RoutedOperation = RoutedOperation> {
  readonly #literals = new Map<string, RouteTrie<T>>();
  readonly #affixed = new Map<string, { readonly segment: OneSegment; readonly child: RouteTrie<T> }>();
  #byOrder: readonly { readonly segment: OneSegment; readonly child: RouteTrie<T> }[] | undefined;
  #parameter: RouteTrie<T> | undefined;
  #route: Route<T> | undefined;
  #wildcard: Route<T> | undefined;

  /** Adds an operation to its route; `earlier` is the one that already has its shape and method. */
  add(operation: T): { readonly route: Route<T>; readonly earlier: T | undefined } {
    let node: RouteTrie<T> = this;
    let route: Route<T> | undefined;
    const made = (): Route<T> => ({ path: operation.path, segments: operation.segments, methods: new Map() });
    for (const segment of operation.segments) {
      if (segment.kind === "wildcard") route = node.#wildcard ??= made();
      else node = node.#child(segment);
    }
    route ??= node.#route ??= made();
    const earlier = route.methods.get(operation.method);
    if (earlier === undefined) route.methods.set(operation.method, operation);
    return { route, earlier };
  }

  /** The route that a request for these segments goes to. */
  resolve(
    texts: readonly string[],
    budget: Budget = { left: Number.POSITIVE_INFINITY },
    depth = 0,
  ): Route<T> | undefined {
    budget.left--;
    const text = texts[depth];
    if (text === undefined) return this.#route ?? this.#wildcard;
    const literal = this.#literals.get(text)?.resolve(texts, budget, depth + 1);
    if (literal !== undefined) return literal;
    for (const { segment, child } of this.#ordered()) {
      budget.left--;
      const found = matchesText(segment, text) ? child.resolve(texts, budget, depth + 1) : undefined;
      if (found !== undefined) return found;
    }
    return (text === "" ? undefined : this.#parameter?.resolve(texts, budget, depth + 1)) ?? this.#wildcard;
  }

  /** Calls `found` once for each two routes that match one request, as far as `budget` suffices. */
  overlaps(budget: Budget, found: (a: Route<T>, b: Route<T>) => void): void {
    RouteTrie.pairs(this, this, budget, found);
  }

  /** For `overlaps`: everything below `a` against everything below `b`, which lie at the end of one request prefix. */
  static pairs<T extends RoutedOperation>(
    a: RouteTrie<T>,
    b: RouteTrie<T>,
    budget: Budget,
    found: (a: Route<T>, b: Route<T>) => void,
  ): void {
    if (budget.left-- < 0) return;
    const step = (one: RouteTrie<T>, other: RouteTrie<T>): void => RouteTrie.pairs(one, other, budget, found);
    if (a !== b && a.#route && b.#route) found(a.#route, b.#route);
    if (a.#wildcard) b.#below(a.#wildcard, budget, found);
    if (a !== b) {
      if (b.#wildcard) a.#below(b.#wildcard, budget, found);
      if (a.#wildcard && b.#wildcard) found(a.#wildcard, b.#wildcard);
    }
    const [few, many] = a.#literals.size <= b.#literals.size ? [a, b] : [b, a];
    for (const [text, child] of few.#literals) {
      const other = many.#literals.get(text);
      if (other !== undefined) step(child, other);
    }
    a.#literalsAgainst(b, budget, step);
    if (a !== b) b.#literalsAgainst(a, budget, step);
    const own = [...a.#affixed.values()];
    for (const [index, one] of own.entries()) {
      for (const other of a === b ? own.slice(index) : b.#affixed.values()) {
        if (budget.left-- < 0) return;
        if (overlaps(one.segment, other.segment)) step(one.child, other.child);
      }
    }
    if (b.#parameter) for (const { child } of own) step(child, b.#parameter);
    if (a !== b && a.#parameter) for (const { child } of b.#affixed.values()) step(a.#parameter, child);
    if (a.#parameter && b.#parameter) step(a.#parameter, b.#parameter);
  }

  #literalsAgainst(other: RouteTrie<T>, budget: Budget, step: (a: RouteTrie<T>, b: RouteTrie<T>) => void): void {
    if (other.#parameter === undefined && other.#affixed.size === 0) return;
    for (const [text, child] of this.#literals) {
      for (const { segment, child: below } of other.#affixed.values()) {
        if (budget.left-- < 0) return;
        if (matchesText(segment, text)) step(child, below);
      }
      if (other.#parameter !== undefined && text !== "") step(child, other.#parameter);
    }
  }

  /** A wildcard matches whatever lies below the same prefix, also nothing. */
  #below(wildcard: Route<T>, budget: Budget, found: (a: Route<T>, b: Route<T>) => void, depth = 0): void {
    if (budget.left-- < 0) return;
    if (this.#route) found(wildcard, this.#route);
    if (this.#wildcard && depth > 0) found(wildcard, this.#wildcard);
    for (const child of this.#literals.values()) child.#below(wildcard, budget, found, depth + 1);
    for (const { child } of this.#affixed.values()) child.#below(wildcard, budget, found, depth + 1);
    if (this.#parameter) this.#parameter.#below(wildcard, budget, found, depth + 1);
  }

  #ordered(): readonly { readonly segment: OneSegment; readonly child: RouteTrie<T> }[] {
    if (this.#affixed.size === 0) return none;
    this.#byOrder ??= [...this.#affixed.values()].sort((a, b) => compareSegments(a.segment, b.segment));
    return this.#byOrder;
  }

  #child(segment: OneSegment): RouteTrie<T> {
    if (segment.kind === "literal") {
      const found = this.#literals.get(segment.text) ?? new RouteTrie<T>();
      this.#literals.set(segment.text, found);
      return found;
    }
    if (isPlain(segment)) {
      this.#parameter ??= new RouteTrie<T>();
      return this.#parameter;
    }
    this.#byOrder = undefined;
    const key = shapeOf(segment);
    const found = this.#affixed.get(key) ?? { segment, child: new RouteTrie<T>() };
    this.#affixed.set(key, found);
    return found.child;
  }
}

const none: readonly never[] = [];
