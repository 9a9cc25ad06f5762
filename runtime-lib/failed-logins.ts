import { createHash } from "node:crypto";
import { credentialRules } from "./api.ts";
import { quotaAddress } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";
import type { Failure } from "./scheme.ts";
import { isWorker, messagesFromSiblings, tellSiblings } from "./workers.ts";

/**
 * Counts log-ins that failed, by client address (IPv6: its /64) and by the identity that was tried, in windows of a minute
 * (S-SEC-05). Beyond the limit nothing more is verified for them, which is what guessing and floods of bad tokens cost;
 * credentials that are known to be good already still pass. Workers of one gateway tell each other of failures every 20 ms, so
 * what fails within that time may come on top; other gateways count for themselves.
 */
class FailureCounts {
  #counts = new Map<string, number>();
  /** Number of the minute that is counted. */
  #minute = 0;

  /** How often `key` has failed in this minute. */
  of(key: string, now: number): number {
    this.#begin(now);
    return this.#counts.get(key) ?? 0;
  }

  /** Counts one more; the new count. */
  add(key: string, now: number): number {
    this.#begin(now);
    const count = (this.#counts.get(key) ?? 0) + 1;
    // Who fails from that many addresses at once is not stopped by forgetting some of them.
    if (count > 1 || this.#counts.size < mostKeys) this.#counts.set(key, count);
    return count;
  }

  get empty(): boolean {
    return this.#counts.size === 0;
  }

  #begin(now: number): void {
    const minute = Math.floor(now / minuteMs);
    if (minute === this.#minute) return;
    this.#minute = minute;
    if (this.#counts.size > 0) this.#counts = new Map();
  }
}

const minuteMs = 60_000;
const mostKeys = 100_000;
const longestName = 64;

const byAddress = new FailureCounts();
const byIdentity = new FailureCounts();

/** 429/900800. */
export const tooManyFailures: Failure = { ok: false, code: 900800, reason: "too many failed log-ins" };

/** Whether this client has failed so often that nothing is verified for it until the minute is over. */
export function addressIsLimited(x: Exchange): boolean {
  if (byAddress.empty) return false;
  return byAddress.of(quotaAddress(x.clientAddress), Date.now()) >= credentialRules.failuresPerAddress;
}

/** The same of an identity, whoever tries it. */
export function identityIsLimited(identity: string): boolean {
  return !byIdentity.empty && byIdentity.of(keyOf(identity), Date.now()) >= credentialRules.failuresPerIdentity;
}

/** A credential was wrong. True when the address has just reached its limit. */
export function countFailure(address: string): boolean {
  const key = quotaAddress(address);
  tell("addresses", key);
  return byAddress.add(key, Date.now()) === credentialRules.failuresPerAddress;
}

/** The secret of an identity was wrong. */
export function countIdentityFailure(identity: string): void {
  const key = keyOf(identity);
  tell("identities", key);
  byIdentity.add(key, Date.now());
}

interface Told {
  readonly addresses: string[];
  readonly identities: string[];
}

const topic = "failed log-ins";
const tellMs = 20;
let shared = false;
let untold: Told | undefined;

/** From now on workers of one gateway count together. Without siblings it does nothing. For each module that verifies. */
export function shareFailures(): void {
  if (shared || !isWorker()) return;
  shared = true;
  messagesFromSiblings(topic, (message) => {
    const { addresses, identities } = message as Told;
    const now = Date.now();
    for (const key of addresses) byAddress.add(key, now);
    for (const key of identities) byIdentity.add(key, now);
  });
}

function tell(kind: keyof Told, key: string): void {
  if (!shared) return;
  if (untold === undefined) {
    untold = { addresses: [], identities: [] };
    setTimeout(() => {
      tellSiblings(topic, untold as Told);
      untold = undefined;
    }, tellMs).unref();
  }
  untold[kind].push(key);
}

/** Whoever makes up names chooses how long they are: of a long one only a digest is kept. */
function keyOf(identity: string): string {
  return identity.length <= longestName ? identity : createHash("sha256").update(identity).digest("base64url");
}

/** Seconds until the limits are lifted. */
export function secondsToNextMinute(): number {
  return Math.ceil((minuteMs - (Date.now() % minuteMs)) / 1000);
}
