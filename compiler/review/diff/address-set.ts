import { numberOf, parseAddresses } from "../../2-check/read/address.ts";

/** A set of client addresses: sorted, disjoint stretches of one line on which IPv4 comes before IPv6. The second end is not part. */
export type AddressSet = readonly (readonly [from: bigint, to: bigint])[];

const startOfV6 = 1n << 33n;

/** All there are. */
export const everyAddress: AddressSet = [
  [0n, 1n << 32n],
  [startOfV6, startOfV6 + (1n << 128n)],
];

/** Addresses, networks and ranges, as policies.yaml has them. */
export function addressSet(entries: readonly string[]): AddressSet {
  return union(
    entries.flatMap((entry): AddressSet => {
      const found = parseAddresses(entry);
      if ("problem" in found) return [];
      return [[positionOf(found.first, found.family), positionOf(found.last, found.family) + 1n]];
    }),
  );
}

function positionOf(address: string, family: "ipv4" | "ipv6"): bigint {
  return family === "ipv4" ? numberOf(address, 4) : startOfV6 + numberOf(address, 6);
}

/** All of these stretches as one set. */
export function union(stretches: AddressSet): AddressSet {
  const merged: [bigint, bigint][] = [];
  for (const [from, to] of [...stretches].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = merged.at(-1);
    if (last === undefined || from > last[1]) merged.push([from, to]);
    else if (to > last[1]) last[1] = to;
  }
  return merged;
}

/** What of a set is not in the other. */
export function without(set: AddressSet, other: AddressSet): AddressSet {
  const left: (readonly [bigint, bigint])[] = [];
  for (const [from, to] of set) {
    let start = from;
    for (const [taken, end] of other) {
      if (end <= start || taken >= to) continue;
      if (taken > start) left.push([start, taken]);
      start = end;
      if (start >= to) break;
    }
    if (start < to) left.push([start, to]);
  }
  return left;
}

/** Cut where any of the sets begins or ends: each stretch lies in each set as a whole, or not at all. */
export function cutAt(sets: readonly AddressSet[]): AddressSet {
  const ends = new Set<bigint>();
  for (const [from, to] of [...everyAddress, ...sets.flat()]) ends.add(from).add(to);
  const sorted = [...ends].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted.slice(1).flatMap((to, index): AddressSet => {
    const from = sorted[index] as bigint;
    return holds(everyAddress, from) ? [[from, to]] : [];
  });
}

/** Whether a position is in a set. */
export function holds(set: AddressSet, position: bigint): boolean {
  return set.some(([from, to]) => from <= position && position < to);
}
