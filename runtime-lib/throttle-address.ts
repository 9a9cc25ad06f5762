import { addressRanges } from "./address-ranges.ts";
import { quotaAddress } from "./client-address.ts";
import { type AddressLimits, Limit, type Tier } from "./throttle.ts";
import { CounterTable } from "./throttle-counter.ts";

/** A quota for each client of these addresses; without `addresses`, for each client. */
export interface AddressTier extends Tier {
  readonly addresses?: readonly string[];
}

/** Addresses without a limit. */
export interface WithoutLimit {
  readonly addresses: readonly string[];
}

/** Addresses with a counter of their own. */
const capacity = 100_000;

/**
 * Limits by client address, over all APIs of the gateway: the first entry that an address belongs to holds (K-10). Each address
 * has a count of its own; an IPv6 client is its /64.
 */
export function addressLimits(tiers: readonly (AddressTier | WithoutLimit)[]): AddressLimits {
  const table = new CounterTable("ip", capacity);
  const entries = tiers.map((tier) => ({
    tier: "count" in tier ? tier : undefined,
    ranges: tier.addresses && addressRanges(tier.addresses),
  }));
  return {
    limitOf(x) {
      const address = x.clientAddress;
      const index = entries.findIndex(({ ranges }) => ranges === undefined || ranges.holds(address));
      const tier = entries[index]?.tier;
      return tier && new Limit("address", tier, `${index} ${quotaAddress(address)}`, table);
    },
  };
}
