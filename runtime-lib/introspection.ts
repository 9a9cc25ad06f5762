import { hash, randomBytes } from "node:crypto";
import type { Caller } from "./caller.ts";
import { callerChecks } from "./caller-checks.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { skewOf } from "./jwt.ts";
import { callerOfClaims } from "./jwt-caller.ts";
import { jsonObject, type KeyManager, keyManagerFor } from "./key-manager.ts";
import { log } from "./log.ts";
import { loggedIdentity } from "./logged-identity.ts";
import type { RuntimeModule } from "./module.ts";
import { acceptOpaqueTokens, type OpaqueTokens } from "./opaque-tokens.ts";
import { isRecord } from "./record.ts";
import type { Failure, Verified } from "./scheme.ts";
import { ServiceAway, type ServiceReply } from "./service-client.ts";
import type { Settings, SettingsReport } from "./settings.ts";

/**
 * Opaque tokens: the key manager says whose they are (RFC 7662; S-OPQ-02 to 07, S-SEC-13).
 *
 * Where the key manager is away or answers nonsense: tokens that it has vouched for within the last minutes pass until
 * then, all others get 503 with code 900900, never 401. Nothing is let in that it has not called active.
 */
export const introspectionModule: RuntimeModule = {
  name: "introspection",
  configure: (settings, report) => configure(settings, report),
  async close() {
    acceptOpaqueTokens(undefined);
    await keyManager?.close();
    keyManager = undefined;
  },
};

let keyManager: KeyManager | undefined;

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  const rules = rulesOf(settings, report);
  keyManager = await keyManagerFor(settings, report);
  acceptOpaqueTokens(keyManager && new Introspection(keyManager, rules));
}

/** What an answer must say, and for how long it counts. */
export interface IntrospectionRules {
  readonly compatibility: "wso2-3.2" | "standard";
  /** The `iss` of an answer, if it has one, must be this. */
  readonly issuer: string | undefined;
  /** The `aud` of an answer must have one of these. */
  readonly audience: readonly string[] | undefined;
  readonly skewMs: number;
  /** How long an answer counts at most; never beyond `exp`. */
  readonly cacheMs: number;
  /** How many tokens are remembered. */
  readonly capacity: number;
}

/**
 * The rules from the settings. `caching.tokenCacheExpiryTime`, which the original's own file sets to ten days, can only
 * shorten the five minutes: longer is what `castgate.introspectionCacheSeconds` says, because for as long a revoked token
 * goes on. The issuer is compared only if it is set: the original's default names the machine itself.
 */
function rulesOf(settings: Settings, report: SettingsReport): IntrospectionRules {
  const audience = settings.strings("castgate.introspectionAudience");
  if (audience?.length === 0 || audience?.includes(""))
    report.error(
      settings.nameOf("castgate.introspectionAudience"),
      "must not be empty; remove it to accept any audience",
    );
  const seconds = Math.min(
    settings.number("castgate.introspectionCacheSeconds") ?? 300,
    settings.number("caching.tokenCacheExpiryTime") ?? 300,
  );
  return {
    compatibility: settings.compatibility,
    issuer: settings.string("keyManager.issuer") || undefined,
    audience,
    skewMs: skewOf(settings),
    cacheMs: 1000 * seconds,
    capacity: settings.number("caching.tokenCacheCapacity") ?? 10_000,
  };
}

/** Longest token that is asked about. */
const maxTokenLength = 4_096;
/** RFC 6750 section 2.1. */
const b64token = /^[A-Za-z0-9._~+/-]+=*$/;
/** How long the key manager is believed that a token is not good: it may be about to become so. */
const refusedMs = 10_000;
/** No second call for the same token, or to a key manager that is away, within this time after one that failed. */
const backOffMs = 1_000;
/** Calls under way at the same time, and waiting for a connection. */
const maxCalls = 256;
/** After so many calls in a row without a usable answer it is found out whether the key manager is there: they may be the tokens' fault. */
const failuresUntilAway = 5;

/** A token that the key manager vouches for, by what the gateway keeps of it. */
interface Vouched {
  readonly ok: true;
  readonly caller: Caller;
}

/** Asks the key manager about tokens, once for each while its answer counts, however many ask at the same time. */
export class Introspection implements OpaqueTokens {
  readonly #keyManager: Pick<KeyManager, "post">;
  readonly #rules: IntrospectionRules;
  // By the digests of tokens. What is refused is kept apart: no flood of bad tokens pushes out good ones.
  readonly #vouched: ExpiringMap<Vouched>;
  readonly #refused: ExpiringMap<Failure>;
  readonly #asked = new Map<string, Promise<Verified>>();
  #probing = false;
  #failures = 0;
  #retryAt = 0;
  #away = false;
  #saidOutOfTime = false;

