import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { Connection } from "../../runtime-lib/wire/connection.ts";

/** A server's end of a connection. */
export interface ServerEnd {
  readonly bytesRead: number;
  readonly destroyed: boolean;
}

/**
 * The servers' ends of all connections within this process, by the address of the client, of which each connection has its
 * own. They tell what was read: a piece that is written after that is a read of its own. The wire engine takes sockets
 * apart, so its connections are counted where bytes are handed to them.
 */
export class ServerEnds {
  readonly #ends = new Map<string, ServerEnd>();
  readonly #methods = { onRead: Connection.prototype.onRead, onClosed: Connection.prototype.onClosed };
  readonly #onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    // Without an address its handle is gone: the wire engine has it.
    if (socket.remoteAddress !== undefined) this.#ends.set(socket.remoteAddress, socket);
  };

  constructor() {
    subscribe("net.server.socket", this.#onSocket);
    const ends = this.#ends;
    const counts = new WeakMap<Connection, { bytesRead: number; destroyed: boolean }>();
    const { onRead, onClosed } = this.#methods;
    Connection.prototype.onRead = function (this: Connection, bytes, length) {
      let end = counts.get(this);
      if (end === undefined) {
        end = { bytesRead: 0, destroyed: false };
        counts.set(this, end);
        ends.set(this.address, end);
      }
      end.bytesRead += length;
      onRead.call(this, bytes, length);
    };
    Connection.prototype.onClosed = function (this: Connection, error) {
      const end = counts.get(this);
      if (end !== undefined) end.destroyed = true;
      onClosed.call(this, error);
    };
  }

  /** Undefined: no byte was read yet. */
  of(address: string): ServerEnd | undefined {
    return this.#ends.get(address);
  }

  forget(address: string): void {
    this.#ends.delete(address);
  }

  /** Watches no longer. */
  close(): void {
    unsubscribe("net.server.socket", this.#onSocket);
    Object.assign(Connection.prototype, this.#methods);
  }
}
