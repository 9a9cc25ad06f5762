import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A key source on loopback. `answer` may be changed while it runs. */
export class KeyServer {
  url = "";
  requests = 0;
  answer: (response: ServerResponse) => void = (response) => void response.end('{"keys":[]}');
  readonly #server = createServer((_request, response) => {
    this.requests++;
    this.answer(response);
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
    return this;
  }

  /** Serves these keys from now on. */
  serve(keys: readonly unknown[], headers: Readonly<Record<string, string>> = {}): void {
    this.answer = (response) => void response.writeHead(200, headers).end(JSON.stringify({ keys }));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
