import {
  constants,
  createHash,
  createPublicKey,
  createVerify,
  type JsonWebKey,
  type KeyObject,
  verify,
  type X509Certificate,
} from "node:crypto";
import { BoundedMemo } from "./bounded-memo.ts";
import { flawOfKey } from "./key-hygiene.ts";
import { isRecord } from "./record.ts";

/**
 * Compact JWS with a JWT inside (RFC 7515, 7519), verified as RFC 8725 asks: the algorithm comes from a fixed list and
 * must fit the key, never the other way round; nothing symmetric, no `none`, no extension that is not understood.
 */

/** A public key with what it may be used for. Made once; verification is synchronous. */
export interface VerificationKey {
  readonly key: KeyObject;
  readonly kid: string | undefined;
  /** Algorithms that fit the key and that its publisher allows. */
  readonly algorithms: ReadonlySet<string>;
  /** Milliseconds since 1970; a certificate outside its dates verifies nothing (S-JWT-03). */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A signed text whose form is right. Nothing in it has been verified yet. */
export interface ParsedJws<Payload = Buffer> {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly payload: Payload;
  /** What the signature covers. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** The same for a token: the payload is a set of claims. */
export type ParsedJwt = ParsedJws<Readonly<Record<string, unknown>>>;

/** Longest token that is looked at. Header fields are limited too; this also holds for keys in a query. */
const maxTokenLength = 16_384;

interface Algorithm {
  readonly keyType: string;
  readonly curve?: string;
  readonly hash: string | undefined;
  readonly pss?: true;
}

const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ["RS256", { keyType: "rsa", hash: "sha256" }],
  ["RS384", { keyType: "rsa", hash: "sha384" }],
  ["RS512", { keyType: "rsa", hash: "sha512" }],
  ["PS256", { keyType: "rsa", hash: "sha256", pss: true }],
  ["PS384", { keyType: "rsa", hash: "sha384", pss: true }],
  ["PS512", { keyType: "rsa", hash: "sha512", pss: true }],
  ["ES256", { keyType: "ec", curve: "prime256v1", hash: "sha256" }],
  ["ES384", { keyType: "ec", curve: "secp384r1", hash: "sha384" }],
  ["ES512", { keyType: "ec", curve: "secp521r1", hash: "sha512" }],
  ["EdDSA", { keyType: "ed25519", hash: undefined }],
]);

/** Algorithms that a public key can verify; empty for a key that is too weak or of another kind. */
function algorithmsOf(key: KeyObject): string[] {
  if (flawOfKey(key) !== undefined) return [];
  const details = key.asymmetricKeyDetails ?? {};
  return [...algorithms].flatMap(([name, { keyType, curve }]) =>
    key.asymmetricKeyType === keyType && (curve === undefined || curve === details.namedCurve) ? [name] : [],
  );
}

/** The key of a certificate; a string says why it cannot be used. */
export function keyOfCertificate(certificate: X509Certificate): VerificationKey | string {
  const { publicKey } = certificate;
  const usable = algorithmsOf(publicKey);
  if (usable.length === 0) return flawOfKey(publicKey) ?? "its key is of a kind that no signature algorithm takes";
  return {
    key: publicKey,
    kid: undefined,
    algorithms: new Set(usable),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  };
}

/**
 * The keys of a JWK set that may verify signatures. Symmetric keys and keys for other uses are left out. Refused, and
 * told to `refused` with what is wrong, are weak keys, private keys, keys whose `alg` is not of their kind, and all keys
 * of a `kid` that stands twice with one algorithm: which one is meant is not known.
 * A string says why the text is no JWK set.
 */
export function keysOfJwks(text: string, refused: RefusedKey = () => {}): readonly VerificationKey[] | string {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return "not JSON";
  }
  if (!isRecord(set) || !Array.isArray(set.keys)) return "not a JWK set";
  const keys = set.keys.flatMap((jwk) => keyOfJwk(jwk, refused) ?? []);
  return keys.filter((key) => {
    if (!keys.some((other) => other !== key && ambiguous(key, other))) return true;
    refused(key.kid, "its kid stands twice");
    return false;
  });
}

