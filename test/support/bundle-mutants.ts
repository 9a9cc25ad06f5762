import { type AnyNode, type Expression, parse, type Statement } from "acorn";

/** One edit of a bundle. */
export interface Mutant {
  /** The kind of edit. */
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** Where the edited statement comes from: `generated:shop-v1/items.ts`. */
  readonly section: string;
}

/** The text with the edit made. */
export function mutated(text: string, { start, end, replacement }: Mutant): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** Sections of the runtime in which guards stand that generated code relies on. */
const guards =
  /^castgate\/runtime:(authenticate|auth-|caller-|scopes|domains|conditions|throttle|forward|upstream|scheme|jwt|token-binding|client-cert|request-path|exchange-base|main|services|respond|cors|upgrade|verified-cache|revo)/;

/**
 * Every edit of these kinds that the code of a bundle allows: what was generated, and the parts of the runtime that check requests.
 * An edit may be no JavaScript any more.
 */
export function mutantsOf(text: string): readonly Mutant[] {
  const found: Mutant[] = [];
  const comments: { readonly start: number; readonly label: string }[] = [];
  const { body } = parse(text, {
    ecmaVersion: 2024,
    sourceType: "script",
    allowHashBang: true,
    onComment: (_block, value, start) => {
      const label = /^ ([a-z/-]+:.*)$/.exec(value)?.[1];
      if (label !== undefined) comments.push({ start, label });
    },
  });
  const names: Record<string, string[]> = {};
  const sections = body.map((node) => comments.findLast(({ start }) => start < node.start)?.label ?? "");
  body.forEach((node, index) => {
    const section = sections[index] ?? "";
    if (!section.startsWith("generated:")) return;
    if (node.type === "FunctionDeclaration") kindOf(names, isRouter(node) ? "router" : "handler").push(node.id.name);
    if (node.type === "VariableDeclaration") {
      const [{ id, init } = { id: undefined, init: undefined }] = node.declarations;
      if (id?.type === "Identifier" && init != null) kindOf(names, constantKind(init)).push(id.name);
    }
  });
  body.forEach((node, index) => {
    const section = sections[index] ?? "";
    const isGenerated = section.startsWith("generated:");
    const maker = new Maker(text, section, names, found);
    if (isGenerated) maker.generated(node as Statement);
    else if (guards.test(section)) maker.runtime(node as Statement);
    else if (section.startsWith("castgate-entry")) maker.everything(node);
  });
  return found;
}

function kindOf(names: Record<string, string[]>, kind: string): string[] {
  names[kind] ??= [];
  return names[kind];
}

function constantKind(init: Expression): string {
  if (init.type === "CallExpression" && init.callee.type === "Identifier") return init.callee.name;
  return init.type;
}

function isRouter(node: Statement): boolean {
  return JSON.stringify(node).includes('"name":"segments"') || JSON.stringify(node).includes('"name":"under"');
}

class Maker {
  readonly #text: string;
  readonly #section: string;
  readonly #names: Readonly<Record<string, readonly string[]>>;
  readonly #found: Mutant[];

  constructor(text: string, section: string, names: Readonly<Record<string, readonly string[]>>, found: Mutant[]) {
    this.#text = text;
    this.#section = section;
    this.#names = names;
    this.#found = found;
  }

