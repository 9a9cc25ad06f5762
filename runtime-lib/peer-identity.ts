import type { PeerCertificate } from "node:tls";
import { nodeTls } from "./node-tls.ts";

/** What node:tls asks about a certificate that it trusts. */
type IdentityCheck = (host: string, certificate: PeerCertificate) => Error | undefined;

/** Whether a backend is the one that was meant; undefined: by its name alone, as node:tls does it by itself. */
export function identityCheck(verifyHostname: boolean, pins: readonly string[] | undefined): IdentityCheck | undefined {
  if (pins === undefined) return verifyHostname ? undefined : () => undefined;
  return (host, certificate) => {
    const misnamed = verifyHostname ? nodeTls().checkServerIdentity(host, certificate) : undefined;
    if (misnamed !== undefined || pins.includes(pinOf(certificate.raw))) return misnamed;
    return Object.assign(new Error("another key than was pinned"), { code: "PIN_MISMATCH" });
  };
}

/** SHA-256 of the public key (RFC 7469 section 2.4), in base64. */
function pinOf(certificate: Buffer): string {
  const { createHash, X509Certificate } = process.getBuiltinModule("node:crypto");
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}
