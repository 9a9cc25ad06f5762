import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noteKey } from "./secret-watch.ts";

/** Key and certificate of somebody, as PEM. */
export interface Party {
  readonly name: string;
  readonly key: string;
  readonly cert: string;
}

export interface PartyOptions {
  /** Who issues the certificate; absent: it is signed by its own key. */
  readonly issuer?: Party;
  /** Lines of openssl's configuration of extensions. */
  readonly extensions?: readonly string[];
  /** Of the certificate, as openssl names it. */
  readonly digest?: string;
  /** Days from now until it ends; below zero: it has ended. */
  readonly days?: number;
  /** What `openssl genpkey` is asked for. */
  readonly algorithm?: readonly string[];
  /** Of the subject, in openssl's form. */
  readonly subject?: string;
}

export const ed25519 = ["-algorithm", "ed25519"];
export const rsa = ["-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"];

export function onCurve(name: string): readonly string[] {
  return ["-algorithm", "ec", "-pkeyopt", `ec_paramgen_curve:${name}`];
}

export const authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
export const codeSigner = ["keyUsage=critical,digitalSignature", "extendedKeyUsage=codeSigning"];

/** A private key as PEM, and its public key, made by openssl. */
export function keyPair(folder: string, algorithm: readonly string[] = ed25519): { key: string; publicKey: string } {
  const file = join(folder, "pair.key");
  openssl(["genpkey", ...algorithm, "-out", file]);
  const key = readFileSync(file, "utf8");
  noteKey(key);
  return { key, publicKey: openssl(["pkey", "-in", file, "-pubout"]) };
}

/** Somebody with a certificate, made by openssl. */
export function party(folder: string, name: string, options: PartyOptions = {}): Party {
  const {
    issuer,
    extensions = [],
    digest = "sha256",
    days = 2,
    algorithm = ed25519,
    subject = `/CN=${name}`,
  } = options;
  const at = (ending: string) => join(folder, `party.${ending}`);
  const { key } = keyPair(folder, algorithm);
  writeFileSync(at("key"), key);
  writeFileSync(at("ext"), extensions.map((line) => `${line}\n`).join(""));
  openssl(["req", "-new", "-key", at("key"), "-subj", subject, "-utf8", "-out", at("csr")]);
  if (issuer !== undefined) {
    writeFileSync(at("ca.key"), issuer.key);
    writeFileSync(at("ca.crt"), issuer.cert);
  }
  const by =
    issuer === undefined ? ["-signkey", at("key")] : ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial"];
  // Of Ed25519 the digest is fixed.
  const hash = (issuer?.key ?? key).length > 200 ? [`-${digest}`] : [];
  openssl([
    "x509",
    "-req",
    "-in",
    at("csr"),
    ...by,
    ...hash,
    "-days",
    `${days}`,
    "-extfile",
    at("ext"),
    "-out",
    at("crt"),
  ]);
  return { name, key, cert: readFileSync(at("crt"), "utf8") };
}

/** Runs openssl and hands out what it printed. */
export function openssl(words: readonly string[]): string {
  return execFileSync("openssl", [...words], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
