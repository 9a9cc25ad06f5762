import type { Expression, FunctionDeclaration, Node, Statement, SwitchStatement } from "acorn";
import type { PathSegment } from "../../model/checked-project.ts";
import type { ApiPlan, GatewayPlan, RouteLeaf, RouteNode } from "../../model/gateway-plan.ts";
import { auditDeclared } from "./audit-handlers.ts";
import type { Report } from "./finding.ts";
import type { ParsedFile } from "./parsed-file.ts";
import { quoted, type TokenReader } from "./tokens.ts";

/**
 * The router returns every planned handler once, under exactly the conditions of its path, the more specific path first;
 * and nothing else. Read from the code: which conditions lead to each `return`.
 */
export function auditRouter(
  plan: GatewayPlan,
  api: ApiPlan,
  parsed: ParsedFile,
  tokens: TokenReader,
  report: Report,
): void {
  const planned = plannedRoutes(api.routes);
  const declared = auditDeclared(parsed, [api.symbol, ...planned.functions], report);
  const functions = new Map<string, RouterFunction>();
  for (const [name, { node, declaration }] of declared) {
    if (declaration.type === "FunctionDeclaration") functions.set(name, { start: node.start, body: declaration.body });
    else report(name, "is not a function");
  }
  const reader = new RouterReader(plan, api, parsed, tokens, report, planned.routes, functions);
  reader.readFunction(api.symbol, []);
  reader.reportMissing();
}

/** A planned leaf and how it is reached. */
interface PlannedRoute {
  readonly leaf: RouteLeaf;
  readonly wild: boolean;
  /** The nodes on its way, with the place of the branch taken: the smaller is tried first. */
  readonly branches: readonly { readonly node: RouteNode; readonly rank: number }[];
  seen: boolean;
}

function plannedRoutes(root: RouteNode): {
  readonly routes: ReadonlyMap<string, PlannedRoute>;
  readonly functions: readonly string[];
} {
  const routes = new Map<string, PlannedRoute>();
  const functions: string[] = [];
  const visit = (node: RouteNode, way: PlannedRoute["branches"]): void => {
    const branch = (rank: number) => [...way, { node, rank }];
    const add = (leaf: RouteLeaf, wild: boolean, rank: number) =>
      routes.set(leaf.byMethod[0].symbol, { leaf, wild, branches: branch(rank), seen: false });
    const enter = (child: RouteNode, rank: number) => {
      if (child.functionName !== undefined) functions.push(child.functionName);
      visit(child, branch(rank));
    };
    if (node.leaf !== undefined) add(node.leaf, false, 0);
    for (const { node: child } of node.literals) enter(child, 1);
    node.affixed.forEach(({ node: child }, index) => {
      enter(child, 2 + index);
    });
    if (node.parameter !== undefined) enter(node.parameter, 2 + node.affixed.length);
    if (node.wildcard !== undefined) add(node.wildcard, true, 3 + node.affixed.length);
  };
  visit(root, []);
  return { routes, functions };
}

/** `start`: where `export` stands, or else `function`. */
type RouterFunction = Pick<FunctionDeclaration, "body" | "start">;

/** A condition in normal form, or a case of a switch on a property of a segment. */
type Condition =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "length"; readonly segment: number; readonly value: number }
  | { readonly kind: "character"; readonly segment: number; readonly position: number; readonly value: number };

class RouterReader {
  readonly #visited = new Set<string>();
  readonly #progress = new Map<RouteNode, number>();
  readonly #plan: GatewayPlan;
  readonly #api: ApiPlan;
  readonly #parsed: ParsedFile;
  readonly #tokens: TokenReader;
  readonly #report: Report;
  readonly #routes: ReadonlyMap<string, PlannedRoute>;
  readonly #functions: ReadonlyMap<string, RouterFunction>;

  constructor(
    plan: GatewayPlan,
    api: ApiPlan,
    parsed: ParsedFile,
    tokens: TokenReader,
    report: Report,
    routes: ReadonlyMap<string, PlannedRoute>,
    functions: ReadonlyMap<string, RouterFunction>,
  ) {
    this.#plan = plan;
    this.#api = api;
    this.#parsed = parsed;
    this.#tokens = tokens;
    this.#report = report;
    this.#routes = routes;
    this.#functions = functions;
  }

