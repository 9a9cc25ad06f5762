import { BlockList, isIP } from "node:net";
import { plainAddress } from "./client-address.ts";

/** Addresses and networks in CIDR notation with commas between, as `permittedIP` of an API key has them. */
export class AddressList {
  readonly #list = new BlockList();

  private constructor() {}

  /** Undefined: an entry is neither an address nor a network, or there is none. */
  static parse(text: string): AddressList | undefined {
    const made = new AddressList();
    return text.split(",").every((part) => made.#add(part.trim())) ? made : undefined;
  }

  #add(entry: string): boolean {
    const [address = "", prefix, ...more] = entry.split("/");
    const version = isIP(address);
    if (version === 0 || more.length > 0) return false;
    const family = version === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) {
      this.#list.addAddress(address, family);
      return true;
    }
    if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (version === 6 ? 128 : 32)) return false;
    this.#list.addSubnet(address, Number(prefix), family);
    return true;
  }

  /** `::ffff:192.0.2.1` is 192.0.2.1; what is no address is not in the list. */
  holds(address: string): boolean {
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 6 ? "ipv6" : "ipv4");
  }
}
