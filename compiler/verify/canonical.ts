import type { AnyNode, Function as FunctionNode, Identifier, Pattern, Statement, VariableDeclaration } from "acorn";
import { childrenOf } from "./syntax.ts";

/**
 * A statement of the outermost level without the names that a bundler may choose: two statements with equal `text` do the
 * same once equal positions of `globals` mean the same.
 */
export interface Canonical {
  /** The source; names that are declared inside are numbers, others are positions in `globals`. */
  readonly text: string;
  /** Names that are not declared inside, by first occurrence; those that the statement itself declares among them. */
  readonly globals: readonly string[];
  /** Names that the statement declares for the whole bundle. */
  readonly declared: readonly string[];
  /** Names of `globals` that are given a value somewhere other than where they are declared. */
  readonly assigned: readonly string[];
}

/** A name that is declared inside of a statement. */
interface Local {
  number: number | undefined;
}

class Scope {
  readonly names = new Map<string, Local>();
  readonly outer: Scope | undefined;
  /** The one that `var` declares in. */
  readonly function: Scope;

  constructor(outer: Scope | undefined, isFunction: boolean) {
    this.outer = outer;
    this.function = isFunction || outer === undefined ? this : outer.function;
  }

  declare(name: string): void {
    if (!this.names.has(name)) this.names.set(name, { number: undefined });
  }

