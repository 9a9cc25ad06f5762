import { connect, Socket } from "node:net";
import { getSystemErrorName } from "node:util";
import { readBuffer } from "./read-buffer.ts";
import { copied, giveBack } from "./slabs.ts";
import type { ConnectingOwner, ConnectOptions, PlainTransports, Transport, TransportOwner } from "./transport.ts";

/**
 * Plain connections on libuv's handles, without node:net's streams around each read and write. `node:net` still listens,
 * connects and accepts; once there is a connection its handle is taken away from it. Nothing of this is public: `openHandles`
 * looks whether everything is there and behaves as it must.
 */

/** What libuv does for a connection. Numbers that are returned are 0 or an error's, which is negative. */
interface Handle {
  onread: () => void;
  /** Of net.Socket: it reads from it already. */
  reading?: boolean;
  /** Bytes that were written and that the kernel has not taken yet. */
  readonly writeQueueSize: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeLatin1String(request: WriteRequest, text: string): number;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  shutdown(request: ShutdownRequest): number;
  getpeername(found: { address?: string }): number;
  reset(done: () => void): number;
  close(done: () => void): void;
}

interface WriteRequest {
  oncomplete: (status: number) => void;
  /** Bytes that libuv reads from. */
  bytes?: Uint8Array;
}

interface ShutdownRequest {
  oncomplete: (status: number) => void;
}

interface Internals {
  readonly Tcp: new (type: number) => Handle;
  readonly socketType: number;
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  /** Where calls leave what they do not return, at the indexes below. */
  readonly state: Int32Array;
  /** Bytes that were read, or an error's number. */
  readonly readAt: number;
  /** Not 0: the last write is not done, its request will tell. */
  readonly asyncAt: number;
}

/** The same on all platforms. */
const endOfFile = -4095;

/** Until TCP asks an idle peer whether it is still there. */
const keepAliveDelayMs = 60_000;

/** Plain transports on handles; a text says what of Node is not as expected. */
export function openHandles(): PlainTransports | string {
  // All sockets of Windows have reads under way at once, so they cannot share a buffer.
  if (process.platform === "win32") return "not on Windows";
  let internals: Internals;
  try {
    internals = findInternals();
    probe(internals);
  } catch (error) {
    return (error as Error).message;
  }
  return {
    accept: (socket, owner) => {
      const handle = detach(socket, internals);
      if (handle === undefined) return undefined;
      const transport = new HandleTransport(internals, owner);
      transport.attach(handle, socket);
      return transport;
    },
    connect: (options, owner) => connectHandle(internals, options, owner),
  };
}

function findInternals(): Internals {
  const streams = binding("stream_wrap");
  const tcp = binding("tcp_wrap");
  return {
    Tcp: tcp.TCP as Internals["Tcp"],
    socketType: (tcp.constants as { SOCKET: number }).SOCKET,
    WriteWrap: streams.WriteWrap as Internals["WriteWrap"],
    ShutdownWrap: streams.ShutdownWrap as Internals["ShutdownWrap"],
    state: streams.streamBaseState as Int32Array,
    readAt: streams.kReadBytesOrError as number,
    asyncAt: streams.kLastWriteWasAsync as number,
  };
}

/** One of Node's own modules. That this is deprecated is known here, and nothing that a user could change. */
function binding(name: string): Record<string, unknown> {
  const own = process as unknown as { binding?(name: string): Record<string, unknown>; noDeprecation?: boolean };
  const { noDeprecation } = own;
  own.noDeprecation = true;
  try {
    if (typeof own.binding !== "function") throw new Error("process.binding is gone");
    return own.binding(name);
  } finally {
    if (noDeprecation === undefined) delete own.noDeprecation;
    else own.noDeprecation = noDeprecation;
  }
}

