import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, poolFor, RawBackend, RecordingSink, send, until } from "./raw-backend.ts";

/** What pipelining must not do to requests that have nothing to do with each other. */

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("pipelining and the requests of others", { timeout: 60_000 }, () => {
  test("before a connection has brought an answer, each request gets one of its own", async (t) => {
    const backend = await RawBackend.start(t, () => undefined);
    const pool = await poolFor(t, backend, { pipelining: 4 });
    for (let i = 0; i < 6; i++) send(pool, "POST", `/${i}`, Buffer.from("x"));
    for (let i = 0; i < 8; i++) send(pool, "GET", `/g${i}`);
    const { sides } = backend;
    await until(() => sides.length === 14 && sides.every(({ received }) => received.includes("\r\n\r\n")));
    assert.equal(sides.filter(({ received }) => received.startsWith("POST")).length, 6);
    // Nobody knows yet whether these connections last, so none takes a second request.
    for (const { received } of sides) assert.equal(received.split("HTTP/1.1").length, 2);
  });

  test("as many connections as may be are opened before requests wait for the answers of others", async (t) => {
    const backend = await RawBackend.start(t, () => undefined);
    const pool = await poolFor(t, backend, { pipelining: 4, connections: 3 });
    for (let i = 0; i < 5; i++) send(pool, "GET", `/${i}`);
    const { sides } = backend;
    await until(() => sides.length === 3 && sides.every(({ received }) => received.includes("\r\n\r\n")));
  });

  test("a request that is to go alone waits for a connection without others", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.write(ok);
      await side.until((text) => text.includes("/1"));
      await side.request();
      assert.equal(side.received, "", "nothing behind the first one");
      side.write(ok);
      await side.until((text) => text.includes("/alone"));
      await side.request();
      assert.equal(side.received, "", "nothing behind the one that is alone");
      side.write(ok);
      await side.request();
      side.write(ok);
    });
    const pool = await poolFor(t, backend, { pipelining: 4, connections: 1 });
    await ask(pool);
    const sent = [send(pool, "GET", "/1")];
    const alone = new RecordingSink();
    pool.send(alone, "GET", { path: "/alone", headers: [] }, undefined, true);
    sent.push(send(pool, "GET", "/2"));
    assert.equal((await alone.done).outcome, "200 ok");
    for (const { sink } of sent) assert.equal((await sink.done).outcome, "200 ok");
    assert.deepEqual(backend.errors, []);
    assert.equal(backend.sides.length, 1);
  });

  test("a client that takes nothing of its answer holds up nobody for long", async (t) => {
    const size = 100_000;
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.write(ok);
      if (side.number > 1) {
        for (;;) {
          await side.request();
          side.write(ok);
        }
      }
      await side.until((text) => text.includes("/3"));
      side.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}${ok}${ok}`);
    });
    const pool = await poolFor(t, backend, { pipelining: 4 });
    await ask(pool);
    const slow = new RecordingSink();
    slow.takesMore = false;
    const first = send(pool, "GET", "/1", undefined, [], slow);
    const [second, third] = await Promise.all([ask(pool, "GET", "/2"), ask(pool, "GET", "/3")]);
    for (const sink of [second, third]) assert.deepEqual([sink.reach, sink.why], ["stale", "backend: HELD_UP"]);
    assert.equal((await ask(pool, "GET", "/4")).outcome, "200 ok", "on another connection");
    assert.equal(slow.failure, undefined);
    slow.takesMore = true;
    first.call.resume();
    assert.equal((await slow.done).bytes, size);
    await until(() => backend.sides[0]?.closed === true);
  });
});
