import { keyOfCertificate, type VerificationKey } from "./jwt.ts";
import { doubtOfKey, flawOfDates } from "./key-hygiene.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import type { TrustStore } from "./tls-stores.ts";

/** The key of a certificate in the trust store; what is wrong is reported. */
export function trustedKey(
  settings: Settings,
  trust: TrustStore | undefined,
  alias: string,
  name: string,
  report: SettingsReport,
): VerificationKey | undefined {
  const certificate = trust?.certificate(alias);
  if (trust === undefined || certificate === undefined) {
    // A store that could not be read has been reported already.
    if (trust === undefined && settings.path("listenerConfig.trustStorePath") !== undefined) return undefined;
    const held = trust === undefined ? "" : `; it holds ${trust.aliases.join(", ")}`;
    return void report.error(name, `"${alias}" is not in the trust store (listenerConfig.trustStorePath)${held}`);
  }
  const key = keyOfCertificate(certificate);
  if (typeof key === "string") return void report.error(name, `"${alias}" cannot verify tokens: ${key}`);
  const flaw = flawOfDates(certificate);
  if (flaw !== undefined) return void report.error(name, `"${alias}" cannot verify tokens: ${flaw}`);
  const doubt = doubtOfKey(certificate.publicKey);
  if (doubt !== undefined) report.warn(name, `"${alias}": ${doubt}`);
  return key;
}
