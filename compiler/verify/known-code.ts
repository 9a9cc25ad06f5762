import type { Statement } from "acorn";
import { type Canonical, canonicalOf } from "./canonical.ts";
import { knownScript } from "./known-script.ts";
import { isRemovable } from "./removable.ts";
import { type RuntimeName, runtimeNames } from "./runtime-names.ts";
import { parseBundle } from "./syntax.ts";

/** A statement of the runtime or of a library as this version bundles it. Parsed when that is asked for. */
export class KnownStatement {
  readonly text: string;
  /** Names that it declares. */
  readonly declared: readonly string[];
  /** Its place among all. */
  readonly order: number;
  /** A function: it has its value from the start, wherever it stands. */
  readonly hoisted: boolean;
  #node: Statement | undefined;
  #canonical: Canonical | undefined;

  constructor(text: string, order: number) {
    this.text = text;
    this.order = order;
    this.hoisted = /^(?:async )?function\b/.test(text);
    this.declared = declaredIn(text) ?? this.canonical.declared;
  }

  get canonical(): Canonical {
    this.#canonical ??= canonicalOf(this.text, this.#parsed);
    return this.#canonical;
  }

  /** Declares only, and computes nothing: a bundle that does not use the names may be without it. */
  get removable(): boolean {
    return this.hoisted || isRemovable(this.#parsed);
  }

  get #parsed(): Statement {
    this.#node ??= onlyStatement(this.text);
    return this.#node;
  }
}

/** What bundles may consist of beside generated code. */
export interface KnownCode {
  /** By where it comes from: `castgate/runtime:forward.ts`. In order. */
  readonly sections: ReadonlyMap<string, readonly KnownStatement[]>;
  /** Names that the code declares. */
  readonly declared: ReadonlySet<string>;
  /** The statements in which a word stands that could be the name of a variable. */
  readonly withWord: ReadonlyMap<string, readonly KnownStatement[]>;
  /** What the names are called that generated code may use, by what they are called here. */
  readonly exported: ReadonlyMap<string, RuntimeName>;
}

let known: Promise<KnownCode> | undefined;

/** The runtime and libraries of this version. A constant, made at the first use. */
export function knownCode(): Promise<KnownCode> {
  known ??= knownScript(runtimeNames).then(readKnown);
  return known;
}

/** Words that could be names of variables: no members, and no keys. A test compares this with a parser's view. */
const words = /(?<![\w$#]|(?<!\.\.)\.)[A-Za-z_$][\w$]*(?![\w$:])|(?<=\bcase )[\w$]+/g;
/** What stands in a class of the runtime beside its code. */
const comments = /^ *\/\*\*[\s\S]*?\*\/$/gm;

function readKnown(script: string): KnownCode {
  const sections = new Map<string, KnownStatement[]>();
  const declared = new Set<string>();
  const withWord = new Map<string, KnownStatement[]>();
  let exported: ReadonlyMap<string, RuntimeName> = new Map();
  for (const [order, { label, text }] of statementsIn(script).entries()) {
    if (label === "known:exports") {
      exported = exportsIn(onlyStatement(text)) ?? exported;
      continue;
    }
    const statement = new KnownStatement(text, order);
    for (const name of statement.declared) declared.add(name);
    for (const word of new Set(text.replaceAll(comments, "").match(words))) {
      const list = withWord.get(word);
      if (list === undefined) withWord.set(word, [statement]);
      else list.push(statement);
    }
    const section = sections.get(label) ?? [];
    section.push(statement);
    sections.set(label, section);
  }
  return { sections, declared, withWord, exported };
}

/** How a statement of the outermost level begins. */
const begin = /^(?:(?:async )?function\*? |(?:for|if|try|switch|while) ?[({]|var |[A-Za-z_$][\w$.]*(?: = |[([]))/;

/**
 * The statements of the outermost level, each with what the comment above says of where it is from. esbuild begins them at the begin
 * of a line; so do lines of texts, but not so, and not where a statement has ended. A test compares this with a parser's view.
 */
export function statementsIn(script: string): { readonly label: string; readonly text: string }[] {
  const found: { readonly label: string; readonly lines: string[] }[] = [];
  let label = "";
  let isWhole = true;
  for (const line of script.split("\n")) {
    const named: RegExpExecArray | null = isWhole ? /^\/\/ ([a-z/-]+:.*)$/.exec(line) : null;
    if (named?.[1] !== undefined) label = named[1];
    // `0 && (module.exports = ...)`: for Node's loader of modules, and only in a script that exports something.
    else if (isWhole && line.startsWith("// Annotate the CommonJS export names")) break;
    else if (isWhole && begin.test(line)) found.push({ label, lines: [line] });
    else found.at(-1)?.lines.push(line);
    isWhole = named !== null || /^$|[;}]$/.test(line);
  }
  return found.map(({ label: from, lines }) => ({ label: from, text: lines.join("\n").trimEnd() }));
}

/** What the first words say, if that is all that it declares. */
function declaredIn(text: string): readonly string[] | undefined {
  const plain =
    /^(?:async )?function\*? ([\w$]+)\(/.exec(text) ??
    /^var ([\w$]+) = (?:class|new|require\("[\w:/]+"\);$|__commonJS\(|\(|"[^"\n]*";$|[\w.]+;$)/.exec(text) ??
    /^var ([\w$]+);$/.exec(text) ??
    // A literal or call over several lines, the last of which only closes it.
    /^var ([\w$]+) = [^\n`]*[[{(]\n(?: [^\n`]*\n)*[\])}]+;$/.exec(text);
  return plain?.[1] === undefined ? undefined : [plain[1]];
}

function onlyStatement(text: string): Statement {
  const [only, ...others] = parseBundle(text).statements;
  if (only === undefined || others.length > 0) throw new Error(`no single statement: ${text.slice(0, 60)}`);
  return only.node;
}

/** `__export(known_exports, { "throttle/limit": () => limit })` */
function exportsIn(node: Statement): ReadonlyMap<string, RuntimeName> | undefined {
  if (node.type !== "ExpressionStatement" || node.expression.type !== "CallExpression") return undefined;
  const [, list] = node.expression.arguments;
  if (list?.type !== "ObjectExpression") return undefined;
  const found = new Map<string, RuntimeName>();
  for (const entry of list.properties) {
    if (entry.type !== "Property" || entry.value.type !== "ArrowFunctionExpression") continue;
    const { key, value } = entry;
    if (key.type !== "Literal" || value.body.type !== "Identifier") continue;
    found.set(value.body.name, String(key.value) as RuntimeName);
  }
  return found;
}