  find(name: string): Local | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.outer) {
      const found = scope.names.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

interface Occurrence {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly scope: Scope | undefined;
  /** `{ name }`: printed with its key. */
  readonly short: boolean;
  readonly assigned: boolean;
}

/** Says the same of a statement whatever its names are. */
export function canonicalOf(text: string, statement: Statement): Canonical {
  const names = new Names();
  names.visit(statement, undefined);
  const occurrences = names.found.sort((a, b) => a.start - b.start);
  const globals = new Map<string, number>();
  const assigned = new Set<string>();
  let locals = 0;
  let from = statement.start;
  let out = "";
  for (const { start, end, name, scope, short, assigned: isAssigned } of occurrences) {
    if (start < from) continue;
    const local = scope?.find(name);
    let word: string;
    if (local === undefined) {
      let slot = globals.get(name);
      if (slot === undefined) {
        slot = globals.size;
        globals.set(name, slot);
      }
      word = `\u0002${slot}\u0002`;
      if (isAssigned) assigned.add(name);
    } else {
      local.number ??= locals++;
      word = `\u0001${local.number}\u0001`;
    }
    out += `${text.slice(from, start)}${short ? `${name}: ` : ""}${word}`;
    from = end;
  }
  out += text.slice(from, statement.end);
  return { text: out, globals: [...globals.keys()], declared: [...names.declared], assigned: [...assigned] };
}

/** Collects every identifier that is a name of a variable, with the scope that it stands in. */
class Names {
  readonly found: Occurrence[] = [];
  /** At the outermost level. */
  readonly declared = new Set<string>();

  visit(node: AnyNode | null | undefined, scope: Scope | undefined, assigned = false): void {
    if (node === null || node === undefined) return;
    switch (node.type) {
      case "Identifier":
        this.#add(node, scope, assigned);
        return;
      case "FunctionDeclaration":
        if (node.id !== null) this.#name(node.id, scope, scope);
        this.#function(node, scope);
        return;
      case "FunctionExpression": {
        const own = node.id == null ? scope : new Scope(scope, false);
        if (node.id != null) this.#name(node.id, own, own);
        this.#function(node, own);
        return;
      }
      case "ArrowFunctionExpression":
        this.#function(node, scope);
        return;
      case "ClassDeclaration":
      case "ClassExpression": {
        const own = new Scope(scope, false);
        if (node.type === "ClassDeclaration") {
          if (node.id !== null) this.#name(node.id, scope, scope);
        } else if (node.id != null) this.#name(node.id, own, own);
        this.visit(node.superClass, own);
        for (const member of node.body.body) this.visit(member, own);
        return;
      }
      case "StaticBlock": {
        const own = new Scope(scope, true);
        this.#block(node.body, own);
        return;
      }
      case "MethodDefinition":
      case "PropertyDefinition":
        if (node.computed) this.visit(node.key, scope);
        this.visit(node.value, scope);
        return;
      case "Property":
        if (node.computed) this.visit(node.key, scope);
        if (node.shorthand) this.#short(node.value as Pattern, scope, assigned);
        else this.visit(node.value, scope, assigned);
        return;
      case "MemberExpression":
        this.visit(node.object, scope);
        if (node.computed) this.visit(node.property, scope);
        return;
      case "BlockStatement":
        this.#block(node.body, new Scope(scope, false), scope === undefined);
        return;
      case "SwitchStatement": {
        this.visit(node.discriminant, scope);
        const own = new Scope(scope, false);
        const body = node.cases.flatMap(({ consequent }) => consequent);
        this.#hoist(body, own);
        for (const { test } of node.cases) this.visit(test, own);
        for (const each of body) this.visit(each, own);
        return;
      }
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement": {
        const own = new Scope(scope, false);
        const first = node.type === "ForStatement" ? node.init : node.left;
        if (first?.type === "VariableDeclaration") this.#declaration(first, own);
        for (const child of childrenOf(node)) this.visit(child, own, child === first && node.type !== "ForStatement");
        return;
      }
      case "CatchClause": {
        const own = new Scope(scope, false);
        if (node.param != null) for (const name of namesIn(node.param)) own.declare(name);
        this.visit(node.param, own);
        this.visit(node.body, own);
        return;
      }
      case "VariableDeclaration":
        if (scope === undefined) this.#declaration(node, undefined);
        for (const { id, init } of node.declarations) {
          this.visit(id, scope);
          this.visit(init, scope);
        }
        return;
      case "AssignmentExpression":
        this.visit(node.left, scope, true);
        this.visit(node.right, scope);
        return;
      case "UpdateExpression":
        this.visit(node.argument, scope, true);
        return;
      case "AssignmentPattern":
        this.visit(node.left, scope, assigned);
        this.visit(node.right, scope);
        return;
      case "ArrayPattern":
      case "ObjectPattern":
      case "RestElement":
        for (const child of childrenOf(node)) this.visit(child, scope, assigned);
        return;
      case "LabeledStatement":
        this.visit(node.body, scope);
        return;
      case "BreakStatement":
      case "ContinueStatement":
      case "MetaProperty":
        return;
      default:
        for (const child of childrenOf(node)) this.visit(child, scope);
    }
  }

  #add({ start, end, name }: Identifier, scope: Scope | undefined, assigned: boolean, short = false): void {
    this.found.push({ start, end, name, scope, short, assigned });
  }

  /** `{ a }` and `{ a = b }`, in a literal and in a pattern. */
  #short(value: AnyNode, scope: Scope | undefined, assigned: boolean): void {
    if (value.type === "Identifier") this.#add(value, scope, assigned, true);
    if (value.type !== "AssignmentPattern") return;
    this.#add(value.left as Identifier, scope, assigned, true);
    this.visit(value.right, scope);
  }

  /** The name of a function or class where it is declared. */
  #name(id: Identifier, scope: Scope | undefined, where: Scope | undefined): void {
    if (scope === undefined) this.declared.add(id.name);
    else scope.declare(id.name);
    this.#add(id, where, false);
  }

  #function(node: FunctionNode, scope: Scope | undefined): void {
    const own = new Scope(scope, true);
    if (node.type !== "ArrowFunctionExpression") own.declare("arguments");
    for (const param of node.params) for (const name of namesIn(param)) own.declare(name);
    for (const param of node.params) this.visit(param, own);
    if (node.body.type === "BlockStatement") this.#block(node.body.body, own);
    else this.visit(node.body, own);
  }

  #block(body: readonly Statement[], own: Scope, outermost = false): void {
    if (outermost) this.#outerVars(body);
    this.#hoist(body, own);
    for (const statement of body) this.visit(statement, own);
  }

  /** What is declared directly in a block, and each `var` below it. */
  #hoist(body: readonly Statement[], own: Scope): void {
    for (const statement of body) {
      if (statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration") {
        own.declare(statement.id.name);
      } else if (statement.type === "VariableDeclaration" && statement.kind !== "var")
        this.#declaration(statement, own);
      else for (const name of varsIn(statement)) own.function.declare(name);
    }
  }

  #declaration(node: VariableDeclaration, scope: Scope | undefined): void {
    for (const { id } of node.declarations) {
      for (const name of namesIn(id)) {
        if (scope === undefined) this.declared.add(name);
        else if (node.kind === "var") scope.function.declare(name);
        else scope.declare(name);
      }
    }
  }

  #outerVars(body: readonly Statement[]): void {
    for (const statement of body) for (const name of varsIn(statement)) this.declared.add(name);
  }
}

/** Names that a pattern declares. */
export function namesIn(pattern: AnyNode): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((each) => namesIn(each.type === "Property" ? each.value : each.argument));
    case "ArrayPattern":
      return pattern.elements.flatMap((each) => (each === null ? [] : namesIn(each)));
    case "AssignmentPattern":
      return namesIn(pattern.left);
    case "RestElement":
      return namesIn(pattern.argument);
    default:
      return [];
  }
}

/** Each `var` of a statement and of the blocks in it, without those of functions. */
function varsIn(node: AnyNode): string[] {
  if (node.type === "VariableDeclaration") {
    return node.kind === "var" ? node.declarations.flatMap(({ id }) => namesIn(id)) : [];
  }
  if (/Function|Class|Expression$/.test(node.type)) return [];
  return childrenOf(node).flatMap(varsIn);
}
