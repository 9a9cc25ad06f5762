import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Exchange } from "../../../runtime-lib/exchange.ts";
import { eventually, exchange, rawClient } from "../../support/engine-process.ts";
import { relayTo, startServer, stubPool } from "./wire-server.ts";

/** Answers with what the gateway understood of the request. */
function echo(x: Exchange): void {
  x.respond(200, ["Content-Type", "text/plain"], `${x.method} ${x.path.raw}${x.path.query}`);
}

const date = /Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/;

const get = (path: string, fields = ""): string => `GET ${path} HTTP/1.1\r\nHost: gw\r\n${fields}\r\n`;

describe("connections", () => {
  test("an answer has its fields, the date and what becomes of the connection", async (t) => {
    const server = await startServer(echo, { serverName: "gw" });
    t.after(() => server.stop());
    const client = await rawClient(server.port, get("/a?b=1", "X-Request-ID: r1\r\n"));
    assert.match(await client.until(/b=1$/), date);
    assert.equal(
      client.text().replace(date, ""),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: gw\r\nX-Request-ID: r1\r\nContent-Length: 10\r\n" +
        "Connection: keep-alive\r\nKeep-Alive: timeout=120\r\n\r\nGET /a?b=1",
    );
    client.socket.write(get("/c", "Connection: close\r\n"));
    assert.match(await client.closed, /\r\nConnection: close\r\n\r\nGET \/c$/);
  });

  test("HTTP/1.0 ends the connection unless keep-alive is asked for", async (t) => {
    const server = await startServer(echo);
    t.after(() => server.stop());
    assert.match(await exchange(server.port, "GET /a HTTP/1.0\r\n\r\n"), /\r\nConnection: close\r\n\r\nGET \/a$/);
    const again = await rawClient(server.port, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    await again.until(/\r\nConnection: keep-alive\r\n[\s\S]*GET \/a$/);
    again.socket.write("GET /b HTTP/1.0\r\n\r\n");
    assert.match(await again.closed, /GET \/b$/);
  });

  test("HEAD, 204 and 304 have no body: the next answer follows at once", async (t) => {
    const server = await startServer((x) => x.respond(Number(x.path.raw.slice(1)), [], "body"));
    t.after(() => server.stop());
    const text = await exchange(
      server.port,
      `HEAD /200 HTTP/1.1\r\nHost: gw\r\n\r\n${get("/204")}${get("/304")}${get("/201", "Connection: close\r\n")}`,
    );
    const answers = text.split("\r\n\r\n");
    assert.match(answers[0] as string, /^HTTP\/1\.1 200 [\s\S]*Content-Length: 4/);
    assert.match(answers[1] as string, /^HTTP\/1\.1 204 No Content\r\n/);
    assert.doesNotMatch(answers[1] as string, /Content-Length/);
    assert.match(answers[2] as string, /^HTTP\/1\.1 304 Not Modified\r\n/);
    assert.match(answers[3] as string, /^HTTP\/1\.1 201 Created\r\n/);
    assert.deepEqual(answers.slice(4), ["body"]);
  });

  test("requests byte by byte are the same requests", async (t) => {
    const bodies: (string | undefined)[] = [];
    const pool = stubPool((call) => {
      bodies.push(Buffer.isBuffer(call.body) ? call.body.toString() : undefined);
      call.sink.answerWhole(200, "", ["Content-Length", "2"], Buffer.from("ok"));
    });
    const server = await startServer((x) => (x.path.raw === "/echo" ? echo(x) : relayTo(pool)(x)));
    t.after(() => server.stop());
    const client = await rawClient(server.port);
    client.socket.setNoDelay(true);
    const bytes =
      `${get("/echo")}\r\nPOST /p HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\nhello` +
      get("/echo", "Connection: close\r\n");
    for (const byte of bytes) {
      client.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const text = await client.closed;
    assert.deepEqual(text.match(/\r\n\r\n(GET \/echo|ok)/g), ["\r\n\r\nGET /echo", "\r\n\r\nok", "\r\n\r\nGET /echo"]);
    assert.deepEqual(bodies, ["hello"]);
  });

  test("pipelined requests are answered in order, one after the other", async (t) => {
    const pool = stubPool();
    const server = await startServer((x) => (x.path.raw === "/now" ? echo(x) : relayTo(pool)(x)));
    t.after(() => server.stop());
    const client = await rawClient(server.port, get("/one") + get("/now") + get("/two") + get("/now"));
    await eventually("the first is asked for", () => pool.calls.length === 1);
    assert.equal(client.text(), "");
    pool.calls[0]?.sink.answerWhole(200, "", ["Content-Length", "1"], Buffer.from("1"));
    await eventually("the second is asked for", () => pool.calls.length === 2);
    pool.calls[1]?.sink.answerWhole(200, "", ["Content-Length", "1"], Buffer.from("2"));
    const text = await client.until(/2HTTP[\s\S]*now$/);
    assert.deepEqual(
      text.match(/\r\n\r\n(\d|GET \/now)/g),
      ["1", "GET /now", "2", "GET /now"].map((b) => `\r\n\r\n${b}`),
    );
    client.socket.destroy();
  });

  test("a body that was sent ahead waits for its turn", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const long = "x".repeat(300_000);
    const client = await rawClient(
      server.port,
      `${get("/one")}POST /two HTTP/1.1\r\nHost: gw\r\nContent-Length: 300000\r\n\r\n${long}${get("/three", "Connection: close\r\n")}`,
    );
    await eventually("the first is asked for", () => pool.calls.length === 1);
    pool.calls[0]?.sink.answerWhole(200, "", ["Content-Length", "1"], Buffer.from("1"));
    await eventually("the second is asked for", () => pool.calls.length === 2);
    const second = pool.calls[1];
    assert.ok(second !== undefined && second.body !== undefined && !Buffer.isBuffer(second.body));
    assert.equal(second.body.length, 300_000);
    assert.equal(second.body.untouched, true);
    second.body.start(second);
    await eventually("all of the body came", () => second.ended);
    assert.equal(second.received, long);
    second.sink.answerWhole(200, "", ["Content-Length", "1"], Buffer.from("2"));
    await eventually("the third is asked for", () => pool.calls.length === 3);
    pool.calls[2]?.sink.answerWhole(200, "", ["Content-Length", "1"], Buffer.from("3"));
    assert.match(await client.closed, /\r\n\r\n1HTTP[\s\S]*\r\n\r\n2HTTP[\s\S]*\r\n\r\n3$/);
  });

  test("R-XFER-05: the request that is one too many on its connection ends it, after the answers before it", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool), { limits: { maxPipelined: 2 } });
    t.after(() => server.stop());
    const client = await rawClient(server.port, get("/p").repeat(5));
    for (let i = 0; i < 2; i++) {
      await eventually("it is asked for", () => pool.calls.length === i + 1);
      pool.calls[i]?.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
    }
    assert.deepEqual((await client.closed).match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 503"]);
    assert.equal(pool.calls.length, 2);
  });

  test("what is no request is refused after the answers that are due", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const client = await rawClient(server.port, `${get("/a")}GARBAGE\r\n\r\n`);
    await eventually("the first is asked for", () => pool.calls.length === 1);
    pool.calls[0]?.sink.answerWhole(200, "", ["Content-Length", "1"], Buffer.from("1"));
    assert.deepEqual((await client.closed).match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 400"]);
    assert.deepEqual(server.log, [
      { status: 400, reason: "The request is not HTTP/1.1", peer: "127.0.0.1", msg: "refused" },
    ]);
  });

  test("bytes after the last request are dropped", async (t) => {
    const server = await startServer(echo);
    t.after(() => server.stop());
    const text = await exchange(server.port, `${get("/a", "Connection: close\r\n")}${get("/b")}`);
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200"]);
  });

  test("a client that has sent its end still gets its answer; without a request it gets nothing", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const client = await rawClient(server.port);
    client.socket.allowHalfOpen = true;
    client.socket.end(get("/a"));
    await eventually("it is asked for", () => pool.calls.length === 1);
    pool.calls[0]?.sink.answerWhole(200, "", ["Content-Length", "4"], Buffer.from("late"));
    assert.match(await client.closed, /^HTTP\/1\.1 200 [\s\S]*\r\nConnection: close\r\n\r\nlate$/);
    const silent = await rawClient(server.port);
    silent.socket.end();
    assert.equal(await silent.closed, "");
    const half = await rawClient(server.port);
    half.socket.end("GET /a HTT");
    assert.match(await half.closed, /^HTTP\/1\.1 400 /);
  });

  test("a client that goes away cancels what was asked for it", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool), { accessLog: true });
    t.after(() => server.stop());
    const client = await rawClient(server.port, get("/a") + get("/b"));
    await eventually("it is asked for", () => pool.calls.length === 1);
    client.socket.resetAndDestroy();
    await eventually("it is cancelled", () => pool.calls[0]?.cancelled === true);
    assert.equal(pool.calls.length, 1);
    assert.deepEqual(
      server.log.map(({ msg, path, aborted }) => [msg, path, aborted]),
      [
        ["access", "-", true],
        ["access", "/a", true],
      ],
    );
  });

  test("no field that could break the head leaves", async (t) => {
    const server = await startServer((x) => {
      x.answerHeaders.push("X-Good", "1", "X-Bad", "a\r\nX-Injected: 1", "X Bad", "1", "X-Nul", "\0");
      x.respond(200, ["X-Euro", "\u20ac"], "");
    });
    t.after(() => server.stop());
    const text = await exchange(server.port, get("/", "Connection: close\r\n"));
    assert.match(text, /\r\nX-Good: 1\r\n/);
    assert.doesNotMatch(text, /X-Bad|X Bad|Injected|X-Nul|X-Euro/);
  });

  test("an upgrade that nobody takes is an ordinary request; CONNECT is refused", async (t) => {
    const server = await startServer(echo);
    t.after(() => server.stop());
    const text = await exchange(
      server.port,
      get("/up", "Upgrade: websocket\r\nConnection: Upgrade\r\n") + get("/next", "Connection: close\r\n"),
    );
    assert.match(text, /GET \/up[\s\S]*GET \/next$/);
    assert.match(await exchange(server.port, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"), /^HTTP\/1\.1 400 .*\r\n/);
  });
});

