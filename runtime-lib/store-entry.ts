import type { KeyObject, X509Certificate } from "node:crypto";

/** One entry of a key or trust store of any format. */
export interface StoreEntry {
  /** Lower case: aliases are compared without case, as Java's stores do. */
  readonly alias: string;
  readonly key: KeyObject | undefined;
  /** For a key: its certificate first, then the chain. */
  readonly certificates: readonly X509Certificate[];
}

/** A store that cannot be used. The message is for the operator and holds no secret. */
export class StoreError extends Error {
  override name = "StoreError";
}
