import { randomUUID } from "node:crypto";
import type { Api } from "./api.ts";
import type { Caller, CallerApplication } from "./caller.ts";
import { isRecord } from "./record.ts";

/** What the settings say of the claims of a backend JWT. */
export interface BackendClaimRules {
  readonly issuer: string;
  readonly audience: string | readonly string[];
  /** Prefix of the gateway's own claims, without a slash at its end. */
  readonly dialect: string;
  /** Names of claims that are not passed on. */
  readonly restricted: ReadonlySet<string>;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly expires: number;
}

/** Claims of the caller's own token that are never passed on as they are (S-BJW-06). */
const ownClaims: ReadonlySet<string> = new Set([
  "iss",
  "sub",
  "aud",
  "exp",
  "nbf",
  "iat",
  "jti",
  "application",
  "tierInfo",
  "subscribedAPIs",
  "keytype",
  "backendJwt",
]);

/**
 * The claims of a backend JWT: what the caller's token says further, then what is known of its user, then the gateway's own
 * word, each of which wins over those before it (S-BJW-05, S-BJW-06). Empty values are left out.
 */
export function backendClaims(
  api: Api,
  caller: Caller,
  userClaims: Readonly<Record<string, unknown>>,
  rules: BackendClaimRules,
): Readonly<Record<string, unknown>> {
  const { claims = {}, name, keyType } = caller;
  const application = applicationOf(caller);
  const subscription = subscriptionOf(api, caller, application.owner);
  const inDialect: readonly (readonly [name: string, value: string | undefined])[] = [
    ["enduser", name],
    ["applicationid", application.id],
    ["applicationUUId", application.uuid],
    ["subscriber", application.owner],
    ["applicationname", application.name],
    ["applicationtier", application.tier],
    ["apiname", api.name],
    ["enduserTenantDomain", subscription?.tenantDomain],
    ["apicontext", api.basePath],
    ["version", api.version],
    ["tier", subscription?.tier],
    ["keytype", keyType],
    ["usertype", "Application_User"],
  ];
  const passed = [...Object.entries(claims), ...Object.entries(userClaims)].filter(
    ([key]) => !ownClaims.has(key) && !rules.restricted.has(key),
  );
  // The source claim `scopes` passes with the others (S-BJW-05).
  const all: readonly (readonly [name: string, value: unknown])[] = [
    ...passed,
    ...inDialect.map(([key, value]) => [`${rules.dialect}/${key}`, value] as const),
    ["sub", name],
    ["iss", rules.issuer],
    ["aud", rules.audience],
    ["jti", randomUUID()],
    ["iat", rules.issuedAt],
    ["exp", rules.expires],
  ];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined && value !== ""));
}

/** An application as far as it is known: from the caller's token, else from the subscription data of the gateway. */
interface KnownApplication {
  readonly id?: string | undefined;
  readonly uuid?: string | undefined;
  readonly name?: string | undefined;
  readonly owner?: string | undefined;
  readonly tier?: string | undefined;
}

function applicationOf({ application, claims }: Caller): KnownApplication {
  const claim = claims?.application;
  if (isRecord(claim)) {
    return {
      id: textOf(claim.id),
      uuid: textOf(claim.uuid),
      name: textOf(claim.name),
      owner: textOf(claim.owner),
      tier: textOf(claim.tier),
    };
  }
  // Without a name it is a stand-in that counts for limits: no application that anybody has registered.
  const known: CallerApplication & KnownApplication = application;
  return known.name === undefined || known.name === "" ? {} : known;
}

/** The caller's subscription to the API, by the same match as its checks: exact name, version or `*` (S-SUB-02). */
function subscriptionOf(
  api: Api,
  { application, claims }: Caller,
  owner: string | undefined,
): { readonly tier: string; readonly tenantDomain: string } | undefined {
  const fits = (one: { readonly name?: unknown; readonly version?: unknown }) =>
    one.name === api.name && (one.version === api.version || one.version === "*");
  const found = application.subscriptions.find(fits);
  if (found === undefined) return undefined;
  const named = Array.isArray(claims?.subscribedAPIs) ? claims.subscribedAPIs.filter(isRecord).find(fits) : undefined;
  const ofOwner = owner?.includes("@") ? owner.slice(owner.lastIndexOf("@") + 1) : "";
  return { tier: found.tier, tenantDomain: textOf(named?.subscriberTenantDomain) || ofOwner || "carbon.super" };
}

/** Numbers are ids: the original writes them as text. */
function textOf(claim: unknown): string | undefined {
  if (typeof claim === "number") return String(claim);
  return typeof claim === "string" ? claim : undefined;
}
