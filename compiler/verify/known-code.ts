import type { Expression, Statement } from "acorn";
import { type Canonical, canonicalOf } from "./canonical.ts";
import type { Flaw } from "./finding.ts";
import { knownScript } from "./known-build.ts";
import { type RuntimeName, runtimeNames } from "./runtime-names.ts";
import { parseBundle, type TopStatement } from "./syntax.ts";

/** A statement of the runtime or of a library as this version bundles it. */
interface KnownStatement extends Canonical {
  /** Declares only, and computes nothing: a bundle that does not use the names may be without it. */
  readonly removable: boolean;
}

/** What bundles may consist of beside generated code. */
export interface KnownCode {
  /** By where it comes from: `castgate/runtime:forward.ts`. */
  readonly sections: ReadonlyMap<string, readonly KnownStatement[]>;
  /** Names that the code declares. */
  readonly declared: ReadonlySet<string>;
  /** Names that it uses and does not declare: those of the language and of Node. */
  readonly free: ReadonlySet<string>;
  /** What the names are called that generated code may use, by what they are called here. */
  readonly exported: ReadonlyMap<string, RuntimeName>;
}

let known: Promise<KnownCode> | undefined;

/** The runtime and libraries of this version. A constant, made at the first use. */
export function knownCode(): Promise<KnownCode> {
  known ??= knownScript(runtimeNames).then(readKnown);
  return known;
}

