import type { Socket } from "node:net";
import { nodeTls } from "./node-tls.ts";

/** Where a Redis or Valkey server is, and as whom to speak to it. */
export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** PEM certificates to trust for TLS; undefined: those of Node. Called for the first connection. */
  readonly ca: () => readonly string[] | undefined;
}

/** An answer: numbers and texts, arrays of them, or that something went wrong with this one call. */
export type Reply = number | string | null | RedisError | readonly Reply[];

/** What the server has against a call. `code` is its first word (`NOSCRIPT`, `WRONGPASS`); the text is not kept: it may name users. */
export class RedisError {
  readonly code: string;

  constructor(text: string) {
    this.code = /^[A-Z]{2,20}\b/.exec(text)?.[0] ?? "ERR";
  }
}

/** The connection is gone, or never was. The message is a fixed text or a code: nothing that was received. */
export class RedisAway extends Error {
  override readonly name = "RedisAway";
}

/** A longer answer than any that was asked for. */
const longestReply = 4 * 1024 * 1024;

/**
 * One connection to a Redis server, in RESP 2. Calls are sent at once and answered in order. An answer that takes longer than
 * its time ends the connection: what is late would be taken for what comes next. Never holds a process back from its end.
 */
export class RedisConnection {
  readonly #socket: Socket;
  readonly #ended: (reason: string) => void;
  readonly #waiting: { readonly settle: (reply: Reply | RedisAway) => void; readonly timer: NodeJS.Timeout }[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #open = true;

  private constructor(socket: Socket, ended: (reason: string) => void) {
    this.#socket = socket;
    this.#ended = ended;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? "connection failed"));
    socket.on("close", () => this.#end("connection closed"));
  }

  /** Connects and logs in within `timeoutMs`; rejects with `RedisAway`. `ended` is called once, when the connection is gone. */
  static async open(server: RedisServer, timeoutMs: number, ended: (reason: string) => void): Promise<RedisConnection> {
    let problem: string | undefined;
    let loggedIn = false;
    const connection = await new Promise<RedisConnection>((resolve, reject) => {
      const socket = connect(server);
      socket.unref();
      socket.setNoDelay(true);
      const failed = (reason: string): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new RedisAway(reason));
      };
      const timer = setTimeout(failed, timeoutMs, "timeout").unref();
      socket.once("error", (error: NodeJS.ErrnoException) => failed(error.code ?? "connection failed"));
      socket.once(server.tls ? "secureConnect" : "connect", () => {
        clearTimeout(timer);
        socket.removeAllListeners("error");
        resolve(
          new RedisConnection(socket, (reason) => {
            problem = reason;
            if (loggedIn) ended(reason);
          }),
        );
      });
    });
    const { username, password, database } = server;
    const calls: string[][] = [];
    if (password !== undefined) calls.push(["AUTH", ...(username === undefined ? [] : [username]), password]);
    if (database > 0) calls.push(["SELECT", String(database)]);
    calls.push(["PING"]);
    const replies = await Promise.all(calls.map((call) => connection.call(call, timeoutMs)));
    const refused = replies.find((reply) => reply instanceof RedisError);
    if (refused !== undefined) {
      connection.close();
      throw new RedisAway(refused.code);
    }
    loggedIn = true;
    if (problem !== undefined) throw new RedisAway(problem);
    return connection;
  }

  /** Sends one command; rejects with `RedisAway`. */
  call(command: readonly string[], timeoutMs: number): Promise<Reply> {
    if (!this.#open) return Promise.reject(new RedisAway("connection closed"));
    return new Promise((resolve, reject) => {
      // What has come meanwhile is read first: a process that was busy for long did not wait for the server.
      const timer = setTimeout(() => setImmediate(() => this.#late(timer)), timeoutMs).unref();
      const settle = (reply: Reply | RedisAway): void => {
        clearTimeout(timer);
        if (reply instanceof RedisAway) reject(reply);
        else resolve(reply);
      };
      this.#waiting.push({ settle, timer });
      this.#socket.write(encoded(command));
    });
  }

  /** Ends it; calls that were not answered reject. */
  close(): void {
    this.#end("closed");
  }

  #late(timer: NodeJS.Timeout): void {
    if (this.#waiting.some((waiting) => waiting.timer === timer)) this.#end("timeout");
  }

  #read(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    let from = 0;
    for (;;) {
      const reader = new ReplyReader(this.#unread, from);
      let reply: Reply | undefined;
      try {
        reply = reader.read();
      } catch {
        return this.#end("not the protocol of Redis");
      }
      if (reply === undefined) break;
      from = reader.position;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return this.#end("an answer to nothing");
      waiting.settle(reply);
      if (!this.#open) return;
    }
    this.#unread = from === 0 ? this.#unread : this.#unread.subarray(from);
    if (this.#unread.length > longestReply) this.#end("an answer that is too long");
  }

  #end(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.destroy();
    for (const { settle } of this.#waiting.splice(0)) settle(new RedisAway(reason));
    this.#ended(reason);
  }
}

function connect({ host, port, tls, ca }: RedisServer): Socket {
  if (!tls) return (process.getBuiltinModule("node:net") as typeof import("node:net")).connect({ host, port });
  const trusted = ca();
  const isName = (process.getBuiltinModule("node:net") as typeof import("node:net")).isIP(host) === 0;
  return nodeTls().connect({
    host,
    port,
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
    ...(isName ? { servername: host } : {}),
    ...(trusted === undefined ? {} : { ca: [...trusted] }),
  });
}

/** As an array of bulk strings, the form of every command. */
function encoded(command: readonly string[]): string {
  let text = `*${command.length}\r\n`;
  for (const part of command) text += `$${Buffer.byteLength(part)}\r\n${part}\r\n`;
  return text;
}

/** Reads one reply out of what has come; undefined as long as some of it is missing. Throws at what is no RESP 2. */
class ReplyReader {
  position: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  read(depth = 0): Reply | undefined {
    const end = this.#bytes.indexOf("\r\n", this.position, "latin1");
    if (end === -1) return undefined;
    const line = this.#bytes.toString("utf8", this.position + 1, end);
    const type = this.#bytes[this.position];
    this.position = end + 2;
    switch (type) {
      case 0x2b: // +
        return line;
      case 0x2d: // -
        return new RedisError(line);
      case 0x3a: // :
        return wholeNumber(line);
      case 0x24: // $
        return this.#bulk(wholeNumber(line));
      case 0x2a: // *
        return this.#array(wholeNumber(line), depth);
    }
    throw new Error("no type of RESP 2");
  }

  #bulk(length: number): string | null | undefined {
    if (length === -1) return null;
    if (length < 0) throw new Error("no length");
    const end = this.position + length;
    if (this.#bytes.length < end + 2) return undefined;
    const text = this.#bytes.toString("utf8", this.position, end);
    this.position = end + 2;
    return text;
  }

  #array(length: number, depth: number): readonly Reply[] | null | undefined {
    if (length === -1) return null;
    if (depth > 4) throw new Error("too deep");
    const items: Reply[] = [];
    for (let i = 0; i < length; i++) {
      const item = this.read(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}

function wholeNumber(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new Error("no number");
  return Number(text);
}
