import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";

/** An authentication scheme as an API uses it. Made once, at start, by generated code. */
export interface Scheme {
  readonly kind: "jwt" | "basic" | "api-key";
  /** Whether the request carries a credential of this kind. Decides between "missing" and "invalid". */
  present(x: Exchange): boolean;
  /** Verifies it. Synchronous wherever nothing waits: a cached token costs no promise. */
  verify(x: Exchange): Verified | Promise<Verified>;
}

export type Verified = { readonly ok: true; readonly caller: Caller } | Failure;

/** A failed verification. `reason` is for the log and never holds a credential. */
export interface Failure {
  readonly ok: false;
  /** The original's code: 900901, 900911, 900912, 900900; 0 for "key source away" (503). */
  readonly code: number;
  readonly reason: string;
}
