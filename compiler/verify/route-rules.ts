import type { CallExpression, Expression, FunctionDeclaration, Statement } from "acorn";
import type { GeneratedCode, Locals } from "./generated-code.ts";
import type { RouteShape, SegmentShape } from "./route-shape.ts";

/** One thing that a router asks of a request. */
export type RouteTest =
  | { readonly of: "depth"; readonly is: "equal" | "over"; readonly value: number }
  | { readonly of: "method"; readonly text: string }
  | { readonly of: "segment"; readonly index: number; readonly test: SegmentTest };

type SegmentTest =
  | { readonly is: "equal" | "begins" | "ends"; readonly text: string }
  | { readonly is: "filled" }
  | { readonly is: "texts"; readonly texts: readonly string[] }
  | { readonly is: "longer" | "long"; readonly value: number }
  | { readonly is: "character"; readonly at: number; readonly value: number };

/** What a router does with the requests that meet all tests, and that no earlier rule took. */
export interface RouteRule {
  readonly tests: readonly RouteTest[];
  readonly action: CallExpression;
  readonly locals: Locals;
}

/** What names of a router's own stand for. */
type Local = { readonly is: "x" } | { readonly is: "depth" } | { readonly is: "segment"; readonly index: number };

/**
 * A router as the list of its rules, in the order in which they decide. `key` names the router, `decoration` is what it may do
 * before anything else. Statements that could mean something else are flaws, and end the list.
 */
export function routeRules(
  code: GeneratedCode,
  node: FunctionDeclaration,
  key: string,
  decoration: ((node: Expression, locals: Locals) => boolean) | undefined,
): readonly RouteRule[] {
  const reader = new RouterReader(code, key);
  return reader.router(node, [], decoration) ? reader.rules : [];
}

class RouterReader {
  readonly rules: RouteRule[] = [];
  readonly #code: GeneratedCode;
  readonly #key: string;

  constructor(code: GeneratedCode, key: string) {
    this.#code = code;
    this.#key = key;
  }

  /** False: something was not understood, and has been reported. */
  router(
    node: FunctionDeclaration,
    tests: readonly RouteTest[],
    decoration: ((node: Expression, locals: Locals) => boolean) | undefined,
    isInner = false,
  ): boolean {
    const [parameter] = node.params;
    if (node.async || node.generator || node.params.length !== 1 || parameter?.type !== "Identifier") {
      return this.#refuse(node.start, "the router does not take one request");
    }
    const names = new Map<string, Local>([[parameter.name, { is: "x" }]]);
    let body = node.body.body;
    if (decoration !== undefined) {
      const [first] = body;
      if (first?.type !== "ExpressionStatement" || !decoration(first.expression, knownLocals(names))) {
        return this.#refuse(node.start, "the router does not begin with the rules for other origins");
      }
      body = body.slice(1);
    }
    const read = this.#statements(body, tests, names, isInner);
    if (read === "falls") return this.#refuse(node.end, "the router ends without an answer");
    return read !== "unknown";
  }

