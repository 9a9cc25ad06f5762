import type { PathSegment } from "../model/checked-project.ts";
import type { AffixedBranch, RouteLeaf, RouteNode } from "../model/gateway-plan.ts";
import { httpMethods, type Identifier, type NonEmpty } from "../model/names.ts";

/**
 * A subtree with more routes than this becomes a function of its own. V8 does not optimise functions of more than 60 KB
 * of bytecode; this many routes take a small fraction of that and still fit on a few screens.
 */
const routesPerFunction = 40;

/**
 * Many small subtrees side by side can be too much too: above the first number, all with at least the second become
 * functions. A route takes some 80 bytes of bytecode (GitHub's API), so that 200 stay far below the limit.
 */
const routesAtMost = 200;
const routesWorthFunction = 6;

type Target = RouteLeaf["byMethod"][number];

export interface RoutedOperation {
  readonly template: string;
  readonly segments: readonly PathSegment[];
  readonly target: Target;
}

/** Builds the trie of one API. Equal shapes with one method were refused by 2-check. */
export function planRoutes(
  operations: readonly RoutedOperation[],
  nameOf: (path: readonly string[]) => Identifier,
): RouteNode {
  const root = new Node();
  for (const operation of operations) root.add(operation, 0);
  return root.freeze([], nameOf).node;
}

class Node {
  readonly #literals = new Map<string, Node>();
  readonly #affixed = new Map<string, Affixes & { readonly node: Node }>();
  #parameter: Node | undefined;
  #leaf: Leaf | undefined;
  #wildcard: Leaf | undefined;

  add(operation: RoutedOperation, depth: number): void {
    const segment = operation.segments[depth];
    if (segment === undefined) {
      this.#leaf ??= new Leaf(operation);
      this.#leaf.add(operation.target);
    } else if (segment.kind === "wildcard") {
      this.#wildcard ??= new Leaf(operation);
      this.#wildcard.add(operation.target);
    } else {
      this.#child(segment).add(operation, depth + 1);
    }
  }

  #child(segment: Exclude<PathSegment, { kind: "wildcard" }>): Node {
    if (segment.kind === "literal") return getOrAdd(this.#literals, segment.text, () => new Node());
    const { prefix, suffix, more = [] } = segment;
    if (prefix === "" && suffix === "" && more.length === 0) {
      this.#parameter ??= new Node();
      return this.#parameter;
    }
    const affixes = { prefix, between: more.map(({ text }) => text), suffix };
    return getOrAdd(this.#affixed, textOf(affixes), () => ({ ...affixes, node: new Node() })).node;
  }

  /** The readonly node, and how many routes it holds outside functions of their own. */
  freeze(
    path: readonly string[],
    nameOf: (path: readonly string[]) => Identifier,
  ): { node: RouteNode; routes: number } {
    const frozen = new Map<Node, { readonly node: RouteNode; readonly routes: number }>();
    const freezeChild = (child: Node, step: string) => frozen.set(child, child.freeze([...path, step], nameOf));
    for (const [text, child] of this.#literals) freezeChild(child, text);
    for (const branch of this.#affixed.values()) freezeChild(branch.node, textOf(branch));
    if (this.#parameter !== undefined) freezeChild(this.#parameter, "{}");

    let routes = (this.#leaf === undefined ? 0 : 1) + (this.#wildcard === undefined ? 0 : 1);
    for (const child of frozen.values()) routes += child.routes;
    const crowded = routes > routesAtMost;
    const enter = (child: Node, step: string): RouteNode => {
      const { node, routes: below } = frozen.get(child) as { node: RouteNode; routes: number };
      if (!crowded || below < routesWorthFunction) return node;
      routes -= below;
      return { ...node, functionName: nameOf([...path, step]) };
    };
    const literals = [...this.#literals]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([text, child]) => ({ text, node: enter(child, text) }));
    const affixed = [...this.#affixed.values()].sort(bySpecificity).map((branch) => ({
      prefix: branch.prefix,
      between: branch.between,
      suffix: branch.suffix,
      node: enter(branch.node, textOf(branch)),
    }));
    const parameter = this.#parameter && enter(this.#parameter, "{}");
    const cut = path.length > 0 && routes > routesPerFunction;
    const node: RouteNode = {
      literals,
      affixed,
      parameter,
      leaf: this.#leaf?.freeze(),
      wildcard: this.#wildcard?.freeze(),
      functionName: cut ? nameOf(path) : undefined,
    };
    return { node, routes: cut ? 0 : routes };
  }
}

class Leaf {
  readonly #targets: Target[] = [];
  readonly #template: string;
  readonly #segments: readonly PathSegment[];

  constructor({ template, segments }: RoutedOperation) {
    this.#template = template;
    this.#segments = segments;
  }

  add(target: Target): void {
    this.#targets.push(target);
  }

  freeze(): RouteLeaf {
    const byMethod = [...this.#targets].sort((a, b) => httpMethods.indexOf(a.method) - httpMethods.indexOf(b.method));
    return { template: this.#template, segments: this.#segments, byMethod: byMethod as unknown as NonEmpty<Target> };
  }
}

type Affixes = Pick<AffixedBranch, "prefix" | "between" | "suffix">;

function bySpecificity(a: Affixes, b: Affixes): number {
  if (a.prefix.length !== b.prefix.length) return b.prefix.length - a.prefix.length;
  if (a.suffix.length !== b.suffix.length) return b.suffix.length - a.suffix.length;
  if (a.between.length !== b.between.length) return b.between.length - a.between.length;
  return textOf(a, "1") < textOf(b, "1") ? -1 : 1;
}

/** The segment with the same thing for each parameter. */
function textOf({ prefix, between, suffix }: Affixes, parameter = "{}"): string {
  return [prefix, ...between, suffix].join(parameter);
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
