import { connect, type Socket } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * One connection that sends request targets byte for byte as they are given, which no ordinary client does, and opens
 * itself again when the server closes it. One request at a time.
 */
export class RawClient {
  readonly #port: number;
  #socket: Socket | undefined;
  #received = "";
  #settle: ((answer: RawAnswer) => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Latin-1: one character is one byte. Status 0: the connection was closed without an answer. */
  get(target: string): Promise<RawAnswer> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#received = "";
      this.#socket ??= this.#open();
      this.#socket.write(`GET ${target} HTTP/1.1\r\nHost: gateway.test\r\n\r\n`, "latin1");
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#onData(text));
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#finish({ status: 0, body: this.#received });
    });
    return socket;
  }

  #onData(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf("\r\n\r\n");
    if (end === -1) return;
    const head = this.#received.slice(0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < end + 4 + length) return;
    const body = this.#received.slice(end + 4, end + 4 + length);
    if (/\r\nconnection: *close/i.test(head)) {
      const socket = this.#socket;
      this.#socket = undefined;
      socket?.destroy();
    }
    this.#finish({ status: Number(head.slice(9, 12)), body });
  }

  #finish(answer: RawAnswer): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(answer);
  }
}
