import type { Expression, FunctionDeclaration } from "acorn";
import type { KnownPart } from "./compare-known.ts";
import type { Expected, LocalName } from "./expect/value.ts";
import type { Flaw, FlawCode } from "./finding.ts";
import type { RuntimeName } from "./runtime-names.ts";

/** Something that generated code declares at the outermost level. */
export type Declaration =
  | { readonly kind: "constant"; readonly name: string; readonly init: Expression }
  | { readonly kind: "function"; readonly name: string; readonly node: FunctionDeclaration };

/** The names that are known inside of one function. */
export type Locals = ReadonlyMap<string, LocalName>;

const noLocals: Locals = new Map();

/** What bundles say, and what of it has been found to be as expected. */
export class GeneratedCode {
  readonly flaws: Flaw[] = [];
  /** Comparisons of a value with what it must be. */
  compared = 0;
  readonly #declarations: ReadonlyMap<string, Declaration>;
  readonly #known: Pick<KnownPart, "runtimeName" | "valueFrom">;
  /** What the project's own code declares: the file, by name. */
  readonly #project: ReadonlyMap<string, string>;
  readonly #keyOf = new Map<string, string>();
  readonly #nameOf = new Map<string, string>();
  readonly #usedRuntime = new Set<RuntimeName>();

  constructor(
    declarations: readonly Declaration[],
    known: Pick<KnownPart, "runtimeName" | "valueFrom">,
    project: ReadonlyMap<string, string>,
  ) {
    this.#declarations = new Map(declarations.map((declaration) => [declaration.name, declaration]));
    this.#known = known;
    this.#project = project;
  }

  report(code: FlawCode, message: string, offset: number, operation?: string): void {
    this.flaws.push({ code, message, offset, operation });
  }

  /** Names of the runtime that something expected was found to be. */
  get usedRuntime(): ReadonlySet<RuntimeName> {
    return this.#usedRuntime;
  }

