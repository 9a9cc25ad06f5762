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
class Local {}

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
    if (!this.names.has(name)) this.names.set(name, new Local());
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
  return new NamedStatement(text, statement).canonical();
}

/** The names of two statements that do the same, by first occurrence: `[mine, theirs]`, those that are not declared inside. */
export type NamePairs = readonly (readonly [mine: string, theirs: string])[];

/** Where one of two statements has such a word and the other has not, they need not be read alike. */
const special: ReadonlySet<string> = new Set(
  (
    "arguments as async await break case catch class const continue debugger default delete do else enum eval export extends false " +
    "finally for from function get if implements import in instanceof interface let new null of package private protected public " +
    "return set static super switch this throw true try typeof undefined var void while with yield"
  ).split(" "),
);

/** A statement of the outermost level with every name in it. */
export class NamedStatement {
  readonly declared: readonly string[];
  readonly #text: string;
  readonly #start: number;
  readonly #end: number;
  readonly #occurrences: readonly Occurrence[];

  constructor(text: string, statement: Statement) {
    const names = new Names();
    names.visit(statement, undefined);
    this.declared = [...names.declared];
    this.#text = text;
    this.#start = statement.start;
    this.#end = statement.end;
    const sorted = names.found.sort((a, b) => a.start - b.start);
    // The name of `{ name }` stands there once, and may be found twice.
    this.#occurrences = sorted.filter(({ start }, index) => index === 0 || start >= (sorted[index - 1]?.end ?? 0));
  }

  canonical(): Canonical {
    const globals = new Map<string, number>();
    const assigned = new Set<string>();
    const numbers = new Map<Local, number>();
    let from = this.#start;
    let out = "";
    for (const { start, end, name, scope, short, assigned: isAssigned } of this.#occurrences) {
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
        const number = numbers.get(local) ?? numbers.size;
        numbers.set(local, number);
        word = `\u0001${number}\u0001`;
      }
      out += `${this.#text.slice(from, start)}${short ? `${name}: ` : ""}${word}`;
      from = end;
    }
    out += this.#text.slice(from, this.#end);
    return { text: out, globals: [...globals.keys()], declared: this.declared, assigned: [...assigned] };
  }

  /**
   * Whether another statement is this one with other names, without parsing it: between its names the texts are equal, so the parser
   * would read both alike, and each name means what its counterpart means. undefined: it is not, or only `canonical` can tell.
   */
  namesIn(theirs: string): NamePairs | undefined {
    const words = this.#wordsIn(theirs);
    if (words === undefined) return undefined;
    const globals = new Map<string, string>();
    const taken = new Set<string>();
    const locals = new Map<Local, string>();
    for (const [index, { name, scope }] of this.#occurrences.entries()) {
      const word = words[index] as string;
      const local = scope?.find(name);
      const known = local === undefined ? globals.get(name) : locals.get(local);
      if (known !== undefined) {
        if (known !== word) return undefined;
      } else if (local === undefined) {
        if (taken.has(word)) return undefined;
        globals.set(name, word);
        taken.add(word);
      } else locals.set(local, word);
    }
    // Each name is found there in the scope in which it is found here.
    const scopes = new Map<Scope, ReadonlyMap<string, Local> | undefined>();
    for (const [index, { name, scope }] of this.#occurrences.entries()) {
      let found: Local | undefined;
      for (let each = scope; each !== undefined && found === undefined; each = each.outer) {
        if (!scopes.has(each)) scopes.set(each, renamed(each, locals));
        const names = scopes.get(each);
        if (names === undefined) return undefined;
        found = names.get(words[index] as string);
      }
      if (found !== scope?.find(name)) return undefined;
    }
    return [...globals];
  }

  /** The names of a text that is this one between its names, by occurrence. */
  #wordsIn(theirs: string): readonly string[] | undefined {
    const words: string[] = [];
    const identifier = /[A-Za-z_$][\w$]*/y;
    let from = this.#start;
    let at = 0;
    for (const { start, end, name, short } of this.#occurrences) {
      const between = this.#text.slice(from, start);
      if (!theirs.startsWith(between, at)) return undefined;
      at += between.length;
      // `{ name }` here and `{ name: name2 }` there.
      const hasKey = short && theirs.startsWith(`${name}: `, at);
      if (hasKey) at += name.length + 2;
      identifier.lastIndex = at;
      const word = identifier.exec(theirs)?.[0];
      if (word === undefined) return undefined;
      if (word !== name && ((short && !hasKey) || special.has(word) || special.has(name))) return undefined;
      words.push(word);
      at += word.length;
      from = end;
    }
    return theirs.slice(at) === this.#text.slice(from, this.#end) ? words : undefined;
  }
}

/** What a scope declares under the other names; undefined when two of them would be one. */
function renamed(scope: Scope, locals: ReadonlyMap<Local, string>): ReadonlyMap<string, Local> | undefined {
  const names = new Map<string, Local>();
  for (const [name, local] of scope.names) names.set(locals.get(local) ?? name, local);
  return names.size === scope.names.size ? names : undefined;
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
