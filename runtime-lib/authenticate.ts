import { type Api, credentialRules } from "./api.ts";
import type { Caller } from "./caller.ts";
import { callerChecks, checkCaller } from "./caller-checks.ts";
import type { Exchange, Refusal } from "./exchange.ts";
import { addressIsLimited, countFailure, secondsToNextMinute, tooManyFailures } from "./failed-logins.ts";
import { log } from "./log.ts";
import { identityOfCaller, loggedIdentity } from "./logged-identity.ts";
import { type Challenge, classOf, type Failure, type Scheme, type Verified } from "./scheme.ts";
import { holds, type ScopeRule } from "./scopes.ts";
import { confirmed } from "./token-binding.ts";

/** One way in: all of its schemes must agree, and its scopes, if it has some of its own. */
export type Alternative = readonly Scheme[] | { readonly allOf: readonly Scheme[]; readonly scopes?: ScopeRule };

/**
 * Lets a request in by the first alternative that it satisfies; one that fails does not stop the later ones (S-SEL-08).
 * Undefined: nobody was authenticated, `x.refusal` says why, and the answer is `refuse(x)`. Credentials are kept from
 * the backend either way. A promise only where something waits.
 */
export function authenticate(
  x: Exchange,
  api: Api,
  anyOf: readonly Alternative[],
): Caller | undefined | Promise<Caller | undefined> {
  withholdCredentials(x, api);
  const value = x.header(api.authHeader);
  const headerClass = classOf(value);
  const original = credentialRules.compatibility === "wso2-3.2";
  const tries: Alternative[] = [];
  let headerAllowed = false;
  let keyPresent = false;
  for (const alternative of anyOf) {
    const schemes = schemesOf(alternative);
    let complete = true;
    for (const scheme of schemes) {
      // Whether there is a certificate is for the scheme to judge (S-SEL-11 asks for the other credentials only).
      if (scheme.kind === "mutual-tls") continue;
      if (scheme.kind === "api-key") {
        // S-SEL-13: beside an auth header the original does not look for a key.
        const present = !(original && headerClass !== "none") && scheme.present(x);
        keyPresent ||= present;
        complete &&= present;
      } else {
        // S-SEL-12: a word that is neither is taken for a token, and then fails as one.
        const takes = headerClass !== "none" && (scheme.kind === "basic") === (headerClass === "basic");
        headerAllowed ||= takes;
        complete &&= takes;
      }
    }
    if (complete) tries.push(alternative);
  }
  if (tries.length === 0) {
    const missing = headerClass === "none" || headerAllowed || keyPresent;
    return missing ? refused(x, api, anyOf, noCredentials) : refused(x, api, anyOf, schemeNotEnabled);
  }
  if (!credentialRules.removeAuthHeader && x.headerValues(api.authHeader).length > 1)
    return refused(x, api, anyOf, severalHeaders);
  return attempt(x, api, anyOf, tries, 0, undefined);
}

/**
 * Neither the auth header nor an API key reaches the backend, not even of a public operation (S-HDR-01, S-KEY-07): clients
 * send what they have with every request.
 */
export function withholdCredentials(x: Exchange, api: Api): void {
  x.api = api;
  const { removeAuthHeader, alsoWithheld } = credentialRules;
  if (removeAuthHeader) x.withheld.push(api.authHeader);
  for (const name of alsoWithheld) x.withheld.push(name);
  for (const name of api.keyHeaders) x.withheld.push(name);
  for (const name of api.keyParameters) x.withheldQuery.push(name);
}

const noCredentials: Failure = { ok: false, code: 900902, reason: "no credentials" };
const schemeNotEnabled: Failure = { ok: false, code: 900917, reason: "scheme not enabled" };
/** Only when the header is forwarded: the backend might look at the other one. */
const severalHeaders: Failure = { ok: false, code: 900901, reason: "several auth headers" };
const scopeMissing: Failure = { ok: false, code: 900910, reason: "scope missing" };

function attempt(
  x: Exchange,
  api: Api,
  anyOf: readonly Alternative[],
  tries: readonly Alternative[],
  from: number,
  earlier: Failure | undefined,
): Caller | undefined | Promise<Caller | undefined> {
  let failure = earlier;
  for (let i = from; i < tries.length; i++) {
    const outcome = tryOne(x, api, tries[i] as Alternative);
    if (outcome instanceof Promise) {
      const soFar = failure;
      return outcome.then((settled) =>
        settled.ok ? accepted(x, settled.caller) : attempt(x, api, anyOf, tries, i + 1, first(soFar, settled)),
      );
    }
    if (outcome.ok) return accepted(x, outcome.caller);
    failure = first(failure, outcome);
  }
  return refused(x, api, anyOf, failure ?? noCredentials);
}

