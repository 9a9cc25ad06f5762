import yaml from "js-yaml";
import { PlaceTree } from "./place-tree.ts";

/**
 * YAML as the compiler reads it: the core schema, so that `yes` and dates stay strings, and merge keys, which the
 * original honoured.
 */
export const yamlSchema = yaml.CORE_SCHEMA.extend({
  implicit: [(yaml as unknown as { types: { merge: yaml.Type } }).types.merge], // missing in the published types
});

/** Deeper documents are refused: later phases recurse. */
export const maxNesting = 500;

interface ParserState {
  readonly position: number;
  readonly kind: string | null;
  readonly result: unknown;
}

/** What the parser said of a value. Short-lived: gone once the collection around it is complete. */
interface Value {
  readonly start: number;
  end: number;
  kind: string | null;
  result: unknown;
  children: Value[] | undefined;
  /** In the tree; undefined as long as it may turn out to be a key. */
  node: number | undefined;
}

/**
 * The places of a YAML text, taken from the parser's own events: a second parse, but an order of magnitude faster than
 * a parser that keeps every token (32 MB: 1 s instead of 15 s). Never throws: what follows a syntax error may be missing.
 */
export function yamlPlaces(text: string): PlaceTree {
  const tree = new PlaceTree();
  const stack: Value[] = [];
  let root: Value | undefined;
  const complete = (value: Value) => {
    settle(tree, text, value);
    const parent = stack.at(-1);
    if (parent === undefined) root ??= value;
    else if (parent.children === undefined) parent.children = [value];
    else parent.children.push(value);
  };
  const listener = (event: string, state: ParserState) => {
    if (event === "open") {
      const { position } = state;
      stack.push({
        start: position,
        end: position,
        kind: null,
        result: undefined,
        children: undefined,
        node: undefined,
      });
      return;
    }
    const value = stack.pop();
    if (value === undefined) return;
    value.end = state.position;
    value.kind = state.kind;
    value.result = state.result;
    complete(value);
  };
  try {
    yaml.loadAll(text, () => undefined, {
      schema: yamlSchema,
      json: true,
      maxDepth: maxNesting,
      listener: listener as never,
    } as yaml.LoadOptions);
  } catch {
    // Collections that the error left open hold what was found in them so far.
    for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
      value.kind = guessKind(text, value);
      value.end = text.length;
      complete(value);
    }
  }
  tree.root = root === undefined ? tree.add(0, 0) : nodeOf(tree, root);
  return tree;
}

/** Puts a collection into the tree. A scalar has to wait: it may be a key. */
function settle(tree: PlaceTree, text: string, value: Value): void {
  const children = value.children ?? [];
  value.children = undefined;
  if (value.kind === "scalar") return;
  // The parser tries "is this the key of a mapping?" first: the same value then appears once too often.
  const only = children.length === 1 ? children[0] : undefined;
  if (only?.node !== undefined && typeof only.result === "object" && only.result === value.result) {
    value.node = only.node;
  } else if (value.kind === "mapping") settleMapping(tree, text, value, children);
  else if (value.kind === "sequence") settleSequence(tree, text, value, children);
}

function settleMapping(tree: PlaceTree, text: string, value: Value, children: readonly Value[]): void {
  const node = nodeOf(tree, value);
  for (let index = 0; index < children.length; index++) {
    const key = children[index];
    if (key === undefined || key.kind === null) continue; // the parser looked for a further key and found none
    const next = children[index + 1];
    const hasValue = next !== undefined && text.slice(key.end, next.start).includes(":");
    const member = hasValue ? nodeOf(tree, next) : tree.add(key.end, key.end);
    tree.appendMember(node, String(key.result), key.start, key.end, member);
    if (hasValue) index++;
  }
}

function settleSequence(tree: PlaceTree, text: string, value: Value, children: readonly Value[]): void {
  const node = nodeOf(tree, value);
  const { result } = value;
  if (!Array.isArray(result) || result.length === children.length) {
    for (const child of children) tree.append(node, nodeOf(tree, child));
    return;
  }
  // For `-` with nothing behind it the parser tells of no value, for `[key: value]` of two.
  let next = 0;
  for (const element of result) {
    const child = children[next];
    const start = child?.start ?? value.end;
    if (child !== undefined && child.result === element) {
      tree.append(node, nodeOf(tree, child));
      next++;
    } else if (element === null) tree.append(node, tree.add(start, start));
    else {
      const pair = children.slice(next, next + 2);
      const end = pair.at(-1)?.end ?? start;
      const mapping: Value = { start, end, kind: "mapping", result: element, children: undefined, node: undefined };
      settleMapping(tree, text, mapping, pair);
      tree.append(node, nodeOf(tree, mapping));
      next += 2;
    }
  }
}

function nodeOf(tree: PlaceTree, value: Value): number {
  value.node ??= tree.add(value.start, value.end);
  return value.node;
}

function guessKind(text: string, { children = [] }: Value): string | null {
  const [first, second] = children;
  if (first === undefined) return null;
  return second !== undefined && text.slice(first.end, second.start).includes(":") ? "mapping" : "sequence";
}
