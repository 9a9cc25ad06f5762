import { PlaceTree } from "../diagnostics/place-tree.ts";
import { maxNesting } from "../diagnostics/place-tree-yaml.ts";
import { protoTokens, type Token } from "./proto-tokens.ts";

/** A syntax error, and what it clashes with where it repeats something. */
export interface ProtoProblem {
  readonly start: number;
  readonly end: number;
  readonly problem: string;
  readonly first?: readonly [start: number, end: number];
}

export type ParsedProto =
  | { readonly kind: "document"; readonly value: unknown; readonly places: PlaceTree }
  | { readonly kind: "problems"; readonly problems: readonly ProtoProblem[] }
  | { readonly kind: "too-deep"; readonly offset: number };

/**
 * Reads what a `.proto` file (proto2, proto3, editions) says of services:
 *
 *     { options, services: { "<package>.<Service>": { name, options, methods: { "<Rpc>": { name, options } } } } }
 *
 * The keys of `options` are the names as written, `(wso2.security)`. Each value is a list, because options and their
 * fields may be repeated, and `(a).b = 1` is the same as `(a) = {b: 1}`. Messages, enums and extensions are parsed and
 * dropped; imports are not followed, and types not looked up. After a mistake the parser goes on with the next statement.
 */
export function parseProto(text: string): ParsedProto {
  const parser = new ProtoParser(text);
  try {
    const root = parser.file();
    if (parser.problems.length > 0) return { kind: "problems", problems: parser.problems };
    const places = new PlaceTree();
    const { value, place } = materialize(root, places);
    places.root = place;
    return { kind: "document", value, places };
  } catch (error) {
    if (error instanceof TooDeep) return { kind: "too-deep", offset: error.offset };
    throw error;
  }
}

type Range = readonly [start: number, end: number];

type Node =
  | { readonly kind: "scalar"; readonly value: string | number; readonly range: Range }
  | { readonly kind: "list"; readonly items: readonly Node[]; readonly range: Range }
  | { readonly kind: "map"; readonly members: readonly Member[]; readonly range: Range };

interface Member {
  readonly key: string;
  readonly keyRange: Range;
  readonly node: Node;
}

/** Plain data, with the place of each value. Keys are own properties, also `__proto__`. */
function materialize(node: Node, places: PlaceTree): { readonly value: unknown; readonly place: number } {
  const place = places.add(...node.range);
  if (node.kind === "scalar") return { value: node.value, place };
  if (node.kind === "list") {
    const values = node.items.map((item) => {
      const made = materialize(item, places);
      places.append(place, made.place);
      return made.value;
    });
    return { value: values, place };
  }
  const members = node.members.map(({ key, keyRange, node: member }): [string, unknown] => {
    const made = materialize(member, places);
    places.appendMember(place, key, ...keyRange, made.place);
    return [key, made.value];
  });
  return { value: Object.fromEntries(members), place };
}

class Unexpected extends Error {
  readonly token: Token;

  constructor(token: Token, problem: string) {
    super(problem);
    this.token = token;
  }
}

class TooDeep extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super("nested too deeply");
    this.offset = offset;
  }
}

/** One level of `option` statements, members of the same name together, in the order in which they come. */
class Options {
  readonly #values = new Map<string, { readonly keyRange: Range; readonly items: Node[] }>();

  add(key: string, keyRange: Range, node: Node): void {
    const items = node.kind === "list" ? node.items : [node];
    const known = this.#values.get(key);
    if (known === undefined) this.#values.set(key, { keyRange, items: [...items] });
    else known.items.push(...items);
  }

  node(range: Range): Node {
    const members = [...this.#values].map(([key, { keyRange, items }]): Member => {
      const whole: Range = [items[0]?.range[0] ?? keyRange[0], items[0]?.range[1] ?? keyRange[1]];
      return { key, keyRange, node: { kind: "list", items, range: whole } };
    });
    return { kind: "map", members, range };
  }
}

