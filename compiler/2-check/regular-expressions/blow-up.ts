import { type Automaton, automatonOf } from "./automaton.ts";
import { stepsOf } from "./backtracking.ts";
import { common, type Node, parsePattern } from "./syntax.ts";

/** A text on which a pattern takes very long: `pump` is repeated. */
export interface BlowUp {
  readonly growth: "exponential" | "cubic or worse";
  readonly prefix: string;
  readonly pump: string;
  readonly suffix: string;
}

/** Longer patterns are not looked at. */
const longestPattern = 2000;
/** Pairs of places that are looked at. */
const mostPairs = 60_000;
const mostSteps = 100_000;
const mostTurns = 32;
/** Each character takes several levels of the call stack. */
const longestText = 300;
/** What rarely is part of a match, and so ends one that would succeed. */
const suffixes = ["!", "\n", "\0", "\u00e9!", ""];

/**
 * A text that makes a pattern blow up. It is looked for where one text can be read in two ways (an ambiguous loop of the automaton),
 * and believed only when a backtracking matcher needs more than 100,000 steps for some 40 repetitions, or eight times as many for
 * twice as many. Undefined: none was found.
 */
export function findBlowUp(pattern: string): BlowUp | undefined {
  if (pattern.length > longestPattern || !/[*+]|,\d*\}/.test(pattern)) return undefined;
  const root = parsePattern(pattern);
  const automaton = root && automatonOf(root);
  if (root === undefined || automaton === undefined) return undefined;
  for (const loop of ambiguousLoops(automaton)) {
    const prefix = wayTo(automaton, loop.at);
    if (prefix.length + loop.pump.length * mostTurns > longestText) continue;
    for (const suffix of suffixes) {
      const found = { prefix, pump: loop.pump, suffix };
      const grows = growth(root, found);
      if (grows !== undefined) return { growth: grows, ...found };
    }
  }
  return undefined;
}

function growth(root: Node, text: { prefix: string; pump: string; suffix: string }): BlowUp["growth"] | undefined {
  const steps = (times: number) => stepsOf(root, text.prefix + text.pump.repeat(times) + text.suffix, mostSteps);
  const few = steps(8);
  const some = steps(16);
  // Each doubling: 4 for the square, 8 for the cube, far more for what is exponential.
  if (some >= mostSteps || (steps(24) >= mostSteps && some > few * 64)) return "exponential";
  const many = steps(mostTurns);
  if (many / some > 40) return "exponential";
  return many / some > 6.5 && some / few > 5 ? "cubic or worse" : undefined;
}

interface Loop {
  /** The place where it begins. */
  readonly at: number;
  /** What leads from it back to it, in two ways where there are two. */
  readonly pump: string;
}

/** Loops with two ways for one text; then, of the others, the shortest of each part, as several in a row are slow as well. */
function* ambiguousLoops(automaton: Automaton): Generator<Loop> {
  const parts = cycles(automaton);
  const plain: Loop[] = [];
  for (const part of parts) {
    const members = new Set(part);
    if (part.length * part.length > mostPairs) continue;
    for (const at of part) {
      const pump = pumpOf(automaton, members, at);
      if (pump !== undefined) {
        yield { at, pump };
        break;
      }
    }
    const [at] = part;
    const turn = at === undefined ? undefined : turnOf(automaton, members, at);
    if (at !== undefined && turn !== undefined) plain.push({ at, pump: turn });
  }
  if (plain.length > 1) yield* plain.slice(0, 4);
}

/** Strongly connected places, with a way from each to itself. */
function cycles({ followers }: Automaton): readonly (readonly number[])[] {
  const reach = followers.map((_, from) => reachable(followers, from));
  const done = new Set<number>();
  const parts: number[][] = [];
  for (let place = 0; place < followers.length; place++) {
    if (done.has(place) || !reach[place]?.has(place)) continue;
    const part = [...(reach[place] ?? [])].filter((other) => reach[other]?.has(place));
    for (const other of part) done.add(other);
    parts.push(part);
  }
  return parts;
}

function reachable(followers: Automaton["followers"], from: number): ReadonlySet<number> {
  const found = new Set<number>();
  const open = [from];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    for (const next of followers[place] ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}

/** A text that leads from a place to itself in two ways. */
function pumpOf(automaton: Automaton, members: ReadonlySet<number>, at: number): string | undefined {
  interface Pair {
    readonly a: number;
    readonly b: number;
    /** The ways have parted. */
    readonly parted: boolean;
    readonly text: string;
  }
  const seen = new Set<string>();
  let open: Pair[] = [{ a: at, b: at, parted: false, text: "" }];
  while (open.length > 0 && seen.size < mostPairs) {
    const further: Pair[] = [];
    for (const { a, b, parted, text } of open) {
      const [ofA, ofB] = [automaton.followers[a] ?? [], automaton.followers[b] ?? []];
      for (const [i, nextA] of ofA.entries()) {
        if (!members.has(nextA)) continue;
        for (const [j, nextB] of ofB.entries()) {
          if (!members.has(nextB)) continue;
          const code = common(automaton.sets[nextA] ?? [], automaton.sets[nextB] ?? []);
          if (code === undefined) continue;
          const nowParted = parted || nextA !== nextB || (a === b && i !== j);
          const grown = text + String.fromCodePoint(code);
          if (nextA === at && nextB === at && nowParted) return grown;
          const key = `${nextA} ${nextB} ${nowParted}`;
          if (seen.has(key)) continue;
          seen.add(key);
          further.push({ a: nextA, b: nextB, parted: nowParted, text: grown });
        }
      }
    }
    open = further;
  }
  return undefined;
}

/** The shortest text that leads from a place to itself. */
function turnOf(automaton: Automaton, members: ReadonlySet<number>, at: number): string | undefined {
  return shortest(automaton, automaton.followers[at] ?? [], at, members);
}

function wayTo(automaton: Automaton, at: number): string {
  return shortest(automaton, automaton.first, at) ?? "";
}

function shortest(
  { sets, followers }: Automaton,
  from: readonly number[],
  to: number,
  within?: ReadonlySet<number>,
): string | undefined {
  const seen = new Set<number>();
  let open = from.map((place) => ({ place, text: "" }));
  while (open.length > 0) {
    const further: typeof open = [];
    for (const { place, text } of open) {
      const set = sets[place] ?? [];
      const code = common(set, set);
      if (code === undefined || seen.has(place) || (within !== undefined && !within.has(place))) continue;
      seen.add(place);
      const grown = text + String.fromCodePoint(code);
      if (place === to) return grown;
      for (const next of followers[place] ?? []) further.push({ place: next, text: grown });
    }
    open = further;
  }
  return undefined;
}