function accepted(x: Exchange, caller: Caller): Caller {
  x.caller = caller;
  if (log().isLevelEnabled("debug")) logAccepted(x, caller);
  return caller;
}

function logAccepted(x: Exchange, caller: Caller): void {
  const { id, clientAddress: client, method, path, operation } = x;
  const { scheme } = caller;
  log().debug({ id, client, method, path: path.raw, operation, scheme, ...identityOfCaller(caller) }, "authenticated");
}

/** The schemes of an alternative, its scopes, then what else is checked of every caller. */
function tryOne(x: Exchange, api: Api, alternative: Alternative): Verified | Promise<Verified> {
  const outcome = verifyAll(x, schemesOf(alternative), 0, undefined);
  if (outcome instanceof Promise) return outcome.then((settled) => checked(x, api, judge(settled, alternative)));
  const judged = judge(outcome, alternative);
  return callerChecks.length === 0 ? judged : checked(x, api, judged);
}

function checked(x: Exchange, api: Api, judged: Verified): Verified | Promise<Verified> {
  if (!judged.ok) return judged;
  const outcome = checkCaller(x, api, judged.caller);
  if (outcome instanceof Promise) return outcome.then((settled) => named(settled, judged.caller));
  return named(outcome, judged.caller);
}

/** A failure of somebody who is known otherwise. */
function named(outcome: Verified, caller: Caller): Verified {
  return outcome.ok ? outcome : { ...identityOfCaller(caller), ...outcome };
}

/** Every scheme of an alternative must verify; the caller is the one that a token names, else a user or a key. */
function verifyAll(
  x: Exchange,
  schemes: readonly Scheme[],
  from: number,
  caller: Caller | undefined,
): Verified | Promise<Verified> {
  let found = caller;
  for (let i = from; i < schemes.length; i++) {
    const scheme = schemes[i] as Scheme;
    const outcome = addressIsLimited(x) ? (scheme.known?.(x) ?? tooManyFailures) : scheme.verify(x);
    if (outcome instanceof Promise) {
      const soFar = found;
      return outcome.then((settled) => {
        const held = settled.ok ? confirmed(x, settled) : settled;
        if (!held.ok) noteWrong(x, scheme, held);
        return held.ok ? verifyAll(x, schemes, i + 1, chosen(soFar, held.caller)) : held;
      });
    }
    const held = outcome.ok ? confirmed(x, outcome) : outcome;
    if (!held.ok) noteWrong(x, scheme, held);
    if (!held.ok || schemes.length === 1) return held;
    found = chosen(found, held.caller);
  }
  return found === undefined ? noCredentials : { ok: true, caller: found };
}

/** Whoever goes on answers for all of the credentials: if one of them is revoked, it is as if all were. */
function chosen(a: Caller | undefined, b: Caller): Caller {
  if (a === undefined) return b;
  const [caller, other] = rank(b) > rank(a) ? [b, a] : [a, b];
  if (other.revocationIds.length === 0) return caller;
  return { ...caller, quotas: undefined, revocationIds: [...caller.revocationIds, ...other.revocationIds] };
}

/** A certificate alone says least of its owner (S-MTL-07). */
function rank({ scheme }: Caller): number {
  if (scheme === "jwt" || scheme === "opaque") return 3;
  return scheme === "anonymous" ? 0 : scheme === "mutual-tls" ? 1 : 2;
}

function judge(outcome: Verified, alternative: Alternative): Verified {
  if (!outcome.ok || isSchemes(alternative) || alternative.scopes === undefined) return outcome;
  const rule = alternative.scopes;
  if (holds(outcome.caller, rule)) return outcome;
  return named({ ...scopeMissing, scopes: rule.scopes }, outcome.caller);
}

/** The first failure counts, but a caller who is known and lacks a scope is told that. */
function first(earlier: Failure | undefined, later: Failure): Failure {
  const lacksScope = ({ code }: Failure) => code === scopeMissing.code;
  if (earlier === undefined || (lacksScope(later) && !lacksScope(earlier))) return later;
  if (earlier.absent !== true) return earlier;
  return earlier.flaw === undefined || later.flaw !== undefined ? later : { ...later, flaw: earlier.flaw };
}