/** Recursive descent over the grammar of protobuf.dev/reference/protobuf, a statement a method. */
class ProtoParser {
  readonly problems: ProtoProblem[] = [];
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  /** Braces that are open. */
  #open = 0;

  constructor(text: string) {
    this.#tokens = protoTokens(text);
  }

  file(): Node {
    const options = new Options();
    const services = new Members(this.problems, "service");
    let packageName: string | undefined;
    let statements = 0;
    while (this.#next.kind !== "end") {
      const first = statements++ === 0;
      this.#statement(() => {
        if (this.#skipSymbol("}")) throw new Unexpected(this.#before, "there is nothing to close here");
        if (this.#skipSymbol(";")) return;
        if (this.#isWord("syntax") || this.#isWord("edition")) this.#syntax(first);
        else if (this.#isWord("import")) this.#import();
        else if (this.#isWord("package")) {
          const keyword = this.#take();
          if (packageName !== undefined) throw new Unexpected(keyword, "a file has one package");
          packageName = this.#typeName();
          this.#symbol(";");
        } else if (this.#isWord("option")) this.#option(options);
        else if (this.#isWord("service")) services.add(this.#service());
        else if (this.#isWord("extend")) this.#extend();
        else if (!this.#declaration()) throw this.#expected("a declaration such as `service` or `message`");
      });
    }
    const range: Range = [0, this.#next.end];
    // Known only now: the package may be written below the services.
    const named = services.all.map(({ key, keyRange, node }): Member => {
      const name = packageName === undefined ? key : `${packageName}.${key}`;
      return { key: name, keyRange, node: withName(node, name, keyRange) };
    });
    return {
      kind: "map",
      members: [
        { key: "options", keyRange: [0, 0], node: options.node(range) },
        { key: "services", keyRange: [0, 0], node: { kind: "map", members: named, range } },
      ],
      range,
    };
  }

  #syntax(first: boolean): void {
    const keyword = this.#take();
    this.#symbol("=");
    const value = this.#take("string", "a string");
    this.#symbol(";");
    if (!first) throw new Unexpected(keyword, `${keyword.text} must be the first statement`);
    if (keyword.text === "syntax" && value.text !== "proto2" && value.text !== "proto3")
      throw new Unexpected(value, 'syntax must be "proto2" or "proto3"');
  }

  #import(): void {
    this.#take();
    if (this.#next.kind === "word") this.#take(); // public, weak, option
    this.#take("string", "the name of a file");
    this.#symbol(";");
  }

  #service(): Member {
    const start = this.#take().start;
    const name = this.#name();
    const options = new Options();
    const methods = new Members(this.problems, "rpc");
    this.#block(() => {
      if (this.#isWord("option")) this.#option(options);
      else if (this.#isWord("rpc")) methods.add(this.#rpc());
      else throw this.#expected("`rpc` or `option`");
    });
    const range: Range = [start, this.#before.end];
    return member(name, range, [
      { key: "options", keyRange: name.range, node: options.node(range) },
      { key: "methods", keyRange: name.range, node: { kind: "map", members: methods.all, range } },
    ]);
  }

  #rpc(): Member {
    const start = this.#take().start;
    const name = this.#name();
    const options = new Options();
    this.#message();
    this.#keyword("returns");
    this.#message();
    if (this.#isSymbol("{")) this.#block(() => this.#option(options));
    else this.#symbol(";");
    const range: Range = [start, this.#before.end];
    const node: Node = {
      kind: "map",
      members: [{ key: "options", keyRange: name.range, node: options.node(range) }],
      range,
    };
    return { key: name.text, keyRange: name.range, node: withName(node, name.text, name.range) };
  }

  /** `(stream Order)`. */
  #message(): void {
    this.#symbol("(");
    if (this.#isWord("stream") && !this.#isSymbol(")", 1)) this.#take();
    this.#typeName();
    this.#symbol(")");
  }

  /** `message` and `enum`; of edition 2024 also with their visibility. */
  #declaration(): boolean {
    const hidden = (this.#isWord("export") || this.#isWord("local")) && this.#peek(1).kind === "word";
    const kind = this.#peek(hidden ? 1 : 0);
    if (kind.kind !== "word" || (kind.text !== "message" && kind.text !== "enum")) return false;
    if (hidden) this.#take();
    this.#take();
    this.#name();
    if (kind.text === "message") this.#messageBody();
    else this.#enumBody();
    return true;
  }

  #messageBody(): void {
    this.#block(() => {
      if (this.#isWord("option")) this.#option(new Options());
      else if (this.#isWord("extend")) this.#extend();
      else if (this.#isWord("reserved") || this.#isWord("extensions")) this.#ranges();
      else if (this.#isWord("oneof")) {
        this.#take();
        this.#name();
        this.#block(() => {
          if (this.#isWord("option")) this.#option(new Options());
          else this.#field();
        });
      } else if (!this.#declaration()) this.#field();
    });
  }

  #enumBody(): void {
    this.#block(() => {
      if (this.#isWord("option") && !this.#isSymbol("=", 1)) return this.#option(new Options());
      if (this.#isWord("reserved") && !this.#isSymbol("=", 1)) return this.#ranges();
      this.#name();
      this.#symbol("=");
      this.#skipSymbol("-");
      this.#take("number", "a number");
      this.#fieldOptions();
      this.#symbol(";");
    });
  }

  #extend(): void {
    this.#take();
    this.#typeName();
    this.#block(() => this.#field());
  }

  #field(): void {
    if (["optional", "required", "repeated"].some((label) => this.#isWord(label))) this.#take();
    const group = this.#isWord("group");
    if (this.#isWord("map") && this.#isSymbol("<", 1)) {
      this.#take();
      this.#symbol("<");
      this.#typeName();
      this.#symbol(",");
      this.#typeName();
      this.#symbol(">");
    } else this.#typeName();
    this.#name();
    this.#symbol("=");
    this.#take("number", "the number of the field");
    this.#fieldOptions();
    if (group && this.#isSymbol("{")) this.#messageBody();
    else this.#symbol(";");
  }

  /** `reserved 2, 4 to max;`, `reserved "name";`, `extensions 100 to 199 [...]`. */
  #ranges(): void {
    this.#take();
    do {
      if (this.#next.kind === "string") this.#strings();
      else if (this.#next.kind === "word") this.#take();
      else {
        this.#skipSymbol("-");
        this.#take("number", "a number or a name");
        if (this.#isWord("to")) {
          this.#take();
          this.#skipSymbol("-");
          if (this.#isWord("max")) this.#take();
          else this.#take("number", "a number or `max`");
        }
      }
    } while (this.#skipSymbol(","));
    this.#fieldOptions();
    this.#symbol(";");
  }

  #fieldOptions(): void {
    if (!this.#skipSymbol("[")) return;
    do this.#assignment(new Options());
    while (this.#skipSymbol(","));
    this.#symbol("]");
  }

  #option(into: Options): void {
    this.#keyword("option");
    this.#assignment(into);
    this.#symbol(";");
  }

  /** `(wso2.production_endpoints).url = "http://..."`. */
  #assignment(into: Options): void {
    const parts: { readonly key: string; readonly range: Range }[] = [];
    do {
      const start = this.#next.start;
      let key: string;
      if (this.#skipSymbol("(")) {
        key = `(${this.#typeName()})`;
        this.#symbol(")");
      } else key = this.#name().text;
      parts.push({ key, range: [start, this.#before.end] });
    } while (this.#skipSymbol("."));
    this.#symbol("=");
    const value = this.#value();
    const [first, ...below] = parts;
    const node = below.reduceRight<Node>((inner, { key, range }) => {
      const map = new Options();
      map.add(key, range, inner);
      return map.node([range[0], inner.range[1]]);
    }, value);
    if (first !== undefined) into.add(first.key, first.range, node);
  }

  #value(): Node {
    const { start } = this.#next;
    if (this.#isSymbol("{")) return this.#aggregate("}");
    if (this.#next.kind === "string") {
      const value = this.#strings();
      return { kind: "scalar", value, range: [start, this.#before.end] };
    }
    if (this.#next.kind === "word")
      return { kind: "scalar", value: this.#typeName(), range: [start, this.#before.end] };
    const minus = this.#skipSymbol("-");
    if (!minus) this.#skipSymbol("+");
    if (this.#peek(0).kind === "word") {
      const text = `${minus ? "-" : ""}${this.#take().text}`; // -inf
      return { kind: "scalar", value: text, range: [start, this.#before.end] };
    }
    const number = Number(this.#take("number", "a value").text.replace(/^(?!0[xX])(.*)[fF]$/, "$1"));
    return { kind: "scalar", value: minus ? -number : number, range: [start, this.#before.end] };
  }

  /** Protobuf's text format: `{ url: "a" list: [1, 2] inner { x: 1 } }`. */
  #aggregate(close: "}" | ">"): Node {
    const start = this.#take().start;
    this.#enter(start, close);
    const fields = new Options();
    while (!this.#isSymbol(close)) {
      const from = this.#next.start;
      const key = this.#isSymbol("[") ? this.#bracketed() : this.#name().text;
      const keyRange: Range = [from, this.#before.end];
      const colon = this.#skipSymbol(":");
      if (!colon && !this.#isSymbol("{") && !this.#isSymbol("<")) throw this.#expected('":"');
      fields.add(key, keyRange, this.#aggregateValue());
      if (!this.#skipSymbol(",")) this.#skipSymbol(";");
    }
    this.#take();
    this.#leave(close);
    return fields.node([start, this.#before.end]);
  }

  #aggregateValue(): Node {
    if (this.#isSymbol("<")) return this.#aggregate(">");
    if (!this.#isSymbol("[")) return this.#value();
    const start = this.#take().start;
    const items: Node[] = [];
    while (!this.#isSymbol("]")) {
      items.push(this.#isSymbol("<") ? this.#aggregate(">") : this.#value());
      if (!this.#skipSymbol(",") && !this.#isSymbol("]")) throw this.#expected('"," or "]"');
    }
    this.#take();
    return { kind: "list", items, range: [start, this.#before.end] };
  }

  /** `[google.rpc.retry]`, `[type.googleapis.com/shop.Order]`. */
  #bracketed(): string {
    let text = this.#take().text;
    while (!this.#isSymbol("]")) {
      if (this.#next.kind !== "word" && this.#next.kind !== "number" && !["/", ".", "-"].includes(this.#next.text))
        throw this.#expected('"]"');
      text += this.#take().text;
    }
    return text + this.#take().text;
  }

  #strings(): string {
    let text = "";
    do text += this.#take("string", "a string").text;
    while (this.#next.kind === "string");
    return text;
  }

  /** A name with dots, a leading one dropped: nothing is looked up. */
  #typeName(): string {
    this.#skipSymbol(".");
    let text = this.#name().text;
    while (this.#skipSymbol(".")) text += `.${this.#name().text}`;
    return text;
  }

  #name(): { readonly text: string; readonly range: Range } {
    const { text, start, end } = this.#take("word", "a name");
    return { text, range: [start, end] };
  }

  #block(statement: () => void): void {
    this.#symbol("{");
    this.#enter(this.#before.start, "}");
    while (!this.#isSymbol("}") && this.#next.kind !== "end") {
      if (!this.#skipSymbol(";")) this.#statement(statement);
    }
    this.#symbol("}");
    this.#leave("}");
  }

  #enter(offset: number, close: "}" | ">"): void {
    if (++this.#depth > maxNesting) throw new TooDeep(offset);
    if (close === "}") this.#open++;
  }

  #leave(close: "}" | ">"): void {
    this.#depth--;
    if (close === "}") this.#open--;
  }

  /** Runs a statement; a mistake in it is noted, and what is left of the statement skipped. */
  #statement(body: () => void): void {
    const depth = this.#depth;
    const open = this.#open;
    const begin = this.#at;
    try {
      body();
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      const unclosed = this.#open - open;
      this.#depth = depth;
      this.#open = open;
      const { start, end } = error.token;
      // What encloses an unfinished block says the same again at the end of the file.
      if (this.problems.at(-1)?.start !== start) this.problems.push({ start, end, problem: error.message });
      const ended = this.#at > begin && (this.#isSymbol(";", -1) || this.#isSymbol("}", -1));
      if (unclosed > 0 || !ended) this.#skipStatement(unclosed);
    }
  }

  #skipStatement(unclosed: number): void {
    let open = unclosed;
    for (;;) {
      if (this.#next.kind === "end" || (open === 0 && this.#isSymbol("}"))) return;
      const { text, kind } = this.#take();
      if (kind !== "symbol") continue;
      if (text === "{") open++;
      if (text === "}" && --open === 0) return;
      if (text === ";" && open === 0) return;
    }
  }

  get #next(): Token {
    return this.#peek(0);
  }

  get #before(): Token {
    return this.#tokens[this.#at - 1] as Token;
  }

  #peek(ahead: number): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as Token;
  }

  #isWord(text: string): boolean {
    return this.#next.kind === "word" && this.#next.text === text;
  }

  #isSymbol(text: string, ahead = 0): boolean {
    const { kind, text: found } = this.#peek(ahead);
    return kind === "symbol" && found === text;
  }

  #skipSymbol(text: string): boolean {
    const found = this.#isSymbol(text);
    if (found) this.#at++;
    return found;
  }

  #symbol(text: string): void {
    if (!this.#skipSymbol(text)) throw this.#expected(`"${text}"`);
  }

  #keyword(text: string): void {
    if (!this.#isWord(text)) throw this.#expected(`\`${text}\``);
    this.#at++;
  }

  /** The next token, of that kind where one is named. */
  #take(kind?: Token["kind"], what = ""): Token {
    const token = this.#next;
    if (kind !== undefined && token.kind !== kind) throw this.#expected(what);
    if (token.kind !== "end") this.#at++;
    return token;
  }

  #expected(what: string): Unexpected {
    const { kind, text } = this.#next;
    if (kind === "unusable") return new Unexpected(this.#next, text);
    const found = kind === "end" ? "the end of the file" : kind === "string" ? "a string" : `"${text}"`;
    return new Unexpected(this.#next, `${what} is expected here, not ${found}`);
  }
}

/** Members of one block; a name that stands twice is a problem. */
class Members {
  readonly all: Member[] = [];
  readonly #seen = new Map<string, Range>();
  readonly #problems: ProtoProblem[];
  readonly #what: string;

  constructor(problems: ProtoProblem[], what: string) {
    this.#problems = problems;
    this.#what = what;
  }

  add(member: Member): void {
    const { key, keyRange } = member;
    const first = this.#seen.get(key);
    if (first === undefined) {
      this.#seen.set(key, keyRange);
      this.all.push(member);
      return;
    }
    const problem = `the ${this.#what} "${key}" is already defined`;
    this.#problems.push({ start: keyRange[0], end: keyRange[1], problem, first });
  }
}

function member(name: { readonly text: string; readonly range: Range }, range: Range, members: Member[]): Member {
  return { key: name.text, keyRange: name.range, node: { kind: "map", members, range } };
}

/** The node with its own name as a member, so that the name has a place as a value, too. */
function withName(node: Node, name: string, range: Range): Node {
  if (node.kind !== "map") return node;
  const own: Member = { key: "name", keyRange: range, node: { kind: "scalar", value: name, range } };
  return { ...node, members: [own, ...node.members] };
}
