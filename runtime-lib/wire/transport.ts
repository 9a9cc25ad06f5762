import { connect as connectPlain, type LookupFunction, Socket, type TcpNetConnectOpts } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { nodeTls } from "../node-tls.ts";
import { resetSocket } from "../reset-socket.ts";
import { readBuffer } from "./read-buffer.ts";
import { copied, giveBack } from "./slabs.ts";

/**
 * Bytes to and from a peer. All that the wire engine knows of sockets stands here: parsers, exchanges and pools see a
 * `Transport`.
 */

export { readBuffer };

/** Who uses a transport. Nothing is called before the function that made the transport has returned. */
export interface TransportOwner {
  /** Bytes 0 to `length` of `bytes` came; they are valid during the call. */
  onRead(bytes: Buffer, length: number): void;
  /** The peer sends no more; it can still be written to. */
  onEnd(): void;
  /** All is written after a write had returned false. */
  onDrain(): void;
  /** Nothing comes after this. Exactly once, whoever closed it; `error` is why it broke, if it did. */
  onClosed(error: Error | undefined): void;
}

/** Who has a connection that is no longer HTTP. */
export interface Taker extends TransportOwner {
  /** Looks at its time limits. */
  sweep?(): void;
}

/** Of a transport that connects. Its failure is `onClosed`, its time limit the owner's `destroy`. */
export interface ConnectingOwner extends TransportOwner {
  /** Connected, with TLS: the peer proved itself. */
  onConnected(): void;
  /** With TLS: what another connection to the same peer can resume. */
  onSession?(session: Buffer): void;
}

export interface Transport {
  /** The peer's address; "" when it is gone already. */
  readonly remoteAddress: string;
  /** Bytes on the socket so far, to notice progress. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes that were written and that the kernel has not taken yet. */
  readonly unsent: number;
  /** False as soon as it broke or was closed, which `onClosed` tells at the end of the turn only. */
  readonly alive: boolean;
  /** Writes latin1. False: what is not sent yet adds up, wait for `onDrain`. Ignored after `end` or `destroy`. */
  write(text: string): boolean;
  /** As `write`; the bytes must stay as they are until they are sent. */
  writeBytes(bytes: Buffer): boolean;
  /** As `write`, for bytes that are lent: what cannot be kept is copied. Text of latin1 may stand around them. */
  writeCopy(bytes: Uint8Array, before?: string, after?: string): boolean;
  /** Sends what was written, then the end. The peer can still send. */
  end(): void;
  /** Closes now; what is not sent is lost. */
  destroy(): void;
  /** As `destroy`, and tells the peer that what it has is not whole. */
  reset(): void;
  /** Stops reading: the peer is slowed down by TCP. */
  pause(): void;
  resume(): void;
}

/** Where to connect to. */
export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** Finds the host's addresses; unless given, as node:net does. */
  readonly lookup?: LookupFunction | undefined;
  /** TLS with these; undefined: plain. */
  readonly tls?: ConnectionOptions | undefined;
}

/** Another way to carry plain connections. */
export interface PlainTransports {
  /** As `acceptTransport`. Undefined: not this socket, which is as it was. */
  accept(socket: Socket, owner: TransportOwner): Transport | undefined;
  /** As `connectTransport`. */
  connect(options: ConnectOptions, owner: ConnectingOwner): Transport;
}

let plainTransports: PlainTransports | undefined;

/** Plain connections that begin from now on are carried so; undefined: by node:net. */
export function usePlainTransports(transports: PlainTransports | undefined): void {
  plainTransports = transports;
}

/**
 * Takes an accepted socket over: use only the transport afterwards. The server has `allowHalfOpen` and, if it is a plain
 * one, `pauseOnConnect`. Plain sockets read into `readBuffer` where Node allows it, else as streams do.
 */
export function acceptTransport(accepted: Socket | TLSSocket, owner: TransportOwner): Transport {
  const other = plainTransports?.accept(accepted, owner);
  if (other !== undefined) return other;
  const transport = new SocketTransport(owner);
  const socket = rewrapped(accepted, transport) ?? accepted;
  socket.setNoDelay(true);
  transport.attach(socket);
  return transport;
}

/** Until TCP asks an idle peer whether it is still there. */
const keepAliveDelayMs = 60_000;

/** Starts to connect. What is written before `onConnected` is sent then. */
export function connectTransport(options: ConnectOptions, owner: ConnectingOwner): Transport {
  const { host, port, lookup, tls } = options;
  if (tls === undefined && plainTransports !== undefined) return plainTransports.connect(options, owner);
  const transport = new SocketTransport(owner);
  const plain = { host, port, allowHalfOpen: true, noDelay: true, ...(lookup === undefined ? {} : { lookup }) };
  const socket =
    tls === undefined
      ? connectPlain(sharedReads ? ({ ...plain, onread: transport.reads() } as TcpNetConnectOpts) : plain)
      : nodeTls().connect({ ...plain, ...tls } as ConnectionOptions);
  // A peer that vanished without a word is noticed.
  socket.setKeepAlive(true, keepAliveDelayMs);
  socket.once(tls === undefined ? "connect" : "secureConnect", () => owner.onConnected());
  if (owner.onSession !== undefined) socket.on("session", (session: Buffer) => owner.onSession?.(session));
  transport.attach(socket);
  return transport;
}

