import type { X509Certificate } from "node:crypto";
import { matches, parsePassword } from "./password.ts";
import type { Settings, SettingsReport } from "./settings.ts";

/**
 * Secrets that are public knowledge because the original shipped them (S-SEC-01). Using one stops the start, or is a
 * warning under `--allow-known-defaults`.
 */

/** User and password, of `[b7a.users]` in whatever form it is stored. */
const knownUsers: readonly (readonly [user: string, password: string])[] = [
  ["admin", "admin"],
  ["root", "root"],
];

const knownStorePasswords: ReadonlySet<string> = new Set(["ballerina", "wso2carbon"]);

/**
 * SHA-256 fingerprints, in hex without colons, of certificates whose private keys are in every download of the original.
 * Empty so far: entries are computed from the original stores, never taken from hearsay. Until then the stores are
 * recognised by their passwords.
 */
const knownCertificates: ReadonlySet<string> = new Set<string>();

/** Reports a store that is protected by a password everybody knows. */
export function refuseKnownStorePassword(
  settings: Settings,
  report: SettingsReport,
  key: string,
  password: string,
): void {
  if (knownStorePasswords.has(password))
    refuse(settings, report, key, "is a password that the original shipped; set a new one");
}

/** Reports a stock certificate: its private key is public. `known` is there for tests. */
export function refuseKnownCertificate(
  settings: Settings,
  report: SettingsReport,
  key: string,
  certificate: X509Certificate,
  known: ReadonlySet<string> = knownCertificates,
): void {
  if (known.size > 0 && known.has(certificate.fingerprint256.replaceAll(":", "").toLowerCase()))
    refuse(settings, report, key, "holds a certificate that the original shipped with its private key; replace it");
}

/** Reports `admin`/`admin` and the like, plain or in any hash form that can be read. */
export async function refuseKnownUser(
  settings: Settings,
  report: SettingsReport,
  key: string,
  user: string,
  stored: string,
): Promise<void> {
  const parsed = parsePassword(stored);
  // API Manager's names have no case, and may name the first tenant.
  const plain = user.toLowerCase().replace(/@carbon\.super$/, "");
  for (const [name, password] of knownUsers) {
    if (plain !== name) continue;
    const known = parsed === undefined ? stored === password : await matches(parsed, Buffer.from(password));
    if (known) refuse(settings, report, key, `is the password that the original shipped for ${user}; set a new one`);
  }
}

function refuse(settings: Settings, report: SettingsReport, key: string, message: string): void {
  if (settings.allowKnownDefaults) report.warn(key, `${message} (allowed by --allow-known-defaults)`);
  else report.error(key, message);
}
