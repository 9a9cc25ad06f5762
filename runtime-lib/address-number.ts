import { isIP } from "node:net";
import { plainAddress } from "./client-address.ts";

/** An address as a number, as API Manager writes them: 32 bits of IPv4, 128 of IPv6. */
export interface AddressNumber {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** Undefined: it is no address. `::ffff:192.0.2.1` is 192.0.2.1; a zone (`%eth0`) is left out. */
export function addressNumber(text: string): AddressNumber | undefined {
  const address = plainAddress(text);
  switch (isIP(address)) {
    case 4:
      return { family: 4, value: BigInt(v4(address)) };
    case 6:
      return { family: 6, value: BigInt(`0x${groupsOf(address.split("%", 1)[0] as string).join("")}`) };
    default:
      return undefined;
  }
}

/** An address, or the number of one: what fits into 32 bits is IPv4. */
export function addressOrNumber(text: string): AddressNumber | undefined {
  if (!/^\d{1,39}$/.test(text)) return addressNumber(text.trim());
  const value = BigInt(text);
  if (value >= 1n << 128n) return undefined;
  return { family: value < 1n << 32n ? 4 : 6, value };
}

/** Both ends are part of a range. */
export function isBetween(address: AddressNumber, first: AddressNumber, last: AddressNumber): boolean {
  if (address.family !== first.family || address.family !== last.family) return false;
  return address.value >= first.value && address.value <= last.value;
}

function v4(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function groupsOf(address: string): string[] {
  const [head = "", tail] = address.split("::");
  const before = hexOf(head);
  const after = hexOf(tail ?? "");
  return [...before, ...Array<string>(8 - before.length - after.length).fill("0000"), ...after];
}

/** An IPv4 address at the end is two groups. */
function hexOf(part: string): string[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!group.includes(".")) return [group.padStart(4, "0")];
    const digits = v4(group).toString(16).padStart(8, "0");
    return [digits.slice(0, 4), digits.slice(4)];
  });
}
