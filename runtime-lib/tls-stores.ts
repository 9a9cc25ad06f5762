import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { doubtOfKey, flawOfDates, flawOfKey } from "./key-hygiene.ts";
import { refuseKnownCertificate, refuseKnownStorePassword } from "./known-defaults.ts";
import { readPkcs12 } from "./pkcs12.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { type StoreEntry, StoreError } from "./store-entry.ts";

/** What a TLS server or client presents: PEM texts as node:tls takes them, made when first asked for. */
export interface KeyMaterial {
  /** The private key, decrypted, PKCS#8. */
  readonly key: string;
  /** The certificate of the key first, then its chain. */
  readonly cert: string;
  /** Those of `cert`. */
  readonly certificates: readonly X509Certificate[];
}

/** Certificates that are trusted, by alias. */
export interface TrustStore {
  /** Aliases are compared without case, as key stores of the original do. */
  certificate(alias: string): X509Certificate | undefined;
  /** Sorted. */
  readonly aliases: readonly string[];
  /** All certificates with keys that can be relied upon, as PEM, for `ca` of node:tls. */
  readonly ca: readonly string[];
}

/**
 * The key with its certificate that a setting names: a PKCS#12 file, a PEM file with key and certificates, or a folder
 * with one such entry (`<name>.pem`, or `<name>.key` beside `<name>.crt`). Undefined when the setting is absent, or when
 * it is wrong, which is reported.
 */
export async function loadKeyMaterial(
  settings: Settings,
  pathKey: string,
  passwordKey: string,
  report: SettingsReport,
): Promise<KeyMaterial | undefined> {
  const entries = await loadStore(settings, pathKey, passwordKey, report);
  if (entries === undefined) return undefined;
  const name = settings.nameOf(pathKey);
  const withKey = entries.filter((entry) => entry.key !== undefined);
  const [entry] = withKey;
  if (entry?.key === undefined) return void report.error(name, "holds no private key");
  if (withKey.length > 1)
    return void report.error(
      name,
      `holds several private keys (${withKey.map((one) => one.alias).join(", ")}); leave one`,
    );
  const { key } = entry;
  const own = entry.certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (own === undefined) return void report.error(name, "holds no certificate that belongs to its private key");
  const flaw = flawOfKey(own.publicKey) ?? flawOfDates(own);
  if (flaw !== undefined) return void report.error(name, flaw);
  const doubt = doubtOfKey(own.publicKey);
  if (doubt !== undefined) report.warn(name, doubt);
  const chain = [own, ...entry.certificates.filter((certificate) => certificate !== own)];
  let keyText: string | undefined;
  return {
    get key() {
      keyText ??= key.export({ type: "pkcs8", format: "pem" }) as string;
      return keyText;
    },
    get cert() {
      return chain.map((certificate) => certificate.toString()).join("");
    },
    certificates: chain,
  };
}

/**
 * The key with its certificates that stands under an alias in a key store; aliases are compared without case. `aliasName` is
 * what a message calls the setting of the alias. Undefined: the store's setting is absent, or something is wrong, which is
 * reported.
 */
export async function loadKeyByAlias(
  settings: Settings,
  pathKey: string,
  passwordKey: string,
  alias: string,
  aliasName: string,
  report: SettingsReport,
): Promise<KeyEntry | undefined> {
  const entries = await loadStore(settings, pathKey, passwordKey, report);
  if (entries === undefined) return undefined;
  const entry = entries.find((one) => one.alias === alias.toLowerCase() && one.key !== undefined);
  if (entry?.key !== undefined) return { key: entry.key, certificates: entry.certificates };
  const held = entries.filter((one) => one.key !== undefined).map((one) => one.alias);
  return void report.error(
    aliasName,
    `"${alias}" names no private key of ${settings.nameOf(pathKey)}${held.length === 0 ? "" : `; it holds ${held.sort().join(", ")}`}`,
  );
}

/** Under which aliases a key store holds private keys; none when it cannot be read, which others report. */
export async function keyAliases(settings: Settings, pathKey: string, passwordKey: string): Promise<readonly string[]> {
  const entries = await loadStore(settings, pathKey, passwordKey, { error: () => undefined, warn: () => undefined });
  return (entries ?? []).filter((entry) => entry.key !== undefined).map((entry) => entry.alias);
}

/** A private key with the certificates beside it: its own first, as a rule. */
export interface KeyEntry {
  readonly key: KeyObject;
  readonly certificates: readonly X509Certificate[];
}

/** What was read for one start: several parts of the gateway ask for the same stores. */
const trustStores = new WeakMap<Settings, Map<string, Promise<TrustStore | undefined>>>();
const storeContents = new WeakMap<Settings, Map<string, Promise<StoreContent>>>();

function once<T>(made: WeakMap<Settings, Map<string, T>>, settings: Settings, key: string, make: () => T): T {
  const ofStart = made.get(settings) ?? new Map<string, T>();
  made.set(settings, ofStart);
  const value = ofStart.get(key) ?? make();
  ofStart.set(key, value);
  return value;
}

/**
 * The trusted certificates that a setting names: a PKCS#12 file, a PEM file (its name is the alias), or a folder of
 * `<alias>.pem`. Read once for each start. Undefined when the setting is absent, or when it is wrong, which is reported.
 */
