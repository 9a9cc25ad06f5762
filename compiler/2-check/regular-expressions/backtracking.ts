import { type CharSet, holds, type Node } from "./syntax.ts";

/**
 * How many steps a backtracking matcher takes that looks for a match from each place of a text, as `RegExp` does; `most` when it takes more.
 * Steps are counted, not time, so that the answer is the same on each machine.
 */
export function stepsOf(root: Node, text: string, most: number): number {
  const codes = Array.from(text, (c) => c.codePointAt(0) ?? 0);
  const state = { steps: 0 };
  type Rest = (at: number) => boolean;
  const match = (node: Node, at: number, rest: Rest): boolean => {
    if (++state.steps > most) throw new TooMany();
    switch (node.kind) {
      case "chars":
        return at < codes.length && holds(node.set, codes[at] as number) && rest(at + 1);
      case "sequence":
        return sequence(node.parts, 0, at, rest);
      case "choice":
        return node.options.some((option) => match(option, at, rest));
      case "assertion":
        return isMet(node.what, at) && rest(at);
      case "repeat":
        return repeat(node, 0, at, rest);
    }
  };
  const sequence = (parts: readonly Node[], index: number, at: number, rest: Rest): boolean => {
    const part = parts[index];
    return part === undefined ? rest(at) : match(part, at, (next) => sequence(parts, index + 1, next, rest));
  };
  const repeat = (node: Extract<Node, { kind: "repeat" }>, count: number, at: number, rest: Rest): boolean => {
    const more = () =>
      count < node.max &&
      match(node.body, at, (next) => (next > at || count < node.min) && repeat(node, count + 1, next, rest));
    if (count < node.min) return more();
    return node.isLazy ? rest(at) || more() : more() || rest(at);
  };
  const isMet = (what: Extract<Node, { kind: "assertion" }>["what"], at: number): boolean => {
    if (what === "start") return at === 0;
    if (what === "end") return at === codes.length;
    const isBoundary = isWord(codes[at - 1]) !== isWord(codes[at]);
    return isBoundary === (what === "boundary");
  };
  try {
    for (let at = 0; at <= codes.length; at++) if (match(root, at, () => true)) break;
  } catch (error) {
    if (!(error instanceof TooMany)) throw error;
    return most;
  }
  return state.steps;
}

class TooMany extends Error {}

const word: CharSet = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];

function isWord(code: number | undefined): boolean {
  return code !== undefined && holds(word, code);
}
