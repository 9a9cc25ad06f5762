import type { Exchange } from "./exchange.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Sends the request to a backend and its answer back. What is forwarded is the validated raw remainder of the path with
 * its query, never a path rebuilt from parameters. Settles when the exchange is answered.
 */
export function forward(x: Exchange, upstream: Upstream): Promise<void> {
  return upstream.send(x);
}
