import type { Statement } from "acorn";
import { type Canonical, canonicalOf, NamedStatement, type NamePairs, namesIn } from "./canonical.ts";
import type { Flaw } from "./finding.ts";
import type { KnownCode, KnownStatement } from "./known-code.ts";
import type { RuntimeName } from "./runtime-names.ts";
import { parseBundle, type TopStatement } from "./syntax.ts";

/** What part of a bundle is known, and what is called how there. */
export interface KnownPart {
  readonly flaws: readonly Flaw[];
  /** Everything else, in order. */
  readonly rest: readonly RestStatement[];
  /** What names of the bundle mean that generated code may use. */
  readonly runtimeName: ReadonlyMap<string, RuntimeName>;
  /** Names that known code of the bundle declares. */
  readonly declared: ReadonlySet<string>;
  /** Where those have their values that do not have them from the start. */
  readonly valueFrom: ReadonlyMap<string, number>;
  /** Statements of the bundle that were found to be those of this version. */
  readonly count: number;
}

/** A statement that is not known, with the names that it declares for the whole bundle. */
export interface RestStatement extends TopStatement {
  readonly declared: readonly string[];
}

/** A known statement in a bundle. */
interface Met {
  readonly theirs: KnownStatement;
  /** Which one of its section. */
  readonly index: number;
  readonly label: string;
  readonly start: number;
  readonly end: number;
  /** Where names differ; undefined: the texts are equal. */
  readonly names: Renamed | undefined;
}

/** What a known statement says, in the words of the bundle. */
interface Renamed {
  readonly declared: readonly string[];
  readonly globals: NamePairs;
}

/**
 * Compares what a bundle says is the runtime or a library with what this version bundles: the same statements in the same order,
 * names aside; only what nothing uses may be absent. All else is `rest`. Throws `NotJavaScript`.
 */
export function compareKnown(text: string, code: KnownCode): KnownPart {
  const flaws: Flaw[] = [];
  const equal = equalStatements(text, code);
  const { statements, comments } = parseBundle(withoutStatements(text, equal));
  flaws.push(...hiddenStatements(equal, [...statements.map(({ node }) => node), ...comments]));
  const { renamed, rest, flaws: unknown } = renamedStatements(text, statements, equal, code);
  flaws.push(...unknown);
  const met = [...equal, ...renamed].sort((a, b) => a.start - b.start);
  flaws.push(...absentStatements(met, code), ...movedStatements(met, code));
  return { flaws, rest, count: met.length, ...comparedNames(met, rest, code, flaws) };
}

/**
 * Statements that stand in the bundle letter by letter, each at the begin of a line. They need not be parsed: a whole statement
 * between two others means the same wherever it stands, if its names do.
 */
function equalStatements(text: string, code: KnownCode): Met[] {
  const met: Met[] = [];
  let label = "";
  let section = code.sections.get(label);
  let next = 0;
  const nexts = new Map<string, number>();
  for (let at = 0; at < text.length; ) {
    let lineEnd = text.indexOf("\n", at);
    if (lineEnd < 0) lineEnd = text.length;
    const named = text.startsWith("// ", at) ? /^\/\/ ([a-z/-]+:.*)$/.exec(text.slice(at, lineEnd)) : null;
    if (named?.[1] !== undefined) {
      nexts.set(label, next);
      label = named[1];
      section = code.sections.get(label);
      next = nexts.get(label) ?? 0;
    }
    const index = section === undefined || at === lineEnd ? -1 : indexOfStatement(text, at, section, next);
    const theirs = section?.[index];
    if (theirs === undefined) {
      at = lineEnd + 1;
      continue;
    }
    const end = at + theirs.text.length;
    met.push({ theirs, index, label, start: at, end, names: undefined });
    next = index + 1;
    at = end + 1;
  }
  return met;
}

function indexOfStatement(text: string, at: number, section: readonly KnownStatement[], from: number): number {
  for (let i = from; i < section.length; i++) {
    const { text: theirs } = section[i] as KnownStatement;
    const end = at + theirs.length;
    if (text.startsWith(theirs, at) && (end === text.length || text[end] === "\n")) return i;
  }
  return -1;
}

