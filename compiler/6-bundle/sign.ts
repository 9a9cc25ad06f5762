import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { basename } from "node:path/posix";
import { keyKind, payloadType, signBytes, signedBytes, statementOf } from "../verify/envelope.ts";
import { pemBlocks } from "../verify/pem.ts";
import { keyIdOf } from "../verify/signature.ts";
import { sha256 } from "./manifest.ts";
import type { OutputFile } from "./output-files.ts";

/** Who signs. */
export interface Signer {
  readonly key: KeyObject;
  /** The certificate of the key, and those that lead to an authority; empty: the key alone. */
  readonly certificates: readonly X509Certificate[];
}

/**
 * Reads a private key in PEM, with its certificate and further ones when they stand in the same file, in any order. A problem is
 * half a sentence: "it ...".
 */
export function readSigner(pem: string, password: string | undefined): Signer | { readonly problem: string } {
  const blocks = pemBlocks(pem);
  const keys = blocks.filter(({ label }) => label.endsWith("PRIVATE KEY"));
  const [block] = keys;
  if (block === undefined) return { problem: "it holds no private key in PEM" };
  if (keys.length > 1) return { problem: "it holds more than one private key" };
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: block.text, ...(password !== undefined && { passphrase: password }) });
  } catch {
    const isLocked = block.label.startsWith("ENCRYPTED") || block.text.includes("Proc-Type: 4,ENCRYPTED");
    if (!isLocked) return { problem: "its private key cannot be read" };
    return {
      problem: password === undefined ? "its private key needs a password" : "its private key has another password",
    };
  }
  const kind = keyKind(createPublicKey(key));
  if ("problem" in kind) return { problem: `its key ${kind.problem}` };
  let certificates: X509Certificate[];
  try {
    certificates = blocks.filter(({ label }) => label === "CERTIFICATE").map(({ text }) => new X509Certificate(text));
  } catch {
    return { problem: "it holds a certificate that cannot be read" };
  }
  if (certificates.length === 0) return { key, certificates };
  const own = certificates.find((each) => each.checkPrivateKey(key));
  if (own === undefined) return { problem: "none of its certificates is that of its private key" };
  return { key, certificates: [own, ...certificates.filter((each) => each !== own)] };
}

/** The signature of the files of a build, of which the bundle comes first: `<bundle>.sig`. */
export function signatureFile(files: readonly OutputFile[], { key, certificates }: Signer): OutputFile {
  const subjects = files.map(({ file, text }) => ({ name: basename(file), sha256: sha256(text) }));
  const statement = Buffer.from(statementOf(subjects), "utf8");
  const [own, ...others] = certificates.map((each) => Buffer.from(each.toString(), "latin1").toString("base64"));
  const envelope = {
    payloadType,
    payload: statement.toString("base64"),
    signatures: [
      {
        keyid: keyIdOf(createPublicKey(key)),
        sig: signBytes(signedBytes(payloadType, statement), key).toString("base64"),
        ...(own !== undefined && { certificate: own, intermediates: others }),
      },
    ],
  };
  return { file: `${files[0]?.file}.sig`, text: `${JSON.stringify(envelope, undefined, 2)}\n` };
}
