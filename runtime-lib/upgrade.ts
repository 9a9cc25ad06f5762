import type { Cors } from "./cors.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Lets a request change to one of these protocols (RFC 9110 section 7.8), if it asks for that: `x.upgrade` then names the protocol,
 * and a backend that agrees with 101 gets the connection. False: the request comes from a page of an origin that `crossOrigin` does
 * not allow, and the answer is `originRefused(x)`. Browsers ask nobody before they open a WebSocket (RFC 6455 section 10.2), so
 * this is the only place where foreign pages can be kept out; without rules of origin, all may. Any other request is let through
 * as it is: what nobody agreed to is ignored.
 */
export function mayUpgrade(x: Exchange, protocols: readonly string[], crossOrigin?: Cors): boolean {
  if (!x.asksUpgrade) return true;
  const asked = x.headerValues("upgrade").join(",").split(",");
  const wanted = asked.map((name) => name.trim().toLowerCase());
  const protocol = protocols.find((name) => wanted.includes(name));
  if (protocol === undefined) return true;
  if (crossOrigin !== undefined && !crossOrigin.admits(x)) return false;
  x.upgrade = protocol;
  return true;
}