  /** Whether what follows is reached: not after a `return`. `mayGiveUp`: `false` may be returned, and the caller goes on. */
  #statements(
    body: readonly Statement[],
    tests: readonly RouteTest[],
    names: Map<string, Local>,
    mayGiveUp: boolean,
  ): "falls" | "ends" | "unknown" {
    for (let i = 0; i < body.length; i++) {
      const statement = body[i] as Statement;
      const called = this.#innerCall(statement, body[i + 1], names);
      if (called !== undefined) {
        const name = called.callee.type === "Identifier" ? called.callee.name : "";
        const inner = this.#code.functionFor(name, `router ${name} below ${this.#key}`);
        if (inner === undefined) return this.#unknown(statement.start, `${name} is not a router of this API alone`);
        if (!this.router(inner, tests, undefined, true)) return "unknown";
        i++;
        continue;
      }
      const read = this.#statement(statement, tests, names, mayGiveUp);
      if (read === "unknown") return read;
      if (read === "ends") {
        const next = body[i + 1];
        return next === undefined ? read : this.#unknown(next.start, "no request gets here");
      }
    }
    return "falls";
  }

  #statement(
    node: Statement,
    tests: readonly RouteTest[],
    names: Map<string, Local>,
    mayGiveUp: boolean,
  ): "falls" | "ends" | "unknown" {
    switch (node.type) {
      case "VariableDeclaration":
        return this.#declares(node, names) ? "falls" : this.#unknown(node.start, "this is no part of a path");
      case "IfStatement": {
        const found = node.alternate == null ? this.#tests(node.test, names) : undefined;
        if (found === undefined) return this.#unknown(node.start, "this condition says nothing of a path or a method");
        const body = node.consequent.type === "BlockStatement" ? node.consequent.body : [node.consequent];
        const read = this.#statements(body, [...tests, ...found], new Map(names), false);
        return read === "unknown" ? read : "falls";
      }
      case "SwitchStatement": {
        const seen = new Set<number>();
        for (const one of node.cases) {
          const label = one.test?.type === "Literal" ? one.test.value : undefined;
          if (typeof label !== "number" || seen.has(label))
            return this.#unknown(one.start, "this case is not one number");
          seen.add(label);
          const test = this.#measure(node.discriminant, label, names);
          if (test === undefined) return this.#unknown(node.start, "this switch says nothing of a path");
          const ends = one.consequent.at(-1)?.type === "BreakStatement";
          const body = ends ? one.consequent.slice(0, -1) : one.consequent;
          const read = this.#statements(body, [...tests, test], new Map(names), false);
          if (read === "unknown") return read;
          if (read === "falls" && !ends) return this.#unknown(one.start, "this case goes on into the next one");
        }
        return "falls";
      }
      case "ReturnStatement": {
        const { argument } = node;
        // No route below: the router that called goes on.
        if (mayGiveUp && argument?.type === "Literal" && argument.value === false) {
          return "ends";
        }
        if (argument?.type !== "CallExpression") return this.#unknown(node.start, "this is no answer");
        this.rules.push({ tests, action: argument, locals: knownLocals(names) });
        return "ends";
      }
      default:
        return this.#unknown(node.start, "this statement has no place in a router");
    }
  }

  #declares(node: Extract<Statement, { type: "VariableDeclaration" }>, names: Map<string, Local>): boolean {
    const [declarator] = node.declarations;
    if (node.kind !== "const" || node.declarations.length !== 1 || declarator === undefined) return false;
    const { id, init } = declarator;
    if (id.type !== "Identifier" || init == null || names.has(id.name)) return false;
    if (isMember(init, "length") && this.#isSegments(init.object as Expression, names)) {
      names.set(id.name, { is: "depth" });
      return true;
    }
    if (init.type !== "LogicalExpression" || init.operator !== "??") return false;
    const { left, right } = init;
    if (right.type !== "Literal" || right.value !== "" || left.type !== "MemberExpression" || !left.computed)
      return false;
    if (left.optional || left.property.type !== "Literal" || typeof left.property.value !== "number") return false;
    if (!this.#isSegments(left.object as Expression, names)) return false;
    names.set(id.name, { is: "segment", index: left.property.value });
    return true;
  }

  #isSegments(node: Expression, names: ReadonlyMap<string, Local>): boolean {
    return isMember(node, "segments") && localOf(node.object as Expression, names)?.is === "x";
  }

  /** `const found = routes(x); if (found !== false) return found;` */
  #innerCall(
    node: Statement,
    next: Statement | undefined,
    names: ReadonlyMap<string, Local>,
  ): CallExpression | undefined {
    const init = node.type === "VariableDeclaration" ? node.declarations[0]?.init : undefined;
    const id = node.type === "VariableDeclaration" ? node.declarations[0]?.id : undefined;
    if (init?.type !== "CallExpression" || id?.type !== "Identifier" || names.has(id.name)) return undefined;
    if (node.type !== "VariableDeclaration" || node.kind !== "const" || node.declarations.length !== 1)
      return undefined;
    const [argument] = init.arguments;
    if (init.optional || init.arguments.length !== 1 || argument === undefined || argument.type === "SpreadElement")
      return undefined;
    if (localOf(argument, names)?.is !== "x" || (init.callee.type === "Identifier" && names.has(init.callee.name)))
      return undefined;
    if (next?.type !== "IfStatement" || next.alternate != null || next.test.type !== "BinaryExpression")
      return undefined;
    const { test, consequent } = next;
    const asksFound =
      test.operator === "!==" &&
      test.left.type === "Identifier" &&
      test.left.name === id.name &&
      test.right.type === "Literal" &&
      test.right.value === false;
    const returnsFound =
      consequent.type === "ReturnStatement" &&
      consequent.argument?.type === "Identifier" &&
      consequent.argument.name === id.name;
    return asksFound && returnsFound ? init : undefined;
  }

  /** What all must hold; undefined: not only tests of path and method joined by `&&`. */
  #tests(node: Expression, names: ReadonlyMap<string, Local>): readonly RouteTest[] | undefined {
    if (node.type === "LogicalExpression" && node.operator === "&&") {
      const [left, right] = [this.#tests(node.left, names), this.#tests(node.right, names)];
      return left && right && [...left, ...right];
    }
    const one = node.type === "BinaryExpression" ? this.#comparison(node, names) : this.#called(node, names);
    return one && [one];
  }

  #comparison(
    node: Extract<Expression, { type: "BinaryExpression" }>,
    names: ReadonlyMap<string, Local>,
  ): RouteTest | undefined {
    const { operator, left, right } = node;
    if (left.type === "PrivateIdentifier" || right.type !== "Literal") return undefined;
    const { value } = right;
    const local = localOf(left, names);
    if (typeof value === "string") {
      if (operator === "===" && isMember(left, "method") && localOf(left.object as Expression, names)?.is === "x") {
        return { of: "method", text: value };
      }
      if (local?.is !== "segment") return undefined;
      if (operator === "===") return segmentTest(local.index, { is: "equal", text: value });
      return operator === "!==" && value === "" ? segmentTest(local.index, { is: "filled" }) : undefined;
    }
    if (typeof value !== "number") return undefined;
    if (local?.is === "depth") {
      if (operator === "===") return { of: "depth", is: "equal", value };
      return operator === ">" ? { of: "depth", is: "over", value } : undefined;
    }
    if (operator === "===") return this.#measure(left, value, names);
    if (operator !== ">" || !isMember(left, "length")) return undefined;
    const segment = localOf(left.object as Expression, names);
    return segment?.is === "segment" ? segmentTest(segment.index, { is: "longer", value }) : undefined;
  }

  /** The length of a segment, or one of its characters. */
  #measure(node: Expression, value: number, names: ReadonlyMap<string, Local>): RouteTest | undefined {
    if (isMember(node, "length")) {
      const segment = localOf(node.object as Expression, names);
      return segment?.is === "segment" ? segmentTest(segment.index, { is: "long", value }) : undefined;
    }
    if (node.type !== "CallExpression" || node.optional || node.arguments.length !== 1) return undefined;
    const [at] = node.arguments;
    const { callee } = node;
    if (callee.type === "Super" || !isMember(callee, "charCodeAt") || at?.type !== "Literal") return undefined;
    const segment = localOf(callee.object as Expression, names);
    if (segment?.is !== "segment" || typeof at.value !== "number") return undefined;
    return segmentTest(segment.index, { is: "character", at: at.value, value });
  }

  #called(node: Expression, names: ReadonlyMap<string, Local>): RouteTest | undefined {
    if (node.type !== "CallExpression" || node.optional || node.callee.type === "Super") return undefined;
    const [first, second] = node.arguments;
    if (first === undefined || first.type === "SpreadElement") return undefined;
    if (this.#code.is(node.callee, { is: "runtime", name: "segment/holdsTexts" }, knownLocals(names))) {
      const segment = localOf(first, names);
      if (segment?.is !== "segment" || second?.type !== "ArrayExpression" || node.arguments.length !== 2)
        return undefined;
      const texts = second.elements.map((each) => (each?.type === "Literal" ? each.value : undefined));
      const isTexts = texts.every((text): text is string => typeof text === "string");
      return isTexts ? segmentTest(segment.index, { is: "texts", texts }) : undefined;
    }
    if (first.type !== "Literal" || typeof first.value !== "string" || node.arguments.length !== 1) return undefined;
    const { callee } = node;
    for (const [name, is] of [
      ["startsWith", "begins"],
      ["endsWith", "ends"],
    ] as const) {
      if (!isMember(callee, name)) continue;
      const segment = localOf(callee.object as Expression, names);
      if (segment?.is === "segment") return segmentTest(segment.index, { is, text: first.value });
    }
    return undefined;
  }

  #unknown(offset: number, message: string): "unknown" {
    this.#refuse(offset, message);
    return "unknown";
  }

  #refuse(offset: number, message: string): false {
    this.#code.report("route-wrong", `${this.#key}: ${message}`, offset);
    return false;
  }
}

