import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Api } from "./api.ts";
import type { TokenScheme } from "./auth-jwt.ts";
import type { Exchange } from "./exchange.ts";
import { keyOfProof, parseJws, verifySignature } from "./jwt.ts";
import type { RuntimeModule } from "./module.ts";
import { isRecord } from "./record.ts";
import { type PathRules, parseRequestTarget, pathRules } from "./request-path.ts";
import { type Challenge, classOf, credentialOf, type Failure, type Scheme, type Verified } from "./scheme.ts";
import type { Settings, SettingsReport } from "./settings.ts";

/**
 * Tokens with a proof of possession (RFC 9449): `Authorization: DPoP <token>`, and in the field `DPoP` a JWT that the key to
 * which the token is bound has signed for this very request. `required`: no other token is taken; `optional`: a bearer token
 * too, unless it is bound to a key. The proof is kept from the backend.
 *
 * A proof is good for one request: its `jti` is remembered as long as its `iat` lets it live. When more are remembered than
 * `castgate.dpopReplayCapacity`, further ones get 503 rather than a second chance.
 */
export function dpop(api: Api, tokens: TokenScheme, presence: "required" | "optional"): Scheme {
  return new Dpop(api, tokens, presence);
}

/** Reads `castgate.dpop*` and `castgate.publicOrigins`, without which proofs cannot be judged. */
export const dpopModule: RuntimeModule = { name: "dpop", configure };

interface State {
  readonly lifeMs: number;
  /** How far in the future a proof may be made: clocks differ. */
  readonly skewMs: number;
  readonly nonces: Nonces | undefined;
  readonly seen: SeenProofs;
  readonly rules: PathRules;
  /** As `new URL(...).origin` writes them. */
  readonly origins: ReadonlySet<string>;
}

class Dpop implements Scheme {
  readonly kind = "jwt";
  readonly asksFor: readonly Challenge[];
  readonly #api: Api;
  readonly #tokens: TokenScheme;
  readonly #presence: "required" | "optional";

  constructor(api: Api, tokens: TokenScheme, presence: "required" | "optional") {
    this.#api = api;
    this.#tokens = tokens;
    this.#presence = presence;
    this.asksFor = presence === "required" ? ["dpop"] : ["dpop", "oauth2"];
    api.keyHeaders.add("dpop");
  }

