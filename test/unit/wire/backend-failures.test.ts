import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { always, ask, poolFor, RawBackend, RecordingSink, send, TestSource, turn, until } from "./raw-backend.ts";

/** Backends that break off, lie or stay silent: what the sink is told, and what becomes of the connection. */

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const limit = { timeout: 30_000 };

describe("backends that misbehave", limit, () => {
  for (const [name, answer, outcome] of [
    ["what is not HTTP", "SSH-2.0-OpenSSH_9.6\r\n", "unreachable maybe backend: HPE_INVALID_CONSTANT"],
    ["another version", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "unreachable maybe backend: HTTP_VERSION"],
    [
      "an upgrade nobody asked for",
      "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
      "unreachable maybe backend: UPGRADE",
    ],
    ["a status below 100", "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", "unreachable maybe backend: STATUS"],
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
      "unreachable maybe backend: HPE_UNEXPECTED_CONTENT_LENGTH",
    ],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "unreachable maybe backend: HPE_INVALID_TRANSFER_ENCODING",
    ],
    [
      "a coding nobody undoes",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "unreachable maybe backend: TRANSFER_CODING",
    ],
    [
      "a body with 204",
      "HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\nok",
      "unreachable maybe backend: RES_CONTENT_LENGTH_MISMATCH",
    ],
    [
      "a head without end",
      `HTTP/1.1 200 OK\r\nX: ${"y".repeat(60_000)}`,
      "unreachable maybe backend: HEADERS_OVERFLOW",
    ],
    [
      "a head above its limit",
      `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ${"y".repeat(8_191)}\r\n\r\n`,
      "unreachable maybe backend: HEADERS_OVERFLOW",
    ],
    [
      "trailers above the limit of a head",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ${"y".repeat(8_191)}\r\n\r\n`,
      "unreachable maybe backend: HEADERS_OVERFLOW",
    ],
    [
      "a chunk size that is none",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
      "unreachable maybe backend: HPE_INVALID_CHUNK_SIZE",
    ],
  ] as const) {
    test(`${name} is no answer, and is the connection's end`, async (t) => {
      const backend = await RawBackend.start(t, async (side) => {
        await side.request();
        side.write(side.number === 1 ? answer : ok);
      });
      const pool = await poolFor(t, backend);
      assert.equal((await ask(pool)).outcome, outcome);
      await backend.sides[0]?.untilClosed();
      assert.equal((await ask(pool)).outcome, "200 ok");
      assert.equal(backend.sides.length, 2);
    });
  }

  for (const [name, part, outcome] of [
    ["before the head", "", "unreachable maybe backend: "],
    ["within the head", "HTTP/1.1 200 OK\r\nContent-Le", "unreachable maybe backend: "],
    ["after the head", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "200  unreachable maybe backend: "],
    ["within the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "200 ok unreachable maybe backend: "],
    [
      "within a chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
      "200 ok unreachable maybe backend: ",
    ],
    [
      "before the last chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
      "200 ok unreachable maybe backend: ",
    ],
    ["after an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", "unreachable maybe backend: "],
  ] as const) {
    test(`an end ${name}, in order or by reset, is a failure`, async (t) => {
      const sink = new RecordingSink();
      const backend = await RawBackend.start(t, async (side) => {
        await side.request();
        if (side.number === 1) return side.end(part);
        side.write(part);
        // What was written before a reset may be lost with it.
        if (outcome.startsWith("200"))
          await until(() => sink.status === 200 && (sink.body !== "" || !part.includes("ok")));
        else if (part !== "") await turn();
        side.reset();
      });
      const pool = await poolFor(t, backend);
      assert.equal((await ask(pool)).outcome, `${outcome}SOCKET`);
      send(pool, "GET", "/", undefined, [], sink);
      await sink.done;
      // libuv tells a reset that comes together with data as an end.
      assert.ok([`${outcome}ECONNRESET`, `${outcome}SOCKET`].includes(sink.outcome), sink.outcome);
    });
  }

  test("a body that ends with the connection is not whole when that is reset", async (t) => {
    const sink = new RecordingSink();
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.write("HTTP/1.1 200 OK\r\n\r\nhalf");
      await until(() => sink.body === "half");
      side.reset();
    });
    send(await poolFor(t, backend), "GET", "/", undefined, [], sink);
    await sink.done;
    assert.equal(sink.outcome, "200 half unreachable maybe backend: ECONNRESET");
  });

  for (const end of ["end", "reset"] as const) {
    test(`a connection that has served, and ends before a byte of the answer (${end}): stale`, async (t) => {
      const backend = await RawBackend.start(t, async (side) => {
        await side.request();
        side.write(ok);
        await side.request();
        side[end]();
      });
      const pool = await poolFor(t, backend);
      for (const method of ["GET", "POST"]) {
        assert.equal((await ask(pool)).outcome, "200 ok");
        const sink = await ask(pool, method);
        assert.equal(sink.reach, "stale");
        assert.equal(sink.failure, "unreachable");
      }
    });
  }

  test("one that has served, and ends after a byte of the answer: maybe", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.write(ok);
      await side.request();
      side.end("H");
    });
    const pool = await poolFor(t, backend);
    assert.equal((await ask(pool)).outcome, "200 ok");
    assert.equal((await ask(pool)).outcome, "unreachable maybe backend: SOCKET");
  });

  for (const end of ["end", "reset"] as const) {
    test(`a connection that ended while it was idle (${end}) is never used`, async (t) => {
      const backend = await RawBackend.start(t, async (side) => {
        await side.request();
        side.write(ok);
        if (side.number % 2 === 0) side[end]();
      });
      const pool = await poolFor(t, backend);
      for (let i = 0; i < 20; i++) {
        const sink = await ask(pool);
        // A reset may overtake the answer.
        if (end === "end" || sink.failure === undefined) assert.equal(sink.outcome, "200 ok");
        await backend.sides[i]?.socket.end();
        await until(() => (backend.sides[i]?.closed ?? false) && backend.sides[i]?.socket.destroyed !== false);
      }
      assert.equal(backend.sides.length, 20);
    });
  }

  test("what comes after an answer, with it or later, is the end of the connection", async (t) => {
    const smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      if (side.number === 1) return side.write(ok + smuggled);
      side.write(ok);
      if (side.number === 2) {
        await turn();
        side.write(smuggled);
      }
    });
    const pool = await poolFor(t, backend);
    for (let i = 0; i < 3; i++) {
      assert.equal((await ask(pool)).outcome, "200 ok");
      if (i < 2) await backend.sides[i]?.untilClosed();
    }
    assert.equal(backend.sides.length, 3);
  });

  test("bytes before the first request are no answer to it", async (t) => {
    let connected = 0;
    const backend = await RawBackend.start(t, async (side) => {
      if (++connected === 1) side.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
      await side.until((text) => text !== "" || side.closed).catch(() => undefined);
      if (side.closed) return;
      await side.request();
      side.write(ok);
    });
    // The greeting may be there before or after the request is written: never is it taken for the second answer.
    const pool = await poolFor(t, backend);
    await ask(pool);
    assert.equal((await ask(pool)).outcome, "200 ok");
  });

  test("nobody listens: none of it was sent", async (t) => {
    const backend = await RawBackend.start(t, () => undefined);
    const { origin } = backend;
    await new Promise((resolve) => backend.server.close(resolve));
    const pool = await poolFor(t, origin);
    const { sink, call } = send(pool, "POST", "/", Buffer.from("x"));
    await sink.done;
    assert.equal(sink.outcome, "unreachable none backend: ECONNREFUSED");
    assert.equal(call.reached, false);
    const sinks = await Promise.all(Array.from({ length: 50 }, () => ask(pool)));
    for (const each of sinks) assert.equal(each.outcome, "unreachable none backend: ECONNREFUSED");
  });

  test("a name that is none is not reached", async (t) => {
    const sink = await ask(await poolFor(t, "http://name.invalid:81"));
    assert.match(sink.outcome, /^unreachable none backend: (ENOTFOUND|EAI_AGAIN)$/);
  });

  test("limits of bodies: refused at the head when it says so, else where the limit is passed", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      const path = (await side.request()).split(" ")[1];
      if (path === "/exact") side.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345`);
      if (path === "/said") side.write(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n`);
      if (path === "/unsaid")
        side.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n3\r\n456\r\n`);
      if (path === "/head") side.write(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n`);
    });
    const pool = await poolFor(t, backend, { maxBodySize: 5 });
    assert.equal((await ask(pool, "GET", "/exact")).outcome, "200 12345");
    await until(() => backend.sides.length === 1);
    backend.sides[0]?.end();
    await turn();
    for (const path of ["/said", "/unsaid"]) {
      assert.equal((await ask(pool, "GET", path)).outcome, "unreachable maybe backend: RES_EXCEEDED_MAX_SIZE", path);
    }
    assert.equal((await ask(pool, "HEAD", "/head")).outcome, "200 ");
  });

  test("a status line has a limit of its own where one is set (S-ERR-37)", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      const length = Number((await side.request()).split(" ")[1]?.slice(1));
      side.write(`HTTP/1.1 200 ${"x".repeat(length)}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok`);
    });
    const limited = await poolFor(t, backend, { maxStatusLine: 20 });
    assert.equal((await ask(limited, "GET", "/7")).outcome, "200 ok");
    assert.equal((await ask(limited, "GET", "/8")).outcome, "unreachable maybe backend: STATUS_LINE_OVERFLOW");
    assert.equal((await ask(await poolFor(t, backend), "GET", "/8000")).outcome, "200 ok");
  });

  test("time limits: to connect, for the head, between parts of the body, in all", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      const path = (await side.request()).split(" ")[1];
      if (path === "/body") side.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
      if (path === "/slow") {
        side.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (!side.closed) {
          side.write("1\r\nx\r\n");
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    });
    const pool = await poolFor(t, backend, { timeoutMs: 120 });
    const [head, body] = await Promise.all([ask(pool, "GET", "/head"), ask(pool, "GET", "/body")]);
    assert.equal(head.outcome, "timeout maybe backend: HEADERS_TIMEOUT");
    assert.equal(body.outcome, "200 ok timeout maybe backend: BODY_TIMEOUT");
    const all = await poolFor(t, backend, { totalMs: 200 });
    const sink = await ask(all, "GET", "/slow");
    assert.equal(sink.why, "backend: TOTAL_TIMEOUT");
    assert.equal(sink.failure, "timeout");
    for (const side of backend.sides) await side.untilClosed();
  });

  test("an answer that waits for its client is not late", async (t) => {
    const sink = new RecordingSink();
    sink.takesMore = false;
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
      await until(() => sink.body === "ab");
      side.write("cd");
    });
    const pool = await poolFor(t, backend, { timeoutMs: 250 });
    const { call } = send(pool, "GET", "/", undefined, [], sink);
    await until(() => sink.body === "ab");
    await new Promise((resolve) => setTimeout(resolve, 800));
    assert.deepEqual(sink.events, ["head", "data"]);
    call.resume();
    await sink.done;
    assert.equal(sink.outcome, "200 abcd");
  });

  test("interim answers buy the backend no time", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      // Fewer of them than are too many, and never a pause as long as the limit.
      for (let i = 0; i < 12 && !side.closed; i++) {
        side.write("HTTP/1.1 102 Processing\r\n\r\n");
        await new Promise((resolve) => setTimeout(resolve, 80));
      }
      side.write(ok);
    });
    const sink = await ask(await poolFor(t, backend, { timeoutMs: 160 }));
    assert.equal(sink.outcome, "timeout maybe backend: HEADERS_TIMEOUT");
    assert.deepEqual(sink.events, ["failed"]);
  });

  test("sixteen interim answers are read over for each request, one more is no answer", async (t) => {
    const interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    const backend = await RawBackend.start(t, async (side) => {
      for (;;) {
        const path = (await side.request()).split(" ")[1];
        if (path === "/16") side.write(interim.repeat(16) + ok);
        if (path === "/17") side.write(interim.repeat(17) + ok);
        if (path === "/one") await side.writeSlowly(interim.repeat(17));
      }
    });
    const pool = await poolFor(t, backend);
    for (let i = 0; i < 3; i++) assert.equal((await ask(pool, "GET", "/16")).outcome, "200 ok");
    assert.equal(backend.sides.length, 1);
    for (const path of ["/17", "/one"]) {
      assert.equal((await ask(pool, "GET", path)).outcome, "unreachable maybe backend: INTERIMS", path);
    }
    for (const side of backend.sides) await side.untilClosed();
  });

  test("requests that would be others are not sent", async (t) => {
    const backend = await RawBackend.start(t, always(ok));
    const pool = await poolFor(t, backend);
    const refused = "unreachable none backend: INVALID_REQUEST";
    for (const value of ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "\u010d\u010aX: y", "a\u0001b"]) {
      assert.equal((await ask(pool, "GET", "/", undefined, ["X-A", value])).outcome, refused, JSON.stringify(value));
      assert.equal((await ask(pool, "GET", "/", undefined, [value, "a"])).outcome, refused, JSON.stringify(value));
      assert.equal((await ask(pool, "GET", `/${value}`)).outcome, refused, JSON.stringify(value));
      assert.equal((await ask(pool, value)).outcome, refused, JSON.stringify(value));
    }
    for (const path of ["", "x", "/a b", "*"]) assert.equal((await ask(pool, "GET", path)).outcome, refused, path);
    for (const method of ["", "GET /x"]) assert.equal((await ask(pool, method)).outcome, refused, method);
    assert.equal(backend.sides.length, 0);
    assert.equal((await ask(pool, "GET", "/", undefined, ["X-A", "a\tb \u00e9"])).outcome, "200 ok");
  });

  test("a source is destroyed when its backend fails, but not before it was asked", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      await side.until((text) => text.includes("\r\n\r\n"));
      side.end();
    });
    const pool = await poolFor(t, backend);
    const begun = new TestSource(10);
    assert.equal((await ask(pool, "POST", "/", begun)).outcome, "unreachable maybe backend: SOCKET");
    assert.equal(begun.destroyed, true);
    await new Promise((resolve) => backend.server.close(resolve));
    const never = new TestSource(10);
    assert.equal((await ask(pool, "POST", "/", never)).outcome, "unreachable none backend: ECONNREFUSED");
    assert.deepEqual([never.destroyed, never.untouched], [false, true]);
  });
});
