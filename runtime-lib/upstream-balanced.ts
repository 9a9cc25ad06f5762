import type { EjectionPolicy } from "./resilience.ts";
import type { EndpointUrl, Upstream } from "./upstream.ts";
import { GuardedUpstream, type GuardOptions, isAvailable, type Place } from "./upstream-guarded.ts";

export interface BalanceOptions extends GuardOptions {
  readonly urls: readonly EndpointUrl[];
  /** Begins with the member that has the fewest requests on their way, in turn among equals. In turn unless given. */
  readonly algorithm?: "least-requests";
  readonly ejection?: EjectionPolicy;
}

/**
 * Several backend URLs, taken in turn (R-EP-03). One that gives no answer is passed over for this request, at most once
 * round (R-EP-04); a request of which a backend may have seen anything is sent again only if it may be repeated.
 */
export function balanced(options: BalanceOptions): Upstream {
  return new BalancedUpstream(options);
}

class BalancedUpstream extends GuardedUpstream {
  readonly #leastRequests: boolean;
  #next = 0;

  constructor(options: BalanceOptions) {
    super(options, options.urls, options.ejection);
    this.#leastRequests = options.algorithm === "least-requests";
  }

  override first(places: readonly Place[], now: number): number {
    const next = this.#next % places.length;
    this.#next = next + 1;
    return this.#leastRequests ? leastBusy(places, next, now) : next;
  }
}

/** Of those that can be asked. */
function leastBusy(places: readonly Place[], from: number, now: number): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < places.length; i++) {
    const at = (from + i) % places.length;
    const place = places[at] as Place;
    if (place.inFlight >= least || !isAvailable(place, now)) continue;
    best = at;
    least = place.inFlight;
  }
  return best < 0 ? from : best;
}