/** The text with blanks in their place: what is left stands where it stood. */
function withoutStatements(text: string, met: readonly Met[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { start, end } of met) {
    parts.push(text.slice(from, start), " ".repeat(end - start));
    from = end;
  }
  parts.push(text.slice(from));
  return parts.join("");
}

/** One that stands inside of something else is no statement: it may be a comment, or the end of a condition. */
function hiddenStatements(
  met: readonly Met[],
  others: readonly { readonly start: number; readonly end: number }[],
): Flaw[] {
  const flaws: Flaw[] = [];
  const sorted = [...others].sort((a, b) => a.start - b.start);
  let at = 0;
  let reach = 0;
  for (const { start, label } of met) {
    for (; at < sorted.length && (sorted[at]?.start ?? 0) <= start; at++) reach = Math.max(reach, sorted[at]?.end ?? 0);
    if (reach <= start) continue;
    flaws.push({ code: "code-unknown", message: `a part of ${label} stands inside of something else`, offset: start });
  }
  return flaws;
}

/** Of what is left, statements that are known but for their names. */
function renamedStatements(
  text: string,
  statements: readonly TopStatement[],
  equal: readonly Met[],
  code: KnownCode,
): {
  readonly renamed: Met[];
  readonly rest: RestStatement[];
  readonly flaws: Flaw[];
} {
  const flaws: Flaw[] = [];
  const renamed: Met[] = [];
  const rest: RestStatement[] = [];
  const taken = new Set(equal.map(({ theirs }) => theirs));
  for (const statement of statements) {
    const { node, label } = statement;
    const section = code.sections.get(label);
    if (section === undefined) {
      rest.push({ ...statement, declared: declaredBy(node) ?? canonicalOf(text, node).declared });
      continue;
    }
    const mine = new NamedStatement(text, node);
    let globals: NamePairs | undefined;
    const index = section.findIndex((theirs) => {
      if (taken.has(theirs) || !mayBe(theirs, mine.declared)) return false;
      globals = namesOf(mine, theirs);
      return globals !== undefined;
    });
    const theirs = section[index];
    if (theirs === undefined || globals === undefined) {
      const message = `this is not in ${label || "what esbuild puts first"} as castgate bundles it`;
      flaws.push({ code: "code-unknown", message, offset: node.start });
      continue;
    }
    taken.add(theirs);
    renamed.push({
      theirs,
      index,
      label,
      start: node.start,
      end: node.end,
      names: { declared: mine.declared, globals },
    });
  }
  return { renamed, rest, flaws };
}

/** What the usual statements of generated code declare. */
function declaredBy(node: Statement): readonly string[] | undefined {
  if (node.type === "FunctionDeclaration") return [node.id.name];
  if (node.type === "ExpressionStatement") return [];
  return node.type === "VariableDeclaration" ? node.declarations.flatMap(({ id }) => namesIn(id)) : undefined;
}

/** Saves looking into statements that declare something else. */
function mayBe(theirs: KnownStatement, declared: readonly string[]): boolean {
  return (
    declared.length === theirs.declared.length && declared.every((name, i) => isRenamed(name, theirs.declared[i] ?? ""))
  );
}

/** What stands for what, if the statements are the same but for names that a bundler may choose. */
function namesOf(mine: NamedStatement, theirs: KnownStatement): NamePairs | undefined {
  const names = mine.namesIn(theirs.text) ?? pairsOf(mine.canonical(), theirs.canonical);
  if (names === undefined || !names.every(([name, other]) => isRenamed(name, other))) return undefined;
  const found = new Map(names);
  return mine.declared.every((name, i) => found.get(name) === theirs.declared[i]) ? names : undefined;
}

function pairsOf(mine: Canonical, theirs: Canonical): NamePairs | undefined {
  if (mine.text !== theirs.text || mine.globals.length !== theirs.globals.length) return undefined;
  return mine.globals.map((name, index) => [name, theirs.globals[index] as string]);
}

/** Where two names would be the same, a bundler appends a number to one of them. */
function isRenamed(mine: string, theirs: string): boolean {
  return mine === theirs || mine.replace(/\d+$/, "") === theirs.replace(/\d+$/, "");
}

