import type { LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { monotonicMs } from "./monotonic.ts";

/** What was found so recently is not looked for again: many connections may begin at the same time. */
const freshMs = 1_000;

/**
 * Where a host is. The name is resolved again for new connections, and from time to time while there are some; all of its
 * addresses of the preferred kind are used in turn, the others after them. While it cannot be resolved, the last addresses hold.
 * getaddrinfo does not tell for how long an answer is good.
 */
export class HostAddresses {
  readonly #host: string;
  readonly #periodMs: number;
  #found: readonly LookupAddress[] = [];
  /** When each address was last among those found. */
  readonly #seen = new Map<string, number>();
  #foundAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #pending: Promise<void> | undefined;
  #turn = 0;

  constructor(host: string, periodMs: number) {
    this.#host = host;
    this.#periodMs = periodMs;
  }

  /** For `connect` of node:net and node:tls. */
  readonly lookup: LookupFunction = (_host, options, callback) => {
    void this.#resolve().then(
      () => {
        const addresses = this.#inTurn();
        if (options.all === true) return callback(null, addresses);
        const [first] = addresses as [LookupAddress];
        callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, options.all === true ? [] : ""),
    );
  };

  /** Whether connections to this address may go on: it was among those found, less than a period ago. */
  holds(address: string): boolean {
    const seen = this.#seen.get(address);
    return seen === undefined ? this.#found.length === 0 : seen + this.#periodMs >= this.#foundAt;
  }

  /** Resolves the name again when its period is over. Then calls `changed` if an address is among those no more. */
  refresh(changed: () => void): void {
    const now = monotonicMs();
    if (now < Math.max(this.#foundAt, this.#askedAt) + this.#periodMs) return;
    this.#askedAt = now;
    void this.#resolve().then(
      () => {
        let gone = false;
        for (const address of this.#seen.keys()) {
          if (this.holds(address)) continue;
          this.#seen.delete(address);
          gone = true;
        }
        if (gone) changed();
      },
      () => undefined,
    );
  }

  /** Rejects only when nothing was ever found. */
  async #resolve(): Promise<void> {
    if (monotonicMs() < this.#foundAt + freshMs) return;
    this.#pending ??= this.#ask().finally(() => {
      this.#pending = undefined;
    });
    try {
      await this.#pending;
    } catch (error) {
      if (this.#found.length === 0) throw error;
    }
  }

  async #ask(): Promise<void> {
    const dns = process.getBuiltinModule("node:dns");
    const found = await new Promise<readonly LookupAddress[]>((resolve, reject) => {
      // As node:net asks: no addresses of a kind that this machine has none of.
      dns.lookup(this.#host, { all: true, hints: dns.ADDRCONFIG }, (error, addresses) => {
        if (error !== null) reject(error);
        else if (addresses.length === 0) reject(Object.assign(new Error("no address"), { code: "ENOTFOUND" }));
        else resolve(addresses);
      });
    });
    this.#foundAt = monotonicMs();
    this.#found = found;
    for (const { address } of found) this.#seen.set(address, this.#foundAt);
  }

  #inTurn(): LookupAddress[] {
    const family = this.#found[0]?.family;
    const preferred = this.#found.filter((one) => one.family === family);
    const others = this.#found.filter((one) => one.family !== family);
    const from = this.#turn++ % preferred.length;
    return [...preferred.slice(from), ...preferred.slice(0, from), ...others];
  }
}

/** Those of a host name; undefined: it is an address itself, and nothing has to be found. */
export function addressesOf(host: string, periodMs = 30_000): HostAddresses | undefined {
  return isIP(host) === 0 ? new HostAddresses(host, periodMs) : undefined;
}
