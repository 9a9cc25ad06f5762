import { backendFields, collectBackendFields } from "./backend-fields.ts";
import type { Exchange } from "./exchange.ts";
import { refuse } from "./respond.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Sends the request to a backend and its answer back. What is forwarded is the validated raw remainder of the path with
 * its query, never a path rebuilt from parameters. Settles when the exchange is answered.
 */
export function forward(x: Exchange, upstream: Upstream): Promise<void> {
  return backendFields.length === 0 || x.caller === undefined ? upstream.send(x) : sendWithFields(x, upstream);
}

/** What the backend is to know of the caller comes first; where it cannot be had, the backend is not asked. */
async function sendWithFields(x: Exchange, upstream: Upstream): Promise<void> {
  const { api, caller } = x;
  if (api === undefined || caller === undefined || !(await collectBackendFields(x, api, caller))) {
    x.refusal = { status: 500, code: 900900, reason: "what the backend is to know of the caller cannot be had" };
    return refuse(x);
  }
  return upstream.send(x);
}
