import type { Exchange } from "./exchange.ts";
import { relayHeadFor } from "./relay-head.ts";
import { fault } from "./respond.ts";
import { DeclaredUpstream, type EndpointUrl, type Upstream, type UpstreamOptions } from "./upstream.ts";

/** One backend URL. */
export function upstream(options: UpstreamOptions & { readonly url: EndpointUrl }): Upstream {
  return new SingleUpstream(options, options.url);
}

class SingleUpstream implements Upstream {
  readonly key: string;
  readonly #declared: DeclaredUpstream;

  constructor(options: UpstreamOptions, url: EndpointUrl) {
    this.key = options.key;
    this.#declared = new DeclaredUpstream(options, [url]);
  }

  send(x: Exchange): Promise<void> {
    const member = this.#declared.members[0];
    // Cannot happen once the gateway has started; never a reason to go on without a backend.
    if (member === undefined) return Promise.resolve(fault(x, 503, "The backend is not configured"));
    return x.relay(member.target, relayHeadFor(x, member)) as Promise<unknown> as Promise<void>;
  }
}
