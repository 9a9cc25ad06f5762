import type { Verdict } from "./change.ts";

/** Which way something went: it lets more pass, or less. */
export type Direction = Extract<Verdict, "weaker" | "stronger">;

/** What of two sets is in only one of them, sorted. */
export interface SetDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** The difference of two sets of texts. */
export function setDifference(base: Iterable<string>, head: Iterable<string>): SetDifference {
  const [before, after] = [new Set(base), new Set(head)];
  return {
    added: [...after].filter((one) => !before.has(one)).sort(),
    removed: [...before].filter((one) => !after.has(one)).sort(),
  };
}

/** Whether two plain values say the same. The keys of equal objects may stand in another order. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [ofA, ofB] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  for (const key of new Set([...Object.keys(ofA), ...Object.keys(ofB)])) {
    if (!isEqual(ofA[key], ofB[key])) return false;
  }
  return true;
}

/** `a`, `a and b`, `a, b and c`; more than five end in `and 7 more`. */
export function listed(texts: readonly string[], word = "and"): string {
  if (texts.length > 5) return `${texts.slice(0, 4).join(", ")} ${word} ${texts.length - 4} more`;
  if (texts.length < 2) return texts.join("");
  return `${texts.slice(0, -1).join(", ")} ${word} ${texts.at(-1)}`;
}

/** `1 second`, `3 URLs`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

const units: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1000, "second"],
  [1, "millisecond"],
];

/** `2 minutes`, in the largest unit that says it in whole numbers. */
export function duration(ms: number): string {
  const [size, name] = units.find(([unit]) => ms >= unit && ms % unit === 0) ?? ([1, "millisecond"] as const);
  return counted(ms / size, name);
}
