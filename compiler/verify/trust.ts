import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { type CertificateUse, certificateUse } from "./certificate-extensions.ts";
import { keyKind } from "./envelope.ts";
import { pemBlocks } from "./pem.ts";

/** Whose signatures count. */
export interface Trusted {
  readonly keys: readonly KeyObject[];
  /** Of signers, and of authorities that issue certificates to signers. */
  readonly certificates: readonly X509Certificate[];
}

/** Reads public keys and certificates, any number of them, out of a PEM file. A problem is half a sentence: "it ...". */
export function readTrusted(pem: string): Trusted | { readonly problem: string } {
  const keys: KeyObject[] = [];
  const certificates: X509Certificate[] = [];
  for (const { label, text } of pemBlocks(pem)) {
    if (label.endsWith("PRIVATE KEY"))
      return {
        problem: "it holds a private key, which nobody who verifies needs: give the public key or the certificate",
      };
    try {
      if (label === "CERTIFICATE") certificates.push(new X509Certificate(text));
      else keys.push(createPublicKey(text));
    } catch {
      return { problem: `it holds a block "${label}" that cannot be read` };
    }
  }
  if (keys.length + certificates.length === 0)
    return { problem: "it holds neither a public key nor a certificate in PEM" };
  for (const key of keys) {
    const kind = keyKind(key);
    if ("problem" in kind) return { problem: `its key ${kind.problem}` };
  }
  return { keys, certificates };
}

/** Why a certificate is not trusted. */
export interface Distrust {
  readonly code: "certificate-expired" | "certificate-untrusted";
  readonly message: string;
}

const codeSigning = "1.3.6.1.5.5.7.3.3";
/** Certificates between a signer's and the authority's. */
const longest = 6;
/** MD5 and SHA-1 with RSA, SHA-1 with ECDSA: others can make certificates that have the same signature. */
const broken = new Set(["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"]);

/**
 * Why a signer's certificate is not trusted at a time; undefined when it is: it is itself among the trusted certificates, or an
 * authority among them issued it for the signing of code, directly or through `intermediates` (RFC 5280 section 6, without names
 * that constrain and without revocation).
 */
export function distrustOf(
  signer: X509Certificate,
  intermediates: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  time: Date,
): Distrust | undefined {
  if (trusted.some(({ raw }) => raw.equals(signer.raw))) return validity(signer, time);
  const use = certificateUse(signer.raw);
  const issue =
    unusable(signer, use) ??
    (use?.usage?.digitalSignature === false ? "may not be used for signatures" : undefined) ??
    (use?.purposes?.includes(codeSigning) === true ? undefined : "was not issued for the signing of code");
  if (issue !== undefined)
    return { code: "certificate-untrusted", message: `the certificate ${nameOf(signer)} ${issue}` };
  const late = validity(signer, time);
  if (late !== undefined) return late;
  const problems: Distrust[] = [];
  if (leadsTo(signer, intermediates, trusted, time, 0, problems)) return undefined;
  const message = `the certificate ${nameOf(signer)} was issued by ${oneLine(signer.issuer)}, which is not trusted`;
  return problems[0] ?? { code: "certificate-untrusted", message };
}

/** Whether an authority that is trusted issued a certificate; why one that might have did not count goes to `problems`. */
function leadsTo(
  certificate: X509Certificate,
  intermediates: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  time: Date,
  between: number,
  problems: Distrust[],
): boolean {
  if (between > longest) return false;
  for (const [list, isTrusted] of [
    [trusted, true],
    [intermediates, false],
  ] as const) {
    for (const issuer of list) {
      if (!hasIssued(issuer, certificate)) continue;
      const problem = authorityProblem(issuer, between, time);
      if (problem !== undefined) problems.push(problem);
      else if (isTrusted) return true;
      else {
        const others = intermediates.filter((each) => each !== issuer);
        if (leadsTo(issuer, others, trusted, time, between + 1, problems)) return true;
      }
    }
  }
  return false;
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

function authorityProblem(authority: X509Certificate, between: number, time: Date): Distrust | undefined {
  const use = certificateUse(authority.raw);
  const issue =
    unusable(authority, use) ??
    (use?.isAuthority === true ? undefined : "is not that of an authority") ??
    (use?.usage?.certificates === false ? "may not be used to issue certificates" : undefined) ??
    ((use?.pathLength ?? between) < between ? "may not issue those of other authorities" : undefined);
  if (issue === undefined) return validity(authority, time);
  return { code: "certificate-untrusted", message: `the certificate ${nameOf(authority)} ${issue}` };
}

function unusable(certificate: X509Certificate, use: CertificateUse | undefined): string | undefined {
  if (use === undefined) return "cannot be read";
  if (use.notUnderstood.length > 0)
    return `has a critical extension that is not understood here: ${use.notUnderstood[0]}`;
  const isRoot = certificate.subject === certificate.issuer;
  if (broken.has(use.signedWith) && !isRoot) return "is signed with SHA-1 or MD5, which others can forge";
  return undefined;
}

function validity(certificate: X509Certificate, time: Date): Distrust | undefined {
  const [from, until] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  const code = "certificate-expired";
  const at = `at ${time.toISOString()}`;
  if (time < from)
    return {
      code,
      message: `the certificate ${nameOf(certificate)} is valid from ${from.toISOString()}: not yet ${at}`,
    };
  if (time > until)
    return {
      code,
      message: `the certificate ${nameOf(certificate)} was valid until ${until.toISOString()}: no longer ${at}`,
    };
  return undefined;
}

/** Whose certificate it is, in quotes. */
export function nameOf(certificate: X509Certificate): string {
  return oneLine(certificate.subject);
}

/** A distinguished name comes from whoever asked for the certificate: it must not steer a terminal. */
function oneLine(name: string): string {
  const text = name
    .split("\n")
    .join(", ")
    .replaceAll(/[^\x20-\x7e\u00a1-\u{10ffff}]|[\u200b-\u200f\u2028-\u202e\u2066-\u2069]/gu, "?");
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}
