import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { type ForwardProxy, openTunnel } from "../forward-proxy.ts";
import { type ConnectingOwner, secureTransport, type Transport } from "./transport.ts";

/** TLS through a tunnel of a proxy. */
export interface TunnelOptions {
  readonly proxy: ForwardProxy;
  /** `host:port` of who is at the other end. */
  readonly authority: string;
  /** For the tunnel. */
  readonly timeoutMs: number;
  /** With the host's name in it: that of the socket is the proxy's. */
  readonly tls: ConnectionOptions;
}

/** As `connectTransport`. Nothing can be written before it is connected. */
export function tunnelTransport(options: TunnelOptions, owner: ConnectingOwner): Transport {
  return new TunnelTransport(options, owner);
}

class TunnelTransport implements Transport {
  readonly #owner: ConnectingOwner;
  readonly #cancel: () => void;
  /** Undefined: the tunnel is not open. */
  #inner: Transport | undefined;
  #closed = false;

  constructor({ proxy, authority, timeoutMs, tls }: TunnelOptions, owner: ConnectingOwner) {
    this.#owner = owner;
    this.#cancel = openTunnel(proxy, authority, timeoutMs, (error, tunnel) => this.#onTunnel(error, tunnel, tls));
  }

  #onTunnel(error: Error | undefined, tunnel: Socket | undefined, tls: ConnectionOptions): void {
    if (tunnel !== undefined) this.#inner = secureTransport(tunnel, tls, this.#owner);
    else this.#close(error);
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.onClosed(error);
  }

  get remoteAddress(): string {
    return this.#inner?.remoteAddress ?? "";
  }

  get bytesRead(): number {
    return this.#inner?.bytesRead ?? 0;
  }

  get bytesWritten(): number {
    return this.#inner?.bytesWritten ?? 0;
  }

  get unsent(): number {
    return this.#inner?.unsent ?? 0;
  }

  get alive(): boolean {
    return this.#inner?.alive ?? !this.#closed;
  }

  write(text: string): boolean {
    return this.#inner?.write(text) ?? true;
  }

  writeBytes(bytes: Buffer): boolean {
    return this.#inner?.writeBytes(bytes) ?? true;
  }

  writeCopy(bytes: Uint8Array, before?: string, after?: string): boolean {
    return this.#inner?.writeCopy(bytes, before, after) ?? true;
  }

  end(): void {
    if (this.#inner === undefined) this.destroy();
    else this.#inner.end();
  }

  destroy(): void {
    if (this.#inner !== undefined) return this.#inner.destroy();
    this.#cancel();
    process.nextTick(() => this.#close(undefined));
  }

  reset(): void {
    if (this.#inner === undefined) this.destroy();
    else this.#inner.reset();
  }

  pause(): void {
    this.#inner?.pause();
  }

  resume(): void {
    this.#inner?.resume();
  }
}
