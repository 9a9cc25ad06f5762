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
function sendWithFields(x: Exchange, upstream: Upstream): Promise<void> {
  const { api, caller } = x;
  const all = api !== undefined && caller !== undefined && collectBackendFields(x, api, caller);
  return all instanceof Promise ? all.then((settled) => sendIf(settled, x, upstream)) : sendIf(all, x, upstream);
}

function sendIf(all: boolean, x: Exchange, upstream: Upstream): Promise<void> {
  if (all) return upstream.send(x);
  x.refusal = { status: 500, code: 900900, reason: "what the backend is to know of the caller cannot be had" };
  return Promise.resolve(refuse(x));
}
