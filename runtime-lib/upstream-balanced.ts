import type { Reach } from "./backend.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import type { BackendFailure } from "./faults.ts";
import { relayHeadFor } from "./relay-head.ts";
import { fault } from "./respond.ts";
import { DeclaredUpstream, type EndpointUrl, type Upstream, type UpstreamOptions } from "./upstream.ts";

/**
 * Several backend URLs, taken in turn (R-EP-03). A member that cannot be connected to is passed over for this request, at
 * most once round (R-EP-04); a request of which a backend may have seen anything is never sent again.
 */
export function balanced(options: UpstreamOptions & { readonly urls: readonly EndpointUrl[] }): Upstream {
  return new BalancedUpstream(options, options.urls);
}

/** Nothing was sent: the next member may be tried. */
const passOver: Attempt = {
  takes: () => true,
  gives: (_failure: BackendFailure, reach: Reach) => reach !== "none",
};

class BalancedUpstream implements Upstream {
  readonly key: string;
  readonly #declared: DeclaredUpstream;
  #next = 0;

  constructor(options: UpstreamOptions, urls: readonly EndpointUrl[]) {
    this.key = options.key;
    this.#declared = new DeclaredUpstream(options, urls);
  }

  async send(x: Exchange): Promise<void> {
    const { members } = this.#declared;
    for (let left = members.length; left > 0; left--) {
      const member = members[this.#next % members.length];
      this.#next = (this.#next + 1) % members.length;
      if (member === undefined) break;
      const attempt = left > 1 ? passOver : undefined;
      if ((await x.relay(member.target, relayHeadFor(x, member), attempt)) === "done") return;
    }
    fault(x, 503, "The backend is not configured");
  }
}