export function loadTrustStore(
  settings: Settings,
  pathKey: string,
  passwordKey: string,
  report: SettingsReport,
): Promise<TrustStore | undefined> {
  return once(trustStores, settings, pathKey, () => readTrustStore(settings, pathKey, passwordKey, report));
}

async function readTrustStore(
  settings: Settings,
  pathKey: string,
  passwordKey: string,
  report: SettingsReport,
): Promise<TrustStore | undefined> {
  const entries = await loadStore(settings, pathKey, passwordKey, report);
  if (entries === undefined) return undefined;
  const byAlias = new Map<string, X509Certificate>();
  const ca: X509Certificate[] = [];
  for (const { alias, certificates } of entries) {
    const [first] = certificates;
    if (first !== undefined) byAlias.set(alias, first);
    for (const certificate of certificates) {
      const flaw = flawOfKey(certificate.publicKey);
      // Stores of the original hold authorities of another age: there, it is enough that nobody trusts them.
      if (flaw === undefined) ca.push(certificate);
      else if (settings.compatibility === "standard") report.error(settings.nameOf(pathKey), `"${alias}": ${flaw}`);
      else report.warn(settings.nameOf(pathKey), `"${alias}" vouches for nobody: ${flaw}`);
    }
  }
  if (byAlias.size === 0) return void report.error(settings.nameOf(pathKey), "holds no certificates");
  return {
    certificate: (alias) => byAlias.get(alias.toLowerCase()),
    aliases: [...byAlias.keys()].sort(),
    get ca() {
      return ca.map((certificate) => certificate.toString());
    },
  };
}

async function loadStore(
  settings: Settings,
  pathKey: string,
  passwordKey: string,
  report: SettingsReport,
): Promise<readonly StoreEntry[] | undefined> {
  const path = settings.path(pathKey);
  if (path === undefined) return undefined;
  const name = settings.nameOf(pathKey);
  const password = settings.string(passwordKey) ?? "";
  try {
    const entries = await once(storeContents, settings, `${path}\0${password}`, () => readStore(path, password));
    if (entries.protected) refuseKnownStorePassword(settings, report, settings.nameOf(passwordKey), password);
    for (const entry of entries.list) {
      for (const certificate of entry.certificates)
        refuseKnownCertificate(settings, report, name, entry.alias, certificate);
    }
    return entries.list;
  } catch (error) {
    report.error(name, error instanceof StoreError ? error.message : fileProblem(error, path));
    return undefined;
  }
}

function fileProblem(error: unknown, path: string): string {
  const code = (error as { code?: unknown }).code;
  if (code === "ENOENT") return `there is no file or folder ${path}`;
  if (code === "EACCES" || code === "EPERM") return "may not be read by this user";
  return "cannot be read as a key or trust store";
}

interface StoreContent {
  readonly list: readonly StoreEntry[];
  /** Whether a password guards it. */
  readonly protected: boolean;
}

async function readStore(path: string, password: string): Promise<StoreContent> {
  if (statSync(path).isDirectory()) return { list: readFolder(path, password), protected: false };
  const bytes = readFileSync(path);
  const magic = bytes.length < 4 ? 0 : bytes.readUInt32BE(0);
  if (magic === 0xfeedfeed || magic === 0xcececece) {
    const target = `${basename(path, extname(path))}.p12`;
    throw new StoreError(
      `is a JKS store; convert it with: keytool -importkeystore -srckeystore ${basename(path)} -destkeystore ${target} -deststoretype PKCS12`,
    );
  }
  if (bytes[0] === 0x30) return { list: await readPkcs12(bytes, password), protected: true };
  const alias = basename(path, extname(path)).toLowerCase();
  return { list: [readPem(bytes.toString("latin1"), alias, password)], protected: false };
}

const partNames = [".pem", ".crt", ".cer", ".key"];

/** `<alias>.pem`, or `<alias>.crt` with `<alias>.key` as Kubernetes mounts them. Other files are left alone. */
function readFolder(path: string, password: string): readonly StoreEntry[] {
  const texts = new Map<string, string>();
  for (const file of readdirSync(path).sort()) {
    if (!partNames.includes(extname(file).toLowerCase())) continue;
    const alias = basename(file, extname(file)).toLowerCase();
    texts.set(alias, `${texts.get(alias) ?? ""}${readFileSync(join(path, file), "latin1")}\n`);
  }
  if (texts.size === 0) throw new StoreError("is a folder without .pem, .crt or .key files");
  return [...texts].map(([alias, text]) => readPem(text, alias, password));
}

function readPem(text: string, alias: string, password: string): StoreEntry {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  if (blocks.length === 0) throw new StoreError("is neither PKCS#12 nor PEM");
  const certificates: X509Certificate[] = [];
  let key: KeyObject | undefined;
  for (const block of blocks) {
    try {
      if (/^-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(block)) certificates.push(new X509Certificate(block));
      else if (/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(block))
        key = createPrivateKey({ key: block, format: "pem", passphrase: password });
    } catch {
      const what = block.includes("PRIVATE KEY")
        ? "a private key that cannot be read; is its password right?"
        : "a malformed certificate";
      throw new StoreError(`holds ${what} (${alias})`);
    }
  }
  return { alias, key, certificates };
}