function segmentTest(index: number, test: SegmentTest): RouteTest {
  return { of: "segment", index, test };
}

function isMember(node: Expression, name: string): node is Extract<Expression, { type: "MemberExpression" }> {
  return (
    node.type === "MemberExpression" &&
    !node.computed &&
    !node.optional &&
    node.property.type === "Identifier" &&
    node.property.name === name &&
    node.object.type !== "Super"
  );
}

function localOf(node: Expression, names: ReadonlyMap<string, Local>): Local | undefined {
  return node.type === "Identifier" ? names.get(node.name) : undefined;
}

/** Only the exchange may be handed on. Other names are known, too, so that none is taken for one of the outermost level. */
function knownLocals(names: ReadonlyMap<string, Local>): Locals {
  return new Map([...names].map(([name, { is }]) => [name, is === "x" ? "x" : "path"]));
}

/**
 * The paths that meet all tests, if those are all paths of one shape; undefined: they are not, because a test is missing, too
 * many, or contradicts another. Tests that follow from others say nothing new.
 */
export function shapeOfTests(tests: readonly RouteTest[]): RouteShape | undefined {
  let depth: number | undefined;
  let least = 0;
  const bySegment = new Map<number, SegmentTest[]>();
  for (const test of tests) {
    if (test.of === "depth") {
      if (test.is === "over") least = Math.max(least, test.value + 1);
      else if (depth !== undefined && depth !== test.value) return undefined;
      else depth = test.value;
    } else if (test.of === "segment") {
      const list = bySegment.get(test.index);
      if (list === undefined) bySegment.set(test.index, [test.test]);
      else list.push(test.test);
    }
  }
  const segments: SegmentShape[] = [];
  for (let i = 0; i < bySegment.size; i++) {
    const list = bySegment.get(i);
    const segment = list && segmentOfTests(list);
    if (segment === undefined) return undefined;
    segments.push(segment);
  }
  // A segment that is not there reads as the empty one: then only the depth says that it is.
  const last = segments.at(-1);
  const there = segments.length > 0 && !(last?.kind === "literal" && last.text === "") ? segments.length : 0;
  const known = Math.max(least, depth ?? 0, there);
  if (depth !== undefined) {
    return depth === segments.length && least <= depth ? { segments, open: false } : undefined;
  }
  return known === segments.length ? { segments, open: true } : undefined;
}