function refused(x: Exchange, api: Api, anyOf: readonly Alternative[], failure: Failure): undefined {
  countWrong(x, failure);
  const { code, reason, status = code === 0 ? 503 : x.faults.byCode(code).status } = failure;
  const challenges = challengesOf(api, anyOf, failure);
  const refusal: Refusal = {
    status,
    code,
    reason,
    challenges,
    ...(failure.flaw !== undefined && { flaw: failure.flaw }),
    ...(tokenWord.test(x.header(api.authHeader) ?? "") && { tokenOffered: true }),
    ...(failure.scopes && { scopes: failure.scopes }),
    ...loggedIdentity(failure.issuer, failure.clientId),
    ...(status === 429 && { retryAfterSeconds: secondsToNextMinute() }),
  };
  x.refusal = refusal;
  return undefined;
}

/** Schemes that carry a token; any other word is not one that is taken anywhere. */
const tokenWord = /^(bearer|dpop)( |$)/i;

/** Of what was offered, and was wrong: not of what is missing, not enabled, or not to be had. */
const wrongCredentials: ReadonlySet<number> = new Set([900900, 900901, 900911, 900912]);

/**
 * Schemes whose credential was wrong, of requests that are not let in. One request can try a token, a password and keys at the
 * same time, and what is reported may be another alternative's lack of a scope: each credential counts, once however many
 * alternatives look at it.
 */
const wrongSchemes = new WeakMap<Exchange, Set<Scheme>>();

function noteWrong(x: Exchange, scheme: Scheme, failure: Failure): void {
  if (!isWrong(failure)) return;
  const known = wrongSchemes.get(x);
  if (known === undefined) wrongSchemes.set(x, new Set([scheme]));
  else known.add(scheme);
}

function isWrong({ code, status, absent }: Failure): boolean {
  return status === undefined && absent !== true && wrongCredentials.has(code);
}

/** `reported`: it may have been found by no scheme, but by what is checked of every caller. */
function countWrong(x: Exchange, reported: Failure): void {
  const count = Math.max(wrongSchemes.get(x)?.size ?? 0, isWrong(reported) ? 1 : 0);
  let limited = false;
  for (let i = 0; i < count; i++) limited = countFailure(x.clientAddress) || limited;
  if (limited) warnOf(x);
}

function warnOf(x: Exchange): void {
  const hint = "no further log-ins from there for this minute; is it a proxy, name it in castgate.trustedProxies";
  log().warn({ client: x.clientAddress, hint }, "too many failed log-ins");
}

/**
 * The API's schemes, as the original has it, or those of this operation. The original asks for a certificate only where that
 * is what was wrong (S-ERR-R4), and knows nothing of proofs of possession.
 */
function challengesOf(api: Api, anyOf: readonly Alternative[], { flaw }: Failure): readonly Challenge[] {
  let asked = knownChallenges.get(anyOf);
  if (asked === undefined) {
    const found = new Set(anyOf.flatMap((alternative) => schemesOf(alternative).flatMap(askedBy)));
    asked = challengeOrder.filter((challenge) => found.has(challenge));
    knownChallenges.set(anyOf, asked);
  }
  if (credentialRules.compatibility === "standard") return asked;
  const certificate: readonly Challenge[] = flaw === "certificate" ? ["mutual-tls"] : [];
  if (certificate.length === 0 && !asked.includes("dpop")) return api.challenges;
  return [...certificate, ...(asked.includes("dpop") ? (["dpop"] as const) : []), ...api.challenges];
}

const challengeOrder: readonly Challenge[] = ["mutual-tls", "dpop", "oauth2", "basic"];

function askedBy({ kind, asksFor }: Scheme): readonly Challenge[] {
  return asksFor ?? (kind === "jwt" ? ["oauth2"] : kind === "basic" ? ["basic"] : []);
}

const knownChallenges = new WeakMap<readonly Alternative[], readonly Challenge[]>();

function isSchemes(alternative: Alternative): alternative is readonly Scheme[] {
  return Array.isArray(alternative);
}

function schemesOf(alternative: Alternative): readonly Scheme[] {
  return isSchemes(alternative) ? alternative : alternative.allOf;
}
