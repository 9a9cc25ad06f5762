import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { type CompiledProject, compileProject, startGateway } from "../support/gateway-under-test.ts";
import { TestIssuer } from "../support/test-issuer.ts";

/**
 * A backend that is declared to bear pipelining (`x-castgate-pipelining: 4` in fixtures/access), at the level of bytes: it
 * holds its answers back until a test has seen how many requests came in on one connection.
 */

/** A request line as the backend got it, and on which connection. */
interface Arrived {
  readonly method: string;
  /** Last segment of the path. */
  readonly name: string;
  readonly connection: Connection;
}

class Connection {
  readonly socket: Socket;
  /** Requests without an answer, in order. */
  readonly open: Arrived[] = [];
  #text = "";

  constructor(socket: Socket, arrived: (request: Arrived) => void) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      for (let length = requestLength(this.#text); length >= 0; length = requestLength(this.#text)) {
        const [method = "", target = ""] = this.#text.split(" ", 2);
        this.#text = this.#text.slice(length);
        const request = { method, name: target.slice(target.lastIndexOf("/") + 1), connection: this };
        this.open.push(request);
        arrived(request);
      }
    });
  }

  /** Answers the oldest requests with their own names. */
  answer(count = this.open.length, fields = ""): void {
    const answers = this.open.splice(0, count).map(({ method, name }) => {
      const body = `${method} ${name}`;
      return `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
    });
    this.socket.write(answers.join(""));
  }
}

/** Of the first request in the text; -1: it is not all there. */
function requestLength(text: string): number {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return -1;
  const length = head + 4 + Number(/^content-length: *(\d+)/im.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length < length ? -1 : length;
}

class HoldingBackend {
  readonly connections: Connection[] = [];
  readonly arrived: Arrived[] = [];
  /** Told of each request; by default they wait. */
  onRequest: (request: Arrived) => void = () => undefined;
  readonly #server: Server;
  #wake: (() => void)[] = [];

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.connections.push(
        new Connection(socket, (request) => {
          this.arrived.push(request);
          this.onRequest(request);
          for (const wake of this.#wake.splice(0)) wake();
        }),
      );
    });
  }

  static async start(): Promise<HoldingBackend> {
    const backend = new HoldingBackend();
    backend.#server.listen(0, "127.0.0.1");
    await once(backend.#server, "listening");
    return backend;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Until requests of these names have come in. */
  async got(...names: readonly string[]): Promise<void> {
    while (!names.every((name) => this.arrived.some((request) => request.name === name))) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  get openOnOneConnection(): number {
    return Math.max(0, ...this.connections.map(({ open }) => open.length));
  }

  async stop(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** `<status> <body>`, over a connection of its own. */
function send(origin: string, method: string, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(`${origin}/access/quick/${name}`, { method, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve(`${response.statusCode} ${body}`)).on("error", reject);
    });
    call.on("error", reject);
    call.end(method === "POST" ? "{}" : undefined);
  });
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `n${index}`);

describe("a backend that is declared to bear pipelining", { timeout: 120_000 }, () => {
  let compiled: CompiledProject;
  const issuer = new TestIssuer("https://issuer.test");
  before(async () => {
    compiled = await compileProject(path.join(import.meta.dirname, "../../fixtures/access"));
  });
  after(() => compiled?.remove());

  for (const engine of ["wire", "node"].filter((name) => (process.env.TEST_ENGINE ?? name) === name)) {
    describe(`--engine=${engine}`, () => {
      async function withGateway(
        settings: string,
        body: (origin: string, backend: HoldingBackend) => Promise<void>,
      ): Promise<void> {
        const backend = await HoldingBackend.start();
        try {
          const args = [`--engine=${engine}`, `--quick_prod_endpoint_0=${backend.origin}`];
          const gateway = await startGateway(compiled, { issuer, settings, args });
          try {
            await body(gateway.origin, backend);
          } finally {
            assert.equal((await gateway.stop()).code, 0, gateway.log());
          }
        } finally {
          await backend.stop();
        }
      }

      /** The connection has brought an answer: only then is it known to last. */
      async function warmUp(origin: string, backend: HoldingBackend): Promise<void> {
        backend.onRequest = ({ connection }) => connection.answer();
        assert.equal(await send(origin, "GET", "first"), "200 GET first");
        backend.onRequest = () => undefined;
      }
      const oneConnection = "[httpClients.poolConfig]\nmaxActiveConnections = 1\n";

      test("four requests are on their way on one connection, and each gets its own answer", async () => {
        await withGateway(oneConnection, async (origin, backend) => {
          await warmUp(origin, backend);
          const answers = Promise.all(names(4).map((name) => send(origin, "GET", name)));
          await backend.got(...names(4));
          const [connection] = backend.connections;
          assert.equal(backend.connections.length, 1);
          assert.equal(connection?.open.length, 4);
          backend.onRequest = (request) => request.connection.answer();
          connection?.answer();
          assert.deepEqual(
            await answers,
            names(4).map((name) => `200 GET ${name}`),
          );
        });
      });

      test("never more than four, however many wait", async () => {
        await withGateway(oneConnection, async (origin, backend) => {
          await warmUp(origin, backend);
          let most = 0;
          backend.onRequest = ({ connection }) => {
            most = Math.max(most, connection.open.length);
            setImmediate(() => connection.answer(1));
          };
          const answers = await Promise.all(names(60).map((name) => send(origin, "GET", name)));
          assert.deepEqual(
            answers,
            names(60).map((name) => `200 GET ${name}`),
          );
          assert.ok(most > 1 && most <= 4, `${most} at a time`);
          assert.equal(backend.connections.length, 1);
        });
      });

      test("a POST is sent behind nothing, and nothing behind it", async () => {
        await withGateway(oneConnection, async (origin, backend) => {
          await warmUp(origin, backend);
          const get = send(origin, "GET", "get");
          await backend.got("get");
          const posts = ["p1", "p2"].map((name) => send(origin, "POST", name));
          const gets = names(6).map((name) => send(origin, "GET", name));
          const mixed: string[] = [];
          const check = ({ connection }: Arrived) => {
            const open = connection.open.map(({ method }) => method);
            if (open.length > 1 && open.includes("POST")) mixed.push(open.join(" "));
          };
          // Each answer is late enough for whatever would come before it.
          backend.onRequest = (request) => {
            check(request);
            setTimeout(() => request.connection.answer(1), 20);
          };
          setTimeout(() => backend.connections[0]?.answer(1), 50);
          assert.deepEqual(await Promise.all([get, ...posts, ...gets]), [
            "200 GET get",
            "200 POST p1",
            "200 POST p2",
            ...names(6).map((name) => `200 GET ${name}`),
          ]);
          assert.deepEqual(mixed, []);
          assert.equal(backend.arrived.filter(({ method }) => method === "POST").length, 2, "none is sent twice");
        });
      });

      // undici does not tell whether a connection that was reset had served before: there, a request lost with it is a 502.
      for (const announced of engine === "wire" ? [true, false] : []) {
        const how = announced ? "and says so" : "without a word";
        test(`a backend that closes in the middle ${how}: the rest is asked for again, each gets its own`, async () => {
          await withGateway("[httpClients.poolConfig]\nmaxActiveConnections = 2\n", async (origin, backend) => {
            await warmUp(origin, backend);
            let served = 0;
            backend.onRequest = ({ connection }) => {
              setTimeout(() => {
                if (connection.open.length === 0 || connection.socket.destroyed) return;
                // The first connection alone: what is lost twice is a failure, and rightly.
                const closes = connection === backend.connections[0] && ++served === 3;
                connection.answer(1, closes && announced ? "Connection: close\r\n" : "");
                if (closes) connection.socket.end();
              }, 5);
            };
            for (let round = 0; round < 5; round++) {
              const wanted = names(12).map((name) => `${name}r${round}`);
              const answers = await Promise.all(wanted.map((name) => send(origin, "GET", name)));
              assert.deepEqual(
                answers,
                wanted.map((name) => `200 GET ${name}`),
              );
            }
            assert.ok(backend.arrived.length > 61, "some were on their way when it closed");
          });
        });
      }

      test("an answer that breaks off fails its own request alone", async () => {
        await withGateway(oneConnection, async (origin, backend) => {
          await warmUp(origin, backend);
          const answers = names(4).map((name) => send(origin, "GET", name).catch(() => "broken off"));
          await backend.got(...names(4));
          const [connection] = backend.connections;
          const order = connection?.open.map(({ name }) => name) ?? [];
          backend.onRequest = (request) => request.connection.answer();
          connection?.answer(1);
          connection?.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
          const got = new Map((await Promise.all(answers)).map((answer, index) => [names(4)[index], answer]));
          const expected = order.map((name, index) => (index === 1 ? "broken off" : `200 GET ${name}`));
          assert.deepEqual(
            order.map((name) => got.get(name)),
            expected,
          );
        });
      });
    });
  }
});