/** TLS over a connection that is there already. */
export function secureTransport(tunnel: Socket, tls: ConnectionOptions, owner: ConnectingOwner): Transport {
  const transport = new SocketTransport(owner);
  const socket = nodeTls().connect({ ...tls, socket: tunnel, allowHalfOpen: true } as ConnectionOptions);
  tunnel.setNoDelay(true);
  tunnel.setKeepAlive(true, keepAliveDelayMs);
  socket.once("secureConnect", () => owner.onConnected());
  if (owner.onSession !== undefined) socket.on("session", (session: Buffer) => owner.onSession?.(session));
  transport.attach(socket);
  return transport;
}

/** Windows reads in the background into the buffers of all sockets at once, so there they cannot share one. */
const sharedReads = process.platform !== "win32";

/** What is not public of an accepted socket. */
interface Internals {
  _handle?: { useUserBuffer?: unknown; readStop?: unknown; constructor: { name: string } } | null;
  server?: unknown;
  _server?: unknown;
}

/**
 * `createServer` has no `onread`, so a second socket with it is put on the handle of the first: 1.7 us less a request. This
 * is not documented: wherever anything looks different, undefined. (If Node ever ignores `onread` here, bytes come as
 * `data` events, which the transport takes as well.)
 */
function rewrapped(accepted: Socket, transport: SocketTransport): Socket | undefined {
  const old = accepted as unknown as Internals;
  const handle = old._handle;
  if (!sharedReads || handle?.constructor.name !== "TCP" || typeof handle.useUserBuffer !== "function")
    return undefined;
  // A socket that reads already may hold bytes; one with a count of connections must hand it on.
  if (accepted.readableFlowing !== false || accepted.readableLength > 0 || !("_server" in old)) return undefined;
  const socket = new Socket({ handle, allowHalfOpen: true, onread: transport.reads() } as object);
  const made = socket as unknown as Internals;
  if (made._handle !== handle) return undefined;
  // The server counts its open connections by these.
  made.server = old.server;
  made._server = old._server;
  old._handle = null;
  old._server = null;
  return socket;
}

/** On a socket of node:net or node:tls. */
class SocketTransport implements Transport {
  readonly #owner: TransportOwner;
  #socket!: Socket;
  #error: Error | undefined;
  #ended = false;
  /** Copies that Node or the kernel may still read. */
  #held: Buffer[] = [];

  constructor(owner: TransportOwner) {
    this.#owner = owner;
  }

  /** Node's `onread`: into the buffer that all share. */
  reads(): { buffer: Buffer; callback: (length: number) => boolean } {
    const owner = this.#owner;
    return {
      buffer: readBuffer,
      callback: (length) => {
        owner.onRead(readBuffer, length);
        return true;
      },
    };
  }

  attach(socket: Socket): void {
    const owner = this.#owner;
    this.#socket = socket;
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    socket.on("end", () => owner.onEnd());
    socket.on("drain", () => {
      if (this.#held.length > 0 && socket.writableLength === 0 && !socket.destroyed) this.#release();
      owner.onDrain();
    });
    if (socket.closed) process.nextTick(() => owner.onClosed(undefined));
    else socket.once("close", () => owner.onClosed(this.#error));
    socket.on("data", (chunk: Buffer) => owner.onRead(chunk, chunk.length));
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  get alive(): boolean {
    return !this.#socket.destroyed;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  get unsent(): number {
    return this.#socket.destroyed ? 0 : this.#socket.writableLength;
  }

  write(text: string): boolean {
    if (this.#ended || text === "") return true;
    return this.#socket.write(text, "latin1");
  }

  writeBytes(bytes: Buffer): boolean {
    if (this.#ended || bytes.length === 0) return true;
    return this.#socket.write(bytes);
  }

  writeCopy(bytes: Uint8Array, before = "", after = ""): boolean {
    if (this.#ended || bytes.length === 0) return true;
    const socket = this.#socket;
    if (this.#held.length > 0 && socket.writableLength === 0 && !socket.destroyed) this.#release();
    const copy = copied(before, bytes, after);
    const more = socket.write(copy);
    // What is written at once, the kernel has.
    if (socket.writableLength === 0) giveBack(copy);
    else this.#held.push(copy);
    return more;
  }

  /** All that was written is sent. */
  #release(): void {
    for (const copy of this.#held) giveBack(copy);
    this.#held = [];
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.end();
  }

  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  reset(): void {
    this.#ended = true;
    resetSocket(this.#socket);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}
