import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import {
  type Envelope,
  type EnvelopeSignature,
  isSignedBy,
  keyKind,
  payloadType,
  readEnvelope,
  type Subject,
  signedBytes,
  subjectsOf,
} from "./envelope.ts";
import { pemBlocks } from "./pem.ts";
import { distrustOf, nameOf, type Trusted } from "./trust.ts";

export type SignatureCode =
  | "signature-missing"
  | "signature-unreadable"
  | "signature-untrusted"
  | "signature-wrong"
  | "certificate-expired"
  | "certificate-untrusted";

/** What a signature is worth: who signed which files, or why it does not count. */
export type SignatureResult =
  | { readonly signer: string; readonly subjects: readonly Subject[] }
  | { readonly code: SignatureCode; readonly message: string };

/**
 * Whether one whom `trusted` names has signed, and what. Nothing but what is given is asked: no network, no clock. Certificates
 * are judged at `time`; a key that is trusted as such has no end.
 */
export function checkSignature(text: string, trusted: Trusted, time: Date): SignatureResult {
  const envelope = readEnvelope(text);
  const subjects = envelope && readSubjects(envelope);
  if (envelope === undefined || subjects === undefined)
    return { code: "signature-unreadable", message: "the signature is not of the form that castgate writes" };
  const bytes = signedBytes(envelope.payloadType, Buffer.from(envelope.payload, "base64"));
  let reason: Exclude<SignatureResult, { readonly signer: string }> | undefined;
  for (const signature of envelope.signatures) {
    const found = signerOf(signature, bytes, trusted, time);
    if ("signer" in found) return { signer: found.signer, subjects };
    reason ??= found;
  }
  return reason ?? { code: "signature-unreadable", message: "the signature file holds no signature" };
}

function readSubjects({ payloadType: type, payload }: Envelope): readonly Subject[] | undefined {
  const subjects = type === payloadType ? subjectsOf(Buffer.from(payload, "base64").toString("utf8")) : undefined;
  return subjects === undefined || subjects.length === 0 ? undefined : subjects;
}

function signerOf(
  { keyid, sig, certificate, intermediates = [] }: EnvelopeSignature,
  bytes: Buffer,
  trusted: Trusted,
  time: Date,
): { readonly signer: string } | { readonly code: SignatureCode; readonly message: string } {
  const signature = Buffer.from(sig, "base64");
  // A trusted certificate of the signer also counts where the signature came without it.
  for (const key of trusted.keys) if (isSignedBy(bytes, key, signature)) return { signer: describeKey(key) };
  for (const each of trusted.certificates) {
    if (!isUsable(each) || !isSignedBy(bytes, each.publicKey, signature)) continue;
    return distrustOf(each, [], trusted.certificates, time) ?? { signer: describeCertificate(each) };
  }
  if (certificate === undefined) {
    const ids = [...trusted.keys, ...trusted.certificates.map(({ publicKey }) => publicKey)].map(keyIdOf);
    if (keyid !== undefined && ids.includes(keyid)) return wrong;
    const by = keyid !== undefined && /^[0-9a-f]{64}$/.test(keyid) ? `the key ${keyid.slice(0, 16)}` : "an unknown key";
    const message = `it is signed with ${by}, which is not trusted (${ids.map((id) => id.slice(0, 16)).join(", ")} is)`;
    return { code: "signature-untrusted", message };
  }
  const [leaf, ...others] = [certificate, ...intermediates].map(certificateOf);
  if (leaf === undefined || others.includes(undefined) || !isUsable(leaf))
    return { code: "signature-unreadable", message: "the signature holds a certificate that cannot be read" };
  if (!isSignedBy(bytes, leaf.publicKey, signature)) return wrong;
  const between = others.filter((each) => each !== undefined);
  return distrustOf(leaf, between, trusted.certificates, time) ?? { signer: describeCertificate(leaf) };
}

const wrong = {
  code: "signature-wrong",
  message: "the signature is not that of what it stands for: one of them was changed afterwards",
} as const;

function isUsable({ publicKey }: X509Certificate): boolean {
  return !("problem" in keyKind(publicKey));
}

function certificateOf(base64: string): X509Certificate | undefined {
  const [block] = pemBlocks(Buffer.from(base64, "base64").toString("latin1"));
  try {
    return block && new X509Certificate(block.text);
  } catch {
    return undefined;
  }
}

/** SHA-256 of a public key as SubjectPublicKeyInfo, in hexadecimal digits. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

function describeKey(key: KeyObject): string {
  const kind = keyKind(key);
  return `${"name" in kind ? kind.name : "a"} key ${keyIdOf(key).slice(0, 16)}`;
}

function describeCertificate(certificate: X509Certificate): string {
  return `${nameOf(certificate)} (${describeKey(certificate.publicKey)})`;
}
