import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { BodySource } from "../../../runtime-lib/backend.ts";
import type { Exchange } from "../../../runtime-lib/exchange.ts";
import { eventually, exchange, rawClient } from "../../support/engine-process.ts";
import { testedEngines } from "../../support/tested-engines.ts";
import { pass } from "./swept-time.ts";
import { relayTo, type StubCall, startServer, stubPool } from "./wire-server.ts";

const post = (fields: string, body = ""): string => `POST /p HTTP/1.1\r\nHost: gw\r\n${fields}\r\n${body}`;

function streamOf(call: StubCall | undefined): BodySource {
  const body = call?.body;
  assert.ok(body !== undefined && !Buffer.isBuffer(body), "the body is a stream");
  return body;
}

describe("request bodies", () => {
  test("short ones are whole before the backend is asked, chunked ones when they came with the head", async (t) => {
    const seen: string[] = [];
    const pool = stubPool((call) => {
      seen.push(Buffer.isBuffer(call.body) ? call.body.toString() : String(call.body));
      call.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
    });
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const client = await rawClient(server.port, post("Content-Length: 10\r\n", "hello"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(seen, []);
    client.socket.write("world");
    await client.until(/ 200 /);
    client.socket.write(post("Content-Length: 2\r\n", "ab"));
    client.socket.write(post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n"));
    client.socket.write(post("Content-Length: 0\r\nConnection: close\r\n"));
    await client.closed;
    assert.deepEqual(seen, ["helloworld", "ab", "abcde", "undefined"]);
  });

  test("a coding that only we take for chunked, because an upgrade is asked for, ends the connection", async (t) => {
    const seen: string[] = [];
    const pool = stubPool((call) => {
      seen.push(call.method);
      call.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
    });
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const upgrade = "Connection: Upgrade\r\nUpgrade: x\r\n";
    const next = "GET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n";
    const answers = await exchange(server.port, post(`${upgrade}Transfer-Encoding: chunked\t\r\n`, `0\r\n\r\n${next}`));
    assert.match(answers, /^HTTP\/1\.1 501 /);
    assert.equal(answers.match(/HTTP\/1\.1 /g)?.length, 1);
    assert.deepEqual(seen, []);
    await exchange(
      server.port,
      post(`${upgrade}Transfer-Encoding: chunked\r\n`, "1\r\na\r\n0\r\n\r\n") + post("Connection: close\r\n"),
    );
    assert.deepEqual(seen, ["POST", "POST"]);
  });

  test("long ones are streamed, and held back while the backend takes nothing", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const total = 20_000_000;
    const client = await rawClient(server.port, post(`Content-Length: ${total}\r\n`));
    client.socket.write(Buffer.alloc(total, "x"));
    await eventually("the backend is asked", () => pool.calls.length === 1);
    const call = pool.calls[0] as StubCall;
    const body = streamOf(call);
    assert.equal(body.length, total);
    let received = 0;
    body.start({
      bodyData: (chunk) => {
        received += chunk.length;
        return false;
      },
      bodyEnd: () => call.bodyEnd(),
      bodyAborted: () => call.bodyAborted(),
    });
    await eventually("something came", () => received > 0);
    const before = received;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(received, before);
    assert.ok(client.socket.writableLength > 0, "the client is held back");
    while (!call.ended) {
      body.resume();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(received, total);
    call.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
    await client.until(/ 200 /);
    client.socket.destroy();
  });

  test("a streamed body whose client goes away is not whole", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const client = await rawClient(server.port, post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n"));
    await eventually("the backend is asked", () => pool.calls.length === 1);
    const call = pool.calls[0] as StubCall;
    streamOf(call).start(call);
    await eventually("a part came", () => call.received === "ab");
    client.socket.end();
    await eventually("it is aborted", () => call.aborted);
    assert.equal(call.ended, false);
    assert.equal(call.cancelled, true);
  });

  test("bad chunks end the connection in the middle of a body", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const client = await rawClient(server.port, post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n"));
    await eventually("the backend is asked", () => pool.calls.length === 1);
    const call = pool.calls[0] as StubCall;
    streamOf(call).start(call);
    client.socket.write("zz\r\n");
    assert.equal(await client.closed, "");
    assert.equal(call.aborted, true);
    assert.equal(call.ended, false);
  });

  test("100 Continue is sent when the body begins to be read, and not when it is there", async (t) => {
    const pool = stubPool((call) => {
      if (Buffer.isBuffer(call.body)) call.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
    });
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const client = await rawClient(server.port, post("Expect: 100-continue\r\nContent-Length: 2\r\n"));
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    client.socket.write("ab");
    await client.until(/HTTP\/1\.1 200 OK/);
    client.socket.write(post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"));
    await eventually("the backend is asked", () => pool.calls.length === 2);
    assert.equal(client.text().match(/100 Continue/g)?.length, 1);
    const call = pool.calls[1] as StubCall;
    streamOf(call).start(call);
    await client.until(/100 Continue[\s\S]*100 Continue/);
    client.socket.write("1\r\nx\r\n0\r\n\r\n");
    await eventually("it is whole", () => call.ended);
    call.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
    await client.until(/100[\s\S]*200[\s\S]*100[\s\S]*200/);
    client.socket.write(post("Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n", "ab"));
    assert.equal((await client.closed).match(/100 Continue/g)?.length, 2);
    assert.match(await exchange(server.port, post("Expect: more\r\nConnection: close\r\n")), /^HTTP\/1\.1 417 /);
  });

  test("S-LSN-10: too long ones are refused, by their length or when it shows", async (t) => {
    const pool = stubPool((call) => {
      if (call.body !== undefined && !Buffer.isBuffer(call.body)) call.body.start(call);
    });
    const server = await startServer(relayTo(pool), { limits: { maxBodySize: 10 } });
    t.after(() => server.stop());
    const chunked = "Transfer-Encoding: chunked\r\nConnection: close\r\n";
    assert.match(
      await exchange(server.port, post("Content-Length: 11\r\nConnection: close\r\n", "x".repeat(11))),
      /^HTTP\/1\.1 413 /,
    );
    assert.match(await exchange(server.port, post(chunked, `b\r\n${"x".repeat(11)}\r\n0\r\n\r\n`)), /^HTTP\/1\.1 413 /);
    const slowly = await rawClient(server.port, post(chunked, "8\r\nxxxxxxxx\r\n"));
    await eventually("the backend is asked", () => pool.calls.length === 1);
    slowly.socket.write("8\r\nxxxxxxxx\r\n");
    assert.match(await slowly.closed, /^HTTP\/1\.1 413 /);
    assert.equal(pool.calls[0]?.cancelled, true);
    assert.equal(pool.calls[0]?.received, "xxxxxxxx");
  });

  test("an early answer leaves the rest of the body to be dropped, and the connection to be used again", async (t) => {
    const server = await startServer((x) => x.respond(403, [], "no"));
    t.after(() => server.stop());
    const client = await rawClient(server.port, post("Content-Length: 200000\r\n", "abc"));
    await client.until(/\r\n\r\nno$/);
    client.socket.write("x".repeat(199_997));
    client.socket.write("GET /next HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
    assert.match(await client.closed, /\r\n\r\nnoHTTP\/1\.1 403 [\s\S]*\r\n\r\nno$/);
  });

  test("a body that came with its head and is too long in the first of several chunks is 413, and can be read on", async (t) => {
    const pool = stubPool((call) => streamOf(call).start(call));
    const server = await startServer(relayTo(pool), { limits: { maxBodySize: 10 } });
    t.after(() => server.stop());
    const client = await rawClient(
      server.port,
      post("Transfer-Encoding: chunked\r\n", "b\r\nhello world\r\n".repeat(5)),
    );
    await client.until(/^HTTP\/1\.1 413 /);
    client.socket.write("0\r\n\r\n");
    client.socket.write(post("Content-Length: 20\r\nConnection: close\r\n"));
    assert.deepEqual((await client.closed).match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 413", "HTTP/1.1 413"]);
  });

  test("time that the backend takes to want more of a body is not the client's", async (t) => {
    const pool = stubPool((call) => {
      call.takes = false;
      streamOf(call).start(call);
    });
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const client = await rawClient(server.port, post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"));
    t.after(() => client.socket.destroy());
    await eventually("the backend has some of it", () => pool.calls[0]?.received === "hello");
    for (let i = 0; i < 40; i++) await pass(10_000);
    client.socket.write("5\r\nworld\r\n0\r\n\r\n");
    const call = pool.calls[0] as StubCall;
    streamOf(call).resume();
    await eventually("it has more", () => call.received === "helloworld");
    streamOf(call).resume();
    await eventually("it has all", () => call.ended);
    call.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
    await client.until(/^HTTP\/1\.1 200 /);
  });

  test("an early answer to a body without end closes the connection", async (t) => {
    const server = await startServer((x) => x.respond(403, [], "no"));
    t.after(() => server.stop());
    const client = await rawClient(server.port, post("Content-Length: 1000000000\r\n"));
    await client.until(/\r\n\r\nno$/);
    const timer = setInterval(() => client.socket.write("x".repeat(1_000_000)), 10);
    assert.match(await client.closed, /\r\n\r\nno$/);
    clearInterval(timer);
  });
});

describe("answers of backends", () => {
  const ask = async (
    answer: (call: StubCall) => void,
    request = "GET /a HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n",
  ): Promise<string> => {
    const server = await startServer(relayTo(stubPool(answer)));
    try {
      return await exchange(server.port, request);
    } finally {
      await server.stop();
    }
  };
  const bodyOf = (text: string): string => text.slice(text.indexOf("\r\n\r\n") + 4);

  test("with a length, whole or in parts; a backend's own date and reason pass", async () => {
    const whole = await ask(({ sink }) =>
      sink.answerWhole(200, "Fine", ["Date", "then", "Content-Length", "5"], Buffer.from("hello")),
    );
    assert.match(whole, /^HTTP\/1\.1 200 Fine\r\nDate: then\r\nContent-Length: 5\r\n/);
    assert.equal(whole.match(/date:/gi)?.length, 1);
    const parts = await ask(({ sink }) => {
      sink.answerHead(200, "", ["Content-Length", "5"]);
      sink.answerData(Buffer.from("he"));
      sink.answerData(Buffer.from("llo"));
      sink.answerEnd();
    });
    assert.equal(bodyOf(parts), "hello");
    assert.doesNotMatch(parts, /Transfer-Encoding/);
  });

  test("without a length: in chunks, to HTTP/1.0 until the connection ends", async () => {
    const answer = ({ sink }: StubCall): void => {
      sink.answerHead(200, "", []);
      sink.flushHead();
      sink.answerData(Buffer.from("he"));
      sink.answerData(Buffer.alloc(20_000, "x"));
      sink.answerEnd();
    };
    const long = "x".repeat(20_000);
    const chunked = await ask(answer);
    assert.match(chunked, /\r\nTransfer-Encoding: chunked\r\n\r\n/);
    assert.equal(bodyOf(chunked), `2\r\nhe\r\n4e20\r\n${long}\r\n0\r\n\r\n`);
    const old = await ask(answer, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert.match(old, /\r\nConnection: close\r\n\r\n/);
    assert.equal(bodyOf(old), `he${long}`);
    const empty = await ask(({ sink }) => {
      sink.answerHead(200, "", []);
      sink.answerEnd();
    });
    assert.equal(bodyOf(empty), "0\r\n\r\n");
    const none = await ask(({ sink }) => sink.answerWhole(200, "", [], undefined));
    assert.match(none, /\r\nContent-Length: 0\r\n/);
  });

  test("HEAD and 304 keep the length that a body would have had", async () => {
    const head = await ask(
      ({ sink }) => sink.answerWhole(200, "", ["Content-Length", "5"], undefined),
      "HEAD /a HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n",
    );
    assert.match(head, /\r\nContent-Length: 5\r\n[\s\S]*\r\n\r\n$/);
    const headless = await ask(({ sink }) => {
      sink.answerHead(200, "", []);
      sink.flushHead();
      sink.answerEnd();
    }, "HEAD /a HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
    assert.doesNotMatch(headless, /Content-Length|Transfer-Encoding/);
    const unchanged = await ask(({ sink }) => sink.answerWhole(304, "", ["Content-Length", "5"], undefined));
    assert.match(unchanged, /^HTTP\/1\.1 304 [\s\S]*Content-Length: 5\r\n[\s\S]*\r\n\r\n$/);
  });

  test("bodies of every size that is written in another way arrive as they are", async () => {
    for (const size of [0, 1, 16_000, 16_384, 16_385, 65_536, 131_073, 1_000_000]) {
      const body = Buffer.alloc(size, "abcdefghijk");
      const answer = await ask(({ sink }) =>
        sink.answerWhole(200, "", ["Content-Length", String(size)], Buffer.from(body)),
      );
      assert.ok(bodyOf(answer) === body.toString(), `${size} bytes whole`);
      const parts = await ask(({ sink }) => {
        const lent = Buffer.from(body);
        sink.answerHead(200, "", ["Content-Length", String(2 * size)]);
        sink.answerData(lent);
        sink.answerData(lent);
        lent.fill("-");
        sink.answerEnd();
      });
      assert.ok(bodyOf(parts) === body.toString().repeat(2), `${size} bytes in parts`);
    }
  });

  test("a client that takes nothing holds the backend back; taking resumes it", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool));
    t.after(() => server.stop());
    const client = await rawClient(server.port);
    client.socket.pause();
    client.socket.write("GET /a HTTP/1.1\r\nHost: gw\r\n\r\n");
    await eventually("the backend is asked", () => pool.calls.length === 1);
    const call = pool.calls[0] as StubCall;
    const chunk = Buffer.alloc(65_536, "x");
    call.sink.answerHead(200, "", []);
    let sent = 0;
    const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    // What the kernel takes at once is drained at once.
    while (sent < 1_000) {
      const resumed = call.resumed;
      sent++;
      if (call.sink.answerData(chunk)) continue;
      await settle();
      if (call.resumed === resumed) break;
    }
    assert.ok(sent < 1_000, "it was held back");
    const resumed = call.resumed;
    client.socket.resume();
    await eventually("it is resumed", () => call.resumed > resumed);
    call.sink.answerEnd();
    await client.until(/\r\n0\r\n\r\n$/);
    client.socket.destroy();
  });

  test("what the gateway says itself after a call that failed is looked at before it is sent", async (t) => {
    const pool = stubPool((call) =>
      setImmediate(() => call.sink.answerFailed("unreachable", "backend: SOCKET", "none")),
    );
    const server = await startServer(async (x) => {
      await x.relay(
        { origin: "http://backend.test", pool },
        { path: "/", headers: [] },
        { takes: () => true, gives: () => false },
      );
      x.respond(503, ["X-Bad", "a\r\nX-Split: b"], "no");
    });
    t.after(() => server.stop());
    const text = await exchange(server.port, "GET /a HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
    assert.match(text, /^HTTP\/1\.1 503 /);
    assert.doesNotMatch(text, /X-Split/);
  });

  test("an answer that breaks off cuts the connection", async () => {
    const text = await ask(({ sink }) => {
      sink.answerHead(200, "", []);
      sink.answerData(Buffer.from("he"));
      sink.answerFailed("unreachable", "backend: ECONNRESET", "maybe");
    });
    assert.doesNotMatch(text, /0\r\n\r\n$/);
  });
});

for (const engine of testedEngines) {
  describe(`bodies that the gateway reads itself, engine ${engine}`, () => {
    /**
     * Lengths of what each call of `wholeBody` gave, `-1` for undefined; `also`: a second call while the first one waits. The
     * body comes when it is waited for: what comes with its head may be whole from the beginning.
     */
    async function lengths(t: TestContext, bytes: string, limits: readonly number[], also?: number): Promise<number[]> {
      const found: number[] = [];
      let begun = false;
      const handle = async (x: Exchange): Promise<void> => {
        const lengthOf = async (limit: number): Promise<number> => {
          const body = x.wholeBody(limit);
          begun = true;
          return (await body)?.length ?? -1;
        };
        if (also === undefined) for (const limit of limits) found.push(await lengthOf(limit));
        else found.push(...(await Promise.all([...limits, also].map(lengthOf))));
        x.respond(200, [], "read");
      };
      const server = await startServer(handle, { engine });
      t.after(() => server.stop());
      const end = bytes.indexOf("\r\n\r\n") + 4;
      const client = await rawClient(server.port, bytes.slice(0, end));
      await eventually("it is waited for", () => begun);
      client.socket.write(bytes.slice(end));
      assert.match(await client.closed, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nread$/);
      return found;
    }
    const close = "Connection: close\r\n";
    const forms = {
      "a length": post(`${close}Content-Length: 5\r\n`, "hello"),
      chunks: post(`${close}Transfer-Encoding: chunked\r\n`, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    };
    for (const [name, bytes] of Object.entries(forms)) {
      test(`with ${name}: exactly the limit, and again`, async (t) => {
        assert.deepEqual(await lengths(t, bytes, [5, 5, 100, 4]), [5, 5, 5, -1]);
      });
      test(`with ${name}: one byte more than the limit`, async (t) => {
        assert.equal((await lengths(t, bytes, [4]))[0], -1);
      });
      test(`with ${name}: whoever asks while somebody reads gets nothing, and takes nothing away`, async (t) => {
        assert.deepEqual(await lengths(t, bytes, [5], 5), [5, -1]);
      });
    }
    test("of chunks that were too long a part is gone: no later limit brings them back", async (t) => {
      assert.deepEqual(await lengths(t, forms.chunks, [4, 100]), [-1, -1]);
    });
    test("a length above the limit is known before anything is read: a larger limit gets it all", async (t) => {
      assert.deepEqual(await lengths(t, forms["a length"], [4, 5]), [-1, 5]);
    });
    test("there is none", async (t) => {
      assert.deepEqual(await lengths(t, `GET / HTTP/1.1\r\nHost: gw\r\n${close}\r\n`, [0, 0]), [0, 0]);
    });
  });
}
