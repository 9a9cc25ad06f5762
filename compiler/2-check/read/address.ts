import { BlockList, isIP } from "node:net";

/** Addresses from one to another, both included. */
export interface AddressRange {
  /** `192.0.2.1`, `192.0.2.0/24`, `192.0.2.1-192.0.2.30` */
  readonly text: string;
  /** Whether all addresses of another one are in it. */
  holds(other: AddressRange): boolean;
  readonly first: string;
  readonly last: string;
  readonly family: "ipv4" | "ipv6";
}

/** Reads an address, a network in CIDR notation or a range `a - b`; what is wrong with it otherwise. */
export function parseAddresses(text: string): AddressRange | { readonly problem: string } {
  const [from = "", to, ...more] = text.split("-").map((part) => part.trim());
  if (more.length > 0) return { problem: "is not an address, a network or a range" };
  if (to !== undefined) return rangeOf(from, to);
  const [address = "", prefix] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return { problem: "is not an address, a network or a range" };
  const bits = version === 4 ? 32 : 128;
  if (prefix === undefined) return made(address, address, address, version);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) {
    return { problem: `is not a network: its prefix is a number from 0 to ${bits}` };
  }
  const size = 1n << BigInt(bits - Number(prefix));
  const value = numberOf(address, version);
  const start = value - (value % size);
  const first = addressOf(start, version);
  if (value !== start) return { problem: `has bits set beyond its prefix: the network is ${first}/${prefix}` };
  return made(text, first, addressOf(start + size - 1n, version), version);
}

function rangeOf(from: string, to: string): AddressRange | { readonly problem: string } {
  const version = isIP(from);
  if (version === 0 || version !== isIP(to) || `${from}${to}`.includes("%")) {
    return { problem: "is not a range: it goes from one address to another of the same kind" };
  }
  if (numberOf(from, version) > numberOf(to, version))
    return { problem: "is a range whose end comes before its start" };
  return made(`${from}-${to}`, from, to, version);
}

function made(text: string, first: string, last: string, version: number): AddressRange {
  const family = version === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addRange(first, last, family);
  return {
    text,
    first,
    last,
    family,
    holds: (other) => other.family === family && list.check(other.first, family) && list.check(other.last, family),
  };
}

/** An address of IP version 4 or 6 as a number. */
export function numberOf(address: string, version: number): bigint {
  if (version === 4) return address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = "", tail] = address.split("::");
  const before = groupsOf(head);
  const after = groupsOf(tail ?? "");
  const zeros = Array<bigint>(8 - before.length - after.length).fill(0n);
  return [...before, ...zeros, ...after].reduce((sum, group) => sum * 65_536n + group, 0n);
}

/** An IPv4 address at the end is two groups. */
function groupsOf(text: string): bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [BigInt(`0x${group}`)];
    const value = numberOf(group, 4);
    return [value >> 16n, value & 0xffffn];
  });
}

function addressOf(value: bigint, version: number): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => (value >> BigInt(16 * (7 - i))) & 0xffffn);
  return groups.map((group) => group.toString(16)).join(":");
}
