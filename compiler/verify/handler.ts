import type { Expression, FunctionDeclaration, Statement } from "acorn";
import type { Condition, Step } from "./expect/operation.ts";
import { type Expected, type LocalName, x } from "./expect/value.ts";
import type { GeneratedCode, Locals } from "./generated-code.ts";

/** What is still to come on one way through a handler. */
interface Way {
  /** Steps that were done. */
  readonly done: number;
  readonly locals: Locals;
  /** A test has failed: this must be returned, and nothing else may happen. */
  readonly must?: Expected;
}

/**
 * Follows every way through a handler, each branch of each condition, and requires that it does the expected steps in their order,
 * all of them, and nothing else: so no way leads to a backend call but through all of its checks. Returns how many ways there are.
 * Statements that it does not know are flaws: loops, exceptions that are caught, reassigned names.
 */
export function checkHandler(
  code: GeneratedCode,
  node: FunctionDeclaration,
  steps: readonly Step[],
  operation: string,
): number {
  const walk = new Walk(code, steps, operation);
  const [parameter] = node.params;
  if (node.generator || node.params.length !== 1 || parameter?.type !== "Identifier") {
    walk.refuse(node.start, "the handler does not take one request");
    return 0;
  }
  walk.block(node.body.body, { done: 0, locals: new Map([[parameter.name, "x"]]) }, (way) =>
    walk.refuse(node.end, way.must === undefined ? "the handler ends without an answer" : "a check is not decisive"),
  );
  return walk.ways;
}

type Next = (way: Way) => void;

class Walk {
  ways = 0;
  readonly #code: GeneratedCode;
  readonly #steps: readonly Step[];
  readonly #operation: string;

  constructor(code: GeneratedCode, steps: readonly Step[], operation: string) {
    this.#code = code;
    this.#steps = steps;
    this.#operation = operation;
  }

  refuse(offset: number, message: string): void {
    this.ways++;
    this.#code.report("check-wrong", message, offset, this.#operation);
  }

  block(statements: readonly Statement[], way: Way, next: Next, from = 0): void {
    const statement = statements[from];
    if (statement === undefined) return next(way);
    this.#statement(statement, way, (after) => this.block(statements, after, next, from + 1));
  }

