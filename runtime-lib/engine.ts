import type { AddressInfo } from "node:net";
import type { TlsOptions } from "node:tls";

/** An HTTP engine: the listeners of one process. Handlers see its requests as `Exchange`. */
export interface Engine {
  readonly draining: boolean;
  /** Opens a listener; rejects with node's error when that fails. */
  listen(listener: ListenerOptions): Promise<AddressInfo>;
  /**
   * Stops accepting, lets requests in flight finish, and closes what is left after `graceMs`. Resolves to whether all
   * requests finished.
   */
  drain(graceMs: number): Promise<boolean>;
}

export interface ListenerOptions {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsOptions;
}
