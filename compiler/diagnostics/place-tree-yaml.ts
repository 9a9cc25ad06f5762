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

interface Node {
  readonly start: number;
  end: number;
  kind: string | null;
  result: unknown;
  children: Node[] | undefined;
}

/**
 * The places of a YAML text, taken from the parser's own events: a second parse, but an order of magnitude faster than
 * a parser that keeps every token (32 MB: 1 s instead of 15 s). Never throws: what follows a syntax error may be missing.
 */
export function yamlPlaces(text: string): PlaceTree {
  const stack: Node[] = [];
  let root: Node | undefined;
  const listener = (event: string, state: ParserState) => {
    if (event === "open") {
      stack.push({ start: state.position, end: state.position, kind: null, result: undefined, children: undefined });
      return;
    }
    const node = stack.pop();
    if (node === undefined) return;
    node.end = state.position;
    node.kind = state.kind;
    node.result = state.result;
    attach(stack.at(-1), node);
    if (stack.length === 0) root ??= node;
  };
  try {
    yaml.loadAll(text, () => undefined, {
      schema: yamlSchema,
      json: true,
      maxDepth: maxNesting,
      listener: listener as never,
    } as yaml.LoadOptions);
  } catch {
    while (stack.length > 0) {
      const node = stack.pop();
      if (node === undefined) break;
      node.kind = guessKind(text, node);
      node.end = text.length;
      attach(stack.at(-1), node);
      if (stack.length === 0) root ??= node;
    }
  }
  const tree = new PlaceTree();
  if (root === undefined) tree.add(undefined, undefined, 0, 0, 0, 0);
  else copy(tree, text, root, undefined, undefined);
  return tree;
}

function attach(parent: Node | undefined, node: Node): void {
  // The parser tries "is this the key of a mapping?" first: the same value then appears once too often.
  const only = node.children?.length === 1 ? node.children[0] : undefined;
  if (only !== undefined && typeof only.result === "object" && only.result !== null && only.result === node.result) {
    node.children = only.children;
  }
  if (node.kind === "scalar") node.children = undefined;
  if (parent === undefined) return;
  if (parent.children === undefined) parent.children = [node];
  else parent.children.push(node);
}

function guessKind(text: string, node: Node): string | null {
  const [first, second] = node.children ?? [];
  if (first === undefined) return null;
  return second !== undefined && text.slice(first.end, second.start).includes(":") ? "mapping" : "sequence";
}

function copy(tree: PlaceTree, text: string, node: Node, parent: number | undefined, key: Node | undefined): void {
  const name = key === undefined ? undefined : String(key.result);
  const id = tree.add(parent, name, key?.start ?? 0, key?.end ?? 0, node.start, node.end);
  const children = node.children ?? [];
  node.children = undefined; // large documents: let go of what was copied
  if (node.kind === "mapping") {
    for (let index = 0; index < children.length; index++) {
      const member = children[index];
      if (member === undefined || member.kind === null) continue; // the parser looked for a further key and found none
      const value = children[index + 1];
      if (value !== undefined && text.slice(member.end, value.start).includes(":")) {
        copy(tree, text, value, id, member);
        index++;
      } else {
        copy(tree, text, { ...member, start: member.end, children: undefined }, id, member);
      }
    }
  } else if (node.kind === "sequence") {
    for (const child of elements(children, node)) copy(tree, text, child, id, undefined);
  }
}

/** One node an element: for `-` with nothing behind it the parser tells of none, for `[key: value]` of two. */
function elements(children: readonly Node[], { result, end }: Node): readonly Node[] {
  if (!Array.isArray(result) || result.length === children.length) return children;
  const aligned: Node[] = [];
  let next = 0;
  for (const element of result) {
    const child = children[next];
    const start = child?.start ?? end;
    if (child !== undefined && child.result === element) {
      aligned.push(child);
      next++;
    } else if (element === null) {
      aligned.push({ start, end: start, kind: null, result: null, children: undefined });
    } else {
      const pair = children.slice(next, next + 2);
      aligned.push({ start, end: pair.at(-1)?.end ?? start, kind: "mapping", result: element, children: pair });
      next += 2;
    }
  }
  return aligned;
}
