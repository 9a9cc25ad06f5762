import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as a backend saw it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query as they came over the wire. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface StubAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  /** Not answered before this has settled. */
  readonly after?: Promise<unknown>;
  /** What is sent is no answer. */
  readonly broken?: boolean;
}

/** A real HTTP server on loopback that records what it is sent and answers as it is told. */
export class StubBackend {
  readonly seen: SeenRequest[] = [];
  /** The next answers, in order; afterwards 200 with the request as JSON. */
  readonly answers: StubAnswer[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.setEncoding("latin1").on("data", (chunk: string) => {
        body += chunk;
      });
      request.on("end", () => {
        const { method = "", url = "", headers, rawHeaders } = request;
        const seen = { method, target: url, headers, rawHeaders, body };
        this.seen.push(seen);
        const answer = this.answers.shift() ?? {
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ method, target: url }),
        };
        const send = (): void => {
          if (answer.broken === true) return void request.socket.end("nonsense\r\n\r\n");
          response.writeHead(answer.status ?? 200, answer.headers ?? {});
          response.end(answer.body ?? "");
        };
        if (answer.after === undefined) send();
        else void answer.after.then(send);
      });
    });
  }

  static async start(): Promise<StubBackend> {
    const backend = new StubBackend();
    await new Promise<void>((resolve) => backend.#server.listen(0, "127.0.0.1", resolve));
    return backend;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