  readFunction(name: string, conditions: readonly Condition[]): void {
    const declaration = this.#functions.get(name);
    if (declaration === undefined) return;
    if (this.#visited.has(name)) this.#report(name, "is called twice");
    this.#visited.add(name);
    const main = name === this.#api.symbol;
    const signature = this.#form({ start: declaration.start, end: declaration.body.start });
    const planned = main
      ? `export function ${name}(x: Exchange): void | Promise<void>`
      : `function ${name}(x: Exchange): void | Promise<void> | false`;
    if (signature !== this.#tokens.planned(planned)) this.#report(name, `has another signature: ${signature}`);

    const statements = [...declaration.body.body];
    if (main && this.#api.cors !== undefined) this.#take(name, statements, "crossOrigin.decorate(x);");
    const locals = this.#readLocals(name, statements);
    for (const used of this.#tokens.names(this.#parsed.text, declaration.body.start, declaration.body.end).keys())
      if (/^(?:depth|s\d+)$/.test(used) && !locals.has(used)) this.#report(name, `uses ${used} without declaring it`);
    if (this.#read(name, statements, conditions)) return;
    const style = quoted(this.#plan.faults.api);
    this.#take(name, statements, main ? `return unknownResource(x, ${style});` : "return false;");
    if (statements.length > 0) this.#report(name, `has statements after its last: ${this.#form(statements[0])}`);
  }

  reportMissing(): void {
    for (const { leaf, seen } of this.#routes.values()) {
      if (!seen) this.#report(leaf.template, "is planned and not routed");
    }
    for (const name of this.#functions.keys()) {
      if (!this.#visited.has(name)) this.#report(name, "is never called");
    }
  }

  /** Reads statements from the front of the list up to one that it does not know; whether they end in an answer. */
  #read(name: string, statements: Statement[], conditions: readonly Condition[]): boolean {
    for (let next = statements[0]; next !== undefined; next = statements[0]) {
      if (this.#isMethodCheck(next)) {
        this.#readLeaf(name, statements.splice(0), conditions);
        return true;
      }
      if (next.type === "IfStatement" && next.consequent.type === "BlockStatement" && !next.alternate) {
        statements.shift();
        const inner = [...next.consequent.body];
        this.#read(name, inner, [...conditions, ...this.#conditionsOf(next.test)]);
        if (inner.length > 0) this.#report(name, `has a statement that is not planned: ${this.#form(inner[0])}`);
      } else if (next.type === "SwitchStatement") {
        statements.shift();
        this.#readSwitch(name, next, conditions);
      } else if (next.type === "VariableDeclaration") {
        statements.shift();
        this.#readCall(name, next, statements, conditions);
      } else {
        return false;
      }
    }
    return false;
  }

  #readSwitch(name: string, node: SwitchStatement, conditions: readonly Condition[]): void {
    const on = this.#form(node.discriminant);
    const length = /^s(\d+) \. length$/.exec(on);
    const character = /^s(\d+) \. charCodeAt \( (\d+) \)$/.exec(on);
    for (const clause of node.cases) {
      const value = clause.test ? Number(this.#form(clause.test)) : Number.NaN;
      const condition: Condition | undefined =
        length !== null
          ? { kind: "length", segment: Number(length[1]), value }
          : character !== null
            ? { kind: "character", segment: Number(character[1]), position: Number(character[2]), value }
            : undefined;
      if (condition === undefined || Number.isNaN(value)) {
        this.#report(name, `has a switch that is not planned: ${on}`);
        continue;
      }
      const inner = [...clause.consequent];
      this.#read(name, inner, [...conditions, condition]);
      this.#take(name, inner, "break;");
      if (inner.length > 0) this.#report(name, `has a statement that is not planned: ${this.#form(inner[0])}`);
    }
  }

  /** `const found = subtree(x); if (found !== false) return found;` */
  #readCall(name: string, node: Statement, statements: Statement[], conditions: readonly Condition[]): void {
    const called = /^const found = ([\w$]+) \( x \) ;$/.exec(this.#form(node))?.[1];
    if (called === undefined || called === this.#api.symbol || !this.#functions.has(called)) {
      this.#report(name, `has a statement that is not planned: ${this.#form(node)}`);
      return;
    }
    this.#take(name, statements, "if (found !== false) return found;");
    this.readFunction(called, conditions);
  }

  /** The methods of one path: everything from here to the end of the block. */
  #readLeaf(name: string, statements: readonly Statement[], conditions: readonly Condition[]): void {
    const found = statements.map((statement) => this.#form(statement)).join(" ");
    const symbol = / return ([\w$]+) \( x \) ;/.exec(found)?.[1] ?? "";
    const route = this.#routes.get(symbol);
    if (route === undefined) {
      this.#report(name, `returns a handler that is not planned there: ${symbol}`);
      return;
    }
    const { leaf, branches } = route;
    if (route.seen) this.#report(leaf.template, "is routed twice");
    route.seen = true;
    const planned = this.#tokens.normalForm(this.#leafText(leaf));
    if (found !== planned) this.#report(leaf.template, `is not routed as planned: ${planned}; found: ${found}`);
    this.#compareConditions(route, conditions);
    for (const { node, rank } of branches) {
      const before = this.#progress.get(node) ?? 0;
      if (rank < before) this.#report(leaf.template, "is tried after a less specific path");
      this.#progress.set(node, Math.max(rank, before));
    }
  }

  #leafText({ byMethod }: RouteLeaf): string {
    const methods = byMethod.map(({ method }) => quoted(method));
    const list = `[${methods.join(", ")}]`;
    const lines = byMethod.map(({ method, symbol }) => `if (x.method === ${quoted(method)}) return ${symbol}(x);`);
    if (!methods.includes('"OPTIONS"')) {
      if (this.#api.cors !== undefined) {
        lines.push(`if (x.method === "OPTIONS") return crossOrigin.preflight(x, ${list});`);
      } else if (this.#plan.compatibility === "wso2-3.2") {
        lines.push(`if (x.method === "OPTIONS") return allow(x, ${list});`);
      }
    }
    lines.push(`return methodNotAllowed(x, ${list}, ${quoted(this.#plan.faults.api)});`);
    return lines.join("\n");
  }

  #compareConditions({ leaf, wild }: PlannedRoute, found: readonly Condition[]): void {
    const planned = new Set(plannedConditions(leaf.segments, wild).map((text) => this.#tokens.planned(text)));
    const missing = new Set(planned);
    for (const condition of found) {
      if (condition.kind === "text") {
        missing.delete(condition.text);
        if (!planned.has(condition.text)) this.#report(leaf.template, `is routed only if ${condition.text}`);
      } else if (!isTrueOf(condition, leaf.segments[condition.segment])) {
        this.#report(leaf.template, `stands in the case ${condition.value} of a switch, which its path never takes`);
      }
    }
    for (const text of missing) this.#report(leaf.template, `is routed without asking whether ${text}`);
  }

  #isMethodCheck(node: Statement): boolean {
    return node.type === "IfStatement" && node.consequent.type !== "BlockStatement";
  }

  #conditionsOf(expression: Expression): Condition[] {
    if (expression.type === "LogicalExpression" && expression.operator === "&&") {
      return [...this.#conditionsOf(expression.left), ...this.#conditionsOf(expression.right)];
    }
    return [{ kind: "text", text: this.#form(expression) }];
  }

  /** `depth` and `s0`, `s1`, ... are what they seem. Returns those that are there. */
  #readLocals(name: string, statements: Statement[]): ReadonlySet<string> {
    const locals = new Set<string>();
    const depth = this.#tokens.planned("const depth = x.segments.length;");
    if (statements[0] !== undefined && this.#form(statements[0]) === depth) {
      statements.shift();
      locals.add("depth");
    }
    for (let next = statements[0]; next !== undefined; next = statements[0]) {
      const index = /^const s(\d+) =/.exec(this.#form(next))?.[1];
      if (index === undefined) break;
      this.#take(name, statements, `const s${index} = x.segments[${index}] ?? "";`);
      locals.add(`s${index}`);
    }
    return locals;
  }

  /** Removes the first statement, which has to be this one. */
  #take(name: string, statements: Statement[], planned: string): void {
    const next = statements.shift();
    const found = next === undefined ? "nothing" : this.#form(next);
    if (found !== this.#tokens.planned(planned)) this.#report(name, `lacks \`${planned}\`; found: ${found}`);
  }

  #form(node: Pick<Node, "end" | "start"> | undefined): string {
    return node === undefined ? "" : this.#tokens.normalForm(this.#parsed.text, node.start, node.end);
  }
}

/** What has to hold of a request's segments for it to meet a path. */
function plannedConditions(segments: readonly PathSegment[], wild: boolean): string[] {
  const conditions: string[] = wild ? [] : [`depth === ${segments.length}`];
  segments.forEach((segment, index) => {
    const name = `s${index}`;
    if (segment.kind === "wildcard") return;
    if (segment.kind === "literal") {
      conditions.push(`${name} === ${quoted(segment.text)}`);
      if (segment.text === "") conditions.push(`depth > ${index}`);
      return;
    }
    const { prefix, suffix, more = [] } = segment;
    if (more.length > 0) {
      const texts = [prefix, ...more.map(({ text }) => text), suffix];
      conditions.push(`holdsTexts(${name}, [${texts.map(quoted).join(", ")}])`);
      return;
    }
    if (prefix !== "") conditions.push(`${name}.startsWith(${quoted(prefix)})`);
    if (suffix !== "") conditions.push(`${name}.endsWith(${quoted(suffix)})`);
    const affixed = prefix.length + suffix.length;
    conditions.push(affixed === 0 ? `${name} !== ""` : `${name}.length > ${affixed}`);
  });
  return conditions;
}

function isTrueOf(condition: Exclude<Condition, { kind: "text" }>, segment: PathSegment | undefined): boolean {
  if (segment?.kind !== "literal") return false;
  return condition.kind === "length"
    ? segment.text.length === condition.value
    : segment.text.charCodeAt(condition.position) === condition.value;
}
