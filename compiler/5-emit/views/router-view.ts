import type { AffixedBranch, ApiPlan, GatewayPlan, RouteLeaf, RouteNode } from "../../model/gateway-plan.ts";
import type { ImportList } from "../import-list.ts";
import type { ConditionView, LocalsView, RouterView, RouteView, SubrouterView } from "./template-views.ts";

/** Above this many literals at one place, a switch on length or a character finds the few to compare with. */
const comparedInTurn = 8;

type Match = Extract<RouteView, { kind: "match" }>;
/** As in the view, still without `first`. */
type Condition = ConditionView extends infer C ? (C extends ConditionView ? Omit<C, "first"> : never) : never;

/** `<slug>/router.ts`: the matching function of an API, and one function for each subtree that the plan cuts off. */
export function routerViews(
  plan: GatewayPlan,
  api: ApiPlan,
  imports: ImportList,
): { readonly main: RouterView; readonly subrouters: readonly SubrouterView[] } {
  imports.runtimeType("exchange", "Exchange");
  if (api.cors !== undefined) imports.local("./shared.js", "crossOrigin");
  const builder = new RouterBuilder(plan, api, imports);
  const main = builder.routingFunction(api.routes, 0, "");
  if (main.falls) imports.runtime("respond", "unknownResource");
  const { title, version, basePath, symbol } = api;
  return {
    main: { title, version, basePath, symbol, hasCors: api.cors !== undefined, style: plan.faults.api, ...main },
    subrouters: builder.subrouters,
  };
}

interface RoutingFunction {
  readonly locals: LocalsView;
  readonly statements: readonly RouteView[];
  readonly falls: boolean;
}

class RouterBuilder {
  readonly subrouters: SubrouterView[] = [];
  readonly #plan: GatewayPlan;
  readonly #api: ApiPlan;
  readonly #imports: ImportList;
  /** Segments that the function under construction reads. */
  #used = new Set<number>();
  #usesDepth = false;

  constructor(plan: GatewayPlan, api: ApiPlan, imports: ImportList) {
    this.#plan = plan;
    this.#api = api;
    this.#imports = imports;
  }

