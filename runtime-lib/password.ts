import { createHash, randomBytes, scrypt as scryptCallback, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const scrypt: (
  password: Buffer,
  salt: Buffer,
  length: number,
  options: { N: number; r: number; p: number; maxmem: number },
) => Promise<Buffer> = promisify(scryptCallback);

/** A stored password, never the password itself. */
export type StoredPassword =
  /** The original's forms (S-BAS-02), read but not written: without salt, and fast to guess. */
  | { readonly form: "sha1" | "sha256" | "sha384" | "sha512"; readonly hash: Buffer }
  | {
      readonly form: "scrypt";
      readonly ln: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    };

const lengths = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;

/**
 * Reads 40 hex digits (SHA-1), `@sha256:{...}`, `@sha384:{...}`, `@sha512:{...}`, or the PHC string
 * `$scrypt$ln=15,r=8,p=1$salt$hash` with base64 without padding. Undefined: none of these, or parameters that are too
 * weak (ln below 10) or would cost more than 256 MiB.
 */
export function parsePassword(text: string): StoredPassword | undefined {
  const [, algorithm = "sha1", braced, bare] =
    /^(?:@(sha256|sha384|sha512):\{([0-9a-f]+)\}|([0-9a-f]{40}))$/i.exec(text) ?? [];
  const hex = braced ?? bare;
  if (hex !== undefined) {
    const form = algorithm.toLowerCase() as keyof typeof lengths;
    return hex.length === 2 * lengths[form] ? { form, hash: Buffer.from(hex, "hex") } : undefined;
  }
  const found = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/.exec(
    text,
  );
  if (found === null) return undefined;
  const [ln, r, p] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (ln < 10 || ln > 20 || r < 1 || p < 1 || p > 16 || 128 * r * 2 ** ln > maxMemory) return undefined;
  return {
    form: "scrypt",
    ln,
    r,
    p,
    salt: Buffer.from(found[4] as string, "base64"),
    hash: Buffer.from(found[5] as string, "base64"),
  };
}

const maxMemory = 256 * 1024 * 1024;

/** A new PHC string for a password: scrypt with N = 2^15, r = 8, p = 1 and 16 random bytes of salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await scrypt(Buffer.from(password), salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 * maxMemory });
  return `$scrypt$ln=15,r=8,p=1$${unpadded(salt)}$${unpadded(hash)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

/** Whether it is the password; compared in constant time. Only scrypt takes a promise: it works off the event loop. */
export function matches(stored: StoredPassword, password: Buffer): boolean | Promise<boolean> {
  if (stored.form !== "scrypt") return timingSafeEqual(createHash(stored.form).update(password).digest(), stored.hash);
  return matchesScrypt(stored, password);
}

async function matchesScrypt(stored: StoredPassword & { form: "scrypt" }, password: Buffer): Promise<boolean> {
  const { ln, r, p, salt, hash } = stored;
  // Node counts a little more than 128 * N * r against maxmem.
  const made = await scrypt(password, salt, hash.length, { N: 2 ** ln, r, p, maxmem: 2 * maxMemory });
  return timingSafeEqual(made, hash);
}