  generated(node: Statement): void {
    this.everything(node);
    this.#edit("delete a declaration", node, "");
    this.#move(node, "move a declaration to the end");
    if (node.type !== "FunctionDeclaration") return;
    const { body } = node.body;
    const { name } = node.id;
    const parameter = this.#words(node.params[0] as AnyNode);
    const begin = { start: node.body.start + 1, end: node.body.start + 1 };
    const forwards = this.#text.slice(node.start, node.end).match(/forward\d*\(x, [\w.]+\)/)?.[0];
    if (forwards !== undefined) {
      this.#edit("call a backend first", begin, ` ${forwards};`);
      this.#edit("return a backend call first", begin, ` return ${forwards};`);
      this.#edit(
        "call a backend under another name",
        begin,
        ` const send = forward; send(${forwards.slice(forwards.indexOf("(") + 1)};`,
      );
      this.#edit(
        "hand the backend call on",
        begin,
        ` setImmediate(forward, x, ${forwards.slice(forwards.indexOf(",") + 2, -1)});`,
      );
      this.#edit(
        "call a backend when a name is there",
        begin,
        ` if (${parameter}.header("x-debug")) return ${forwards};`,
      );
      this.#edit(
        "call a backend when a check throws",
        { start: node.body.start, end: node.body.end },
        `{ try ${this.#words(node.body)} catch { return ${forwards}; } }`,
      );
      this.#edit("declare again", { start: node.end, end: node.end }, `\nfunction ${name}(x) { return ${forwards}; }`);
      this.#edit("assign another function", { start: node.end, end: node.end }, `\n${name} = (x) => ${forwards};`);
      this.#edit("use the exchange's own call", begin, ` x.relay(${forwards.slice(forwards.indexOf(",") + 2, -1)});`);
    }
    this.#edit(
      "shadow the check",
      begin,
      ` const authenticate = () => ({ keyType: "PRODUCTION", scopesApply: false });`,
    );
    this.#edit("take the caller from elsewhere", begin, " x.caller = {};");
    this.#edit("call by a computed name", begin, ` globalThis["eval"]("");`);
    if (body.length > 0)
      this.#edit(
        "comment out the whole body",
        { start: node.body.start + 1, end: node.body.end - 1 },
        `/*${this.#words(node.body).slice(1, -1).replaceAll("*/", "* /")}*/`,
      );
  }

  /** Statements of checks that are the same in every bundle. */
  runtime(node: Statement): void {
    this.#walk(node, (each) => {
      if (each.type === "IfStatement") {
        this.#edit(
          "delete a condition of the runtime",
          each,
          each.alternate == null ? ";" : this.#words(each.alternate),
        );
        this.#edit("invert a condition of the runtime", each.test, `!(${this.#words(each.test)})`);
        this.#edit("always take a condition of the runtime", each.test, "true");
        this.#edit("never take a condition of the runtime", each.test, "false");
      }
      if (each.type === "ReturnStatement" && each.argument != null) {
        this.#edit("return nothing in the runtime", each.argument, "undefined");
        this.#edit("return true in the runtime", each.argument, "true");
      }
      if (each.type === "ExpressionStatement") this.#edit("delete a statement of the runtime", each, ";");
      if (each.type === "LogicalExpression" && each.operator !== "??") this.#swapOperator(each, "runtime");
      if (each.type === "Literal") this.#literal(each, " of the runtime");
      if (each.type === "AwaitExpression") this.#edit("drop await in the runtime", each, this.#words(each.argument));
    });
    this.#edit("delete a statement of the runtime", node, "");
    this.#move(node, "move a declaration of the runtime to the end");
  }

  /** Functions may stand anywhere. */
  #move(node: Statement, kind: string): void {
    if (node.type === "FunctionDeclaration") return;
    const words = this.#words(node);
    const rest = this.#text.slice(node.end);
    this.#found.push({
      kind,
      start: node.start,
      end: this.#text.length,
      replacement: `${rest}\n// ${this.#section}\n${words}\n`,
      section: this.#section,
    });
  }

  /** Edits that any code allows. */
  everything(node: AnyNode): void {
    this.#walk(node, (each) => {
      switch (each.type) {
        case "BlockStatement":
          this.#statements(each.body);
          break;
        case "SwitchCase":
          this.#statements(each.consequent);
          break;
        case "IfStatement":
          this.#edit("invert a condition", each.test, `!(${this.#words(each.test)})`);
          this.#edit("never take a branch", each.test, "false");
          this.#edit("always take a branch", each.test, "true");
          this.#edit("weaken a condition", each.test, `${this.#words(each.test)} && x.asksUpgrade`);
          break;
        case "AwaitExpression":
          this.#edit("drop await", each, this.#words(each.argument));
          break;
        case "ReturnStatement":
          if (each.argument != null) this.#edit("drop return", each, `${this.#words(each.argument)};`);
          if (each.argument != null)
            this.#edit("return later", each, `setTimeout(() => ${this.#words(each.argument)});`);
          break;
        case "LogicalExpression":
          if (each.operator !== "??") this.#swapOperator(each, "");
          this.#edit("drop a condition", each, this.#words(each.left));
          this.#edit("drop a condition", each, this.#words(each.right));
          break;
        case "BinaryExpression":
          if (each.operator === "===")
            this.#edit("compare the other way", { start: each.left.end, end: each.right.start }, " !== ");
          if (each.operator === "!==")
            this.#edit("compare the other way", { start: each.left.end, end: each.right.start }, " === ");
          break;
        case "ConditionalExpression":
          this.#edit(
            "swap a choice",
            each,
            `${this.#words(each.test)} ? ${this.#words(each.alternate)} : ${this.#words(each.consequent)}`,
          );
          break;
        case "UnaryExpression":
          if (each.operator === "!") this.#edit("drop not", each, this.#words(each.argument));
          break;
        case "Literal":
          this.#literal(each, "");
          break;
        case "ArrayExpression":
          this.#list(
            each.elements.filter((one) => one !== null),
            "element",
          );
          break;
        case "ObjectExpression":
          this.#list(each.properties, "property");
          break;
        case "CallExpression":
          this.#list(each.arguments, "argument");
          break;
        case "Identifier":
          this.#name(each.name, each);
          break;
        default:
      }
    });
  }

  #statements(body: readonly Statement[]): void {
    body.forEach((statement, index) => {
      const words = this.#words(statement);
      this.#edit("delete a statement", statement, "");
      this.#edit("comment out a statement", statement, `/* ${words.replaceAll("*/", "* /")} */`);
      this.#edit("repeat a statement", statement, `${words} ${words}`);
      this.#edit("wrap a statement in if (false)", statement, `if (false) { ${words} }`);
      this.#edit("catch what a statement throws", statement, `try { ${words} } catch {}`);
      this.#edit("do a statement later", statement, `setImmediate(() => { ${words} });`);
      const next = body[index + 1];
      if (next !== undefined) {
        const between = this.#text.slice(statement.end, next.start);
        this.#edit(
          "swap two statements",
          { start: statement.start, end: next.end },
          this.#words(next) + between + words,
        );
      }
      const last = body.at(-1);
      if (last !== undefined && last !== statement && last.type === "ReturnStatement") {
        this.#edit(
          "move the last return up",
          { start: statement.start, end: statement.start },
          `${this.#words(last)} `,
        );
      }
    });
  }

  #list(nodes: readonly AnyNode[], what: string): void {
    nodes.forEach((node, index) => {
      const [previous, next] = [nodes[index - 1], nodes[index + 1]];
      const end = next?.start ?? node.end;
      const start = next === undefined && previous !== undefined ? previous.end : node.start;
      this.#edit(`drop an ${what}`, { start, end }, "");
      if (next !== undefined) {
        const words = this.#words(next) + this.#text.slice(node.end, next.start) + this.#words(node);
        if (this.#words(next) !== this.#words(node))
          this.#edit(`swap two of ${what}`, { start: node.start, end: next.end }, words);
      }
    });
    const last = nodes.at(-1);
    if (last !== undefined && what === "element")
      this.#edit("repeat the last element", { start: last.end, end: last.end }, `, ${this.#words(last)}`);
  }

  #literal(node: Extract<AnyNode, { type: "Literal" }>, where: string): void {
    if (typeof node.value === "number") {
      this.#edit(`change a number${where}`, node, String(node.value + 1));
      this.#edit(`change a number${where}`, node, String(node.value * 10 + 7));
    } else if (typeof node.value === "string") {
      this.#edit(`change a text${where}`, node, JSON.stringify(`${node.value}x`));
      if (node.value !== "") this.#edit(`empty a text${where}`, node, '""');
    } else if (typeof node.value === "boolean") this.#edit(`flip a flag${where}`, node, String(!node.value));
  }

  #swapOperator(node: Extract<AnyNode, { type: "LogicalExpression" }>, where: string): void {
    const other = node.operator === "&&" ? "||" : "&&";
    this.#edit(
      `swap and with or${where === "" ? "" : ` in the ${where}`}`,
      { start: node.left.end, end: node.right.start },
      ` ${other} `,
    );
  }

  /** Another thing of the same kind in its place. */
  #name(name: string, node: AnyNode): void {
    for (const [kind, names] of Object.entries(this.#names)) {
      const at = names.indexOf(name);
      if (at < 0) continue;
      const others = [names[at + 1], names[at - 1], names[(at + 7) % names.length]];
      for (const other of new Set(others)) {
        if (other !== undefined && other !== name) this.#edit(`take another ${kind}`, node, other);
      }
    }
  }

  #walk(node: AnyNode, visit: (node: AnyNode, parent?: AnyNode) => void): void {
    visit(node);
    for (const [key, value] of Object.entries(node)) {
      // A name where it is declared or a member's is no use of it.
      if (key === "id" || (key === "params" && node.type === "FunctionDeclaration")) continue;
      if ((key === "property" || key === "key") && "computed" in node && !node.computed) continue;
      for (const child of Array.isArray(value) ? value : [value]) {
        if (typeof child === "object" && child !== null && "type" in child) this.#walk(child as AnyNode, visit);
      }
    }
  }

  #words({ start, end }: { readonly start: number; readonly end: number }): string {
    return this.#text.slice(start, end);
  }

  #edit(kind: string, { start, end }: { readonly start: number; readonly end: number }, replacement: string): void {
    if (this.#text.slice(start, end) === replacement) return;
    this.#found.push({ kind, start, end, replacement, section: this.#section });
  }
}

