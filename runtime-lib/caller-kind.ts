import { credentialRules } from "./api.ts";
import type { Caller } from "./caller.ts";

/**
 * Whether a credential stands for an application alone, or for a user of one (K-16). A token says so in the words of API Manager
 * (`aut`), of other providers (`gty`, `idtyp`), or by its subject: the client itself, where no user is involved (RFC 9068 section
 * 2.2). A token that names no client tells neither, and neither does a certificate: they pass no check.
 */
export function isApplication(caller: Caller): boolean {
  return kindOf(caller) === "app";
}

/** See `isApplication`. */
export function isUser(caller: Caller): boolean {
  return kindOf(caller) === "user";
}

function kindOf(caller: Caller): "app" | "user" | undefined {
  switch (caller.scheme) {
    case "jwt":
    case "opaque":
      return caller.claims && kindOfToken(caller.claims, caller.consumerKey);
    case "basic":
      return "user";
    case "api-key":
      return "app";
    default:
      return undefined;
  }
}

function kindOfToken(claims: Readonly<Record<string, unknown>>, consumerKey: string): "app" | "user" | undefined {
  if (claims.aut === "APPLICATION" || claims.gty === "client-credentials" || claims.idtyp === "app") return "app";
  if (claims.aut === "APPLICATION_USER" || claims.idtyp === "user") return "user";
  const { sub } = claims;
  if (typeof sub !== "string" || sub === "") return undefined;
  // In `wso2-3.2` the audience is the client (S-JWT-12); elsewhere it is somebody else.
  const last = credentialRules.compatibility === "wso2-3.2" ? consumerKey : "";
  const clients = [claims.client_id, claims.azp, claims.cid, last].filter(
    (one) => typeof one === "string" && one !== "",
  );
  if (clients.length === 0) return undefined;
  const own = clients.some((client) => sub === client || claims.preferred_username === `service-account-${client}`);
  return own ? "app" : "user";
}