/** Throws unless all is there that is used, and does what can be seen of it without a connection. */
function probe(internals: Internals): void {
  const { Tcp, socketType, WriteWrap, ShutdownWrap, state, readAt, asyncAt } = internals;
  expect(state instanceof Int32Array, "streamBaseState");
  for (const index of [readAt, asyncAt]) {
    expect(Number.isInteger(index) && index >= 0 && index < state.length, "indexes of streamBaseState");
  }
  expect(readAt !== asyncAt, "indexes of streamBaseState");
  expect(typeof Tcp === "function" && Number.isInteger(socketType), "TCP");
  expect(typeof WriteWrap === "function", "WriteWrap");
  expect(typeof ShutdownWrap === "function", "ShutdownWrap");
  expect(getSystemErrorName(endOfFile) === "EOF", "EOF");
  const handle = new Tcp(socketType);
  expect(typeof handle.close === "function", "close");
  try {
    for (const name of ["reset", "getpeername", "readStop"] as const) {
      expect(typeof handle[name] === "function", name);
    }
    for (const name of ["writeQueueSize", "bytesRead", "bytesWritten"] as const) expect(handle[name] === 0, name);
    handle.useUserBuffer(readBuffer);
    const onread = () => undefined;
    handle.onread = onread;
    expect(handle.onread === onread, "onread");
    // It is not connected, so each of these says so.
    expect(handle.readStart() < 0, "readStart");
    state[asyncAt] = 1;
    expect(handle.writeLatin1String(new WriteWrap(), "x") < 0 && state[asyncAt] === 0, "writeLatin1String");
    state[asyncAt] = 1;
    expect(handle.writeBuffer(new WriteWrap(), Buffer.from("x")) < 0 && state[asyncAt] === 0, "writeBuffer");
    expect(handle.shutdown(new ShutdownWrap()) < 0, "shutdown");
    const socket = new Socket({ handle, manualStart: true } as object) as unknown as { _handle: unknown };
    expect(socket._handle === handle, "handle of a socket");
  } finally {
    handle.close(() => undefined);
  }
}

function expect(held: boolean, what: string): void {
  if (!held) throw new Error(`${what}: not as expected`);
}

/** Takes the handle away from a socket that has read nothing and has nothing to write. Undefined: not from this one. */
function detach(socket: Socket, { Tcp }: Internals): Handle | undefined {
  const holder = socket as unknown as { _handle?: unknown };
  const handle = holder._handle;
  if (!(handle instanceof Tcp) || handle.reading === true) return undefined;
  if (socket.readableFlowing !== false || socket.readableLength > 0 || socket.writableLength > 0) return undefined;
  holder._handle = null;
  return handle;
}

function connectHandle(internals: Internals, options: ConnectOptions, owner: ConnectingOwner): Transport {
  const { host, port, lookup } = options;
  const found = lookup === undefined ? {} : { lookup };
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, ...found });
  socket.pause();
  socket.setKeepAlive(true, keepAliveDelayMs);
  const transport = new HandleTransport(internals, owner);
  transport.connecting = socket;
  let failure: Error | undefined;
  socket.on("error", (error) => {
    failure ??= error;
  });
  const closed = () => owner.onClosed(failure);
  socket.once("close", closed);
  socket.once("connect", () => {
    const handle = detach(socket, internals);
    // Cannot be, after the probe; who waits for the connection would be told.
    if (handle === undefined) return void socket.destroy(new Error("the socket has no handle"));
    socket.off("close", closed);
    transport.attach(handle, socket);
    if (transport.alive) owner.onConnected();
  });
  return transport;
}

class HandleTransport implements Transport {
  /** Until it is connected. */
  connecting: Socket | undefined = undefined;
  readonly #internals: Internals;
  readonly #owner: TransportOwner;
  #handle: Handle | undefined = undefined;
  /** What had the handle before; a server counts its connections by these. */
  #shell: Socket | undefined = undefined;
  /** The one for the next write: it can be used again as long as nothing had to wait. */
  #request: WriteRequest | undefined = undefined;
  /** Writes that are not done. */
  #pending = 0;
  #paused = false;
  /** The end was asked for. */
  #ended = false;
  /** It was sent. */
  #shut = false;
  /** The peer's came. */
  #peerEnded = false;
  /** What was written before it was connected. */
  #early: (string | Buffer)[] = [];
  /** Copies that libuv may still read. */
  #held: Buffer[] = [];
  #error: Error | undefined = undefined;
  #bytesRead = 0;
  #bytesWritten = 0;

  constructor(internals: Internals, owner: TransportOwner) {
    this.#internals = internals;
    this.#owner = owner;
  }

