import { PlaceTree } from "./place-tree.ts";

/** The places of a TOML text: tables, and keys with their values, line by line. Never throws. */
export function tomlPlaces(text: string): PlaceTree {
  const tree = new PlaceTree();
  tree.add(0, text.length);
  let table = tree.root;
  let offset = 0;
  let openString: string | undefined;
  for (const line of text.split("\n")) {
    const start = offset;
    offset += line.length + 1;
    if (openString !== undefined) {
      if (line.includes(openString)) openString = undefined;
      continue;
    }
    const header = /^(\s*)(\[\[?)([^\]]+)\]/.exec(line);
    if (header !== null && !/^[^"'#]*=/.test(line)) {
      const [, indent = "", brackets = "", name = ""] = header;
      const from = start + indent.length + brackets.length;
      table = descend(tree, tree.root, splitKey(name), from, from + name.length, brackets === "[[");
      continue;
    }
    const pair =
      /^(\s*)((?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'))*)\s*=\s*/.exec(
        line,
      );
    if (pair === null) continue;
    const [whole, indent = "", key = ""] = pair;
    const value = line.slice(whole.length).replace(/\s+$/, "");
    const from = start + indent.length;
    const path = splitKey(key);
    const parent = descend(tree, table, path.slice(0, -1), from, from + key.length, false);
    const valueStart = start + whole.length;
    const node = tree.add(valueStart, valueStart + uncommented(value).length);
    tree.appendMember(parent, path.at(-1) ?? key, from, from + key.length, node);
    const multiline = /^("""|''')/.exec(value)?.[1];
    if (multiline !== undefined && !value.slice(3).includes(multiline)) openString = multiline;
  }
  return tree;
}

function descend(tree: PlaceTree, from: number, path: readonly string[], start: number, end: number, append: boolean) {
  let node = from;
  for (const [index, name] of path.entries()) {
    const last = index === path.length - 1;
    const existing = tree.child(node, name);
    const next = existing ?? tree.add(start, end);
    if (existing === undefined) tree.appendMember(node, name, start, end, next);
    if (last && append) {
      node = tree.add(start, end);
      tree.append(next, node);
    } else node = (existing === undefined ? undefined : tree.lastItem(existing)) ?? next;
  }
  return node;
}

function splitKey(key: string): readonly string[] {
  const parts = key.match(/"(?:[^"\\]|\\.)*"|'[^']*'|[^.\s]+/g) ?? [key];
  return parts.map((part) => (/^["']/.test(part) ? part.slice(1, -1) : part));
}

function uncommented(value: string): string {
  const quoted = /^("(?:[^"\\]|\\.)*"|'[^']*')/.exec(value)?.[1];
  if (quoted !== undefined) return quoted;
  return value.replace(/\s*#.*$/, "");
}
