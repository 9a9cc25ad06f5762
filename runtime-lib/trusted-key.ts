import { keyOfCertificate, type VerificationKey } from "./jwt.ts";
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
  if (key.notAfter < Date.now())
    report.warn(name, `"${alias}" expired on ${certificate.validTo}: its tokens are refused`);
  return key;
}