/** Takes note of a key that is not used; the reason is a fixed text. */
export type RefusedKey = (kid: string | undefined, reason: string) => void;

function ambiguous(a: VerificationKey, b: VerificationKey): boolean {
  return a.kid !== undefined && a.kid === b.kid && [...a.algorithms].some((name) => b.algorithms.has(name));
}

/** The key that a proof of possession carries, with its thumbprint (RFC 7638). */
export interface ProofKey {
  readonly key: VerificationKey;
  readonly thumbprint: string;
}

/**
 * The key in the header of a proof (RFC 9449 section 4.2); a string says what is wrong with that header. A private key is
 * refused, and so is one that is weak, of a kind that signs nothing here, or so large that verifying would be an attack.
 */
export function keyOfProof(proof: string): ProofKey | string {
  return proofKeys.of(proof.slice(0, proof.indexOf(".")));
}

/** Proofs of one client begin alike. */
const proofKeys = new BoundedMemo<ProofKey | string>(1_000, (text) => {
  const header = objectOf(text);
  if (header?.typ !== "dpop+jwt") return "not of the type dpop+jwt";
  const { jwk } = header;
  if (!isRecord(jwk)) return "no key";
  if (["d", "p", "q", "dp", "dq", "qi", "oth", "k"].some((member) => jwk[member] !== undefined)) return "a private key";
  const key = keyOfJwk(jwk, () => undefined);
  if (key === undefined) return "a key that is of no use";
  const { modulusLength = 0, publicExponent = 0n } = key.key.asymmetricKeyDetails ?? {};
  if (modulusLength > 4096 || publicExponent > 0xffff_ffffn) return "a key that is too large";
  const { kty, crv, x, y, n, e } = key.key.export({ format: "jwk" });
  // Members in the order of their names, those that are absent left out.
  const thumbprint = createHash("sha256").update(JSON.stringify({ crv, e, kty, n, x, y })).digest("base64url");
  return { key, thumbprint };
});

function keyOfJwk(jwk: unknown, refused: RefusedKey): VerificationKey | undefined {
  if (!isRecord(jwk)) return undefined;
  const { kty, use, alg, kid, key_ops: operations, d } = jwk;
  if (kty !== "RSA" && kty !== "EC" && kty !== "OKP") return undefined;
  if (use !== undefined && use !== "sig") return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return undefined;
  if (kid !== undefined && typeof kid !== "string") return void refused(undefined, "its kid is no text");
  if (d !== undefined) return void refused(kid, "it is a private key");
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
  } catch {
    return void refused(kid, "it is malformed, or of a kind that is not known");
  }
  const fitting = algorithmsOf(key);
  const usable = fitting.filter((name) => alg === undefined || alg === name);
  if (usable.length === 0) {
    const other = fitting.length === 0 ? "no signature algorithm takes its kind" : "its alg does not fit it";
    return void refused(kid, flawOfKey(key) ?? other);
  }
  return { key, kid, algorithms: new Set(usable), notBefore: 0, notAfter: Number.POSITIVE_INFINITY };
}

/** A token in compact form. A string says what is wrong with it. */
export function parseJwt(token: string): ParsedJwt | string {
  return parse(token, objectOf);
}

/** The compact form, taken apart strictly. A string says what is wrong with it. */
export function parseJws(token: string): ParsedJws | string {
  return parse(token, strictBase64url);
}

function parse<Payload>(token: string, payloadOf: (text: string) => Payload | undefined): ParsedJws<Payload> | string {
  if (token.length > maxTokenLength) return "too long";
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first < 0) return "opaque tokens are not supported";
  if (second < 0 || token.indexOf(".", second + 1) >= 0) return "not three parts";
  const header = headers.of(token.slice(0, first));
  if (typeof header === "string") return header;
  const payload = payloadOf(token.slice(first + 1, second));
  if (payload === undefined) return "malformed claims";
  const signature = strictBase64url(token.slice(second + 1));
  if (signature === undefined || signature.length === 0) return "malformed signature";
  return { alg: header.alg, kid: header.kid, payload, signed: token.slice(0, second), signature };
}