  constructor(manager: Pick<KeyManager, "post">, rules: IntrospectionRules) {
    this.#keyManager = manager;
    this.#rules = rules;
    this.#vouched = new ExpiringMap(rules.capacity);
    this.#refused = new ExpiringMap(rules.capacity);
  }

  verify(token: string): Verified | Promise<Verified> {
    if (token.length > maxTokenLength || !b64token.test(token)) return malformed;
    const digest = hash("sha256", token, "base64");
    const now = Date.now();
    const known = this.#vouched.get(digest, now) ?? this.#refused.get(digest, now);
    if (known !== undefined) return known;
    const asked = this.#asked.get(digest);
    if (asked !== undefined) return asked;
    if (this.#away) {
      if (now < this.#retryAt || this.#probing) return keyManagerAway;
      return this.#probe().then(() => (this.#away ? keyManagerAway : this.verify(token)));
    }
    if (this.#asked.size >= maxCalls) return keyManagerAway;
    const answer = this.#ask(token, digest).finally(() => this.#asked.delete(digest));
    this.#asked.set(digest, answer);
    return answer;
  }

  known(token: string): Verified | undefined {
    return token.length > maxTokenLength ? undefined : this.#vouched.get(hash("sha256", token, "base64"), Date.now());
  }

  /**
   * Finds out whether the key manager is there, with a token of our own making: it has nothing to choke on, and it does not
   * matter what clients send meanwhile. One at a time.
   */
  async #probe(): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    let reason = "no usable answer";
    let there = false;
    try {
      const token = randomBytes(24).toString("base64url");
      const reply = await this.#keyManager.post("/introspect", { token, token_type_hint: "access_token" });
      there = reply.status === 200 && typeof jsonObject(reply)?.active === "boolean";
      if (!there) reason = reply.status === 200 ? "not an introspection" : `status ${reply.status}`;
    } catch (error) {
      if (!(error instanceof ServiceAway)) log().error({ err: error }, "unexpected error");
      else reason = error.message;
    }
    this.#probing = false;
    if (there) this.#answered();
    else this.#isAway(reason);
  }

  #isAway(reason: string): void {
    const wasAway = this.#away;
    this.#failures = 0;
    this.#away = true;
    this.#retryAt = Date.now() + backOffMs;
    // Told once, not for each token.
    if (!wasAway) log().warn({ reason }, "key manager away");
  }

  async #ask(token: string, digest: string): Promise<Verified> {
    let reply: ServiceReply;
    try {
      reply = await this.#keyManager.post("/introspect", { token, token_type_hint: "access_token" });
    } catch (error) {
      if (!(error instanceof ServiceAway)) log().error({ err: error }, "unexpected error");
      const { message, unreached } = error instanceof ServiceAway ? error : { message: "failed", unreached: false };
      return this.#failed(digest, message, unreached);
    }
    if (reply.status !== 200) return this.#failed(digest, `status ${reply.status}`);
    const answer = jsonObject(reply);
    if (answer === undefined || typeof answer.active !== "boolean") return this.#failed(digest, "not an introspection");
    const now = Date.now();
    const judged = judge(answer, token, this.#rules, now);
    if (judged === "malformed") return this.#failed(digest, "malformed answer");
    this.#answered();
    const { until } = judged;
    const named = answer.active && !judged.outcome.ok ? loggedIdentity(answer.iss, answer.client_id) : {};
    const outcome = { ...judged.outcome, ...named };
    if (outcome.ok) {
      if (until > now) this.#vouched.set(digest, outcome, until);
      else this.#outOfTime();
    } else this.#refused.set(digest, outcome, now + refusedMs);
    return outcome;
  }

  /** Such tokens are asked about with every request; told once. */
  #outOfTime(): void {
    if (!this.#saidOutOfTime) log().warn("the key manager calls tokens active that are outside their exp or nbf");
    this.#saidOutOfTime = true;
  }

  #answered(): void {
    if (this.#away) log().info("key manager back");
    this.#away = false;
    this.#failures = 0;
  }

  #failed(digest: string, reason: string, unreached = false): Failure {
    this.#failures++;
    this.#refused.set(digest, keyManagerAway, Date.now() + backOffMs);
    if (unreached) this.#isAway(reason);
    else log().debug({ reason }, "key manager gave no usable answer");
    if (this.#failures >= failuresUntilAway) void this.#probe();
    return keyManagerAway;
  }
}

interface Judged {
  readonly outcome: Vouched | Failure;
  /** Until when it counts; in the past: for this request alone. */
  readonly until: number;
}

