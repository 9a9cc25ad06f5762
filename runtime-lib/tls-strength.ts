import type { X509Certificate } from "node:crypto";

/** DER of object identifiers (RFC 4055, 5758, 8410): RSA or ECDSA with SHA-256, 384 and 512, RSASSA-PSS left out. */
const strongSignatures: readonly Buffer[] = [
  "06092a864886f70d01010b",
  "06092a864886f70d01010c",
  "06092a864886f70d01010d",
  "06082a8648ce3d040302",
  "06082a8648ce3d040303",
  "06082a8648ce3d040304",
].map((hex) => Buffer.from(hex, "hex"));

const strongCurves: readonly (string | undefined)[] = ["prime256v1", "secp384r1", "secp521r1"];

/**
 * Whether a certificate is of the kind that every OpenSSL takes for TLS at the security levels 1 and 2, which are those of Node
 * 20 to 26: then no TLS context has to be made to know. False says nothing: ask OpenSSL.
 */
export function isUsual(certificate: X509Certificate): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey;
  const strongKey =
    (type === "rsa" && (details?.modulusLength ?? 0) >= 2048) ||
    (type === "ec" && strongCurves.includes(details?.namedCurve));
  return strongKey && strongSignatures.some((algorithm) => certificate.raw.includes(algorithm));
}
