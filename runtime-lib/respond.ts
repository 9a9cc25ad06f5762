import type { Caller } from "./caller.ts";
import type { Cors } from "./cors.ts";
import type { Exchange, Refusal } from "./exchange.ts";
import { type BackendFailure, type Fault, type FaultStyle, statusReportBody } from "./faults.ts";
import { addRateLimit } from "./rate-limit-fields.ts";
import type { Denied } from "./throttle.ts";

/**
 * Answers that the gateway gives by itself. Each notes in `x.refusal` why, for the log; none tells the client more than
 * the original's text does. What `wso2-3.2` and `standard` do differently is decided here, by `x.faults`.
 */

/** 401, or what the refusal's code stands for (S-ERR-R3): nobody could be authenticated. `authenticate` has noted why. */
export function refuse(x: Exchange): void {
  const refusal: Refusal = x.refusal ?? { status: 401, code: 900901, reason: "not authenticated" };
  const found = faultOf(x, refusal);
  x.refusal = { ...refusal, status: found.status };
  if (found.status === 401) return send(x, found, ["WWW-Authenticate", challenge(x, refusal)]);
  if (found.code === 900910) return send(x, found, insufficientScope(x, takesTokens(refusal), refusal.scopes));
  if (found.status === 429) return send(x, found, ["Retry-After", String(refusal.retryAfterSeconds ?? 60)]);
  if (found.status === 503) return send(x, found, ["Retry-After", "5"]);
  send(x, found, []);
}

function takesTokens({ challenges = [] }: Refusal): boolean {
  return challenges.includes("oauth2") || challenges.includes("dpop");
}

/** 503: what would decide is not available; the client did nothing wrong, so it is no 401 (S-SEC-12). */
function faultOf(x: Exchange, { code, status }: Refusal): Fault {
  if (code === 0) return x.faults.byStatus(503, "The key source is not available");
  const found = x.faults.byCode(code);
  return status === 503 ? { ...found, status } : found;
}

/** 403/900910: a scope is missing (S-ERR-11). */
export function forbidden(x: Exchange, caller: Caller, scopes: readonly string[]): void {
  x.refusal = { status: 403, code: 900910, reason: `${caller.scheme}: scope missing` };
  send(x, x.faults.byCode(900910), insufficientScope(x, holdsToken(caller), scopes));
}

/**
 * 429 with the code of the level that is used up, or 500/900809 when the caller's tier is not known (S-ERR-16 to 22). 503 where
 * the counts are kept elsewhere and nobody is there to be asked.
 * `Retry-After` in both compatibilities; `standard` adds `RateLimit` and `RateLimit-Policy` of
 * draft-ietf-httpapi-ratelimit-headers-10.
 */
export function tooManyRequests(x: Exchange, verdict: Denied): void {
  if (verdict.code === 503) {
    x.refusal = { status: 503, code: 503, reason: "throttle: nobody to ask" };
    return send(x, x.faults.byStatus(503, "The limits of this request cannot be checked"), ["Retry-After", "5"]);
  }
  const found = x.faults.byCode(verdict.code);
  x.refusal = {
    status: found.status,
    code: verdict.code,
    reason:
      verdict.level === "deny" ? "throttle: deny condition" : `throttle: ${verdict.level} tier ${verdict.tier.tier}`,
  };
  if (found.status !== 429) return send(x, found, []);
  const headers = ["Retry-After", String(verdict.retryAfterSeconds)];
  // Of what is counted elsewhere the quota is not known.
  if (x.faults.compatibility === "standard" && verdict.tier.windowMs > 0)
    addRateLimit(headers, verdict.tier, 0, verdict.retryAfterSeconds);
  send(x, found, headers);
}

/** 403/900805: a deny condition of policies.yaml is met (section 3.4). */
export function blocked(x: Exchange): void {
  x.refusal = { status: 403, code: 900805, reason: "throttle: deny condition" };
  send(x, x.faults.byCode(900805), []);
}

/** 403: the API has no backend for keys of this type (S-ERR-28). */
export function noEndpoint(x: Exchange, keyType: "PRODUCTION" | "SANDBOX"): void {
  x.refusal = { status: 403, code: 900901, reason: `key type: no ${keyType} endpoint` };
  send(x, x.faults.noEndpoint(keyType), []);
}

/** 403: a page of an origin that the API does not allow asks for a connection of its own. */
export function originRefused(x: Exchange): void {
  x.refusal = { status: 403, code: 403, reason: "upgrade: origin not allowed" };
  send(x, x.faults.byStatus(403, "Pages of this origin may not open a connection"), []);
}

/**
 * 401/900905: the credential is of an application where a user's is asked for, or the other way round (K-16, S-ERR-06). Another
 * token may do.
 */