/**
 * What an answer comes to. `active` alone decides in `wso2-3.2` whether a token is within its time, as the key manager has
 * judged that (S-OPQ-04), but its `exp` and `nbf` decide whether the answer may be kept; in `standard` they must agree.
 */
function judge(
  answer: Readonly<Record<string, unknown>>,
  token: string,
  rules: IntrospectionRules,
  now: number,
): Judged | "malformed" {
  if (answer.active !== true) return refused(inactive);
  if (!isAccessToken(answer)) return refused(otherKind);
  if (isUnbound(answer)) return refused(unbound);
  const exp = timeOf(answer.exp);
  const nbf = timeOf(answer.nbf);
  if (exp === "malformed" || nbf === "malformed") return "malformed";
  const original = rules.compatibility === "wso2-3.2";
  if (!original && exp !== undefined && exp + rules.skewMs <= now) return refused(expired);
  if (!original && nbf !== undefined && nbf - rules.skewMs > now) return refused(notYet);
  const { issuer, audience } = rules;
  if (issuer !== undefined && isThere(answer.iss) && answer.iss !== issuer) return refused(otherIssuer);
  if (audience !== undefined && !audienceFits(answer.aud, audience)) return refused(otherAudience);
  const caller = callerOf(answer, token, rules.compatibility);
  if (caller === undefined) return refused(keyType);
  const early = nbf !== undefined && nbf - rules.skewMs > now;
  const until = early ? now : Math.min(exp ?? Number.POSITIVE_INFINITY, now + rules.cacheMs);
  return { outcome: { ok: true, caller }, until };
}

/**
 * Whether it may be an access token. `token_type_hint` is but a hint: a server may well call a refresh token active. What
 * proof of possession a token of type `DPoP` needs is for others to ask; `token_use` is what some servers add.
 */
function isAccessToken({ token_type: type, token_use: use }: Readonly<Record<string, unknown>>): boolean {
  if (isThere(type) && !(typeof type === "string" && ["bearer", "dpop"].includes(type.toLowerCase()))) return false;
  return !isThere(use) || use === "access_token" || use === "access";
}

/** A token of the type `DPoP` is good with a proof of its key alone: where nobody says which key, nobody can ask for it. */
function isUnbound({ token_type: type, cnf }: Readonly<Record<string, unknown>>): boolean {
  if (typeof type !== "string" || type.toLowerCase() !== "dpop") return false;
  return !isRecord(cnf) || typeof cnf.jkt !== "string";
}

/** Milliseconds since 1970. Servers that write absent members as null are understood. */
function timeOf(value: unknown): number | undefined | "malformed" {
  if (!isThere(value)) return undefined;
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? 1000 * value : "malformed";
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function audienceFits(claim: unknown, wanted: readonly string[]): boolean {
  const audiences: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return audiences.some((one) => typeof one === "string" && wanted.includes(one));
}

/**
 * Whose token it is. In `wso2-3.2` the user is `username` alone; without it he is `Unknown` and holds no scope (S-OPQ-07). In
 * `standard` it is `username`, else `sub`: a token of a client for itself may have neither.
 */
function callerOf(
  answer: Readonly<Record<string, unknown>>,
  token: string,
  compatibility: "wso2-3.2" | "standard",
): Caller | undefined {
  const original = compatibility === "wso2-3.2";
  const user = textOf(answer.username) || (original ? "" : textOf(answer.sub));
  const claims = { ...answer, sub: user, name: undefined };
  const caller = callerOfClaims(claims, "jwt", compatibility);
  if (caller === undefined) return undefined;
  return {
    ...caller,
    name: user || "Unknown",
    scheme: "opaque",
    claims: answer,
    consumerKey: textOf(answer.client_id),
    // The token's text is kept only where somebody may revoke it by that.
    revocationIds: callerChecks.length === 0 ? noIds : [token],
    quotas: undefined,
  };
}

const noIds: readonly string[] = [];

function textOf(claim: unknown): string {
  return typeof claim === "string" ? claim : "";
}

function refused(outcome: Failure): Judged {
  return { outcome, until: 0 };
}

function invalid(reason: string): Failure {
  return { ok: false, code: 900901, reason: `opaque token: ${reason}` };
}

const malformed = invalid("malformed");
const inactive = invalid("not active");
const otherKind = invalid("not an access token");
const unbound = invalid("of the type DPoP without a key");
const expired = invalid("expired");
const notYet = invalid("not valid yet");
const otherIssuer = invalid("issuer");
const otherAudience = invalid("audience");
const keyType = invalid("keytype");
const keyManagerAway: Failure = { ok: false, code: 900900, status: 503, reason: "opaque token: key manager away" };
