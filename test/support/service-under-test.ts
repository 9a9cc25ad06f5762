import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Identity } from "./self-signed.ts";

/** A request as a service received it. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A remote service on loopback. `answer` may be changed while it runs; what came is kept in `requests`. */
export class ServiceUnderTest {
  readonly requests: Received[] = [];
  connections = 0;
  answer: (response: ServerResponse, request: Received) => void = (response) => void response.end("{}");
  readonly #identity: Identity | undefined;
  readonly #sockets = new Set<Socket>();
  #server: ReturnType<typeof createServer> | undefined;
  #port = 0;

  constructor(identity?: Identity) {
    this.#identity = identity;
  }

  get port(): number {
    return this.#port;
  }

  /** By name: the certificates of tests are made for `localhost`. */
  get url(): string {
    return `${this.#identity === undefined ? "http" : "https"}://localhost:${this.#port}`;
  }

  /** On any port, or again on the one that it had. */
  async start(): Promise<this> {
    const listener: RequestListener = (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        const received = { method, url, headers, body: Buffer.concat(chunks).toString("latin1") };
        this.requests.push(received);
        this.answer(response, received);
      });
    };
    const server = this.#identity === undefined ? createServer(listener) : createTlsServer(this.#identity, listener);
    server.on("connection", (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "localhost", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Answers with this JSON from now on. */
  json(value: unknown, status = 200): void {
    this.answer = (response) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