/**
 * Whether an edit leaves everything as it is for every request, so that it need not be refused: two members of an object or two
 * statements of a router that change places, the latter where no request meets both; or a test of the depth beside an equal one, which
 * says all that it said.
 */
export function isHarmless(text: string, { kind, section, start, end, replacement }: Mutant): boolean {
  // Nothing asks in which order members of an object were written.
  if (kind === "swap two of property") return true;
  // Nothing comes after a return.
  if (kind === "repeat a statement" && /^return\b/.test(text.slice(start, end))) return true;
  // `void 1` is undefined, too.
  if (text.slice(start - 5, start) === "void ") return true;
  if (!/(router|gateway)\.ts$/.test(section)) return false;
  const words = text.slice(start, end);
  if (kind === "drop a condition") return /depth > \d+/.test(words) && /depth === \d+/.test(replacement);
  if (kind !== "swap two statements") return false;
  const source = `function router(x) {${words}}`;
  const [statements] = parse(source, { ecmaVersion: 2024 }).body;
  const [one, other] = statements?.type === "FunctionDeclaration" ? statements.body.body : [];
  // Parts of the path get their names, before or after something that has no use for them.
  if (one?.type === "VariableDeclaration") {
    const [declared] = one.declarations;
    const name = declared?.id.type === "Identifier" ? declared.id.name : "";
    return other !== undefined && !new RegExp(`\\b${name}\\b`).test(source.slice(other.start, other.end));
  }
  if (one?.type !== "IfStatement" || other?.type !== "IfStatement") return false;
  const asks = ({ test }: typeof one) =>
    new Map(
      [...source.slice(test.start, test.end).matchAll(/([\w.]+)(?: === |\()("[^"]*"|\d+)/g)].map(([, what, value]) => [
        what,
        value,
      ]),
    );
  const first = asks(one);
  // One thing cannot be two.
  return [...asks(other)].some(([what, value]) => first.has(what) && first.get(what) !== value);
}
