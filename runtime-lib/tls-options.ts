import type { Server, TlsOptions } from "node:tls";
import type { BackendTls } from "./backend.ts";
import { nodeTls } from "./node-tls.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { loadKeyMaterial, loadTrustStore } from "./tls-stores.ts";
import { isUsual } from "./tls-strength.ts";

/** ECDHE with an AEAD cipher, and what TLS 1.3 has (S-SEC-11). */
const strongCiphers = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
];

/**
 * TLS of the https listener: `listenerConfig` has the stores, `mutualSSLConfig` the rest (S-LSN-08). Undefined when there
 * is no key store, or when it is wrong, which is reported.
 */
export async function listenerTls(settings: Settings, report: SettingsReport): Promise<TlsOptions | undefined> {
  const material = await loadKeyMaterial(
    settings,
    "listenerConfig.keyStorePath",
    "listenerConfig.keyStorePassword",
    report,
  );
  const trust = await listenerTrust(settings, report);
  if (material === undefined) return undefined;
  const required = settings.string("mutualSSLConfig.sslVerifyClient")?.toLowerCase() === "require";
  if (required && trust === undefined) {
    report.error(
      settings.nameOf("mutualSSLConfig.sslVerifyClient"),
      "client certificates are required, but listenerConfig.trustStorePath names nobody to trust",
    );
  }
  const tls: TlsOptions = {
    // Like those below that are written so, asked for by the first client: a start need not wait for their texts.
    get key() {
      return material.key;
    },
    get cert() {
      return material.cert;
    },
    ...versions(settings, "mutualSSLConfig.protocolVersions", report),
    ciphers: ciphers(settings, "mutualSSLConfig.ciphers", report),
    honorCipherOrder: true,
    // A certificate is asked for only where somebody could be recognised by it.
    requestCert: trust !== undefined,
    rejectUnauthorized: required,
    get ca() {
      return trust === undefined ? undefined : [...trust.ca];
    },
  };
  const usual = tls.ciphers === strongCiphers.join(":") && material.certificates.every(isUsual);
  const flaw = usual ? undefined : flawOf(tls);
  if (flaw !== undefined) report.error(settings.nameOf("listenerConfig.keyStorePath"), `is of no use for TLS: ${flaw}`);
  return tls;
}

/** Why OpenSSL refuses key, certificate or ciphers of a server, if it does. */
function flawOf(tls: TlsOptions): string | undefined {
  try {
    nodeTls().createSecureContext(withoutTrust(tls));
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? "the key or its certificate is malformed";
  }
}

/**
 * What to make a TLS server with before `trustAtFirstClient` completes it: all of `tls` but the certificates that clients
 * are recognised by.
 */
export function withoutTrust(tls: TlsOptions): TlsOptions {
  // Empty, not absent: absent stands for the certificate authorities of Node.
  return { ...tls, ca: [] };
}

/**
 * Adds the certificates that clients are recognised by when the first of them connects, before its handshake. Node 20 reads
 * all of its own certificate authorities when it is given the first other one: 20 ms that a start should not wait for.
 */
export function trustAtFirstClient(server: Server, tls: TlsOptions): void {
  if (tls.ca !== undefined) server.prependOnceListener("connection", () => server.setSecureContext(tls));
}

/**
 * Trust and identity towards backends (R-EP-07): the stores of `httpClients.sslConfig`, else the listener's. A trust
 * store of its own is the only trust there is; the listener's stands beside the certificate authorities of Node.
 */
export async function backendTls(settings: Settings, report: SettingsReport): Promise<BackendTls> {
  const own = "httpClients.sslConfig";
  const ownTrust = await loadTrustStore(
    settings,
    `${own}.trustStorePath`,
    // The original reads the first name, its documentation says the second.
    settings.string("httpClients.trustStorePassword") === undefined
      ? `${own}.trustStorePassword`
      : "httpClients.trustStorePassword",
    report,
  );
  const shared = ownTrust === undefined ? await listenerTrust(settings, report) : undefined;
  const ownKey = settings.path(`${own}.keyStorePath`) !== undefined;
  const material = ownKey
    ? await loadKeyMaterial(settings, `${own}.keyStorePath`, `${own}.keyStorePassword`, report)
    : await loadKeyMaterial(settings, "listenerConfig.keyStorePath", "listenerConfig.keyStorePassword", quiet);
  const verify = settings.boolean("httpClients.disableSslVerification") !== true;
  if (!verify) {
    report.warn(settings.nameOf("httpClients.disableSslVerification"), "backends need not prove who they are");
  }
  return {
    // Asked for by the first connection: a start need not wait for the certificate authorities.
    get ca() {
      if (ownTrust !== undefined) return ownTrust.ca;
      return shared === undefined ? undefined : [...nodeTls().rootCertificates, ...shared.ca];
    },
    get key() {
      return material?.key;
    },
    get cert() {
      return material?.cert;
    },
    rejectUnauthorized: verify,
    verifyHostname: verify && settings.boolean(`${own}.verifyHostname`) !== false,
    ...versions(settings, `${own}.protocolVersions`, report),
    ciphers: ciphers(settings, `${own}.ciphers`, report),
  };
}