function readKnown(text: string): KnownCode {
  const sections = new Map<string, KnownStatement[]>();
  const declared = new Set<string>();
  let exported: ReadonlyMap<string, RuntimeName> = new Map();
  for (const { node, label } of parseBundle(text).statements) {
    if (label === "known:exports") exported = exportsIn(node) ?? exported;
    if (label === "known:exports" || isAnnotation(node)) continue;
    const canonical = canonicalOf(text, node);
    for (const name of canonical.declared) declared.add(name);
    const section = sections.get(label) ?? [];
    section.push({ ...canonical, removable: isRemovable(node) });
    sections.set(label, section);
  }
  const used = [...sections.values()].flatMap((section) => section.flatMap(({ globals }) => globals));
  const free = new Set(used.filter((name) => !declared.has(name)));
  return { sections, declared, free, exported };
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

/** `0 && (module.exports = ...)`: for Node's loader of modules. */
function isAnnotation(node: Statement): boolean {
  return node.type === "ExpressionStatement" && node.expression.type === "LogicalExpression";
}

/** esbuild leaves out what nothing uses as far as it has no effect of its own. */
function isRemovable(node: Statement): boolean {
  switch (node.type) {
    case "FunctionDeclaration":
    case "EmptyStatement":
      return true;
    case "VariableDeclaration":
      return node.declarations.every(({ id, init }) => id.type === "Identifier" && (init == null || isInert(init)));
    default:
      return false;
  }
}

/** Whether it makes a value and does nothing else, as far as that shows without looking anything up. */
function isInert(node: Expression): boolean {
  switch (node.type) {
    case "Literal":
    case "Identifier":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return true;
    case "TemplateLiteral":
      return node.expressions.length === 0;
    case "UnaryExpression":
      return isInert(node.argument);
    case "BinaryExpression":
      return node.left.type !== "PrivateIdentifier" && isInert(node.left) && isInert(node.right);
    case "ArrayExpression":
      return node.elements.every((each) => each !== null && each.type !== "SpreadElement" && isInert(each));
    case "ObjectExpression":
      return node.properties.every((each) => each.type === "Property" && !each.computed && isInert(each.value));
    case "NewExpression":
      return (
        isBuiltIn(node.callee as Expression) &&
        node.arguments.every((each) => each.type !== "SpreadElement" && isInert(each))
      );
    case "CallExpression":
      return (
        isLoad(node.callee as Expression) &&
        node.arguments.every((each) => each.type !== "SpreadElement" && isInert(each))
      );
    case "ClassExpression":
      return node.body.body.every(
        (member) =>
          member.type !== "StaticBlock" &&
          !member.computed &&
          (member.type !== "PropertyDefinition" || !member.static || member.value == null || isInert(member.value)),
      );
    default:
      return false;
  }
}

function isBuiltIn(callee: Expression): boolean {
  return callee.type === "Identifier" && ["Map", "Set", "WeakMap", "WeakSet"].includes(callee.name);
}

/** Modules of Node, and those of libraries, which run only when they are asked for. */
function isLoad(callee: Expression): boolean {
  return callee.type === "Identifier" && ["require", "__commonJS", "__toESM", "Symbol"].includes(callee.name);
}

/** What part of a bundle is known, and what is called how there. */
export interface KnownPart {
  readonly flaws: readonly Flaw[];
  /** The rest, in order. */
  readonly rest: readonly (TopStatement & { readonly canonical: Canonical })[];
  /** What names of the bundle mean that generated code may use. */
  readonly runtimeName: ReadonlyMap<string, RuntimeName>;
  /** Names that known code of the bundle declares. */
  readonly declared: ReadonlySet<string>;
  /** Statements of a bundle that were found to be those of this version. */
  readonly count: number;
}

/**
 * Compares what a bundle says is the runtime or a library with what this version bundles: the same statements in the same order,
 * names aside; only what nothing uses may be absent. All else is `rest`.
 */
export function compareKnown(text: string, statements: readonly TopStatement[], code: KnownCode): KnownPart {
  const flaws: Flaw[] = [];
  const rest: (TopStatement & { readonly canonical: Canonical })[] = [];
  const next = new Map<string, number>();
  const met: { readonly mine: Canonical; readonly theirs: KnownStatement; readonly offset: number }[] = [];
  const absent: { readonly theirs: KnownStatement; readonly label: string }[] = [];
  for (const statement of statements) {
    const { node, label } = statement;
    const canonical = canonicalOf(text, node);
    const section = code.sections.get(label);
    if (section === undefined) {
      rest.push({ ...statement, canonical });
      continue;
    }
    const from = next.get(label) ?? 0;
    let at = from;
    while (at < section.length && !isSame(canonical, section[at] as KnownStatement)) at++;
    const theirs = section[at];
    if (theirs === undefined) {
      const message = `this is not in ${label || "what esbuild puts first"} as castgate bundles it`;
      flaws.push({ code: "code-unknown", message, offset: node.start });
      continue;
    }
    for (const skipped of section.slice(from, at)) absent.push({ theirs: skipped, label });
    next.set(label, at + 1);
    met.push({ mine: canonical, theirs, offset: node.start });
  }
  for (const [label, at] of next) {
    for (const skipped of code.sections.get(label)?.slice(at) ?? []) absent.push({ theirs: skipped, label });
  }
  for (const { theirs, label } of absent) {
    if (theirs.removable || label === "") continue;
    const message = `a statement of ${label} is missing: ${theirs.globals.join(", ")}`;
    flaws.push({ code: "code-incomplete", message, offset: 0 });
  }
  return { flaws, rest, count: met.length, ...renamed(met, code, flaws) };
}

function isSame(mine: Canonical, theirs: Canonical): boolean {
  return (
    mine.text === theirs.text &&
    mine.globals.length === theirs.globals.length &&
    mine.globals.every((name, index) => isRenamed(name, theirs.globals[index] as string))
  );
}

/** Where two names would be the same, a bundler appends a number to one of them. */
function isRenamed(mine: string, theirs: string): boolean {
  return mine === theirs || mine.replace(/\d+$/, "") === theirs.replace(/\d+$/, "");
}

/** One name of the bundle for each name of the known code, wherever it stands, and the other way round. */
function renamed(
  met: readonly { readonly mine: Canonical; readonly theirs: KnownStatement; readonly offset: number }[],
  code: KnownCode,
  flaws: Flaw[],
): Pick<KnownPart, "runtimeName" | "declared"> {
  const theirName = new Map<string, string>();
  const myName = new Map<string, string>();
  const declared = new Set<string>();
  for (const { mine } of met) for (const name of mine.declared) declared.add(name);
  for (const { mine, theirs, offset } of met) {
    mine.globals.forEach((name, index) => {
      const other = theirs.globals[index] as string;
      const isOwn = code.declared.has(other);
      const consistent =
        (theirName.get(name) ?? other) === other &&
        (myName.get(other) ?? name) === name &&
        declared.has(name) === isOwn;
      theirName.set(name, other);
      myName.set(other, name);
      if (consistent && (isOwn || name === other)) return;
      flaws.push({ code: "code-unknown", message: `${name} stands where castgate has ${other}`, offset });
    });
  }
  const runtimeName = new Map<string, RuntimeName>();
  for (const [name, other] of theirName) {
    const found = code.exported.get(other);
    if (found !== undefined) runtimeName.set(name, found);
  }
  return { runtimeName, declared };
}
