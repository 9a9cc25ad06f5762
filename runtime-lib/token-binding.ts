import { handshakeCertificate, shownCertificate } from "./client-certificate.ts";
import type { Exchange } from "./exchange.ts";
import { isRecord } from "./record.ts";
import type { Failure, Verified } from "./scheme.ts";

/**
 * Holds a credential to the key that it is bound to (`cnf`, RFC 7800): a certificate (`x5t#S256`, RFC 8705) must be shown with
 * the request, a key (`jkt`, RFC 9449) must have been proved for it. So a token that was stolen is of no use to the thief, and
 * one for DPoP is nowhere taken as a plain bearer token. Of credentials without `cnf` nothing is asked; what is bound to
 * something else is refused, since that cannot be checked here.
 */
export function confirmed(x: Exchange, verified: Extract<Verified, { ok: true }>): Verified {
  const confirmation = verified.caller.claims?.cnf;
  return confirmation === undefined ? verified : (flawOf(x, confirmation) ?? verified);
}

function flawOf(x: Exchange, confirmation: unknown): Failure | undefined {
  if (!isRecord(confirmation)) return unknownBinding;
  const { jkt, "x5t#S256": certificate } = confirmation;
  if (jkt === undefined && certificate === undefined) return unknownBinding;
  if (certificate !== undefined && !shows(x, certificate)) return otherCertificate;
  return jkt === undefined || (jkt !== "" && jkt === x.provenKey) ? undefined : otherKey;
}

/** What the client has proved in the handshake counts whatever the settings say of other checks. */
function shows(x: Exchange, digest: unknown): boolean {
  const shown = shownCertificate(x);
  const found = shown.kind === "none" ? handshakeCertificate(x) : shown;
  return found.kind === "certificate" && found.digest === digest;
}

const unknownBinding: Failure = { ok: false, code: 900901, reason: "token: bound to what is not known here" };
const otherCertificate: Failure = { ok: false, code: 900901, reason: "token: bound to another certificate" };
const otherKey: Failure = { ok: false, code: 900901, reason: "token: bound to a key that was not proved" };