  attach(handle: Handle, shell: Socket): void {
    this.connecting = undefined;
    this.#handle = handle;
    this.#shell = shell;
    const owner = this.#owner;
    const { state, readAt } = this.#internals;
    handle.useUserBuffer(readBuffer);
    handle.onread = () => {
      const length = state[readAt] as number;
      if (length > 0) owner.onRead(readBuffer, length);
      else if (length < 0) this.#onReadEnd(length);
    };
    if (!this.#paused) this.#check(handle.readStart(), "read");
    const early = this.#early;
    this.#early = [];
    for (const piece of early) {
      if (typeof piece === "string") this.#writeText(piece);
      else this.#writeBuffer(piece);
    }
    if (this.#ended) this.#shutDown();
  }

  get remoteAddress(): string {
    const found: { address?: string } = {};
    return this.#handle?.getpeername(found) === 0 ? (found.address ?? "") : "";
  }

  get alive(): boolean {
    return this.#handle !== undefined || this.connecting?.destroyed === false;
  }

  get bytesRead(): number {
    return this.#handle?.bytesRead ?? this.#bytesRead;
  }

  /** Without those that libuv holds: it takes a long text bit by bit. */
  get bytesWritten(): number {
    const handle = this.#handle;
    return handle === undefined ? this.#bytesWritten : handle.bytesWritten - handle.writeQueueSize;
  }

  get unsent(): number {
    return this.#handle?.writeQueueSize ?? this.#early.reduce((sum, { length }) => sum + length, 0);
  }

  write(text: string): boolean {
    if (this.#ended || text === "") return true;
    return this.#writeText(text);
  }

  writeBytes(bytes: Buffer): boolean {
    if (this.#ended || bytes.length === 0) return true;
    return this.#writeBuffer(bytes);
  }

  writeCopy(bytes: Uint8Array, before = "", after = ""): boolean {
    if (this.#ended || bytes.length === 0) return true;
    const copy = copied(before, bytes, after);
    const done = this.#writeBuffer(copy);
    // What is written at once, the kernel has.
    if (done && this.#handle !== undefined) giveBack(copy);
    else this.#held.push(copy);
    return done;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#shutDown();
  }

  destroy(): void {
    this.#ended = true;
    if (this.connecting !== undefined) this.connecting.destroy();
    else this.#close();
  }

  reset(): void {
    this.#ended = true;
    if (this.connecting !== undefined) this.connecting.destroy();
    else this.#close(true);
  }

  pause(): void {
    this.#paused = true;
    this.#handle?.readStop();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#handle !== undefined && !this.#peerEnded) this.#check(this.#handle.readStart(), "read");
  }

  #writeText(text: string): boolean {
    const handle = this.#handle;
    if (handle === undefined) return this.#writeEarly(text);
    return this.#wrote(handle.writeLatin1String(this.#nextRequest(), text));
  }

  #writeBuffer(bytes: Buffer): boolean {
    const handle = this.#handle;
    if (handle === undefined) return this.#writeEarly(bytes);
    const request = this.#nextRequest();
    const done = this.#wrote(handle.writeBuffer(request, bytes));
    if (!done) request.bytes = bytes;
    return done;
  }

  #writeEarly(piece: string | Buffer): boolean {
    if (this.alive) this.#early.push(piece);
    return this.alive;
  }

  #nextRequest(): WriteRequest {
    if (this.#request !== undefined) return this.#request;
    const request = new this.#internals.WriteWrap();
    request.oncomplete = (status) => this.#onWritten(status);
    this.#request = request;
    return request;
  }

  /** Whether it is done, not only begun. */
  #wrote(result: number): boolean {
    if (result !== 0) {
      this.#check(result, "write");
      return false;
    }
    const { state, asyncAt } = this.#internals;
    if (state[asyncAt] === 0) return true;
    this.#request = undefined;
    this.#pending++;
    return false;
  }

  #onWritten(status: number): void {
    this.#pending--;
    if (this.#handle === undefined) return;
    if (status < 0) return this.#check(status, "write");
    if (this.#pending > 0) return;
    if (this.#held.length > 0) {
      for (const copy of this.#held) giveBack(copy);
      this.#held = [];
    }
    if (this.#ended) this.#shutDown();
    else this.#owner.onDrain();
  }

  /** When all is written: a connection with its end under way could not be reset. */
  #shutDown(): void {
    const handle = this.#handle;
    if (handle === undefined || this.#pending > 0) return;
    const request = new this.#internals.ShutdownWrap();
    request.oncomplete = () => {
      this.#shut = true;
      if (this.#peerEnded) this.#close();
    };
    // Refused: the peer is gone, which reading tells.
    handle.shutdown(request);
  }

  #onReadEnd(status: number): void {
    if (status !== endOfFile) return this.#check(status, "read");
    this.#peerEnded = true;
    this.#owner.onEnd();
    if (this.#shut) this.#close();
  }

  #check(result: number, call: string): void {
    if (result === 0 || this.#handle === undefined) return;
    const code = getSystemErrorName(result);
    this.#error ??= Object.assign(new Error(`${call} ${code}`), { errno: result, code, syscall: call });
    this.#ended = true;
    this.#close();
  }

  #close(reset = false): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#bytesRead = handle.bytesRead;
    this.#bytesWritten = this.bytesWritten;
    this.#handle = undefined;
    const closed = () => this.#owner.onClosed(this.#error);
    if (!reset || handle.reset(closed) !== 0) handle.close(closed);
    this.#shell?.destroy();
  }
}
