import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Subject } from "../verify/envelope.ts";
import { checkSignature, type SignatureCode } from "../verify/signature.ts";
import { readTrusted } from "../verify/trust.ts";
import { CommandFailure, type Terminal } from "./command.ts";
import { textOf } from "./signing-key.ts";

/** Why a signature does not count, or what is not as it was signed. */
export interface SignatureFinding {
  readonly code: SignatureCode | "signed-file-changed";
  readonly message: string;
  readonly hint: string;
}

/** Who has signed a bundle, and which of the files that were signed with it are beside it. */
export interface SignatureReport {
  readonly findings: readonly SignatureFinding[];
  readonly signer: string | undefined;
  /** As they are called here. */
  readonly files: readonly string[];
}

const hints: Readonly<Record<SignatureFinding["code"], string>> = {
  "signature-missing": "`castgate compile --sign KEY` writes it; it goes wherever the bundle goes",
  "signature-unreadable": "take the signature that came with the bundle",
  "signature-untrusted": "if you trust that key, give it with --key; else do not run this bundle",
  "signature-wrong": "do not run this bundle; get it again, together with its signature",
  "certificate-expired":
    "sign with a certificate that is valid; --at TIME judges for another time, if you know when it was signed",
  "certificate-untrusted":
    "if you trust its authority, or itself, give that certificate with --key; else do not run this bundle",
  "signed-file-changed": "do not run this bundle; get it again, with the files that were signed with it",
};

/** Checks `<bundle>.sig` with the keys and certificates in a PEM file. `path`: of the bundle. Throws `CommandFailure`. */
export async function verifySignature(
  path: string,
  keyFile: string,
  time: Date,
  terminal: Terminal,
): Promise<SignatureReport> {
  const trusted = readTrusted(await textOf(keyFile, terminal));
  if ("problem" in trusted) throw new CommandFailure(`${keyFile} cannot be used to verify: ${trusted.problem}`);
  const signature = await readFile(`${path}.sig`, "utf8").catch(() => undefined);
  if (signature === undefined)
    return failed("signature-missing", `there is no signature: ${basename(path)}.sig is not beside the bundle`);
  const result = checkSignature(signature, trusted, time);
  if ("code" in result) return failed(result.code, result.message);
  const files: string[] = [];
  const findings: SignatureFinding[] = [];
  for (const [index, subject] of result.subjects.entries()) {
    const file = index === 0 ? path : besides(path, result.subjects[0] as Subject, subject);
    const found = file === undefined ? undefined : await digestOf(file);
    // The bundle is what runs: what stood beside it need not have come along.
    if (file === undefined || found === undefined) continue;
    files.push(basename(file));
    if (found === subject.sha256) continue;
    const message = `${basename(file)} is not as it was signed: it was changed, or is of another build`;
    findings.push({ code: "signed-file-changed", message, hint: hints["signed-file-changed"] });
  }
  return { findings, signer: result.signer, files };
}

function failed(code: SignatureCode, message: string): SignatureReport {
  return { findings: [{ code, message, hint: hints[code] }], signer: undefined, files: [] };
}

/** Where a file of the build is now: the bundle may have got another name since. */
function besides(path: string, bundle: Subject, subject: Subject): string | undefined {
  const stem = bundle.name.replace(/\.cjs$/, "");
  const ending = subject.name.startsWith(stem) ? subject.name.slice(stem.length) : "";
  return /^\.[a-z]+\.json$/.test(ending) ? path.replace(/\.cjs$/, "") + ending : undefined;
}

async function digestOf(file: string): Promise<string | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes && createHash("sha256").update(bytes).digest("hex");
}
