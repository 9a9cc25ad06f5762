import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BodySink } from "../../../runtime-lib/backend.ts";
import { always, ask, poolFor, RawBackend, RecordingSink, send, TestSource, turn, until } from "./raw-backend.ts";

/** What the backend gets. */

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Answers with `ok` and keeps what was asked. */
async function recorder(t: Parameters<typeof RawBackend.start>[0]): Promise<{ backend: RawBackend; seen: string[] }> {
  const seen: string[] = [];
  const backend = await RawBackend.start(t, async (side) => {
    for (;;) {
      seen.push(await side.request());
      side.write(ok);
    }
  });
  return { backend, seen };
}

describe("requests to backends", { timeout: 60_000 }, () => {
  test("say where they go and how they are framed, whatever the fields say", async (t) => {
    const { backend, seen } = await recorder(t);
    const pool = await poolFor(t, backend);
    const fields = [
      "Host",
      "x",
      "Connection",
      "close",
      "Content-Length",
      "9",
      "Transfer-Encoding",
      "chunked",
      "A",
      "b",
    ];
    await ask(pool, "GET", "/a?b=c", undefined, fields);
    await ask(pool, "POST", "/a", undefined, fields);
    await ask(pool, "POST", "/a", Buffer.from("body"), fields);
    await ask(pool, "DELETE", "/a", Buffer.from("body"), fields);
    await ask(pool, "HEAD", "/a");
    const host = `host: ${backend.origin.slice(7)}\r\n`;
    assert.deepEqual(seen, [
      `GET /a?b=c HTTP/1.1\r\n${host}connection: keep-alive\r\nA: b\r\n\r\n`,
      `POST /a HTTP/1.1\r\n${host}connection: keep-alive\r\ncontent-length: 0\r\nA: b\r\n\r\n`,
      `POST /a HTTP/1.1\r\n${host}connection: keep-alive\r\ncontent-length: 4\r\nA: b\r\n\r\nbody`,
      `DELETE /a HTTP/1.1\r\n${host}connection: close\r\ncontent-length: 4\r\nA: b\r\n\r\nbody`,
      `HEAD /a HTTP/1.1\r\n${host}connection: close\r\n\r\n`,
    ]);
    assert.equal(backend.sides.length, 2, "one that was asked to close is not used again");
  });

  test("bytes of all values pass as they are", async (t) => {
    const { backend, seen } = await recorder(t);
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const pool = await poolFor(t, backend);
    for (const body of [all, Buffer.concat(Array.from({ length: 300 }, () => all))]) {
      await ask(pool, "PUT", "/", body, ["X", "\u00e9\u00ff"]);
      const request = seen.pop() as string;
      assert.equal(request.slice(request.indexOf("\r\n\r\n") + 4), body.toString("latin1"));
      assert.match(request, /\r\nX: \u00e9\u00ff\r\n/);
    }
  });

  test("streams are sent by their length, or in chunks", async (t) => {
    const { backend, seen } = await recorder(t);
    const pool = await poolFor(t, backend);
    const long = Buffer.alloc(20_000, "z");
    const play = (sink: BodySink) => {
      sink.bodyData(Buffer.from("ab"));
      sink.bodyData(Buffer.alloc(0));
      sink.bodyData(long);
      sink.bodyEnd();
    };
    for (const length of [20_002, -1]) {
      const source = new TestSource(length);
      source.onStart = play;
      assert.equal((await ask(pool, "POST", "/", source)).outcome, "200 ok");
      assert.equal(source.destroyed, false);
    }
    const [sized, chunked] = seen as [string, string];
    assert.ok(sized.includes("\r\ncontent-length: 20002\r\n\r\nabzz"), sized.slice(0, 200));
    assert.ok(
      chunked.endsWith(`\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n4e20\r\n${long}\r\n0\r\n\r\n`),
      chunked.slice(0, 200),
    );
    assert.equal(backend.sides.length, 1);
  });

  test("lent bytes are not kept", async (t) => {
    const { backend, seen } = await recorder(t);
    const pool = await poolFor(t, backend);
    for (const [length, size] of [
      [-1, 10],
      [-1, 10_000],
      [10_000, 10_000],
    ] as const) {
      const source = new TestSource(length);
      source.onStart = (sink) => {
        const lent = Buffer.alloc(size, "a");
        sink.bodyData(lent);
        lent.fill("!");
        sink.bodyEnd();
      };
      await ask(pool, "POST", "/", source);
      assert.ok(!(seen.pop() as string).includes("!"));
    }
  });

  test("an empty stream", async (t) => {
    const { backend, seen } = await recorder(t);
    const pool = await poolFor(t, backend);
    for (const length of [0, -1]) {
      const source = new TestSource(length);
      source.onStart = (sink) => sink.bodyEnd();
      assert.equal((await ask(pool, "POST", "/", source)).outcome, "200 ok");
    }
    assert.match(seen[0] as string, /content-length: 0\r\n\r\n$/);
    assert.match(seen[1] as string, /transfer-encoding: chunked\r\n\r\n0\r\n\r\n$/);
  });

  for (const [name, parts, last, reason] of [
    ["ends short of its length", ["123"], "bodyEnd", "REQUEST_LENGTH"],
    ["goes beyond its length", ["1234", "5"], "bodyEnd", "REQUEST_LENGTH"],
    ["breaks off", ["12"], "bodyAborted", "REQUEST_ABORTED"],
  ] as const) {
    test(`a stream that ${name} ends its connection`, async (t) => {
      const backend = await RawBackend.start(t, async (side) => {
        await side.until((text) => text.includes("\r\n\r\n12"));
        await side.untilClosed();
      });
      const source = new TestSource(4);
      source.onStart = (sink) => {
        for (const part of parts) sink.bodyData(Buffer.from(part));
        sink[last]();
      };
      const sink = await ask(await poolFor(t, backend), "POST", "/", source);
      assert.equal(sink.outcome, `unreachable maybe backend: ${reason}`);
      assert.equal(source.destroyed, true);
      await until(() => backend.sides[0]?.closed === true);
      const body = (backend.sides[0]?.received ?? "").split("\r\n\r\n")[1] as string;
      assert.ok(body.length <= 4, body);
    });
  }

  test("an answer before the end of the request is told; its connection is not used again", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      await side.until((text) => text.includes("\r\n\r\n"));
      side.write("HTTP/1.1 413 Too Long\r\nContent-Length: 2\r\n\r\nno");
    });
    const pool = await poolFor(t, backend);
    for (const source of [new TestSource(1_000_000), new TestSource(-1)]) {
      source.onStart = (sink) => void sink.bodyData(Buffer.from("some"));
      const sink = await ask(pool, "POST", "/", source);
      assert.equal(sink.outcome, "413 no");
      assert.equal(source.destroyed, true);
      assert.equal(source.sink?.bodyData(Buffer.from("more")), true, "nobody takes the rest");
      source.sink?.bodyEnd();
    }
    await until(() => backend.sides.every((side) => side.closed));
    assert.equal(backend.sides.length, 2);
  });

  test("an answer may go on while the request does", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      await side.until((text) => text.endsWith("ping"));
      side.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npong");
      await side.until((text) => text.endsWith("ping"));
      side.received = "";
      await side.until((text) => text === "ping");
      side.write("pong");
    });
    const pool = await poolFor(t, backend);
    const source = new TestSource(8);
    source.onStart = (sink) => void sink.bodyData(Buffer.from("ping"));
    const sink = new RecordingSink();
    sink.onEvent = (event) => {
      if (event !== "data" || sink.body !== "pong") return;
      setImmediate(() => {
        source.sink?.bodyData(Buffer.from("ping"));
        source.sink?.bodyEnd();
      });
    };
    send(pool, "POST", "/", source, [], sink);
    await sink.done;
    assert.equal(sink.outcome, "200 pongpong");
    await turn();
    assert.equal(backend.sides[0]?.closed, false, "the request was all sent");
  });

  test("a backend that takes nothing slows its client down, and is given up in time", async (t) => {
    const backend = await RawBackend.start(t, (side) => void side.socket.pause());
    const pool = await poolFor(t, backend, { timeoutMs: 400 });
    const source = new TestSource(-1);
    let sent = 0;
    const chunk = Buffer.alloc(65_536);
    const pump = () => {
      while (sent < 1e9 && !source.destroyed) {
        sent += chunk.length;
        if (source.sink?.bodyData(chunk) === false) return;
      }
    };
    source.onStart = () => setImmediate(pump);
    source.onResume = pump;
    const sink = await ask(pool, "POST", "/", source);
    assert.equal(sink.outcome, "timeout maybe backend: HEADERS_TIMEOUT");
    assert.equal(source.destroyed, true);
    assert.ok(sent < 64e6, `${sent} bytes were taken`);
  });

  test("a client that sends slowly is not a backend that answers slowly", async (t) => {
    const { backend } = await recorder(t);
    const pool = await poolFor(t, backend, { timeoutMs: 500 });
    const source = new TestSource(4);
    source.onStart = (sink) => {
      sink.bodyData(Buffer.from("ab"));
      setTimeout(() => {
        sink.bodyData(Buffer.from("cd"));
        sink.bodyEnd();
      }, 1_200);
    };
    assert.equal((await ask(pool, "POST", "/", source)).outcome, "200 ok");
  });

  test("256 MiB each way pass in little memory", async (t) => {
    const size = 256 * 1024 * 1024;
    const block = Buffer.alloc(1 << 18, "x");
    let taken = 0;
    const backend = await RawBackend.start(t, (side) => {
      const { socket } = side;
      socket.removeAllListeners("data");
      let inHead = true;
      let left = size;
      const pump = () => {
        while (left > 0) {
          left -= block.length;
          if (!socket.write(block)) return;
        }
      };
      socket.on("drain", pump);
      socket.on("data", (chunk: Buffer) => {
        taken += chunk.length;
        if (!inHead) return;
        inHead = false;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        pump();
      });
    });
    const pool = await poolFor(t, backend, { timeoutMs: 60_000 });
    const source = new TestSource(size);
    let sent = 0;
    const pump = () => {
      while (sent < size) {
        sent += block.length;
        if (source.sink?.bodyData(block) === false) return;
      }
      source.sink?.bodyEnd();
    };
    source.onStart = () => setImmediate(pump);
    source.onResume = pump;
    const sink = new RecordingSink();
    sink.keepsBody = false;
    sink.takesMore = false;
    let peak = 0;
    sink.onEvent = (event) => {
      if (event !== "data") return;
      peak = Math.max(peak, process.memoryUsage.rss());
      setImmediate(() => call.resume());
    };
    const before = process.memoryUsage.rss();
    const { call } = send(pool, "POST", "/", source, [], sink);
    await sink.done;
    assert.equal(sink.failure, undefined, sink.outcome);
    assert.equal(sink.bytes, size);
    await until(() => taken >= size);
    assert.ok(peak - before < 120e6, `${Math.round((peak - before) / 1e6)} MB more`);
  });

  test("cancelled at any time, a call leaves no trace on a later one", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      for (;;) {
        const path = (await side.request()).split(" ")[1] as string;
        side.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n`);
        await turn();
        side.write(path);
      }
    });
    const pool = await poolFor(t, backend);
    let told = 0;
    for (let i = 0; i < 300; i++) {
      const { sink, call } = send(pool, "GET", `/cancelled/${i}`);
      for (let turns = 0; turns < i % 8; turns++) await turn();
      call.cancel();
      const events = sink.events.length;
      const next = await ask(pool, "GET", `/next/${i}`);
      assert.equal(next.outcome, `200 /next/${i}`);
      assert.equal(sink.events.length, events, "it hears no more");
      if (sink.events.includes("whole") || sink.events.includes("end")) told++;
    }
    assert.ok(told < 300);
  });

  test("cancelled before it is written, a call costs no connection", async (t) => {
    const backend = await RawBackend.start(t, always(ok));
    const pool = await poolFor(t, backend);
    await ask(pool);
    for (let i = 0; i < 10; i++) {
      send(pool).call.cancel();
      assert.equal((await ask(pool)).outcome, "200 ok");
    }
    assert.equal(backend.sides.length, 1);
  });
});