/**
 * Trust and identity towards the backends of one endpoint (K-30): its own stores, `<key>_trustStorePath` and `<key>_keyStorePath`,
 * in place of what `all` has. Undefined when it has none of its own.
 */
export async function endpointTls(
  settings: Settings,
  report: SettingsReport,
  key: string,
  all: () => Promise<BackendTls>,
): Promise<BackendTls | undefined> {
  const stores: Settings = Object.create(settings, {
    path: { value: (name: string) => settings.override(name) || undefined },
    string: { value: (name: string) => settings.override(name) },
    nameOf: { value: (name: string) => name },
  });
  const trust = await loadTrustStore(stores, `${key}_trustStorePath`, `${key}_trustStorePassword`, report);
  const material = await loadKeyMaterial(stores, `${key}_keyStorePath`, `${key}_keyStorePassword`, report);
  if (trust === undefined && material === undefined) return undefined;
  const base = await all();
  return {
    get ca() {
      return (trust ?? base).ca;
    },
    get key() {
      return (material ?? base).key;
    },
    get cert() {
      return (material ?? base).cert;
    },
    rejectUnauthorized: base.rejectUnauthorized,
    verifyHostname: base.verifyHostname,
    minVersion: base.minVersion,
    maxVersion: base.maxVersion,
    ciphers: base.ciphers,
  };
}

/**
 * Trust towards systems of the gateway itself (S-BE-03): the listener's trust store beside the certificate authorities of
 * Node. Their names are always verified, and the gateway shows them no certificate.
 */
export async function serviceTls(settings: Settings, report: SettingsReport): Promise<BackendTls> {
  const trust = await listenerTrust(settings, report);
  return {
    get ca() {
      return trust === undefined ? undefined : [...nodeTls().rootCertificates, ...trust.ca];
    },
    key: undefined,
    cert: undefined,
    rejectUnauthorized: true,
    verifyHostname: true,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers: strongCiphers.join(":"),
  };
}

function listenerTrust(settings: Settings, report: SettingsReport): ReturnType<typeof loadTrustStore> {
  return loadTrustStore(settings, "listenerConfig.trustStorePath", "listenerConfig.trustStorePassword", report);
}

/** The listener's key store is checked, and complained about, where the listener is set up. */
const quiet: SettingsReport = { error: () => undefined, warn: () => undefined };

type Version = "TLSv1.2" | "TLSv1.3";

/** TLS 1.2 and 1.3; older ones are dropped with a warning. Having none left is an error. */
function versions(
  settings: Settings,
  key: string,
  report: SettingsReport,
): { readonly minVersion: Version; readonly maxVersion: Version } {
  const wanted = settings.strings(key);
  if (wanted === undefined || wanted.length === 0) return { minVersion: "TLSv1.2", maxVersion: "TLSv1.3" };
  const known = wanted.filter((name): name is Version => name === "TLSv1.2" || name === "TLSv1.3");
  for (const name of wanted) {
    if (name !== "TLSv1.2" && name !== "TLSv1.3") report.warn(settings.nameOf(key), `${shown(name)} is not offered`);
  }
  if (known.length === 0) report.error(settings.nameOf(key), "neither TLSv1.2 nor TLSv1.3 is among them");
  return {
    minVersion: known.includes("TLSv1.2") ? "TLSv1.2" : "TLSv1.3",
    maxVersion: known.includes("TLSv1.3") ? "TLSv1.3" : "TLSv1.2",
  };
}

/** Cipher names of the JSSE or of OpenSSL; those without ECDHE and AEAD are dropped with a warning. */
function ciphers(settings: Settings, key: string, report: SettingsReport): string {
  const wanted = settings.strings(key);
  if (wanted === undefined || wanted.length === 0) return strongCiphers.join(":");
  const known = new Set(nodeTls().getCiphers());
  const kept = new Set<string>();
  const dropped: string[] = [];
  for (const name of wanted) {
    const cipher = openSslName(name);
    if (isStrong(cipher) && known.has(cipher.toLowerCase())) kept.add(cipher);
    else dropped.push(name);
  }
  if (dropped.length > 0) {
    report.warn(settings.nameOf(key), `not offered, being weak or unknown: ${dropped.map(shown).join(", ")}`);
  }
  if (kept.size === 0) report.error(settings.nameOf(key), "no cipher is left");
  return [...kept].join(":");
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 60));
}

function isStrong(cipher: string): boolean {
  if (cipher.startsWith("TLS_")) return true;
  return cipher.startsWith("ECDHE-") && (cipher.includes("-GCM-") || cipher.endsWith("-CHACHA20-POLY1305"));
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256` to OpenSSL. TLS 1.3 names are the same. */
function openSslName(name: string): string {
  const at = name.indexOf("_WITH_");
  if (!name.startsWith("TLS_") || at === -1) return name;
  const exchange = name.slice(4, at).replaceAll("_", "-");
  const cipher = name
    .slice(at + 6)
    .replace("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305")
    .replace(/^AES_(128|256)_/, "AES$1-")
    .replaceAll("_", "-");
  return `${exchange}-${cipher}`;
}