  present(x: Exchange): boolean {
    return classOf(x.header(this.#api.authHeader)) !== "none";
  }

  verify(x: Exchange): Verified | Promise<Verified> {
    const token = this.#tokenOf(x);
    if (token === undefined) return this.#presence === "optional" ? this.#tokens.verify(x) : noProof;
    const outcome = this.#tokens.verifyField(`Bearer ${token}`);
    return outcome instanceof Promise
      ? outcome.then((settled) => proved(x, token, settled))
      : proved(x, token, outcome);
  }

  known(x: Exchange): Verified | undefined {
    const token = this.#tokenOf(x);
    if (token === undefined) return this.#presence === "optional" ? this.#tokens.known?.(x) : undefined;
    const outcome = this.#tokens.knownField(`Bearer ${token}`);
    return outcome && proved(x, token, outcome);
  }

  /** Undefined: the scheme's word is not `DPoP`. */
  #tokenOf(x: Exchange): string | undefined {
    const value = x.header(this.#api.authHeader) ?? "";
    return /^dpop(?: |$)/i.test(value) ? credentialOf(value) : undefined;
  }
}

/** The proof is looked at once the token is known to be good: until then, nobody has to verify a second signature. */
function proved(x: Exchange, token: string, outcome: Verified): Verified {
  // The same token and proof once more, for another alternative of the operation: it is not used twice by that.
  if (!outcome.ok || x.provenKey !== undefined) return outcome;
  const flaw = flawOf(x, token, outcome.caller.claims?.cnf);
  return flaw ?? outcome;
}

function flawOf(x: Exchange, token: string, confirmation: unknown): Failure | undefined {
  const [text, second] = x.headerValues("dpop");
  if (text === undefined || text === "" || second !== undefined) return wrong("not exactly one proof");
  const jws = parseJws(text.trim());
  if (typeof jws === "string") return wrong(jws);
  const found = keyOfProof(text);
  if (typeof found === "string") return wrong(found);
  const { key, thumbprint } = found;
  if (!verifySignature(jws, key)) return wrong("signature");
  const claims = claimsOf(jws.payload);
  if (claims === undefined) return wrong("malformed claims");
  const { htm, htu, iat, jti, ath, nonce } = claims;
  if (htm !== x.method) return wrong("for another method");
  if (typeof htu !== "string" || !isSameTarget(x, htu)) return wrong("for another target");
  if (ath !== createHash("sha256").update(token, "latin1").digest("base64url")) return wrong("for another token");
  if (!isRecord(confirmation) || confirmation.jkt !== thumbprint) return wrong("the token is bound to another key");
  const now = Date.now();
  if (typeof iat !== "number" || !Number.isFinite(iat)) return wrong("no time");
  const age = now - iat * 1000;
  if (age > state.lifeMs || -age > state.skewMs) return wrong("too old, or from the future");
  if (typeof jti !== "string" || jti === "" || jti.length > 256) return wrong("no usable jti");
  const nonceFlaw = state.nonces?.judge(x, nonce, now);
  if (nonceFlaw !== undefined) return nonceFlaw;
  // Last, so that only what is right otherwise is remembered.
  const replay = state.seen.add(`${thumbprint}\n${jti}`, iat * 1000 + state.lifeMs, now);
  if (replay !== undefined) return replay;
  x.provenKey = thumbprint;
  return undefined;
}

function claimsOf(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(payload));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * RFC 9449 section 4.3: `htu` is the request's URI without query and fragment, as the client sees it. Its origin must be one of
 * the gateway's own: what `Host` and `X-Forwarded-*` say is the sender's word, and a proof that somebody else's host was given
 * would be good here, sent on with that host's name. Compared after normalisation (RFC 3986 sections 6.2.2 and 6.2.3); the path
 * by the same rules as the request's.
 */
function isSameTarget(x: Exchange, htu: string): boolean {
  const match = /^(https?:\/\/[^/?#@\\]+)([^?#]*)/i.exec(htu);
  if (match === null || !/^[\x21-\x7e]+$/.test(htu)) return false;
  const [, origin = "", path = ""] = match;
  if (!state.origins.has(originOf(origin) ?? "")) return false;
  const parsed = parseRequestTarget(path === "" ? "/" : path, state.rules);
  return typeof parsed !== "string" && parsed.raw === x.path.raw;
}

/** Scheme, host in lower case and port unless it is the scheme's own; undefined: it is none. */
function originOf(text: string): string | undefined {
  try {
    return new URL(text).origin;
  } catch {
    return undefined;
  }
}

/** Proofs that have been used, until they are too old anyway. Two generations, so that none is looked through. */
class SeenProofs {
  readonly #capacity: number;
  readonly #turnMs: number;
  #young = new Set<string>();
  #old = new Set<string>();
  #turned = 0;

  /** `turnMs`: longer than any proof can still live once it was seen. */
  constructor(capacity: number, turnMs: number) {
    this.#capacity = capacity;
    this.#turnMs = turnMs;
  }

  /** Undefined: it was new, and now is not any more. */
  add(proof: string, until: number, now: number): Failure | undefined {
    if (now - this.#turned >= this.#turnMs) {
      this.#old = now - this.#turned < 2 * this.#turnMs ? this.#young : new Set();
      this.#young = new Set();
      this.#turned = now;
    }
    if (until <= now) return wrong("too old");
    const id = createHash("sha256").update(proof).digest("base64url");
    if (this.#young.has(id) || this.#old.has(id)) return wrong("used before");
    if (this.#young.size + this.#old.size >= this.#capacity) return tooManyProofs;
    this.#young.add(id);
    return undefined;
  }
}

/** Nonces without memory (RFC 9449 section 9): a keyed digest of the time, good for this turn and the next. */
class Nonces {
  readonly #key = randomBytes(32);
  readonly #turnMs: number;

  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  /** Undefined: it is right. The answer carries the next one where the client needs it. */
  judge(x: Exchange, nonce: unknown, now: number): Failure | undefined {
    const turn = Math.floor(now / this.#turnMs);
    const current = this.#of(turn);
    if (isSame(nonce, current)) return undefined;
    if (!x.answerHeaders.includes("DPoP-Nonce")) x.answerHeaders.push("DPoP-Nonce", current);
    return isSame(nonce, this.#of(turn - 1)) ? undefined : askForNonce;
  }

  #of(turn: number): string {
    return createHmac("sha256", this.#key).update(String(turn)).digest("base64url").slice(0, 32);
  }
}

function isSame(a: unknown, b: string): boolean {
  const bytes = Buffer.from(typeof a === "string" ? a : "");
  return bytes.length === b.length && timingSafeEqual(bytes, Buffer.from(b));
}

function wrong(reason: string): Failure {
  return { ok: false, code: 900901, reason: `dpop: ${reason}`, flaw: "invalid_dpop_proof" };
}

const noProof = wrong("a token without proof");
/** Not counted as a failed log-in: every client begins so. */
const askForNonce: Failure = {
  ok: false,
  code: 900901,
  reason: "dpop: no current nonce",
  flaw: "use_dpop_nonce",
  absent: true,
};
const tooManyProofs: Failure = { ok: false, code: 900900, status: 503, reason: "dpop: too many proofs at once" };

let state: State = stateOf(60_000, 5_000, 1, undefined, pathRules("standard", false), new Set());

function stateOf(
  lifeMs: number,
  skewMs: number,
  capacity: number,
  nonces: Nonces | undefined,
  rules: PathRules,
  origins: ReadonlySet<string>,
): State {
  return { lifeMs, skewMs, nonces, seen: new SeenProofs(capacity, lifeMs + skewMs + 1_000), rules, origins };
}

function configure(settings: Settings, report: SettingsReport): void {
  const lifeMs = 1000 * (settings.number("castgate.dpopProofSeconds") ?? 60);
  const nonces = settings.boolean("castgate.dpopNonce") === true ? new Nonces(Math.max(60_000, lifeMs)) : undefined;
  const capacity = settings.number("castgate.dpopReplayCapacity") ?? 200_000;
  const origins = new Set<string>();
  for (const text of settings.strings("castgate.publicOrigins") ?? []) {
    const origin = originOf(text);
    if (origin === undefined)
      report.error(settings.nameOf("castgate.publicOrigins"), "has an element with a malformed host or port");
    else origins.add(origin);
  }
  if ((settings.strings("castgate.publicOrigins") ?? []).length === 0)
    report.error(
      settings.nameOf("castgate.publicOrigins"),
      'is required: an API takes proofs of possession, which name the origin that clients call, as in ["https://api.example.com"]',
    );
  state = stateOf(lifeMs, 5_000, capacity, nonces, pathRules(settings.compatibility, true), origins);
}
