import { createHash, type KeyObject, sign, type X509Certificate } from "node:crypto";
import { keyOfCertificate } from "./jwt.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { loadKeyByAlias } from "./tls-stores.ts";

/** With which a gateway signs: RSASSA-PKCS1-v1_5 or ECDSA on P-256, both with SHA-256 (RFC 7518 sections 3.3 and 3.4). */
export type SigningAlgorithm = "RS256" | "ES256";

/**
 * Makes JWTs in compact form (RFC 7515, 7519) with one key. Their header says `alg`, `typ`, `kid` and `x5t#S256`, the SHA-256
 * of the certificate in DER; it is encoded once.
 */
export class JwtSigner {
  readonly algorithm: SigningAlgorithm;
  readonly certificate: X509Certificate;
  readonly #key: KeyObject;
  readonly #header: string;

  /** Key and certificate belong together and fit the algorithm: that is the caller's to see to. `kid` absent: the thumbprint. */
  constructor(
    key: KeyObject,
    certificate: X509Certificate,
    algorithm: SigningAlgorithm,
    { typ, kid }: { readonly typ: string; readonly kid?: string | undefined },
  ) {
    const thumbprint = createHash("sha256").update(certificate.raw).digest("base64url");
    this.algorithm = algorithm;
    this.certificate = certificate;
    this.#key = key;
    this.#header = encoded({ typ, alg: algorithm, kid: kid ?? thumbprint, "x5t#S256": thumbprint });
  }

  /** Signs off the event loop. Rejects only if OpenSSL fails. */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string> {
    const input = `${this.#header}.${encoded(claims)}`;
    // JWS wants the two numbers of an ECDSA signature side by side, not in DER; RSA keys do not look at it.
    const key = { key: this.#key, dsaEncoding: "ieee-p1363" } as const;
    return new Promise((resolve, reject) => {
      sign("sha256", Buffer.from(input, "latin1"), key, (error, signature) => {
        if (error === null) resolve(`${input}.${signature.toString("base64url")}`);
        else reject(error);
      });
    });
  }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value), "utf8").toString("base64url");
}

/** Where a signing key stands, by the names of settings. */
export interface SigningKeyPlace {
  readonly storePath: string;
  readonly storePassword: string;
  readonly alias: string;
  /** The setting that names the alias, for messages. */
  readonly aliasKey: string;
  /** The certificate of the key, when the settings name it on its own. */
  readonly certificateAlias?: string | undefined;
  readonly certificateAliasKey?: string;
}

/** A key that may sign, with its certificate and the algorithm of its kind. */
export interface SigningKey {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
  readonly algorithm: SigningAlgorithm;
}

/**
 * Loads a signing key. Undefined, with what is wrong reported: no such key; no certificate of it; RSA with fewer than 2048
 * bits or a public exponent below 3, an elliptic curve other than P-256, or another kind of key; an expired certificate, since
 * nobody would take what it signs.
 */
export async function loadSigningKey(
  settings: Settings,
  place: SigningKeyPlace,
  report: SettingsReport,
): Promise<SigningKey | undefined> {
  const { storePath, storePassword, alias, aliasKey } = place;
  const name = settings.nameOf(aliasKey);
  const entry = await loadKeyByAlias(settings, storePath, storePassword, alias, name, report);
  if (entry === undefined) return undefined;
  const { key, certificates } = entry;
  const certificate = certificates.find((one) => one.checkPrivateKey(key));
  if (certificate === undefined) return void report.error(name, `"${alias}" has no certificate of its private key`);
  const { certificateAlias, certificateAliasKey } = place;
  if (certificateAlias !== undefined && certificateAlias.toLowerCase() !== alias.toLowerCase()) {
    return void report.error(
      settings.nameOf(certificateAliasKey ?? aliasKey),
      `must be the alias of the private key, "${alias}": another certificate cannot vouch for its signatures`,
    );
  }
  const usable = keyOfCertificate(certificate);
  if (typeof usable === "string") return void report.error(name, `"${alias}" cannot sign tokens: ${usable}`);
  const algorithm = (["RS256", "ES256"] as const).find((one) => usable.algorithms.has(one));
  if (algorithm === undefined)
    return void report.error(name, `"${alias}" cannot sign tokens: it must be an RSA key or one on the curve P-256`);
  if (usable.notAfter < Date.now())
    return void report.error(name, `"${alias}" expired on ${certificate.validTo}: nobody would take its signatures`);
  return { key, certificate, algorithm };
}