function segmentOfTests(tests: readonly SegmentTest[]): SegmentShape | undefined {
  const equal = tests.find((test) => test.is === "equal");
  if (equal?.is === "equal") {
    const { text } = equal;
    return tests.every((test) => holds(test, text)) ? { kind: "literal", text } : undefined;
  }
  const listed = tests.find((test) => test.is === "texts");
  if (listed?.is === "texts") {
    return tests.length === 1 && listed.texts.length > 2 ? { kind: "texts", texts: listed.texts } : undefined;
  }
  const texts: [begin: string, end: string] = ["", ""];
  let longer: number | undefined;
  const seen = new Set<SegmentTest["is"]>();
  for (const test of tests) {
    if (seen.has(test.is)) return undefined;
    seen.add(test.is);
    if (test.is === "begins") texts[0] = test.text;
    else if (test.is === "ends") texts[1] = test.text;
    else if (test.is === "longer") longer = test.value;
    else if (test.is === "filled") longer ??= 0;
    else return undefined;
  }
  // Something stands between, and the texts do not overlap.
  return longer === texts.join("").length ? { kind: "texts", texts } : undefined;
}

function holds(test: SegmentTest, text: string): boolean {
  switch (test.is) {
    case "equal":
      return text === test.text;
    case "begins":
      return text.startsWith(test.text);
    case "ends":
      return text.endsWith(test.text);
    case "filled":
      return text !== "";
    case "longer":
      return text.length > test.value;
    case "long":
      return text.length === test.value;
    case "character":
      return text.charCodeAt(test.at) === test.value;
    case "texts":
      return false;
  }
}
