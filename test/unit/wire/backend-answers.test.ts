import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { always, ask, poolFor, RawBackend, send, until } from "./raw-backend.ts";

/** What a backend answers, and what of it the sink is told. */

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("answers of backends", () => {
  test("that are there in one read are told whole", async (t) => {
    const pool = await poolFor(t, await RawBackend.start(t, always(ok)));
    const sink = await ask(pool);
    assert.equal(sink.outcome, "200 ok");
    assert.deepEqual(sink.events, ["whole"]);
    assert.deepEqual(sink.fields, ["Content-Length", "2"]);
    assert.equal(sink.reason, "OK");
  });

  test("come over one connection, a thousand of them, one after the other", async (t) => {
    const backend = await RawBackend.start(t, always(ok));
    const pool = await poolFor(t, backend);
    for (let i = 0; i < 1_000; i++) assert.equal((await ask(pool)).outcome, "200 ok");
    assert.equal(backend.sides.length, 1);
  });

  test("come to two hundred at a time, each to its own", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      for (;;) {
        const path = (await side.request()).split(" ")[1] as string;
        side.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
      }
    });
    const pool = await poolFor(t, backend);
    for (let round = 0; round < 3; round++) {
      const sinks = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(pool, "GET", `/${round}/${i}`)));
      assert.deepEqual(
        sinks.map((sink) => sink.outcome),
        Array.from({ length: 200 }, (_, i) => `200 /${round}/${i}`),
      );
    }
    assert.equal(backend.sides.length, 200);
  });

  for (const [name, answer, outcome] of [
    ["Content-Length", ok, "200 ok"],
    [
      "chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nX: t\r\n\r\n",
      "200 ok",
    ],
    ["no body", "HTTP/1.1 204 No Content\r\n\r\n", "204 "],
    ["304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", "304 "],
    ["interim answers", `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok}`, "200 ok"],
  ] as const) {
    test(`${name}: whole and byte by byte, again and again over one connection`, async (t) => {
      let slowly = false;
      const backend = await RawBackend.start(t, async (side) => {
        for (;;) {
          await side.request();
          if (slowly) await side.writeSlowly(answer);
          else side.write(answer);
        }
      });
      const pool = await poolFor(t, backend);
      for (const slow of [false, true, false, true]) {
        slowly = slow;
        const sink = await ask(pool);
        assert.equal(sink.outcome, outcome);
        assert.ok(!sink.fields.includes("X") && !sink.fields.includes("Link"), sink.fields.join());
      }
      assert.equal(backend.sides.length, 1);
    });
  }

  test("that end with the connection end with it", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.end("HTTP/1.1 200 OK\r\n\r\nto the end");
    });
    const pool = await poolFor(t, backend);
    assert.equal((await ask(pool)).outcome, "200 to the end");
    assert.equal((await ask(pool)).outcome, "200 to the end");
    assert.equal(backend.sides.length, 2);
  });

  test("to HEAD have no body, and their connection is not used again", async (t) => {
    const backend = await RawBackend.start(t, always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    const pool = await poolFor(t, backend);
    const sink = await ask(pool, "HEAD");
    assert.equal(sink.outcome, "200 ");
    assert.deepEqual(sink.fields, ["Content-Length", "5"]);
    assert.equal((await ask(pool, "HEAD")).outcome, "200 ");
    assert.equal(backend.sides.length, 2);
  });

  test("keep one waiting after their head: that goes out alone", async (t) => {
    let goOn = () => {};
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
      goOn = () => side.write("late");
    });
    const pool = await poolFor(t, backend);
    const { sink } = send(pool);
    await until(() => sink.events.includes("flush"));
    goOn();
    await sink.done;
    assert.equal(sink.outcome, "200 late");
    assert.deepEqual(sink.events, ["head", "flush", "data", "end"]);
  });

  test("lose what belongs to the connection", async (t) => {
    const answer =
      "HTTP/1.1 418 Short And Stout\r\nConnection: keep-alive, X-Inner\r\nX-Inner: secret\r\nKeep-Alive: timeout=9\r\n" +
      "Proxy-Authenticate: Basic\r\nProxy-Authorization: x\r\nTE: x\r\nTrailer: x\r\nUpgrade: h2c\r\nX-Request-ID: theirs\r\n" +
      "Content-Type: text/plain\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX-Latin: \u00e9\r\nContent-Length: 0\r\n\r\n";
    const pool = await poolFor(t, await RawBackend.start(t, always(answer)));
    const sink = await ask(pool);
    assert.equal(sink.reason, "Short And Stout");
    assert.deepEqual(sink.fields, [
      "Content-Type",
      "text/plain",
      "Set-Cookie",
      "a",
      "Set-Cookie",
      "b",
      "X-Latin",
      "\u00e9",
      "Content-Length",
      "0",
    ]);
  });
});