export function wrongCaller(x: Exchange, wanted: "an application" | "a user"): void {
  const tokenOffered = x.caller !== undefined && holdsToken(x.caller);
  const reason = `${x.caller?.scheme ?? "caller"}: not that of ${wanted}`;
  x.refusal = { status: 401, code: 900905, reason, challenges: ["oauth2"], ...(tokenOffered && { tokenOffered }) };
  refuse(x);
}

/** 403/900908: the request does not come from a domain that may send it, as far as it says itself (K-15). */
export function domainRefused(x: Exchange): void {
  const found = x.faults.byCode(900908);
  x.refusal = { status: found.status, code: found.code, reason: "domain: not allowed" };
  send(x, found, []);
}

/** 500/900809: the operation names a tier that policies.yaml does not define (S-ERR-22, R-THR-18). */
export function policyMissing(x: Exchange): void {
  x.refusal = { status: 500, code: 900809, reason: "throttle: tier not defined" };
  send(x, x.faults.byCode(900809), []);
}

/** 501: the operation asks for something that this version cannot do. It never reaches its backend. */
export function notBuilt(x: Exchange, features: readonly string[]): void {
  x.refusal = { status: 501, code: 501, reason: `not built: ${features.join(", ")}` };
  send(x, x.faults.byStatus(501, `This operation needs ${features.join(", ")}, which this gateway does not have`), []);
}

/**
 * 404: no API is mounted there (S-ERR-29, S-ERR-33). `cors`: the rules of the built-in paths, which hold here where the original
 * had a service of its own for this (S-COR-02): not for its plain text, which is that of its HTTP library.
 */
export function unknownApi(x: Exchange, style: FaultStyle, cors?: Cors): void {
  if (cors !== undefined && style !== "text") {
    cors.decorate(x);
    if (x.method === "OPTIONS" && x.header("access-control-request-method") !== undefined)
      return cors.preflight(x, anyMethod);
  }
  x.refusal = { status: 404, code: 404, reason: "no such API" };
  if (style === "text") return sendText(x, 404, `no matching service found for path : ${shown(x.path.raw)}`);
  if (style === "status-report") return sendReport(x, 404, "No matching resource found for given API Request", []);
  send(x, x.faults.byStatus(404, "No API is mounted at this path"), []);
}

/** What a path that is not there can be asked with: it always says the same. */
const anyMethod = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"];

/** 404: the API has no such path (S-ERR-30, S-ERR-33). */
export function unknownResource(x: Exchange, style: FaultStyle): void {
  x.refusal = { status: 404, code: 404, reason: "no such resource" };
  if (style === "text") {
    return sendText(x, 404, `no matching resource found for path : ${shown(x.path.raw)} , method : ${shown(x.method)}`);
  }
  if (style === "status-report") return sendReport(x, 404, "No matching resource found for given API Request", []);
  send(x, x.faults.byStatus(404, "The API has no such resource"), []);
}

/** 405 with `Allow` (RFC 9110 section 15.5.6): the path exists, the method does not (S-ERR-31, S-ERR-34). */
export function methodNotAllowed(x: Exchange, methods: readonly string[], style: FaultStyle): void {
  x.refusal = { status: 405, code: 405, reason: "no such method" };
  const allowed = ["Allow", methods.join(", ")];
  if (style === "text") return sendText(x, 405, "Method not allowed", allowed);
  if (style === "status-report") return sendReport(x, 405, "Method not allowed for given API resource", allowed);
  send(x, x.faults.byStatus(405, "The resource does not have this method"), allowed);
}

/** 200, empty, with `Allow`: an OPTIONS request that the definition does not declare (S-COR-09). */
export function allow(x: Exchange, methods: readonly string[]): void {
  x.respond(200, ["Allow", allowedWithOptions(methods)], "");
}

/** The methods of a path as `Allow` lists them when the gateway itself answers OPTIONS. */
export function allowedWithOptions(methods: readonly string[]): string {
  return methods.includes("OPTIONS") ? methods.join(", ") : [...methods, "OPTIONS"].join(", ");
}

/**
 * A status that the original answered without a body of its own: 400, 408, 413, 414, 431, 501 to 504.
 * `description` is ours, never text from the request.
 */
export function fault(x: Exchange, status: number, description: string): void {
  x.refusal = { status, code: status, reason: description };
  send(x, x.faults.byStatus(status, description), status === 503 ? ["Retry-After", "5"] : []);
}

/**
 * No answer came from the backend (S-ERR-26). `reason` is for the log: `connect ECONNREFUSED`. `seconds`: when to come back,
 * where it is a 503.
 */
export function backendFault(x: Exchange, failure: BackendFailure, reason: string, seconds = 5): void {
  const found = x.faults.backend(failure);
  x.refusal = { status: found.status, code: found.code, reason };
  const said = x.outageBody === undefined ? found : { ...found, body: x.outageBody };
  send(x, said, found.status === 503 ? ["Retry-After", String(seconds)] : []);
}

