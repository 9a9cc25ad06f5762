/** What a message says of the ways that it came: `Via` (RFC 9110 section 7.6.3) and `Forwarded` (RFC 7239). */

/** The gateway's own name in `Via`: a pseudonym, so that no host name of the inside is told. */
const pseudonym = "castgate";

/** How often a request may have come through a gateway of this name: several may stand in a row, but not in a circle. */
export const mostPasses = 5;

/** The gateway's own entry. `minorVersion`: of the HTTP/1 message that it has received. */
export function ownVia(minorVersion: number): string {
  return minorVersion === 0 ? `1.0 ${pseudonym}` : `1.1 ${pseudonym}`;
}

/** How often a gateway of this name stands in a value of `Via`. */
export function passesIn(via: string): number {
  let passes = 0;
  for (const entry of via.split(",")) {
    const [, receivedBy] = entry.trim().split(/[ \t]+/, 2);
    if (receivedBy?.toLowerCase() === pseudonym) passes++;
  }
  return passes;
}

/** An element of `Forwarded`: who has sent the request here, by which scheme, and to which host. */
export function forwardedElement(address: string, scheme: string, host: string | undefined): string {
  const [plain = ""] = address.split("%", 1);
  const node = plain === "" ? "unknown" : plain.includes(":") ? `"[${plain}]"` : plain;
  const to = host === undefined || host === "" ? "" : `;host=${tokenOrText(host)}`;
  return `for=${node};proto=${scheme}${to}`;
}

/** A host was found to be one: it has neither quotes nor backslashes. */
function tokenOrText(host: string): string {
  return /^[\w.~%-]+$/.test(host) ? host : `"${host}"`;
}
