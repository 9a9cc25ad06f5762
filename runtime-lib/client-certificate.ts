import { createHash } from "node:crypto";
import { credentialRules } from "./api.ts";
import type { Exchange } from "./exchange.ts";
import type { TrustStore } from "./tls-stores.ts";

/** The certificate that a request comes with. `digest`: SHA-256 of its DER in base64url, which is `x5t#S256` of RFC 8705. */
export type ShownCertificate =
  | { readonly kind: "certificate"; readonly digest: string }
  | { readonly kind: "none" }
  /** `reason` is for the log. */
  | { readonly kind: "unusable"; readonly reason: string };

const none: ShownCertificate = { kind: "none" };
const malformed: ShownCertificate = { kind: "unusable", reason: "malformed certificate in a header field" };
const unknownProxy: ShownCertificate = {
  kind: "unusable",
  reason: "forwarded by a peer without a trusted certificate",
};

let proxyTrust: TrustStore | undefined;
/** Digests of what it holds, made when the first proxy shows a certificate. */
let trustedDigests: ReadonlySet<string> | undefined;

/** By which certificates a proxy may prove itself when it forwards those of its clients. To be called at start. */
export function trustProxyCertificates(trust: TrustStore | undefined): void {
  proxyTrust = trust;
  trustedDigests = undefined;
}

function isTrusted(digest: string): boolean {
  if (trustedDigests === undefined) {
    const certificates = (proxyTrust?.aliases ?? []).map((alias) => proxyTrust?.certificate(alias));
    trustedDigests = new Set(certificates.flatMap((one) => (one === undefined ? [] : [digestOfCertificate(one.raw)])));
  }
  return trustedDigests.has(digest);
}

/** SHA-256 in base64url. */
export function digestOfCertificate(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("base64url");
}

/**
 * The client's certificate: that of the TLS handshake, or the one that a trusted proxy forwards in the header field
 * `mutualSSLConfig.certificateHeaderName`. Anybody else's field counts as absent, whatever the settings say (S-MTL-09). The
 * four cases of S-MTL-04:
 *
 * | `isClientCertificateValidationEnabled` | with the field | without it |
 * |---|---|---|
 * | true | that of the field, if the proxy has shown a trusted one itself | that of the handshake |
 * | false | that of the field | none: the handshake is not looked at |
 *
 * Only one field counts, the one that the operator names: a proxy that sets one of two would let its clients set the other.
 * Nothing of a certificate is parsed here. It is only ever compared as a whole, and in a handshake its owner has proved to
 * have the key.
 */
export function shownCertificate(x: Exchange): ShownCertificate {
  const { certificateHeader, checkHandshake } = credentialRules;
  const forwarded = x.peerTrusted ? x.headerValues(certificateHeader) : [];
  const [value = ""] = forwarded;
  if (forwarded.length > 1) return malformed;
  // Proxies send an empty field for clients that have shown nothing.
  if (value === "") return checkHandshake ? handshakeCertificate(x) : none;
  const der = certificateHeader === "client-cert" ? bytesOfItem(value) : bytesOfPem(value);
  if (der === undefined) return malformed;
  if (checkHandshake) {
    const own = handshakeCertificate(x);
    if (own.kind !== "certificate" || !isTrusted(own.digest)) return unknownProxy;
  }
  return { kind: "certificate", digest: digestOfCertificate(der) };
}

/** That of the handshake alone. */
export function handshakeCertificate(x: Exchange): ShownCertificate {
  const der = x.clientCertificate();
  return der === undefined ? none : { kind: "certificate", digest: digestOfCertificate(der) };
}

/** RFC 9440 section 2.1: a byte sequence of structured fields, `:base64:`, without parameters. */
function bytesOfItem(value: string): Buffer | undefined {
  const inner = /^ *:([A-Za-z0-9+/]+={0,2}): *$/.exec(value)?.[1];
  return inner === undefined ? undefined : bytesOfBase64(inner);
}

/** The original's form: one PEM certificate, percent-encoded, its markers optional (S-MTL-03). */
function bytesOfPem(value: string): Buffer | undefined {
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch {
    return undefined;
  }
  const inner = /^\s*-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----\s*$/.exec(text)?.[1] ?? text;
  return bytesOfBase64(inner.replace(/\s+/g, ""));
}

/** Node's decoder skips what it does not know. */
function bytesOfBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return text !== "" && bytes.toString("base64") === text ? bytes : undefined;
}
