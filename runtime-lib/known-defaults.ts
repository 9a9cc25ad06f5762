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
 * SHA-256 fingerprints, in hex without colons, of certificates whose private keys are in downloads of the original or of the
 * products that it trusts: those of the same maker in its key and trust stores from 3.0 to 3.2.10, by their aliases there.
 */
const knownCertificates: ReadonlySet<string> = new Set([
  "529c2433bf19b2fdd5c56f4420e87711964a0177e610e374788945fa65fd2663", // ballerina
  "1d729fb8c468ead820a2a0be4adb8fbabed9ab1ba126c9d21466c5706e8e4d30", // wso2carbon
  "50f0eda5898af3a115c2c508194956e7e114fe234743e9d22f709ae7cb801bbd", // wso2apim
  "8ace6db1dfa6246fd6d7328049090623f05934ad7165f2f22a44612ba7340b28", // wso2sp
  "bc6d75f85629d1ab50da15ead7161d8a636f542b939060aa70e6db68ce5a807c", // wso2carbonNew
  "3612ad8f01b4ecf4714f0bc8e071b6403dd34c4dde62d81dd4b91d1aa356dee6", // apim300, at first wso2apim310 too
  "c6936d574026e0e474d57ec0883652f5abffc11f4458e2d51188577fadb4e305", // wso2apim310
  "80f154f2c82d4f5e8fb96a6374cc2310eb141bdcb168787cad9efa5b4407f385", // apim430
  // API Manager's own, as `wso2carbon`, of 2017, 2022, 2023 (two), 2025 and 2026; the original's successor, as `mg`.
  "eecb4d02dad4ac6b505353a7e21f4fb9a33fdcac92303ff0ff43e2190a84eaa0",
  "02e6217a58fe8ef0d191e30f6acf44cf08f47b4c18c6c64abdf2d487b48c0a00",
  "1b2429b16ef58301b74ff16253655ae85537e3a5bfd159085a5a8e23e5a3b22a",
  "9db36ba11a21dad55653727abce15d745793e891983fe7aadfce1b39e3b7c862",
  "30311c84503c955d084d9093c171b82dede7c6cb98ddd3da2b0201c2e0bc67f7",
  "ca5c9b54f9b6d39f396a1aaa7a780481393c1dfbb567cfacfb962e6a88ad6588",
  "f706b6d2f5d43b9c6bc2ffc8b3001e9080a7efce33657ae535bb6d993f638f26",
]);

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

/** Reports a stock certificate: its private key is public, so it vouches for everybody. `known` is there for tests. */
export function refuseKnownCertificate(
  settings: Settings,
  report: SettingsReport,
  key: string,
  alias: string,
  certificate: X509Certificate,
  known: ReadonlySet<string> = knownCertificates,
): void {
  if (known.has(certificate.fingerprint256.replaceAll(":", "").toLowerCase()))
    refuse(settings, report, key, `"${alias}" was shipped by the original, its private key too; remove or replace it`);
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
