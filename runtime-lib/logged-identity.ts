import type { Caller } from "./caller.ts";

/**
 * What a log says of a credential (S-SEC-15): who issued it, and to which client. Never to which person, and nothing that
 * opens anything. The texts may be a client's own words, where nothing was verified yet: they are cut, and JSON escapes them.
 */
export interface LoggedIdentity {
  readonly issuer?: string;
  readonly clientId?: string;
}

/** What is no text, or empty, is left out. */
export function loggedIdentity(issuer: unknown, clientId: unknown = ""): LoggedIdentity {
  return { ...(isText(issuer) && { issuer: cut(issuer) }), ...(isText(clientId) && { clientId: cut(clientId) }) };
}

/** Of somebody who was let in. Users of Basic have no issuer and no client: who they are is not said. */
export function identityOfCaller(caller: Caller | undefined): LoggedIdentity {
  return caller === undefined ? {} : loggedIdentity(caller.claims?.iss, caller.consumerKey);
}

const longest = 200;

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}...` : text;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
