import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import type { Verified } from "./scheme.ts";

/**
 * A check of a caller whose credential has been verified, at this request or at an earlier one: revoked meanwhile, bound to a
 * certificate, subscribed to the API. What is `ok` names the caller that goes on, perhaps completed.
 */
export type CallerCheck = (x: Exchange, api: Api, caller: Caller) => Verified | Promise<Verified>;

/** In the order in which they are made. */
export type CallerCheckOrder = "revocation" | "binding" | "subscription";

const orders: readonly CallerCheckOrder[] = ["revocation", "binding", "subscription"];
const added: { readonly order: CallerCheckOrder; readonly check: CallerCheck }[] = [];

/** One process serves one gateway, so there is one list of it. Empty unless a feature is on. */
export let callerChecks: readonly CallerCheck[] = [];

/** Has every authenticated request checked so, from the start on. */
export function addCallerCheck(order: CallerCheckOrder, check: CallerCheck): void {
  added.push({ order, check });
  callerChecks = orders.flatMap((each) => added.filter((one) => one.order === each).map((one) => one.check));
}

/** Makes all checks from the one with number `from` on. The first that fails decides. */
export function checkCaller(x: Exchange, api: Api, caller: Caller, from = 0): Verified | Promise<Verified> {
  let found = caller;
  for (let i = from; i < callerChecks.length; i++) {
    const outcome = (callerChecks[i] as CallerCheck)(x, api, found);
    if (outcome instanceof Promise) {
      return outcome.then((settled) => (settled.ok ? checkCaller(x, api, settled.caller, i + 1) : settled));
    }
    if (!outcome.ok) return outcome;
    found = outcome.caller;
  }
  return { ok: true, caller: found };
}
