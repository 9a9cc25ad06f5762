import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface ListAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A server on loopback that answers by a function which tests replace. Undefined: it closes the connection. */
export interface ListServer {
  readonly url: string;
  readonly port: number;
  answer: (request: IncomingMessage) => ListAnswer | undefined | Promise<ListAnswer | undefined>;
  /** Method and target of each request so far. */
  readonly asked: string[];
  close(): Promise<void>;
}

export async function startListServer(answer: ListServer["answer"], port = 0): Promise<ListServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    void Promise.resolve(found.answer(request)).then((given) => {
      if (given === undefined) return void request.socket.destroy();
      response.writeHead(given.status ?? 200, { "content-type": "application/json", ...given.headers });
      response.end(given.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  const found: ListServer = {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    answer,
    asked,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return found;
}