/** What a fault is sent with, also by an engine that has no exchange yet. */
export const faultContentType = "application/json";

const originalRealm = "WSO2 API Microgateway";
const standardRealm = "castgate";

/** What proofs of possession may be signed with (RFC 9449 section 7.1). */
export const proofAlgorithms = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
];

/**
 * `WWW-Authenticate` of a 401. The original's tail is the same whatever the cause, and comes alone when an API key is the
 * only credential (S-ERR-R4). `standard`: RFC 6750 section 3, RFC 7617 section 2, RFC 9449 section 7.1; an `error` only of a
 * token that was offered and is not good, not where something else is missing, wrong or not enabled.
 */
function challenge(x: Exchange, refusal: Refusal): string {
  const asked = refusal.challenges ?? [];
  if (x.faults.compatibility === "wso2-3.2") {
    const schemes = asked.filter((scheme) => scheme !== "dpop").map((scheme) => originalChallenge[scheme]);
    const text = `${schemes.join(" ")}, error="invalid token" , error_description="The access token expired"`;
    return asked.includes("dpop") ? `${text}, DPoP ${proofParameters(refusal)}` : text;
  }
  const schemes = asked.map((scheme) => {
    const start = `${standardChallenge[scheme]} realm="${standardRealm}"`;
    if (scheme === "basic") return `${start}, charset="UTF-8"`;
    if (scheme === "dpop") return `${start}, ${proofParameters(refusal)}`;
    return scheme === "oauth2" && tokenIsWrong(refusal) ? `${start}, error="invalid_token"` : start;
  });
  // RFC 9110 section 15.5.2 wants a challenge in every 401; no scheme is registered for API keys.
  return schemes.length > 0 ? schemes.join(", ") : `ApiKey realm="${standardRealm}"`;
}

const originalChallenge = {
  "mutual-tls": `Mutual SSL realm="${originalRealm}"`,
  oauth2: `OAuth2 realm="${originalRealm}"`,
  basic: `Basic Auth realm="${originalRealm}"`,
} as const;

/** No scheme is registered for certificates of the TLS handshake either. */
const standardChallenge = {
  "mutual-tls": "ClientCertificate",
  dpop: "DPoP",
  oauth2: "Bearer",
  basic: "Basic",
} as const;

/** A token was offered, and what is wrong is neither the certificate nor the proof. */
function tokenIsWrong({ code, flaw, tokenOffered }: Refusal): boolean {
  return tokenOffered === true && flaw === undefined && wrongTokens.has(code);
}

/** Invalid, expired, not active, of another kind. Blocked subscriptions say nothing of the token. */
const wrongTokens: ReadonlySet<number> = new Set([900901, 900903, 900904, 900905]);

function proofParameters(refusal: Refusal): string {
  const { flaw } = refusal;
  const error = tokenIsWrong(refusal) ? "invalid_token" : flaw === "certificate" ? undefined : flaw;
  return `algs="${proofAlgorithms.join(" ")}"${error === undefined ? "" : `, error="${error}"`}`;
}

/** RFC 6750 section 3.1, for whoever can come back with another token. The original sends nothing. */
function insufficientScope(x: Exchange, withToken: boolean, scopes: readonly string[] = []): string[] {
  if (x.faults.compatibility !== "standard" || !withToken) return [];
  const wanted = scopeText(scopes);
  const scope = wanted === "" ? "" : `, scope="${wanted}"`;
  const word = x.provenKey === undefined ? "Bearer" : "DPoP";
  return ["WWW-Authenticate", `${word} realm="${standardRealm}", error="insufficient_scope"${scope}`];
}

function holdsToken({ scheme }: Caller): boolean {
  return scheme === "jwt" || scheme === "opaque";
}

function send(x: Exchange, found: Fault, headers: readonly string[]): void {
  x.respond(found.status, ["Content-Type", faultContentType, ...headers], found.body);
}

function sendReport(x: Exchange, status: number, description: string, headers: readonly string[]): void {
  x.respond(status, ["Content-Type", faultContentType, ...headers], statusReportBody(status, description));
}

/** `nosniff`: the text repeats a part of the request. */
function sendText(x: Exchange, status: number, text: string, headers: readonly string[] = []): void {
  x.respond(status, ["Content-Type", "text/plain", "X-Content-Type-Options", "nosniff", ...headers], text);
}

const maxShown = 1024;

/** Text of a request inside an answer: printable ASCII, no markup, bounded. A valid path and method pass unchanged. */
function shown(text: string): string {
  const safe = text.slice(0, maxShown).replace(/[^\x21-\x7e]|[<>"]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return text.length > maxShown ? `${safe}...` : safe;
}

/** RFC 6750 section 3: scope tokens between double quotes. A name that cannot stand there is left out. */
function scopeText(scopes: readonly string[]): string {
  return scopes.filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)).join(" ");
}