  #statement(node: Statement, way: Way, next: Next): void {
    switch (node.type) {
      case "BlockStatement":
        // Names of the block end with it.
        return this.block(node.body, way, (after) => next({ ...after, locals: way.locals }));
      case "IfStatement":
        return this.#condition(node.test, way, (holds, after) => {
          const taken = holds ? node.consequent : node.alternate;
          if (taken == null) next(after);
          else this.#statement(taken, after, next);
        });
      case "ReturnStatement":
        return this.#return(node.argument, node.start, way);
      case "ExpressionStatement":
        return this.#expression(node.expression, way, next);
      case "VariableDeclaration": {
        const [declarator] = node.declarations;
        if (node.kind !== "const" || node.declarations.length !== 1 || declarator === undefined) break;
        const { id, init } = declarator;
        if (id.type !== "Identifier" || init == null || way.locals.has(id.name)) break;
        return this.#call(init, way, (result, after) => {
          if (result === undefined) return this.refuse(node.start, `${id.name} is not the result of a check`);
          next({ ...after, locals: new Map([...after.locals, [id.name, result]]) });
        });
      }
      case "EmptyStatement":
        return next(way);
      default:
        break;
    }
    this.refuse(node.start, "this statement has no place in a handler");
  }

  #expression(node: Expression, way: Way, next: Next): void {
    if (node.type !== "AssignmentExpression") return this.#call(node, way, (_result, after) => next(after));
    const step = this.#next(node.start, way);
    if (step === undefined) return;
    const { left, right, operator } = node;
    const isSet =
      step.kind === "set" &&
      operator === "=" &&
      left.type === "MemberExpression" &&
      this.#code.is(left, { is: "member", of: x, name: step.member }, way.locals) &&
      this.#code.is(right, step.value, way.locals);
    if (!isSet) return this.#unexpected(node.start, step);
    next({ ...way, done: way.done + 1 });
  }

  /** A call that is a step of its own. */
  #call(node: Expression, way: Way, next: (result: LocalName | undefined, way: Way) => void): void {
    const step = this.#next(node.start, way);
    if (step === undefined) return;
    if (step.kind !== "do") return this.#unexpected(node.start, step);
    const isAwaited = node.type === "AwaitExpression";
    if (step.awaited && !isAwaited) return this.refuse(node.start, "the result of a check is not waited for");
    const called = isAwaited ? node.argument : node;
    if (isAwaited !== step.awaited || !this.#code.is(called, step.call, way.locals)) {
      return this.#unexpected(node.start, step);
    }
    next(step.result, { ...way, done: way.done + 1 });
  }

  #return(argument: Expression | null | undefined, offset: number, way: Way): void {
    if (argument == null) return this.refuse(offset, "the handler returns no answer");
    this.#choices(argument, way, (after, is) => {
      const step = after.must === undefined ? this.#next(offset, after) : undefined;
      if (after.must === undefined && step === undefined) return;
      const value = after.must ?? (step?.kind === "return" ? step.value : undefined);
      if (value === undefined) return this.#unexpected(offset, step as Step);
      if (!is(value)) return this.refuse(offset, `this is not the answer that belongs here: ${wordsOf(value)}`);
      this.ways++;
    });
  }

  /** A returned call whose arguments may depend on a condition: each choice is a way of its own. */
  #choices(node: Expression, way: Way, next: (way: Way, is: (value: Expected) => boolean) => void): void {
    if (node.type === "ConditionalExpression") {
      return this.#condition(node.test, way, (holds, after) =>
        this.#choices(holds ? node.consequent : node.alternate, after, next),
      );
    }
    const at = node.type === "CallExpression" ? node.arguments.findIndex(isConditional) : -1;
    const chosen = node.type === "CallExpression" ? node.arguments[at] : undefined;
    if (node.type !== "CallExpression" || chosen?.type !== "ConditionalExpression") {
      return next(way, (value) => this.#code.is(node, value, way.locals));
    }
    this.#condition(chosen.test, way, (holds, after) => {
      const taken = holds ? chosen.consequent : chosen.alternate;
      this.#choices({ ...node, arguments: node.arguments.with(at, taken) }, after, next);
    });
  }

  #condition(node: Expression, way: Way, next: (holds: boolean, way: Way) => void): void {
    if (node.type === "UnaryExpression" && node.operator === "!") {
      return this.#condition(node.argument, way, (holds, after) => next(!holds, after));
    }
    if (node.type === "LogicalExpression" && node.operator !== "??") {
      const decisive = node.operator === "||";
      return this.#condition(node.left, way, (holds, after) =>
        holds === decisive ? next(holds, after) : this.#condition(node.right, after, next),
      );
    }
    const step = this.#next(node.start, way);
    if (step === undefined) return;
    if (step.kind !== "test") return this.#unexpected(node.start, step);
    const negated = this.#holds(node, step.condition, way.locals);
    if (negated === undefined) return this.#unexpected(node.start, step);
    for (const met of [true, false]) {
      const after = { ...way, done: way.done + 1 };
      next(met !== negated, met === step.passes ? after : { ...after, must: step.otherwise });
    }
  }

  /** Whether an expression says the opposite of a condition; undefined: it says something else. */
  #holds(node: Expression, condition: Condition, locals: Locals): boolean | undefined {
    if (condition.is === "truthy") return this.#code.is(node, condition.value, locals) ? false : undefined;
    if (node.type !== "BinaryExpression" || node.left.type === "PrivateIdentifier") return undefined;
    const { operator, left, right } = node;
    if (operator !== "===" && operator !== "!==") return undefined;
    const text: Expected = { is: "literal", value: condition.text };
    const same = this.#code.is(left, condition.value, locals) && this.#code.is(right, text, locals);
    return same ? operator === "!==" : undefined;
  }

  /** The step that must come now. */
  #next(offset: number, { done, must }: Way): Step | undefined {
    if (must !== undefined) {
      this.refuse(offset, `a check has failed, and something else follows than its answer: ${wordsOf(must)}`);
      return undefined;
    }
    const step = this.#steps[done];
    if (step === undefined) this.refuse(offset, "nothing may follow here");
    return step;
  }

  #unexpected(offset: number, step: Step): void {
    this.refuse(offset, `this stands where the operation must ${wordsOfStep(step)}`);
  }
}

function isConditional({ type }: { readonly type: string }): boolean {
  return type === "ConditionalExpression";
}

function wordsOfStep(step: Step): string {
  switch (step.kind) {
    case "set":
      return `set x.${step.member}`;
    case "do":
      return `${step.awaited ? "wait for" : "call"} ${wordsOf(step.call)}`;
    case "test":
      return `test ${wordsOf(step.condition.value)}`;
    case "return":
      return `return ${wordsOf(step.value)}`;
  }
}

/** An expected value in a few words. */
function wordsOf(value: Expected): string {
  switch (value.is) {
    case "literal":
      return JSON.stringify(value.value) ?? "undefined";
    case "list":
      return `[${value.items.map(wordsOf).join(", ")}]`;
    case "record":
      return "{ ... }";
    case "call":
      return `${wordsOf(value.callee)}(${value.args.map(wordsOf).join(", ")})`;
    case "runtime":
      return value.name.slice(value.name.indexOf("/") + 1);
    case "constant":
    case "function":
      return `<${value.key}>`;
    case "local":
      return value.name;
    case "member":
      return `${wordsOf(value.of)}.${value.name}`;
    case "project":
      return value.name;
    case "either":
      return value.of[0] === undefined ? "nothing" : wordsOf(value.of[0]);
  }
}