/** What a bundle has of a section is in its order, and without it only what does nothing. */
function absentStatements(met: readonly Met[], code: KnownCode): Flaw[] {
  const flaws: Flaw[] = [];
  const present = new Map<string, number[]>();
  for (const { label, index, start } of met) {
    const list = present.get(label) ?? [];
    if (index < (list.at(-1) ?? -1)) {
      flaws.push({ code: "code-unknown", message: `the statements of ${label} are in another order`, offset: start });
    }
    list.push(index);
    present.set(label, list);
  }
  for (const [label, indices] of present) {
    if (label === "") continue;
    const there = new Set(indices);
    code.sections.get(label)?.forEach((theirs, index) => {
      if (there.has(index) || theirs.removable) return;
      const message = `a statement of ${label} is missing: ${theirs.text.split("\n", 1)[0]}`;
      flaws.push({ code: "code-incomplete", message, offset: 0 });
    });
  }
  return flaws;
}

/**
 * What is computed at once needs its values: modules may follow each other in another order, but none may come before what it took
 * a value from.
 */
function movedStatements(met: readonly Met[], code: KnownCode): Flaw[] {
  const flaws: Flaw[] = [];
  const startOf = new Map(met.map(({ theirs, start }) => [theirs, start]));
  for (const { theirs, start } of met) {
    if (theirs.hoisted) continue;
    for (const name of theirs.declared) {
      for (const user of code.withWord.get(name) ?? []) {
        const at = startOf.get(user);
        if (at === undefined || user.hoisted || user.order <= theirs.order || at > start) continue;
        if (!user.canonical.globals.includes(name)) continue;
        flaws.push({ code: "code-unknown", message: `this needs ${name}, which has its value later`, offset: at });
      }
    }
  }
  return flaws;
}

/** One name of the bundle for each name of the known code, wherever it stands, and the other way round. */
function comparedNames(
  met: readonly Met[],
  rest: KnownPart["rest"],
  code: KnownCode,
  flaws: Flaw[],
): Pick<KnownPart, "runtimeName" | "declared" | "valueFrom"> {
  const valueFrom = new Map<string, number>();
  const theirName = new Map<string, string>();
  const myName = new Map<string, string>();
  const add = (mine: string, theirs: string, offset: number) => {
    if (theirName.has(mine) || myName.has(theirs)) {
      flaws.push({ code: "name-repeated", message: `${mine} is declared before`, offset });
    }
    theirName.set(mine, theirs);
    myName.set(theirs, mine);
  };
  for (const { theirs, names, start } of met) {
    for (const [index, name] of theirs.declared.entries()) {
      const own = names?.declared[index] ?? name;
      add(own, name, start);
      if (!theirs.hoisted) valueFrom.set(own, start);
    }
  }
  const others = new Set(rest.flatMap(({ declared }) => declared));
  /** A name stands for the same thing in a statement of the bundle and in the known one. */
  const agrees = (mine: string, theirs: string) =>
    code.declared.has(theirs)
      ? theirName.get(mine) === theirs
      : mine === theirs && !theirName.has(mine) && (!others.has(mine) || isHeld(mine));
  const compare = (mine: string, theirs: string, offset: number) => {
    if (agrees(mine, theirs)) return;
    flaws.push({ code: "code-unknown", message: `${mine} stands where castgate has ${theirs}`, offset });
  };
  // Where the texts are equal, only names need a look that mean something else in the bundle.
  const doubtful = new Set<KnownStatement>();
  const doubt = (name: string) => {
    for (const statement of code.withWord.get(name) ?? []) doubtful.add(statement);
  };
  for (const name of code.declared) if (theirName.get(name) !== name) doubt(name);
  for (const [mine, theirs] of theirName) if (mine !== theirs) doubt(mine);
  for (const name of others) doubt(name);
  for (const { theirs, names, start } of met) {
    if (names !== undefined) for (const [mine, name] of names.globals) compare(mine, name, start);
    else if (doubtful.has(theirs)) for (const name of theirs.canonical.globals) compare(name, name, start);
  }
  const runtimeName = new Map<string, RuntimeName>();
  for (const [mine, theirs] of theirName) {
    const found = code.exported.get(theirs);
    if (found !== undefined) runtimeName.set(mine, found);
  }
  return { runtimeName, declared: new Set(theirName.keys()), valueFrom };
}

/** Libraries in comments are held by functions that known code reads. */
function isHeld(name: string): boolean {
  return name.startsWith("__castgate_library_");
}
