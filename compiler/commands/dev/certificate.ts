import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import forge from "node-forge";

/** A key with its self-signed certificate, both PEM. */
export interface Identity {
  readonly key: string;
  readonly certificate: string;
}

/** Makes a self-signed certificate of a year for development: RSA 2048, for `localhost` and the loopback addresses. */
export function selfSigned(commonName: string): Identity {
  // Made by OpenSSL, because node-forge alone takes seconds for it.
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const rsa = createPrivateKey(key).export({ type: "pkcs1", format: "pem" }) as string;
  const forgeKey = forge.pki.privateKeyFromPem(rsa);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(forgeKey.n, forgeKey.e);
  certificate.serialNumber = `01${randomBytes(15).toString("hex")}`;
  const day = 86_400_000;
  certificate.validity.notBefore = new Date(Date.now() - day);
  certificate.validity.notAfter = new Date(Date.now() + 365 * day);
  const name = [{ name: "commonName", value: commonName }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", digitalSignature: true, keyCertSign: true, critical: true },
    { name: "extKeyUsage", serverAuth: true },
    {
      name: "subjectAltName",
      altNames: [
        { type: 2, value: "localhost" },
        { type: 7, ip: "127.0.0.1" },
        { type: 7, ip: "::1" },
      ],
    },
    { name: "subjectKeyIdentifier" },
  ]);
  certificate.sign(forgeKey, forge.md.sha256.create());
  return { key, certificate: forge.pki.certificateToPem(certificate) };
}
