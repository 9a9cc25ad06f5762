import { isIP } from "node:net";
import { plainAddress } from "./client-address.ts";

/**
 * Addresses (`192.0.2.1`), networks (`192.0.2.0/24`, `2001:db8::/32`) and ranges with both ends in them (`192.0.2.1-192.0.2.30`).
 * Throws on anything else: the compiler has checked them.
 */
export function addressRanges(entries: readonly string[]): AddressRanges {
  return new AddressRanges(entries);
}

/** A set of addresses, kept as sorted ranges that do not touch. */
export class AddressRanges {
  readonly #v4: Ranges<number>;
  readonly #v6: Ranges<string>;

  constructor(entries: readonly string[]) {
    const v4: [number, number][] = [];
    const v6: [string, string][] = [];
    for (const entry of entries) {
      const [from, to] = rangeOf(entry);
      if (typeof from === "number" && typeof to === "number") v4.push([from, to]);
      else v6.push([String(from), String(to)]);
    }
    this.#v4 = sorted(v4);
    this.#v6 = sorted(v6);
  }

  /** Whether an address is one of them. What is no address is not; `::ffff:192.0.2.1` is 192.0.2.1. */
  holds(address: string): boolean {
    const key = keyOf(address);
    if (key === undefined) return false;
    return typeof key === "number" ? isWithin(this.#v4, key) : isWithin(this.#v6, key);
  }
}

/** First and last addresses, in ascending order. */
interface Ranges<T> {
  readonly from: readonly T[];
  readonly to: readonly T[];
}

function isWithin<T extends number | string>({ from, to }: Ranges<T>, key: T): boolean {
  let low = 0;
  let high = from.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if ((from[middle] as T) > key) high = middle - 1;
    else if ((to[middle] as T) < key) low = middle + 1;
    else return true;
  }
  return false;
}

/** Those that overlap become one. */
function sorted<T extends number | string>(ranges: [T, T][]): Ranges<T> {
  ranges.sort(([a], [b]) => (a < b ? -1 : 1));
  const merged: [T, T][] = [];
  for (const [from, to] of ranges) {
    const last = merged.at(-1);
    if (last === undefined || last[1] < from) merged.push([from, to]);
    else if (last[1] < to) last[1] = to;
  }
  return { from: merged.map(([from]) => from), to: merged.map(([, to]) => to) };
}

function rangeOf(entry: string): readonly [number | string, number | string] {
  const dash = entry.indexOf("-");
  if (dash >= 0) {
    const [from, to] = [keyOf(entry.slice(0, dash).trim()), keyOf(entry.slice(dash + 1).trim())];
    if (from !== undefined && typeof from === typeof to && from <= (to as typeof from))
      return [from, to as typeof from];
    throw new Error(`not a range of addresses: ${entry}`);
  }
  const slash = entry.indexOf("/");
  const key = keyOf(slash < 0 ? entry : entry.slice(0, slash));
  if (key === undefined) throw new Error(`not an address: ${entry}`);
  if (slash < 0) return [key, key];
  const prefix = Number(entry.slice(slash + 1));
  if (typeof key === "number") {
    const size = 2 ** (32 - prefix);
    const from = key - (key % size);
    return [from, from + size - 1];
  }
  const size = 1n << BigInt(128 - prefix);
  const value = BigInt(`0x${key}`);
  const from = value - (value % size);
  return [hex(from), hex(from + size - 1n)];
}

function hex(value: bigint): string {
  return value.toString(16).padStart(32, "0");
}

/** An IPv4 address as a number, an IPv6 address as 32 hexadecimal digits: both compare as addresses do. */
function keyOf(text: string): number | string | undefined {
  const address = plainAddress(text);
  switch (isIP(address)) {
    case 4:
      return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    case 6:
      return groupsOf(address.split("%", 1)[0] as string);
    default:
      return undefined;
  }
}

function groupsOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":").flatMap(digitsOf);
  const after = tail === undefined || tail === "" ? [] : tail.split(":").flatMap(digitsOf);
  return [...before, ...Array<string>(8 - before.length - after.length).fill("0000"), ...after].join("");
}

/** An IPv4 address at the end is two groups. */
function digitsOf(group: string): string[] {
  if (!group.includes(".")) return [group.toLowerCase().padStart(4, "0")];
  const bytes = group.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return [bytes.slice(0, 2).join(""), bytes.slice(2).join("")];
}