  routingFunction(node: RouteNode, depth: number, path: string): RoutingFunction {
    const outer = { used: this.#used, usesDepth: this.#usesDepth };
    this.#used = new Set();
    this.#usesDepth = false;
    const statements = this.#node(node, depth, path);
    const locals = this.#locals();
    this.#used = outer.used;
    this.#usesDepth = outer.usesDepth;
    return { locals, statements, falls: node.wildcard === undefined };
  }

  /** Routes at and below a node whose path so far has matched, most specific first. A match that fails falls through. */
  #node(node: RouteNode, depth: number, path: string): RouteView[] {
    const statements: RouteView[] = [];
    if (node.leaf !== undefined) {
      statements.push(match([this.#depthIs(depth)], [this.#leaf(node.leaf)]));
    }
    statements.push(...this.#literals(node.literals, depth, path));
    for (const branch of node.affixed) {
      const text = [branch.prefix, ...branch.between, branch.suffix].join("{}");
      statements.push(this.#enter(this.#affixes(branch, depth), branch.node, depth, `${path}/${text}`));
    }
    if (node.parameter !== undefined) {
      const conditions: Condition[] = [{ kind: "filled", segment: this.#segment(depth) }];
      statements.push(this.#enter(conditions, node.parameter, depth, `${path}/{}`));
    }
    if (node.wildcard !== undefined) statements.push(this.#leaf(node.wildcard));
    return statements;
  }

  #affixes({ prefix, between, suffix }: AffixedBranch, depth: number): Condition[] {
    const segment = this.#segment(depth);
    if (between.length > 0) {
      this.#imports.runtime("segment", "holdsTexts");
      return [{ kind: "texts", segment, texts: [prefix, ...between, suffix] }];
    }
    const conditions: Condition[] = [];
    if (prefix !== "") conditions.push({ kind: "prefix", segment, text: prefix });
    if (suffix !== "") conditions.push({ kind: "suffix", segment, text: suffix });
    // The parameter between is never empty, and prefix and suffix do not overlap.
    conditions.push({ kind: "longer", segment, length: prefix.length + suffix.length });
    return conditions;
  }

  #literals(literals: RouteNode["literals"], depth: number, path: string): RouteView[] {
    if (literals.length <= comparedInTurn) {
      return literals.map(({ text, node }) => {
        const conditions: Condition[] = [{ kind: "literal", segment: this.#segment(depth), text }];
        // A segment that is not there reads as the empty one.
        if (text === "") conditions.push(this.#depthOver(depth));
        return this.#enter(conditions, node, depth, `${path}/${text}`);
      });
    }
    const segment = this.#segment(depth);
    const [position, buckets] = bestSplit(literals);
    const cases = [...buckets]
      .sort(([a], [b]) => a - b)
      .map(([label, bucket]) => ({ label, body: this.#literals(bucket, depth, path) }));
    if (position === undefined) return [{ kind: "switch-length", segment, cases }];
    const named = cases.map((one) => ({ ...one, character: String.fromCharCode(one.label) }));
    return [{ kind: "switch-character", segment, position, cases: named }];
  }

  /** The routes below a child, under the conditions that lead to it. */
  #enter(conditions: readonly Condition[], child: RouteNode, depth: number, path: string): Match {
    if (child.functionName === undefined) return match(conditions, this.#node(child, depth + 1, path));
    const symbol = child.functionName;
    const inner = this.routingFunction(child, depth + 1, path);
    this.subrouters.push({ path, symbol, ...inner });
    return match(conditions, [{ kind: "call", symbol }]);
  }

  #leaf(leaf: RouteLeaf): RouteView {
    const handlers = leaf.byMethod.map(({ method, group, symbol }) => {
      this.#imports.local(`./${group}.js`, symbol);
      return { method, symbol };
    });
    const methods = leaf.byMethod.map(({ method }) => method);
    const declared = methods.includes("OPTIONS");
    const preflight = !declared && this.#api.cors !== undefined;
    const allow = !declared && !preflight && this.#plan.compatibility === "wso2-3.2";
    if (allow) this.#imports.runtime("respond", "allow");
    this.#imports.runtime("respond", "methodNotAllowed");
    return {
      kind: "leaf",
      template: leaf.template,
      handlers,
      methods,
      preflight,
      allow,
      style: this.#plan.faults.api,
    };
  }

  #segment(index: number): string {
    this.#used.add(index);
    return `s${index}`;
  }

  #depthIs(depth: number): Condition {
    this.#usesDepth = true;
    return { kind: "depth-is", depth };
  }

  #depthOver(depth: number): Condition {
    this.#usesDepth = true;
    return { kind: "depth-over", depth };
  }

  #locals(): LocalsView {
    const used = [...this.#used].sort((a, b) => a - b);
    return { usesDepth: this.#usesDepth, segments: used.map((index) => ({ name: `s${index}`, index })) };
  }
}

/** A match; one that holds nothing but another match becomes one with it. Conditions on the number of segments first. */
function match(conditions: readonly Condition[], body: readonly RouteView[]): Match {
  const [only] = body;
  if (body.length === 1 && only?.kind === "match") return match([...conditions, ...only.conditions], only.body);
  const sorted = [...conditions.filter(isOnDepth), ...conditions.filter((condition) => !isOnDepth(condition))];
  const views = sorted.map((condition, index) => ({ ...condition, first: index === 0 }) as ConditionView);
  return { kind: "match", conditions: views, body };
}

function isOnDepth({ kind }: Condition): boolean {
  return kind === "depth-is" || kind === "depth-over";
}

/**
 * Splits literals by their length, or by the character at one position, whichever leaves the smallest largest group; the
 * length on a tie, then the first position.
 */
function bestSplit(
  literals: RouteNode["literals"],
): readonly [position: number | undefined, buckets: ReadonlyMap<number, RouteNode["literals"]>] {
  let best = { position: undefined as number | undefined, buckets: groupBy(literals, (text) => text.length) };
  const [first] = literals;
  if (first !== undefined && best.buckets.size === 1) {
    let smallest = literals.length;
    for (let position = 0; position < first.text.length; position++) {
      const buckets = groupBy(literals, (text) => text.charCodeAt(position));
      const largest = Math.max(...[...buckets.values()].map((bucket) => bucket.length));
      if (largest < smallest) {
        smallest = largest;
        best = { position, buckets };
      }
    }
  }
  return [best.position, best.buckets];
}

function groupBy(
  literals: RouteNode["literals"],
  keyOf: (text: string) => number,
): ReadonlyMap<number, RouteNode["literals"]> {
  const buckets = new Map<number, RouteNode["literals"][number][]>();
  for (const literal of literals) {
    const key = keyOf(literal.text);
    const bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, [literal]);
    else bucket.push(literal);
  }
  return buckets;
}