  /** Declarations that nothing expected has led to. */
  unclaimed(): Declaration[] {
    return [...this.#declarations.values()].filter(({ name }) => !this.#keyOf.has(name));
  }

  /** Constants that have no value yet at a place of the text. */
  constantsAfter(offset: number): { readonly name: string; readonly init: Expression }[] {
    return [...this.#declarations.values()].flatMap((one) =>
      one.kind === "constant" && one.init.start > offset ? [one] : [],
    );
  }

  /** The value of a constant, if there is one of this name. */
  constantNamed(name: string): Expression | undefined {
    const declaration = this.#declarations.get(name);
    return declaration?.kind === "constant" ? declaration.init : undefined;
  }

  /** The function that a name stands for, if it is the only one for the key and stands for nothing else. */
  functionFor(name: string, key: string): FunctionDeclaration | undefined {
    const declaration = this.#declarations.get(name);
    return declaration?.kind === "function" && this.#bind(name, key) !== "other" ? declaration.node : undefined;
  }

  /**
   * Whether an expression is what is expected. What the names in it stand for is looked up, and compared as well; `before`: only
   * what stands before this place in the text has a value where it is computed. A constant that is not as expected is a flaw of its own.
   */
  is(node: Expression, expected: Expected, locals: Locals = noLocals, before = Number.POSITIVE_INFINITY): boolean {
    this.compared++;
    switch (expected.is) {
      case "literal":
        return isLiteral(node, expected.value, locals);
      case "list":
        return (
          node.type === "ArrayExpression" &&
          node.elements.length === expected.items.length &&
          node.elements.every(
            (each, index) =>
              each !== null &&
              each.type !== "SpreadElement" &&
              this.is(each, expected.items[index] as Expected, locals, before),
          )
        );
      case "record":
        return this.#isRecord(node, expected, locals, before);
      case "call":
        return (
          node.type === "CallExpression" &&
          !node.optional &&
          node.callee.type !== "Super" &&
          this.is(node.callee, expected.callee, locals, before) &&
          node.arguments.length === expected.args.length &&
          node.arguments.every(
            (each, index) =>
              each.type !== "SpreadElement" && this.is(each, expected.args[index] as Expected, locals, before),
          )
        );
      case "runtime": {
        const found = this.#global(node, locals);
        if (found === undefined || this.#known.runtimeName.get(found) !== expected.name) return false;
        if ((this.#known.valueFrom.get(found) ?? 0) >= before) return false;
        this.#usedRuntime.add(expected.name);
        return true;
      }
      case "constant": {
        const found = this.#global(node, locals);
        return found !== undefined && this.#isConstant(found, expected, before);
      }
      case "function": {
        const found = this.#global(node, locals);
        return found !== undefined && this.functionFor(found, expected.key) !== undefined;
      }
      case "local":
        return node.type === "Identifier" && locals.get(node.name) === expected.name;
      case "member":
        return (
          node.type === "MemberExpression" &&
          !node.computed &&
          !node.optional &&
          node.object.type !== "Super" &&
          node.property.type === "Identifier" &&
          node.property.name === expected.name &&
          this.is(node.object, expected.of, locals, before)
        );
      case "project": {
        const found = this.#global(node, locals);
        return (
          found !== undefined &&
          this.#project.get(found) === expected.file &&
          found.replace(/\d+$/, "") === expected.name.replace(/\d+$/, "")
        );
      }
      case "either":
        return expected.of.some((one) => this.is(node, one, locals, before));
    }
  }

  #global(node: Expression, locals: Locals): string | undefined {
    return node.type === "Identifier" && !locals.has(node.name) ? node.name : undefined;
  }

  #isRecord(
    node: Expression,
    { members }: Extract<Expected, { is: "record" }>,
    locals: Locals,
    before: number,
  ): boolean {
    if (node.type !== "ObjectExpression" || node.properties.length !== members.length) return false;
    const found = new Map<string, Expression>();
    for (const property of node.properties) {
      if (property.type !== "Property" || property.kind !== "init" || property.computed || property.method)
        return false;
      const { key, value } = property;
      const name = key.type === "Identifier" ? key.name : key.type === "Literal" ? String(key.value) : undefined;
      // It would set what the record inherits from instead.
      if (name === undefined || name === "__proto__") return false;
      found.set(name, value);
    }
    return members.every(([name, expected]) => {
      const value = found.get(name);
      return value !== undefined && this.is(value, expected, locals, before);
    });
  }

  #isConstant(name: string, expected: Extract<Expected, { is: "constant" }>, before: number): boolean {
    const declaration = this.#declarations.get(name);
    if (declaration?.kind !== "constant" || declaration.init.start >= before) return false;
    const bound = this.#bind(name, expected.key);
    if (bound === "new" && !this.is(declaration.init, expected.value(), noLocals, declaration.init.start)) {
      const message = `${name} is not what the manifest claims of the ${expected.key}`;
      this.report("constant-wrong", message, declaration.init.start);
    }
    return bound !== "other";
  }

  #bind(name: string, key: string): "new" | "same" | "other" {
    const bound = this.#keyOf.get(name);
    if (bound === undefined && this.#nameOf.get(key) === undefined) {
      this.#keyOf.set(name, key);
      this.#nameOf.set(key, name);
      return "new";
    }
    return bound === key ? "same" : "other";
  }
}

function isLiteral(node: Expression, value: string | number | boolean | undefined, locals: Locals): boolean {
  if (value === undefined) {
    return node.type === "UnaryExpression" && node.operator === "void" && node.argument.type === "Literal";
  }
  switch (node.type) {
    case "Literal":
      return node.value === value;
    case "TemplateLiteral":
      return node.expressions.length === 0 && node.quasis[0]?.value.cooked === value;
    case "UnaryExpression":
      return (
        node.operator === "-" && typeof value === "number" && value < 0 && isLiteral(node.argument, -value, locals)
      );
    default:
      return false;
  }
}
