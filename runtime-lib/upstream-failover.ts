import type { EjectionPolicy } from "./resilience.ts";
import type { EndpointUrl, Upstream } from "./upstream.ts";
import { GuardedUpstream, type GuardOptions } from "./upstream-guarded.ts";

export interface FailoverOptions extends GuardOptions {
  /** In the order of their rank. */
  readonly urls: readonly EndpointUrl[];
  /** Answers upon which the next URL is asked, as when no answer comes (R-EP-05). */
  readonly statusCodes: readonly number[];
  /** `sticky`: begins with the one that answered last, as the original does. `priority`: always with the first. */
  readonly order: "sticky" | "priority";
  /** A URL that fails is not asked for a while (K-27). */
  readonly suspend?: EjectionPolicy;
}

/**
 * Several backend URLs of which one is used: the next one when it gives no answer or one of `statusCodes` (R-EP-05), each at
 * most once. The answer of the last passes as it is; the original made it 500.
 */
export function failover(options: FailoverOptions): Upstream {
  return new FailoverUpstream(options);
}

class FailoverUpstream extends GuardedUpstream {
  readonly #sticky: boolean;
  #current = 0;

  constructor(options: FailoverOptions) {
    super(options, options.urls, options.suspend, options.statusCodes);
    this.#sticky = options.order === "sticky";
  }

  override first(places: readonly unknown[]): number {
    return this.#sticky ? this.#current % places.length : 0;
  }

  override answered(index: number): void {
    this.#current = index;
  }

  /** Requests that cannot go on themselves must not all begin with it. */
  override failed(index: number): void {
    if (index === this.#current) this.#current = index + 1;
  }
}
