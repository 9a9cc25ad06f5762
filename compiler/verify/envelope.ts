import { type KeyObject, sign, verify } from "node:crypto";

/**
 * The signature of a bundle: a DSSE envelope (github.com/secure-systems-lab/dsse) around an in-toto statement, version 1, which
 * names each file of the build by its SHA-256. It stands beside the bundle, as `<bundle>.sig`, in JSON.
 *
 * What is signed is DSSE's encoding of the statement. Ed25519; RSA with PKCS #1 v1.5 and SHA-256; ECDSA in DER, with SHA-256,
 * SHA-384 on P-384, SHA-512 on P-521. `keyid` is the SHA-256 of the public key's SubjectPublicKeyInfo. A signer with a certificate
 * adds it, and those that issued it: PEM in base64, as `certificate` and `intermediates`.
 */
export interface Envelope {
  readonly payloadType: string;
  /** The statement, in base64. */
  readonly payload: string;
  readonly signatures: readonly EnvelopeSignature[];
}

export interface EnvelopeSignature {
  readonly keyid?: string;
  readonly sig: string;
  readonly certificate?: string;
  readonly intermediates?: readonly string[];
}

/** A file and its SHA-256, in hexadecimal digits. */
export interface Subject {
  readonly name: string;
  readonly sha256: string;
}

export const payloadType = "application/vnd.in-toto+json";
const statementType = "https://in-toto.io/Statement/v1";
const predicateType = "castgate:bundle:1";

/** The statement about the files of a build. */
export function statementOf(subjects: readonly Subject[]): string {
  const statement = {
    _type: statementType,
    subject: subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType,
    predicate: {},
  };
  return JSON.stringify(statement);
}

/** What a statement says; undefined when it says something else. */
export function subjectsOf(statement: string): readonly Subject[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(statement);
  } catch {
    return undefined;
  }
  const { _type, predicateType: about, subject } = members(value);
  if (_type !== statementType || about !== predicateType || !Array.isArray(subject)) return undefined;
  const subjects: Subject[] = [];
  for (const each of subject) {
    const { name, digest } = members(each);
    const { sha256 } = members(digest);
    if (typeof name !== "string" || typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
    subjects.push({ name, sha256 });
  }
  return subjects;
}

/** Reads an envelope; undefined when the text is none. */
export function readEnvelope(text: string): Envelope | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { payloadType: type, payload, signatures } = members(value);
  if (typeof type !== "string" || !isBase64(payload) || !Array.isArray(signatures)) return undefined;
  if (!signatures.every(isSignature)) return undefined;
  return { payloadType: type, payload, signatures };
}

function isSignature(value: unknown): value is EnvelopeSignature {
  const { keyid, sig, certificate, intermediates = [] } = members(value);
  return (
    (keyid === undefined || typeof keyid === "string") &&
    isBase64(sig) &&
    (certificate === undefined || isBase64(certificate)) &&
    Array.isArray(intermediates) &&
    intermediates.every(isBase64)
  );
}

function isBase64(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}

/** Own members only: what is read may come from anywhere. */
function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { __proto__: null, ...value } : {};
}

/** The bytes that are signed, by DSSE: neither the type nor the statement can be taken for the other. */
export function signedBytes(type: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head, "utf8"), payload]);
}

/** How a kind of key signs; a problem is half a sentence: "it ...". */
export function keyKind(
  key: KeyObject,
): { readonly name: string; readonly hash: string | null } | { readonly problem: string } {
  const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return { name: "Ed25519", hash: null };
    case "rsa":
      if (modulusLength < 2048) return { problem: `is an RSA key of ${modulusLength} bits; 2048 are needed` };
      return { name: `RSA ${modulusLength}`, hash: "sha256" };
    case "ec": {
      const known = curves[namedCurve];
      return known ?? { problem: "is on another curve than P-256, P-384 and P-521" };
    }
    default:
      return { problem: "is neither Ed25519 nor RSA nor on one of the curves P-256, P-384 and P-521" };
  }
}

const curves: Readonly<Record<string, { readonly name: string; readonly hash: string }>> = {
  prime256v1: { name: "ECDSA P-256", hash: "sha256" },
  secp384r1: { name: "ECDSA P-384", hash: "sha384" },
  secp521r1: { name: "ECDSA P-521", hash: "sha512" },
};

/** Signs with a key of a kind that `keyKind` knows. */
export function signBytes(bytes: Uint8Array, key: KeyObject): Buffer {
  return sign(hashOf(key), bytes, key);
}

/** Whether a signature is of that key, which must be of a kind that `keyKind` knows. */
export function isSignedBy(bytes: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(hashOf(key), bytes, key, signature);
  } catch {
    return false;
  }
}

function hashOf(key: KeyObject): string | null {
  const kind = keyKind(key);
  if ("problem" in kind) throw new Error(`the key ${kind.problem}`);
  return kind.hash;
}
