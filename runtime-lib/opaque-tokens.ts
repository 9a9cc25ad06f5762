import type { Verified } from "./scheme.ts";

/** Says whom a bearer token belongs to that is no JWT. */
export interface OpaqueTokens {
  /** `token` is what follows the scheme's word: not empty, not looked at yet. Synchronous when the answer is at hand. */
  verify(token: string): Verified | Promise<Verified>;
  /** What a look-up alone can say: that it was vouched for, and still is. */
  known?(token: string): Verified | undefined;
}

/** Undefined: opaque tokens are refused like any token that nobody has issued (900901). */
export let opaqueTokens: OpaqueTokens | undefined;

/** Has opaque tokens judged by `source` from now on. */
export function acceptOpaqueTokens(source: OpaqueTokens | undefined): void {
  opaqueTokens = source;
}
