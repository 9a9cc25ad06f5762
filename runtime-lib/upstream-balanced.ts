import type { Exchange } from "./exchange.ts";
import { relayHeadFor } from "./relay-head.ts";
import { fault } from "./respond.ts";
import { DeclaredUpstream, type Upstream, type UpstreamOptions } from "./upstream.ts";

/**
 * Several backend URLs, taken in turn (R-EP-03). A member that cannot be connected to is passed over for this request, at
 * most once round (R-EP-04); a request of which a backend may have seen anything is never sent again.
 */
export function balanced(options: UpstreamOptions & { readonly urls: readonly string[] }): Upstream {
  return new BalancedUpstream(options, options.urls);
}

class BalancedUpstream implements Upstream {
  readonly key: string;
  readonly #declared: DeclaredUpstream;
  #next = 0;

  constructor(options: UpstreamOptions, urls: readonly string[]) {
    this.key = options.key;
    this.#declared = new DeclaredUpstream(options, urls);
  }

  async send(x: Exchange): Promise<void> {
    const { members } = this.#declared;
    for (let left = members.length; left > 0; left--) {
      const member = members[this.#next % members.length];
      this.#next = (this.#next + 1) % members.length;
      if (member === undefined) break;
      if ((await x.relay(member.target, relayHeadFor(x, member), left > 1)) === "done") return;
    }
    fault(x, 503, "The backend is not configured");
  }
}
