import { BoundedMemo } from "./bounded-memo.ts";
import type { Caller, CallerSubscription } from "./caller.ts";
import { callerChecks } from "./caller-checks.ts";
import { isRecord } from "./record.ts";

type Claims = Readonly<Record<string, unknown>>;

/**
 * Who calls, from the claims of a verified token (S-JWT-09, S-JWT-11, S-SUB-02). Undefined when `keytype` is a word that
 * selects no backend. `token` is the text that was verified; `consumerKeyClaim` names the claim with its client (S-JWT-12).
 */
export function callerOfClaims(
  claims: Claims,
  scheme: "jwt" | "api-key",
  compatibility: "wso2-3.2" | "standard",
  token = "",
  consumerKeyClaim?: string,
): Caller | undefined {
  const subject = textOf(claims.sub);
  const application = isRecord(claims.application) ? claims.application : undefined;
  const original = compatibility === "wso2-3.2";
  // Without an application the original ignores `keytype` of access tokens.
  const ignored = original && application === undefined && scheme === "jwt";
  const keyType = ignored ? "PRODUCTION" : (claims.keytype ?? "PRODUCTION");
  if (keyType !== "PRODUCTION" && keyType !== "SANDBOX") return undefined;
  // S-SCP-06: nobody in particular holds no scope.
  const anonymous = original && subject === "" && textOf(claims.name) === "";
  return {
    name: subject,
    scheme,
    scopes: anonymous ? noScopes : scopesOf(claims.scope),
    scopesApply: !(original && scheme === "api-key"),
    keyType,
    application: {
      id: idOf(application?.id) || (original ? "" : clientOf(claims)) || "__unknown__",
      tier: textOf(application?.tier) || "Unlimited",
      subscriptions: subscriptionsOf(claims.subscribedAPIs ?? (scheme === "api-key" ? claims.allowedAPIs : undefined)),
    },
    claims,
    consumerKey: clientIdOf(claims, compatibility, consumerKeyClaim),
    revocationIds: callerChecks.length === 0 ? noIds : revocationIdsOf(claims, token),
    quotas: undefined,
  };
}

/** The claim that the operator names, then `aud`, as the original; else where other providers have it (S-JWT-12). */
export function clientIdOf(
  claims: Claims,
  compatibility: "wso2-3.2" | "standard",
  consumerKeyClaim: string | undefined,
): string {
  const claim = consumerKeyClaim ?? (compatibility === "wso2-3.2" ? "aud" : undefined);
  if (claim === undefined) return textOf(claims.client_id) || textOf(claims.azp) || firstOf(claims.aud);
  return firstOf(claims[claim]) || firstOf(claims.aud);
}

function firstOf(claim: unknown): string {
  return textOf(Array.isArray(claim) ? claim[0] : claim);
}

const noIds: readonly string[] = [];

/** `jti` and the signature (S-REV-03): who has no `jti` can be revoked all the same. The text is copied, not cut out. */
function revocationIdsOf(claims: Claims, token: string): readonly string[] {
  const signature = Buffer.from(token.slice(token.lastIndexOf(".") + 1), "latin1").toString("latin1");
  const id = textOf(claims.jti);
  return id === "" ? [signature] : [id, signature];
}

const noScopes: ReadonlySet<string> = new Set();
/** Many tokens are for the same scopes. */
const scopeSets = new BoundedMemo<ReadonlySet<string>>(
  1_000,
  (text) => new Set(text.split(" ").filter((scope) => scope !== "")),
);

function scopesOf(claim: unknown): ReadonlySet<string> {
  if (typeof claim === "string") return scopeSets.of(claim);
  return Array.isArray(claim) ? new Set(claim.filter((scope) => typeof scope === "string")) : noScopes;
}

function idOf(claim: unknown): string {
  return typeof claim === "number" ? String(claim) : textOf(claim);
}

/**
 * Whom a quota is for when the token names no application: the client that it was issued to (RFC 9068 section 2.2, OpenID
 * Connect Core section 2), else its subject. The original lets all such tokens share one quota (R-THR-05).
 */
function clientOf(claims: Claims): string {
  return textOf(claims.client_id) || textOf(claims.azp) || textOf(claims.sub);
}

function subscriptionsOf(claim: unknown): CallerSubscription[] {
  if (!Array.isArray(claim)) return [];
  return claim.filter(isRecord).map(({ name, version, subscriptionTier }) => ({
    name: textOf(name),
    version: textOf(version),
    tier: textOf(subscriptionTier) || "Default",
  }));
}

function textOf(claim: unknown): string {
  return typeof claim === "string" ? claim : "";
}
