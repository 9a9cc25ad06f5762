import { connect, type Socket } from "node:net";

/** Content of all reads, valid during the callback only: one process has one event loop. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * A keep-alive connection that sends one ready request at a time and waits for the whole answer. As cheap as node:net
 * allows, because it shares a core with the backend: no objects a request, the head read as text only once. Answers need a
 * `Content-Length`.
 */
export class RawConnection {
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #onAnswer: (connection: RawConnection, ok: boolean) => void;
  readonly #onClosed: (connection: RawConnection) => void;
  /** Bytes of the body that are still to come; -1: the head is not complete. */
  #missing = -1;
  #ok = false;
  #head = "";
  #closed = false;
  /** For whoever holds it: when the request under way was due, for example. */
  due = 0;

  constructor(
    port: number,
    request: Buffer,
    listener: {
      onConnected(connection: RawConnection): void;
      onAnswer(connection: RawConnection, ok: boolean): void;
      /** Once, also when it could not be opened. */
      onClosed(connection: RawConnection): void;
    },
  ) {
    this.#request = request;
    this.#onAnswer = listener.onAnswer;
    this.#onClosed = listener.onClosed;
    this.#socket = connect({
      host: "127.0.0.1",
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (count) => {
          this.#read(count);
          return true;
        },
      },
    });
    this.#socket.on("connect", () => listener.onConnected(this));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#close());
  }

  send(): void {
    this.#socket.write(this.#request);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(count: number): void {
    if (this.#missing < 0) {
      const earlier = this.#head.length;
      const text = this.#head + readBuffer.toString("latin1", 0, count);
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) {
        this.#head = text;
        return;
      }
      const length = contentLength(text, end);
      if (length < 0) return this.destroy();
      this.#ok = text.startsWith("HTTP/1.1 2");
      this.#head = "";
      // What came in earlier reads was part of the head.
      this.#missing = end + 4 + length - earlier;
    }
    this.#missing -= count;
    if (this.#missing > 0) return;
    // More than was announced: what follows could not be told from the next answer.
    if (this.#missing < 0) return this.destroy();
    this.#missing = -1;
    this.#onAnswer(this, this.#ok);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed(this);
  }
}

/** Of a head that ends at `end`; -1: there is none. */
function contentLength(text: string, end: number): number {
  // Both spellings that servers use.
  let at = text.indexOf("\r\nContent-Length:");
  if (at < 0) at = text.indexOf("\r\ncontent-length:");
  if (at < 0 || at > end) return -1;
  const value = text.slice(at + 17, text.indexOf("\r\n", at + 2)).trim();
  return /^\d+$/.test(value) ? Number(value) : -1;
}

/** The bytes of a request. */
export function requestBytes(method: string, path: string, fields: readonly string[], body = ""): Buffer {
  const length = method === "POST" ? [`Content-Type: application/json`, `Content-Length: ${body.length}`] : [];
  return Buffer.from([`${method} ${path} HTTP/1.1`, "Host: 127.0.0.1", ...fields, ...length, "", body].join("\r\n"));
}
