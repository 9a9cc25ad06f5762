import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { always, ask, poolFor, RawBackend, RecordingSink, send, TestSource, turn, until } from "./raw-backend.ts";

/** Which connection a request gets, and for how long a connection is kept. */

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A backend that answers with the number of the connection. */
async function numbered(t: Parameters<typeof RawBackend.start>[0], fields = ""): Promise<RawBackend> {
  return RawBackend.start(t, async (side) => {
    for (;;) {
      await side.request();
      side.write(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 1\r\n\r\n${side.number}`);
    }
  });
}

describe("pools of connections to backends", { timeout: 60_000 }, () => {
  test("use the connection again that was used last", async (t) => {
    const pool = await poolFor(t, await numbered(t));
    const three = await Promise.all([ask(pool), ask(pool), ask(pool)]);
    assert.deepEqual(three.map((sink) => sink.body).sort(), ["1", "2", "3"]);
    const first = (await ask(pool)).body;
    for (let i = 0; i < 5; i++) assert.equal((await ask(pool)).body, first);
  });

  test("R-EP-10: no more connections than allowed; requests wait in order, but not for ever", async (t) => {
    const order: string[] = [];
    let open = 0;
    let most = 0;
    const backend = await RawBackend.start(t, async (side) => {
      for (;;) {
        const path = (await side.request()).split(" ")[1] as string;
        order.push(path);
        most = Math.max(most, ++open);
        await turn();
        open--;
        if (path !== "/hang") side.write(ok);
      }
    });
    const pool = await poolFor(t, backend, { connections: 2, waitMs: 200 });
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
    for (const sink of await Promise.all(paths.map((path) => ask(pool, "GET", path)))) {
      assert.equal(sink.outcome, "200 ok");
    }
    assert.ok(most <= 2);
    assert.equal(backend.sides.length, 2);
    // Both connections read in one turn, so neighbours may change places.
    assert.ok(
      order.every((path, i) => Math.abs(Number(path.slice(1)) - i) <= 2),
      order.join(),
    );

    const hanging = [send(pool, "GET", "/hang"), send(pool, "GET", "/hang")];
    const { sink, call } = send(pool);
    await sink.done;
    assert.equal(sink.outcome, "unavailable none backend: no connection was free in time");
    assert.equal(call.reached, false);
    for (const each of hanging) each.call.cancel();
    assert.equal((await ask(pool)).outcome, "200 ok");
  });

  test("cancelled while it waits, a request is not sent", async (t) => {
    const paths: string[] = [];
    const backend = await RawBackend.start(t, async (side) => {
      for (;;) {
        paths.push((await side.request()).split(" ")[1] as string);
        await turn();
        side.write(ok);
      }
    });
    const pool = await poolFor(t, backend, { connections: 1 });
    const sent = Array.from({ length: 9 }, (_, i) => send(pool, "GET", `/${i}`));
    for (const i of [3, 8, 4]) sent[i]?.call.cancel();
    await Promise.all([0, 1, 2, 5, 6, 7].map((i) => sent[i]?.sink.done));
    assert.deepEqual(paths, ["/0", "/1", "/2", "/5", "/6", "/7"]);
    assert.deepEqual(sent[3]?.sink.events, []);
  });

  test("close what is idle for long, and tell nobody", async (t) => {
    const backend = await numbered(t);
    const pool = await poolFor(t, backend, { idleMs: 100 });
    assert.equal((await ask(pool)).body, "1");
    await until(() => backend.sides[0]?.closed === true);
    assert.equal((await ask(pool)).body, "2");
  });

  test("R-EP-10: keep no more idle connections than allowed, those used last", async (t) => {
    const held: (() => void)[] = [];
    const backend = await RawBackend.start(t, async (side) => {
      for (;;) {
        await side.request();
        await new Promise<void>((resolve) => held.push(resolve));
        side.write(ok);
      }
    });
    const pool = await poolFor(t, backend, { idleConnections: 2, idleMs: 60_000, connections: 6, waitMs: 400 });
    const sent = Array.from({ length: 6 }, () => ask(pool));
    await until(() => held.length === 6);
    for (const answer of held.splice(0)) answer();
    for (const sink of await Promise.all(sent)) assert.equal(sink.outcome, "200 ok");
    await until(() => backend.sides.filter(({ closed }) => closed).length === 4);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(backend.sides.filter(({ closed }) => !closed).length, 2);
    const again = [ask(pool), ask(pool)];
    await until(() => held.length === 2);
    for (const answer of held.splice(0)) answer();
    for (const sink of await Promise.all(again)) assert.equal(sink.outcome, "200 ok");
    assert.equal(backend.sides.length, 6, "those that are left serve on");
  });

  test("leave a connection two seconds before the backend does, and at once when it grants no more", async (t) => {
    const never = await poolFor(t, await numbered(t, "Keep-Alive: timeout=2, max=100\r\n"));
    assert.equal((await ask(never)).body, "1");
    assert.equal((await ask(never)).body, "2");
    const longer = await poolFor(t, await numbered(t, "Keep-Alive: max=7, timeout=3600\r\n"), { idleMs: 50 });
    assert.equal((await ask(longer)).body, "1");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await ask(longer)).body, "1");
    const unclear = await poolFor(t, await numbered(t, "Keep-Alive: soon\r\n"));
    assert.equal((await ask(unclear)).body, "1");
    assert.equal((await ask(unclear)).body, "1");
  });

  test("do not use a connection again that the backend wants to close", async (t) => {
    for (const answer of [
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ]) {
      const backend = await RawBackend.start(t, always(answer));
      const pool = await poolFor(t, backend);
      for (let i = 0; i < 3; i++) assert.equal((await ask(pool)).outcome, "200 ok");
      assert.equal(backend.sides.length, 3);
    }
    const old = await RawBackend.start(
      t,
      always("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
    );
    const pool = await poolFor(t, old);
    for (let i = 0; i < 3; i++) assert.equal((await ask(pool)).outcome, "200 ok");
    assert.equal(old.sides.length, 1);
  });

  test("lose no request when connections end as they are handed out", async (t) => {
    let count = 0;
    const backend = await RawBackend.start(t, async (side) => {
      for (let i = 0; i < 3; i++) {
        await side.request();
        side.write(ok);
        count++;
      }
      if (side.number % 2 === 0) side.end();
      else side.reset();
    });
    const pool = await poolFor(t, backend);
    let answered = 0;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let i = 0; i < 50; i++) {
          const sink = await ask(pool);
          if (sink.failure === undefined) answered++;
          // A reset may overtake an answer; nothing else may go wrong.
          else
            assert.ok(
              sink.reach === "stale" || sink.why.endsWith("ECONNRESET") || sink.why.endsWith("SOCKET"),
              sink.outcome,
            );
        }
      }),
    );
    assert.ok(answered <= count && answered > 500, `${answered} of ${count}`);
  });

  test("closed, they end all connections and take no more requests", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      if ((await side.request()).includes("/ok ")) side.write(ok);
    });
    const pool = await poolFor(t, backend, { connections: 2 });
    await ask(pool, "GET", "/ok");
    const [sent, other, queued] = [send(pool), send(pool), send(pool)];
    await until(() => sent.call.reached && other.call.reached);
    await pool.close();
    assert.equal(sent.sink.outcome, "unreachable maybe backend: CLOSED");
    assert.equal(queued.sink.outcome, "unreachable none backend: CLOSED");
    const late = send(pool);
    assert.deepEqual(late.sink.events, [], "not before send has returned");
    assert.equal((await late.sink.done).outcome, "unreachable none backend: CLOSED");
    for (const side of backend.sides) await side.untilClosed();
  });

  test("closed before a request was written, they refuse it", async (t) => {
    const pool = await poolFor(t, await numbered(t), { pipelining: 2 });
    await ask(pool);
    // Both are on the connection that is open, and leave at the end of the turn.
    const calls = [send(pool), send(pool)];
    await pool.close();
    for (const { sink, call } of calls) {
      assert.equal(call.reached, false);
      assert.equal((await sink.done).outcome, "unreachable none backend: CLOSED");
    }
  });

  test("serve who sends again from within an answer", async (t) => {
    const backend = await numbered(t);
    const pool = await poolFor(t, backend);
    let left = 100;
    await new Promise<void>((resolve, reject) => {
      const next = (): void => {
        if (left-- === 0) return resolve();
        const sink = new RecordingSink();
        sink.onEvent = (event) => (event === "whole" ? next() : reject(new Error(event)));
        send(pool, "GET", "/", undefined, [], sink);
      };
      next();
    });
    assert.equal(backend.sides.length, 1);
  });
});

describe("pipelining", { timeout: 60_000 }, () => {
  /** Answers each request with its path, several at a time when they came so. */
  async function echo(t: Parameters<typeof RawBackend.start>[0], limit = Number.POSITIVE_INFINITY) {
    const depths: number[] = [];
    const backend = await RawBackend.start(t, async (side) => {
      for (let served = 1; ; served++) {
        const path = (await side.request()).split(" ")[1] as string;
        depths.push(1 + side.received.split("\r\n\r\n").length - 1);
        await turn();
        const close = served === limit;
        side.write(
          `HTTP/1.1 200 OK\r\n${close ? "Connection: close\r\n" : ""}Content-Length: ${path.length}\r\n\r\n${path}`,
        );
        if (close) return side.end();
      }
    });
    return { backend, depths };
  }

  test("brings each request its own answer, in order, and never more than allowed", async (t) => {
    const { backend, depths } = await echo(t);
    const pool = await poolFor(t, backend, { pipelining: 4, connections: 2 });
    for (let round = 0; round < 5; round++) {
      const sinks = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(pool, "GET", `/${round}/${i}`)));
      for (const [i, sink] of sinks.entries()) assert.equal(sink.outcome, `200 /${round}/${i}`);
    }
    assert.equal(Math.max(...depths), 4);
    assert.ok(backend.sides.length <= 2);
  });

  test("is for GET without a body alone", async (t) => {
    const { backend, depths } = await echo(t);
    const pool = await poolFor(t, backend, { pipelining: 8, connections: 1 });
    const methods = ["GET", "POST", "PUT", "OPTIONS"];
    const sinks = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        ask(pool, methods[i % 4], `/${i}`, i % 4 === 1 ? Buffer.from("x") : undefined),
      ),
    );
    for (const [i, sink] of sinks.entries()) assert.equal(sink.outcome, `200 /${i}`);
    const source = new TestSource(-1);
    source.onStart = (sink) => sink.bodyEnd();
    const [streamed, plain] = await Promise.all([ask(pool, "POST", "/s", source), ask(pool, "GET", "/g")]);
    assert.deepEqual([streamed.outcome, plain.outcome], ["200 /s", "200 /g"]);
    assert.equal(Math.max(...depths), 1);
  });

  test("a failure fails the request that was being answered; those behind it may be sent again", async (t) => {
    for (const [part, first] of [
      ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha", "200 ha unreachable maybe backend: SOCKET"],
      ["", "unreachable stale backend: SOCKET"],
      ["nonsense", "unreachable maybe backend: HPE_INVALID_CONSTANT"],
    ] as const) {
      const backend = await RawBackend.start(t, async (side) => {
        await side.request();
        side.write(ok);
        await side.until((text) => text.includes("/4"));
        side.end(part);
      });
      const pool = await poolFor(t, backend, { pipelining: 8, connections: 1 });
      await ask(pool);
      const sinks = await Promise.all([1, 2, 3, 4].map((i) => ask(pool, "GET", `/${i}`)));
      assert.equal(sinks[0]?.outcome, first);
      for (const sink of sinks.slice(1)) assert.deepEqual([sink.failure, sink.reach], ["unreachable", "stale"]);
    }
  });

  test("a backend that closes after some answers: the others are stale, and none gets a wrong one", async (t) => {
    const { backend } = await echo(t, 10);
    const pool = await poolFor(t, backend, { pipelining: 8, connections: 2 });
    let stale = 0;
    const again = async (path: string): Promise<void> => {
      const sink = await ask(pool, "GET", path);
      if (sink.reach === "stale") {
        stale++;
        return again(path);
      }
      assert.equal(sink.outcome, `200 ${path}`);
    };
    await Promise.all(Array.from({ length: 300 }, (_, i) => again(`/${i}`)));
    assert.ok(stale > 0);
  });

  test("a cancelled call among others is read over; the connection is not used for new ones", async (t) => {
    let goOn = () => {};
    const wait = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.write(ok);
      if (side.number === 2) return;
      await side.until((text) => text.includes("/4"));
      await wait;
      for (let i = 1; i <= 4; i++) side.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${i}`);
    });
    const pool = await poolFor(t, backend, { pipelining: 8, connections: 2 });
    await ask(pool);
    const sent = [1, 2, 3, 4].map((i) => send(pool, "GET", `/${i}`));
    await until(() => sent.every(({ call }) => call.reached));
    sent[1]?.call.cancel();
    assert.equal((await ask(pool, "GET", "/after")).outcome, "200 ok");
    goOn();
    for (const i of [0, 2, 3]) assert.equal((await sent[i]?.sink.done)?.outcome, `200 ${i + 1}`);
    assert.deepEqual(sent[1]?.sink.events, []);
    await backend.sides[0]?.untilClosed();
    assert.equal(backend.sides.length, 2);
  });

  test("bytes beyond the last answer end the connection", async (t) => {
    const backend = await RawBackend.start(t, async (side) => {
      await side.request();
      side.write(ok);
      await side.until((text) => text.includes("/2"));
      side.write(ok.repeat(3));
    });
    const pool = await poolFor(t, backend, { pipelining: 8, connections: 1 });
    await ask(pool);
    const sinks = await Promise.all([ask(pool, "GET", "/1"), ask(pool, "GET", "/2")]);
    assert.deepEqual(
      sinks.map((sink) => sink.outcome),
      ["200 ok", "200 ok"],
    );
    await until(() => backend.sides[0]?.closed === true);
  });
});
