import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { readSigner, type Signer } from "../6-bundle/sign.ts";
import { CommandFailure, type Terminal } from "./command.ts";

/** Where the password of a private key may stand: never among the arguments, which everybody on a machine can see. */
export const passwordVariable = "CASTGATE_KEY_PASSWORD";

/** Reads the key that `--sign` names. `passwordFile`: a file with its password, else the environment may have it. */
export async function signerOf(file: string, passwordFile: string | undefined, terminal: Terminal): Promise<Signer> {
  const pem = await textOf(file, terminal);
  const password =
    passwordFile === undefined
      ? terminal.env[passwordVariable]
      : (await textOf(passwordFile, terminal)).replace(/\r?\n$/, "");
  const signer = readSigner(pem, password);
  if (!("problem" in signer)) {
    refuseEnded(file, signer);
    return signer;
  }
  const hint = signer.problem.endsWith("password")
    ? `give it in the environment as ${passwordVariable}, or in a file with --key-password-file`
    : "Ed25519, RSA of 2048 bits or more, or ECDSA: `openssl genpkey -algorithm ed25519 -out key.pem` makes a key";
  throw new CommandFailure(`${file} cannot sign: ${signer.problem}`, hint);
}

/** Whoever verifies judges certificates by the time at which that is done: a signature by this one would be good for nobody. */
function refuseEnded(file: string, { certificates: [own] }: Signer): void {
  if (own === undefined || Date.parse(own.validTo) >= Date.now()) return;
  throw new CommandFailure(
    `${file} cannot sign: its certificate was valid until ${new Date(own.validTo).toISOString()}`,
    "sign with a certificate that is valid now, or with the key alone",
  );
}

/** A file that the user named. */
export async function textOf(file: string, terminal: Terminal): Promise<string> {
  try {
    return await readFile(resolve(terminal.folder, file), "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new CommandFailure(`${file} cannot be read: ${readable[code ?? ""] ?? code}`);
  }
}

/** Why a file cannot be read, by the code of the error. */
export const readable: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOENT: "there is no such file",
};
