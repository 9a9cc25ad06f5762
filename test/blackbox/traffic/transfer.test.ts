import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text as textOf } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  eventually,
  exchange,
  type GatewayProcess,
  type RawBackend,
  rawBackend,
  rawClient,
  startGateway,
} from "../../support/engine-process.ts";

const usesUndici = process.env.TEST_ENGINE === "node";

/** Bodies and what belongs to them pass as they came (section 1.5 of the facts about traffic). */
describe("transfer", () => {
  let gateway: GatewayProcess;
  let backend: RawBackend;
  /** What the backend got on its newest connection, and that connection. */
  let received = "";
  let socket: Socket | undefined;
  let answer: (text: string, from: Socket) => void = () => undefined;

  before(async () => {
    backend = await rawBackend((from) => {
      let text = "";
      socket = from;
      from.on("data", (chunk) => {
        text += chunk.toString("latin1");
        received = text;
        answer(text, from);
      });
    });
    gateway = await startGateway([`--echo_prod_endpoint_0=${backend.url}/back`]);
  });
  after(async () => {
    assert.equal(await gateway.stop(), 0);
    backend.close();
  });

  /** Answers once this much of the request is there, and closes. */
  const answering = (end: RegExp, bytes: string | Buffer): void => {
    answer = (text, from) => {
      if (!end.test(text)) return;
      answer = () => undefined;
      from.end(bytes, "latin1");
    };
  };
  const ok = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
  const send = (head: string, body: string | Buffer = ""): Promise<string> =>
    exchange(
      gateway.port,
      Buffer.concat([
        Buffer.from(head.replace("\r\n", "\r\nHost: gw\r\nConnection: close\r\n").concat("\r\n"), "latin1"),
        Buffer.from(body as string, "latin1"),
      ]),
    );
  const bodyOf = (text: string): string => text.slice(text.indexOf("\r\n\r\n") + 4);

  test("R-XFER-04: multipart/form-data passes byte for byte", async () => {
    const part = '--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n\x00\x80\xff\r\n--x--\r\n';
    answering(/--x--\r\n$/, ok);
    const type = "Content-Type: multipart/form-data; boundary=x\r\n";
    assert.match(await send(`POST /v1/pets HTTP/1.1\r\n${type}Content-Length: ${part.length}\r\n`, part), / 200 /);
    assert.equal(bodyOf(received), part);
    assert.match(received, /\r\ncontent-type: multipart\/form-data; boundary=x\r\n/i);
  });

  test("R-XFER-03: compression is between client and backend, both ways", async () => {
    const packed = gzipSync("some text, some text, some text");
    const head = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\nContent-Length: ${packed.length}\r\n\r\n`;
    answer = (text, from) => {
      if (Buffer.byteLength(bodyOf(text), "latin1") < packed.length) return;
      answer = () => undefined;
      from.end(Buffer.concat([Buffer.from(head), packed]));
    };
    const fields = "Accept-Encoding: gzip;q=1, br\r\nContent-Encoding: gzip\r\n";
    const text = await send(`POST /v1/pets HTTP/1.1\r\n${fields}Content-Length: ${packed.length}\r\n`, packed);
    assert.match(received, /\r\naccept-encoding: gzip;q=1, br\r\ncontent-encoding: gzip\r\n/i);
    assert.ok(Buffer.from(bodyOf(received), "latin1").equals(packed));
    assert.match(text, /\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n/);
    assert.ok(Buffer.from(bodyOf(text), "latin1").equals(packed));
  });

  test("R-PIPE-07: cookies pass untouched and are not kept, redirects are not followed", async () => {
    const location = `${backend.url}/elsewhere`;
    answering(
      /\r\n\r\n$/,
      `HTTP/1.1 302 Found\r\nConnection: close\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; HttpOnly\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`,
    );
    const first = await send('GET /v1/pets HTTP/1.1\r\nCookie: x="1, 2"; y=3\r\n');
    assert.match(received, /\r\ncookie: x="1, 2"; y=3\r\n/i);
    assert.match(first, /^HTTP\/1\.1 302 Found\r\n/);
    assert.deepEqual(first.match(/^(Set-Cookie|Location): .*$/gm), [
      "Set-Cookie: a=1; Path=/",
      "Set-Cookie: b=2; HttpOnly",
      `Location: ${location}`,
    ]);
    answering(/\r\n\r\n$/, ok);
    await send("GET /v1/pets HTTP/1.1\r\n");
    assert.doesNotMatch(received, /cookie/i);
  });

  test("R-XFER-01: the backend never sees Expect", async () => {
    answering(/hello$/, ok);
    const client = await rawClient(
      gateway.port,
      "POST /v1/pets HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    client.socket.write("hello");
    assert.match(await client.closed, /\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(received, /expect/i);
  });

  test("R-XFER-02: lengths stay lengths, chunks stay chunks; a body of DELETE passes, and none is made up", async () => {
    answering(/hello$/, ok);
    await send("DELETE /v1/pets/1 HTTP/1.1\r\nContent-Length: 5\r\n", "hello");
    assert.match(received, /\r\ncontent-length: 5\r\n/i);
    assert.equal(bodyOf(received), "hello");
    // What is still coming has no length yet; what is all there has one.
    answering(/0\r\n\r\n$/, ok);
    const fields = "Host: gw\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n";
    const client = await rawClient(gateway.port, `PUT /v1/pets/2 HTTP/1.1\r\n${fields}\r\n2;ext=1\r\nab\r\n`);
    await eventually("the first part is there", () => /PUT \/back\/2 [\s\S]*\r\nab/.test(received));
    client.socket.write("3\r\ncde\r\n0\r\n\r\n");
    assert.match(await client.closed, / 200 /);
    assert.match(received, /\r\ntransfer-encoding: chunked\r\n/i);
    assert.equal(bodyOf(received), "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
    answering(/\r\n\r\n$/, ok);
    await send("POST /v1/pets/1 HTTP/1.1\r\nContent-Length: 0\r\n");
    assert.match(received, /\r\ncontent-length: 0\r\n/i);
    answering(/\r\n\r\n$/, ok);
    await send("GET /v1/pets/1 HTTP/1.1\r\n");
    assert.doesNotMatch(received, /content-length|transfer-encoding/i);
  });

  test("trailers pass both ways, without what belongs into a head", async () => {
    answering(
      /0\r\n(x-sum: [^\r]*\r\n)?\r\n$/i,
      "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n2\r\nok\r\n0\r\nX-Sum: theirs\r\nSet-Cookie: a=1\r\n\r\n",
    );
    const body = "2\r\nab\r\n0\r\nX-Sum: ours\r\nAuthorization: spoofed\r\n\r\n";
    const text = await send("PUT /v1/pets/1 HTTP/1.1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n", body);
    assert.match(text, /\r\n0\r\nX-Sum: theirs\r\n\r\n$/);
    assert.doesNotMatch(received, /spoofed/);
    // undici has no way to send them.
    if (!usesUndici) assert.match(received, /\r\n0\r\nX-Sum: ours\r\n\r\n$/);
  });

  test("every byte of long bodies is the one that was sent, however fast they are taken", async () => {
    const size = 8 * 1_048_576;
    const parts = Array.from({ length: 4 }, (_none, index) => randomBytes(size + index));
    const hashes = parts.map((part) => createHash("sha256").update(part).digest("hex"));
    const echo = createServer((req, res) => {
      const index = Number(req.url?.split("/").at(-1));
      const part = parts[index] as Buffer;
      const hash = createHash("sha256");
      req.on("data", (chunk) => hash.update(chunk));
      req.on("end", () => {
        const sum = hash.digest("hex");
        res.writeHead(200, { "x-sum": sum, ...(index % 2 === 0 && { "content-length": part.length }) });
        res.end(part);
      });
    });
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    const { port } = echo.address() as AddressInfo;
    const own = await startGateway([`--echo_prod_endpoint_0=http://127.0.0.1:${port}`]);
    const there = async (index: number): Promise<void> => {
      const part = parts[index] as Buffer;
      const headers = index % 2 === 0 ? {} : { "content-length": part.length };
      const req = request({ port: own.port, host: "127.0.0.1", method: "POST", path: `/v1/pets/${index}`, headers });
      req.end(part);
      const [res] = (await once(req, "response")) as [IncomingMessage];
      assert.equal(res.statusCode, 200, res.statusCode === 200 ? "" : await textOf(res));
      assert.equal(res.headers["x-sum"], hashes[index], "on the way there");
      const hash = createHash("sha256");
      let pauses = 0;
      for await (const chunk of res) {
        hash.update(chunk);
        if (++pauses % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(hash.digest("hex"), hashes[index], "on the way back");
    };
    try {
      await Promise.all([0, 1, 2, 3, 0, 1, 2, 3].map(there));
    } finally {
      echo.closeAllConnections();
      echo.close();
      assert.equal(await own.stop(), 0);
    }
  });

  for (const [framing, head, frame] of [
    ["chunks", "Transfer-Encoding: chunked\r\n", (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`],
    ["the end of the connection", "Connection: close\r\n", (text: string) => text],
  ] as const) {
    for (const version of ["1.1", "1.0"]) {
      test(`server-sent events arrive one by one: ${framing}, a client of HTTP/${version}`, async () => {
        answer = () => undefined;
        received = "";
        const client = await rawClient(
          gateway.port,
          `GET /v1/pets/events HTTP/${version}\r\nHost: gw\r\nAccept: text/event-stream\r\n\r\n`,
        );
        await eventually("the request is there", () => received.includes("/events "));
        const from = socket as Socket;
        // The head alone, then an event, a byte, a comment: each must be there before the next is sent.
        from.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n${head}\r\n`);
        await client.until(/\r\nContent-Type: text\/event-stream\r\n[\s\S]*\r\n\r\n$/);
        for (const event of ["data: 1\n\n", "d", "ata: 2\n\n", ":\n\n", `data: ${"x".repeat(20_000)}\n\n`]) {
          from.write(frame(event));
          await eventually("the event is there", () => client.text().replaceAll("\r\n", "").includes(event));
        }
        client.socket.destroy();
        await eventually("the backend is told that nobody listens", () => from.destroyed || from.readableEnded);
        from.destroy();
      });
    }
  }
});