describe("limits of the head", () => {
  test("S-LSN-10: they hold while it arrives", async (t) => {
    const server = await startServer(echo, { limits: { maxUriLength: 50, maxHeaderSize: 100 } });
    t.after(() => server.stop());
    const longTarget = await rawClient(server.port, `GET /${"a".repeat(2_000)}`);
    assert.match(await longTarget.closed, /^HTTP\/1\.1 414 [\s\S]*"code":414, /);
    const longField = await rawClient(server.port, `GET / HTTP/1.1\r\nX: ${"a".repeat(2_000)}`);
    assert.match(await longField.closed, /^HTTP\/1\.1 431 [\s\S]*"code":431, /);
    const manyFields = await rawClient(server.port, `GET / HTTP/1.1\r\n${"X: 1\r\n".repeat(300)}`);
    assert.match(await manyFields.closed, /^HTTP\/1\.1 431 /);
    const complete = await exchange(server.port, get(`/${"a".repeat(50)}`, "Connection: close\r\n"));
    assert.match(complete, /^HTTP\/1\.1 414 [\s\S]*X-Request-ID: /);
    const trailers = `0\r\n${"X: 1\r\n".repeat(300)}\r\n`;
    const inTrailers = await exchange(
      server.port,
      `POST / HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n${trailers}`,
    );
    assert.match(inTrailers, /^HTTP\/1\.1 431 /);
  });
});
