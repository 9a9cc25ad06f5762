import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import forge from "node-forge";
import { noteKey, noteToken } from "./secret-watch.ts";

/** A token issuer made for one test run: nothing of it is ever written into the repository. */
export class TestIssuer {
  readonly name: string;
  /** A self-signed certificate of its key, for a trust store. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly #key: KeyObject;

  constructor(name: string) {
    this.name = name;
    const keys = forge.pki.rsa.generateKeyPair(2048);
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = keys.publicKey;
    certificate.serialNumber = "01";
    certificate.validity.notBefore = new Date(Date.now() - 60_000);
    certificate.validity.notAfter = new Date(Date.now() + 24 * 3_600_000);
    const subject = [{ name: "commonName", value: "localhost" }];
    certificate.setSubject(subject);
    certificate.setIssuer(subject);
    certificate.setExtensions([
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ]);
    certificate.sign(keys.privateKey, forge.md.sha256.create());
    this.certificatePem = forge.pki.certificateToPem(certificate);
    this.privateKeyPem = forge.pki.privateKeyToPem(keys.privateKey);
    this.#key = createPrivateKey(this.privateKeyPem);
    noteKey(this.privateKeyPem);
  }

  /** An RS256 token; `exp` is in an hour unless given. */
  token(claims: Readonly<Record<string, unknown>> = {}, header: Readonly<Record<string, unknown>> = {}): string {
    const now = Math.floor(Date.now() / 1000);
    const body = { iss: this.name, sub: "alice", iat: now, exp: now + 3600, ...claims };
    const input = `${encode({ alg: "RS256", typ: "JWT", ...header })}.${encode(body)}`;
    const token = `${input}.${sign("RSA-SHA256", Buffer.from(input), this.#key).toString("base64url")}`;
    noteToken(token);
    return token;
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
