import assert from "node:assert/strict";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { eventually, type GatewayProcess, rawBackend, rawClient, startGateway } from "../../support/engine-process.ts";

const mebibyte = Buffer.alloc(1_048_576, "x");
const total = 100;

describe("bodies of any size take constant memory", () => {
  let gateway: GatewayProcess;
  let backend: Server;
  let received = 0;

  before(async () => {
    backend = createServer((req, res) => {
      if (req.method === "POST") {
        received = 0;
        req.on("data", (chunk: Buffer) => {
          received += chunk.length;
        });
        req.on("end", () => res.end(String(received)));
        return;
      }
      const chunked = req.url?.includes("chunked");
      res.writeHead(200, chunked ? {} : { "content-length": String(total * mebibyte.length) });
      let sent = 0;
      const more = (): void => {
        while (sent < total) {
          sent++;
          if (!res.write(mebibyte)) return void res.once("drain", more);
        }
        res.end();
      };
      more();
    });
    await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
    const { port } = backend.address() as AddressInfo;
    gateway = await startGateway([`--echo_prod_endpoint_0=http://127.0.0.1:${port}`]);
  });
  after(async () => {
    backend.closeAllConnections();
    backend.close();
    assert.equal(await gateway.stop(), 0);
  });

  /** Bytes of the answer; reads slowly enough that the gateway must hold the backend back. */
  const download = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const req = request({ port: gateway.port, host: "127.0.0.1", path }, (res) => {
        let bytes = 0;
        res.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
        });
        res.on("end", () => resolve(bytes));
        res.on("error", reject);
      });
      req.on("error", reject);
      req.end();
    });

  const upload = (headers: Record<string, string>): Promise<string> =>
    new Promise((resolve, reject) => {
      const req = request(
        { port: gateway.port, host: "127.0.0.1", path: "/v1/pets/up", method: "POST", headers },
        (res) => {
          let text = "";
          res.on("data", (chunk) => {
            text += chunk;
          });
          res.on("end", () => resolve(text)).on("error", reject);
        },
      );
      req.on("error", reject);
      let sent = 0;
      const more = (): void => {
        while (sent < total) {
          sent++;
          if (!req.write(mebibyte)) return void req.once("drain", more);
        }
        req.end();
      };
      more();
    });

  test("100 MiB each way, with a length and in chunks", async () => {
    const all = total * mebibyte.length;
    const eachWay = async (): Promise<number> => {
      assert.equal(await download("/v1/pets/sized"), all);
      assert.equal(await download("/v1/pets/chunked"), all);
      assert.equal(await upload({ "content-length": String(all) }), String(all));
      assert.equal(await upload({ "transfer-encoding": "chunked" }), String(all));
      return gateway.rss();
    };
    // The first 400 MiB grow the heap and the pools of buffers to what streaming takes; the next 400 must fit into that.
    const first = await eachWay();
    assert.ok(first < 250, `${first} MiB after the first time`);
    const grown = (await eachWay()) - first;
    assert.ok(grown < 50, `grew by ${grown} MiB the second time`);
  });

  test("a client that takes nothing holds the backend back", async () => {
    const client = await rawClient(gateway.port);
    client.socket.pause();
    client.socket.write("GET /v1/pets/sized HTTP/1.1\r\nHost: gw\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok((await gateway.rss()) < 250);
    client.socket.destroy();
  });

  test("a backend that takes nothing holds the client back", async () => {
    const stuck = await rawBackend((socket) => socket.pause());
    const other = await startGateway([`--echo_prod_endpoint_0=${stuck.url}`]);
    const client = await rawClient(
      other.port,
      `POST /v1/pets/up HTTP/1.1\r\nHost: gw\r\nContent-Length: ${total * mebibyte.length}\r\n\r\n`,
    );
    for (let i = 0; i < total; i++) client.socket.write(mebibyte);
    await eventually("the client is held back", () => client.socket.writableLength > 50 * mebibyte.length);
    assert.ok((await other.rss()) < 200);
    client.socket.destroy();
    // The end of a connection is only seen by somebody who reads.
    for (const socket of stuck.sockets) socket.resume();
    await eventually("the backend connection is closed", () => stuck.sockets.size === 0);
    stuck.close();
    assert.equal(await other.stop(), 0, other.stderr());
  });
});
