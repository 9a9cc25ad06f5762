import { visit } from "jsonc-parser";
import { PlaceTree } from "./place-tree.ts";

/** The places of a JSON text. Never throws: what follows a syntax error may be missing. */
export function jsonPlaces(text: string): PlaceTree {
  const tree = new PlaceTree();
  const stack: number[] = [];
  let key: { name: string; start: number; end: number } | undefined;
  const open = (start: number, end: number) => {
    const parent = stack.at(-1);
    const node = tree.add(start, end);
    if (parent !== undefined) {
      if (key === undefined) tree.append(parent, node);
      else tree.appendMember(parent, key.name, key.start, key.end, node);
    }
    key = undefined;
    return node;
  };
  const begin = (offset: number) => {
    stack.push(open(offset, offset + 1));
  };
  const close = (offset: number, length: number) => {
    const node = stack.pop();
    if (node !== undefined) tree.setEnd(node, offset + length);
  };
  try {
    visit(
      text,
      {
        onObjectBegin: begin,
        onObjectProperty: (name, offset, length) => {
          key = { name, start: offset, end: offset + length };
        },
        onObjectEnd: close,
        onArrayBegin: begin,
        onArrayEnd: close,
        onLiteralValue: (_value, offset, length) => {
          open(offset, offset + length);
        },
      },
      { disallowComments: true },
    );
  } catch {
    // Nested too deeply for the visitor: what was found so far serves.
  }
  return tree;
}