interface Header {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** Tokens of one key begin alike. */
const headers = new BoundedMemo<Header | string>(100, headerOf);

function headerOf(text: string): Header | string {
  const header = objectOf(text);
  if (header === undefined) return "malformed header";
  const { alg, kid } = header;
  if (typeof alg !== "string" || !algorithms.has(alg)) return "algorithm";
  if (kid !== undefined && typeof kid !== "string") return "malformed header";
  // No extension is understood, so none may be critical (RFC 7515 section 4.1.11); that includes `b64`.
  if (header.crit !== undefined) return "critical header parameter";
  return { alg, kid };
}

/** Whether the signature is that of the key, at this time. */
export function verifySignature(jws: ParsedJws<unknown>, key: VerificationKey): boolean {
  const algorithm = algorithms.get(jws.alg);
  if (algorithm === undefined || !key.algorithms.has(jws.alg)) return false;
  const now = Date.now();
  if (now < key.notBefore || now > key.notAfter) return false;
  const { keyType, pss, hash } = algorithm;
  // A microsecond less than `verify` takes.
  if (keyType === "rsa" && pss === undefined && hash !== undefined)
    return createVerify(hash).update(jws.signed, "latin1").verify(key.key, jws.signature);
  const data = Buffer.from(jws.signed, "latin1");
  if (pss) {
    const options = {
      key: key.key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    };
    return verify(hash, data, options, jws.signature);
  }
  if (keyType === "ec") return verify(hash, data, { key: key.key, dsaEncoding: "ieee-p1363" }, jws.signature);
  return verify(hash, data, key.key, jws.signature);
}

/** What a token must say beyond its signature. */
export interface ClaimRules {
  readonly issuer: string;
  /** Undefined: not checked. Empty: never right. */
  readonly audience: readonly string[] | undefined;
  readonly skewMs: number;
}

/**
 * Checks the registered claims. `exp` is required; `iat` may be in milliseconds, as the original's tokens have it, and
 * not in the future. Gives the end of validity in milliseconds since 1970, skew included, or what is wrong.
 */
export function checkClaims(
  claims: Readonly<Record<string, unknown>>,
  rules: ClaimRules,
  now: number,
): number | string {
  if (claims.iss !== rules.issuer) return "issuer";
  const { exp, nbf, iat } = claims;
  if (exp === undefined) return "no expiry";
  if (!isTime(exp) || (nbf !== undefined && !isTime(nbf)) || (iat !== undefined && !isTime(iat)))
    return "malformed time";
  const until = exp * 1000 + rules.skewMs;
  if (until <= now) return "expired";
  if (nbf !== undefined && nbf * 1000 - rules.skewMs > now) return "not valid yet";
  if (iat !== undefined && (iat >= firstMillisecondTime ? iat : iat * 1000) - rules.skewMs > now)
    return "issued in the future";
  if (rules.audience !== undefined && !audienceFits(claims.aud, rules.audience)) return "audience";
  return until;
}

/** As seconds, this is the year 5138; as milliseconds, 1973. */
const firstMillisecondTime = 1e11;

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function audienceFits(claim: unknown, wanted: readonly string[]): boolean {
  if (typeof claim === "string") return wanted.includes(claim);
  return Array.isArray(claim) && claim.some((one) => typeof one === "string" && wanted.includes(one));
}

/** How far clocks may differ, in milliseconds (S-JWT-07): `server.timestampSkew`, else that of the key manager. */
export function skewOf(settings: { number(key: string): number | undefined }): number {
  const own = settings.number("server.timestampSkew") ?? -1;
  const ms = own >= 0 ? own : Math.max(0, settings.number("keyManager.timestampSkew") ?? 0);
  return Math.trunc(ms / 1000) * 1000;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Holds one token or a part of it, for the length of a synchronous call: a buffer for each would be garbage at once. */
const scratch = Buffer.allocUnsafeSlow(maxTokenLength);

function objectOf(text: string): Record<string, unknown> | undefined {
  const length = scratch.write(text, "base64url");
  if (scratch.toString("base64url", 0, length) !== text) return undefined;
  try {
    const value: unknown = JSON.parse(utf8.decode(scratch.subarray(0, length)));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Only the one canonical spelling without padding is taken: Node's decoder skips what it does not know. */
function strictBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
