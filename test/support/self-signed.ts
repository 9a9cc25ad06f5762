import forge from "node-forge";
import { noteKey } from "./secret-watch.ts";

/** Key and certificate as PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** As node-forge has them: 2 is a DNS name, 7 an address. */
type AltName = { type: 2; value: string } | { type: 7; ip: string };

export interface IdentityOptions {
  readonly altNames?: readonly AltName[];
  /** Of the RSA key. */
  readonly bits?: number;
  readonly exponent?: number;
  /** Days from now, below zero for the past. */
  readonly fromDays?: number;
  readonly toDays?: number;
  readonly issuer?: Identity;
}

/** A self-signed certificate that is valid since yesterday and until tomorrow. */
export function identity(name: string, ...altNames: readonly AltName[]): Identity {
  return identityOf(name, { altNames });
}

/** A certificate of the given days from now on, signed by itself or by another. */
export function identityOf(name: string, more: IdentityOptions = {}): Identity {
  const { altNames = [], bits = 2048, exponent = 65_537, fromDays = -1, toDays = 1, issuer } = more;
  const keys = forge.pki.rsa.generateKeyPair(bits, exponent);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = "01";
  certificate.validity.notBefore = new Date(Date.now() + fromDays * 86_400_000);
  certificate.validity.notAfter = new Date(Date.now() + toDays * 86_400_000);
  certificate.setSubject([{ name: "commonName", value: name }]);
  const signer = issuer && forge.pki.certificateFromPem(issuer.cert);
  certificate.setIssuer(signer?.subject.attributes ?? [{ name: "commonName", value: name }]);
  certificate.setExtensions([
    { name: "basicConstraints", cA: issuer === undefined },
    { name: "subjectAltName", altNames: [...altNames] },
  ]);
  const signingKey = issuer === undefined ? keys.privateKey : forge.pki.privateKeyFromPem(issuer.key);
  certificate.sign(signingKey, forge.md.sha256.create());
  const key = forge.pki.privateKeyToPem(keys.privateKey);
  noteKey(key);
  return { key, cert: forge.pki.certificateToPem(certificate) };
}
