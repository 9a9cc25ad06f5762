import type { HandedOver } from "../backend.ts";
import { clock } from "./sweep.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** What is known of a tunnel once it is closed. */
export interface TunnelEnd {
  /** Who ended it: the first whose end or loss was seen, the time limit, or the gateway because it stops. */
  readonly by: "client" | "backend" | "idle" | "gateway";
  /** Bytes that came from each. */
  readonly fromClient: number;
  readonly fromBackend: number;
}

/**
 * The connections of a client and of a backend that have left HTTP together: bytes pass both ways as they come, and no faster
 * than the other side takes them. An end passes, too, and the other way stays open; a loss ends both.
 */
export class Tunnel {
  readonly client: Side = new Side(this, "client");
  readonly backend: Side = new Side(this, "backend");
  readonly #idleMs: number;
  readonly #onEnd: (end: TunnelEnd) => void;
  #by: TunnelEnd["by"] | undefined;
  #isOver = false;
  #progress = -1;
  #progressAt = 0;

  constructor(idleMs: number, onEnd: (end: TunnelEnd) => void) {
    this.#idleMs = idleMs;
    this.#onEnd = onEnd;
  }

  /** Both were handed over to the two sides: what they had read already goes first. */
  join(client: HandedOver, backend: HandedOver): void {
    this.client.transport = client.transport;
    this.backend.transport = backend.transport;
    this.client.other = this.backend;
    this.backend.other = this.client;
    for (const [side, { unread, ended }] of [
      [this.client, client],
      [this.backend, backend],
    ] as const) {
      if (unread.length > 0) side.onRead(unread, unread.length);
      if (ended) side.onEnd();
    }
  }

  /** Looks at the time limit. */
  sweep(): void {
    const { client, backend } = this;
    const written = (client.transport?.bytesWritten ?? 0) + (backend.transport?.bytesWritten ?? 0);
    const progress = client.bytes + backend.bytes + written;
    if (progress !== this.#progress) {
      this.#progress = progress;
      this.#progressAt = clock.now;
    } else if (clock.now - this.#progressAt >= this.#idleMs) {
      this.endedBy("idle");
      client.transport?.destroy();
      backend.transport?.destroy();
    }
  }

  /** The first who says so. */
  endedBy(who: TunnelEnd["by"]): void {
    this.#by ??= who;
  }

  /** Nothing passes any more. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd({ by: this.#by ?? "gateway", fromClient: this.client.bytes, fromBackend: this.backend.bytes });
  }
}

/** One of its connections. */
class Side implements TransportOwner {
  transport: Transport | undefined;
  other: Side | undefined;
  /** That came from it. */
  bytes = 0;
  closed = false;
  readonly #tunnel: Tunnel;
  readonly #name: "client" | "backend";
  #ended = false;

  constructor(tunnel: Tunnel, name: "client" | "backend") {
    this.#tunnel = tunnel;
    this.#name = name;
  }

  onRead(bytes: Buffer, length: number): void {
    this.bytes += length;
    const chunk = length === bytes.length ? bytes : bytes.subarray(0, length);
    if (this.other?.transport?.writeCopy(chunk) === false) this.transport?.pause();
  }

  onDrain(): void {
    this.other?.transport?.resume();
  }

  onEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#tunnel.endedBy(this.#name);
    this.other?.transport?.end();
  }

  onClosed(error: Error | undefined): void {
    this.closed = true;
    if (error !== undefined) this.#tunnel.endedBy(this.#name);
    const other = this.other;
    // Both have ended it: what is still on its way to the other one arrives.
    if (this.#ended && other?.ended === true && !other.closed) return;
    if (other?.closed === false) {
      if (error === undefined) other.transport?.destroy();
      // What it has is not whole.
      else other.transport?.reset();
    }
    this.#tunnel.over();
  }

  get ended(): boolean {
    return this.#ended;
  }

  sweep(): void {
    this.#tunnel.sweep();
  }
}
