import type { CharSet, Node } from "./syntax.ts";

/**
 * The places in a pattern where a character is read, and which may follow which. A follower stands twice where two ways lead to
 * it without a character between them: then one text is matched in two ways.
 */
export interface Automaton {
  readonly sets: readonly CharSet[];
  readonly followers: readonly (readonly number[])[];
  /** What may be read first. */
  readonly first: readonly number[];
}

/** More copies than this of a repeated part are as good as any number. */
const mostCopies = 12;
const mostStates = 3000;

interface State {
  /** Set: reads a character, and goes on to `next`. */
  readonly set: CharSet | undefined;
  readonly next: number[];
}

/** Undefined: it is too large to look at. */
export function automatonOf(root: Node): Automaton | undefined {
  const states: State[] = [];
  const add = (set?: CharSet, ...next: number[]): number => states.push({ set, next }) - 1;
  const end = add();
  /** The state where a node begins whose matches go on at `after`. */
  const build = (node: Node, after: number): number => {
    if (states.length > mostStates) return after;
    switch (node.kind) {
      case "chars":
        return add(node.set, after);
      case "sequence":
        return node.parts.reduceRight((next, part) => build(part, next), after);
      case "choice":
        return add(undefined, ...node.options.map((option) => build(option, after)));
      case "assertion":
        return after;
      case "repeat":
        return repeat(node, after);
    }
  };
  const repeat = ({ body, min, max }: Extract<Node, { kind: "repeat" }>, after: number): number => {
    const isOpen = max > mostCopies;
    let next = after;
    if (isOpen) {
      // A turn that begins is not one that has read something: they have states of their own.
      const loop = add(undefined);
      const turn = build(body, loop);
      states[loop]?.next.push(turn, after);
      next = add(undefined, turn, after);
    } else {
      for (let i = min; i < max; i++) next = add(undefined, build(body, next), after);
    }
    for (let i = 0; i < Math.min(min, mostCopies); i++) next = build(body, next);
    return next;
  };
  const start = build(root, end);
  return states.length > mostStates ? undefined : withoutEmptySteps(states, start);
}

function withoutEmptySteps(states: readonly State[], start: number): Automaton | undefined {
  const reading = states.flatMap(({ set }, index) => (set === undefined ? [] : [index]));
  const position = new Map(reading.map((state, index) => [state, index]));
  let work = 0;
  /** Each way on without reading; none goes through a state twice, as an empty turn of a loop is none. */
  const reach = (from: number): readonly number[] => {
    const found: number[] = [];
    const onWay = new Set<number>();
    const walk = (state: number): void => {
      if (++work > 200_000) return;
      const own = position.get(state);
      if (own !== undefined) {
        // Two are as bad as many.
        if (found.filter((other) => other === own).length < 2) found.push(own);
        return;
      }
      if (onWay.has(state)) return;
      onWay.add(state);
      for (const next of states[state]?.next ?? []) walk(next);
      onWay.delete(state);
    };
    walk(from);
    return found;
  };
  const first = reach(start);
  const followers = reading.map((state) => reach(states[state]?.next[0] ?? start));
  if (work > 200_000) return undefined;
  return { sets: reading.map((state) => states[state]?.set ?? []), followers, first };
}
