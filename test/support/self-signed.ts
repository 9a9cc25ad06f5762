import forge from "node-forge";

/** Key and certificate as PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** As node-forge has them: 2 is a DNS name, 7 an address. */
type AltName = { type: 2; value: string } | { type: 7; ip: string };

/** A self-signed certificate that is valid since yesterday and until tomorrow. */
export function identity(name: string, ...altNames: readonly AltName[]): Identity {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = "01";
  certificate.validity.notBefore = new Date(Date.now() - 86_400_000);
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  certificate.setSubject([{ name: "commonName", value: name }]);
  certificate.setIssuer([{ name: "commonName", value: name }]);
  certificate.setExtensions([
    { name: "basicConstraints", cA: true },
    { name: "subjectAltName", altNames: [...altNames] },
  ]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  return { key: forge.pki.privateKeyToPem(keys.privateKey), cert: forge.pki.certificateToPem(certificate) };
}
