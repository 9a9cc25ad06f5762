import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import type { LoggedIdentity } from "./logged-identity.ts";

/** An authentication scheme as an API uses it. Made once, at start, by generated code. */
export interface Scheme {
  readonly kind: "jwt" | "basic" | "api-key" | "mutual-tls";
  /** What a 401 asks for because of it; absent: what its kind says. */
  readonly asksFor?: readonly Challenge[];
  /** Whether the request carries a credential of this kind. Decides between "missing" and "invalid". */
  present(x: Exchange): boolean;
  /** Verifies it. Synchronous wherever nothing waits: a cached token costs no promise. */
  verify(x: Exchange): Verified | Promise<Verified>;
  /** What a look-up alone can say of the credential: that it was verified before. Undefined: it was not, or is not kept. */
  known?(x: Exchange): Verified | undefined;
}

export type Verified = { readonly ok: true; readonly caller: Caller } | Failure;

/** A failed verification. `reason` is for the log and never holds a credential. */
export interface Failure extends LoggedIdentity {
  readonly ok: false;
  /** The original's code: 900901, 900911, 900912, 900900; 0 for "key source away" (503). */
  readonly code: number;
  /** The answer's status where the code does not say it: 503 with 900900 while another system is away. */
  readonly status?: number;
  readonly reason: string;
  /** What is wrong, where the challenge says more of it than the code does. */
  readonly flaw?: Flaw;
  /** Nothing was offered: not a failed log-in, and less than any other failure has to say. */
  readonly absent?: true;
  /** The scopes that are asked for, where one is missing. */
  readonly scopes?: readonly string[];
}

/** What a 401 can ask for. */
export type Challenge = "mutual-tls" | "dpop" | "oauth2" | "basic";

/** A certificate that is missing or wrong; for the others, RFC 9449 sections 7.1 and 9. */
export type Flaw = "certificate" | "invalid_dpop_proof" | "use_dpop_nonce";

/** The class of an auth header by its first word: `bearer`, `basic`, any other word, or none at all. */
export type HeaderClass = "bearer" | "basic" | "other" | "none";

const space = 0x20;

/**
 * Reads the scheme's word without case (S-SEL-12, done by word: a token may well contain "basic"). Only the word is
 * looked at, so that a cached token costs nothing more.
 */
export function classOf(value: string | undefined): HeaderClass {
  if (value === undefined || value === "") return "none";
  // `| 0x20` turns an ASCII capital into a small letter.
  if ((value.charCodeAt(0) | 0x20) !== 0x62) return value.trim() === "" ? "none" : "other";
  if (endsWord(value, 6) && value.slice(0, 6).toLowerCase() === "bearer") return "bearer";
  if (endsWord(value, 5) && value.slice(0, 5).toLowerCase() === "basic") return "basic";
  return "other";
}

function endsWord(value: string, length: number): boolean {
  return value.length === length || value.charCodeAt(length) === space;
}

/** What follows the scheme's word, blanks dropped at both ends. */
export function credentialOf(value: string): string {
  const end = value.indexOf(" ");
  return end < 0 ? "" : value.slice(end + 1).trim();
}
