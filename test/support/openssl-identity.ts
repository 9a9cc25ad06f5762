import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Key and certificate as PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate of a kind of key that only the command openssl makes, as `-newkey` names it: `ec`, `rsa:1024`. */
export function opensslIdentity(folder: string, newKey: string, ...more: readonly string[]): Identity {
  const key = join(folder, "made.key");
  const cert = join(folder, "made.crt");
  const words = ["req", "-x509", "-newkey", newKey, "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=made"];
  execFileSync("openssl", [...words, ...more], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

/** The words for an elliptic curve: `prime256v1`, `secp384r1`. */
export function onCurve(name: string): readonly string[] {
  return ["-pkeyopt", `ec_paramgen_curve:${name}`];
}
