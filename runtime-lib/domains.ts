import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Whether a request says, in exactly one field of this name, that it comes from one of these domains: `shop.test`, or with
 * `*.shop.test` all below it. The field holds a domain, an origin or a URL. What a client says there nobody can verify: it keeps a
 * key from being used on other people's pages, not from being stolen (K-15).
 */
export function fromDomain(x: Exchange, header: string, domains: readonly string[]): boolean {
  const values = x.headerValues(header.toLowerCase());
  const host = values.length === 1 ? hostOf(values[0] as string) : undefined;
  if (host === undefined) return false;
  return domains.some((domain) => host === domain || (domain.startsWith("*.") && host.endsWith(domain.slice(1))));
}

/**
 * The same for the domains that a claim of the caller lists: a list of texts, or one text with commas or blanks between. Who has no
 * such claim is not restricted; a claim of another form allows nothing.
 */
export function fromClaimedDomain(x: Exchange, caller: Caller, header: string, claim: string): boolean {
  const { claims } = caller;
  if (claims === undefined || !Object.hasOwn(claims, claim)) return true;
  const listed = claims[claim];
  const texts = typeof listed === "string" ? listed.split(/[\s,]+/) : Array.isArray(listed) ? listed : [];
  const domains = texts.filter((text): text is string => typeof text === "string" && text !== "");
  return fromDomain(
    x,
    header,
    domains.map((domain) => domain.toLowerCase()),
  );
}

/** The host of a domain, an origin or a URL, in small letters and without its port. */
function hostOf(value: string): string | undefined {
  const found = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/)?([A-Za-z0-9.-]+)(?::\d+)?(?:[/?#]|$)/.exec(value.trim());
  return found?.[1]?.toLowerCase();
}
