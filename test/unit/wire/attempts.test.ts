import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Attempt, Exchange } from "../../../runtime-lib/exchange.ts";
import { eventually, exchange, rawClient } from "../../support/engine-process.ts";
import { testedEngines } from "../../support/tested-engines.ts";
import { type StubCall, startServer, stubPool } from "./wire-server.ts";

const get = "GET /a HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n";
const head = () => ({ path: "/", headers: [] });

/** Takes everything but this status and every failure, for as long as it can. */
function anythingBut(status: number): Attempt & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    takes(found, fields, again) {
      asked.push(`${found} ${fields.join("=")} ${again}`);
      return found !== status;
    },
    gives(failure, reach, again) {
      asked.push(`${failure} ${reach} ${again}`);
      return false;
    },
  };
}

for (const engine of testedEngines) {
  describe(`attempts, engine ${engine}`, () => {
    /** A gateway that relays until an answer is taken; `onCall` plays the backend. */
    async function gateway(attempt: Attempt | undefined, onCall: (call: StubCall, count: number) => void, wait = 0) {
      let count = 0;
      const pool = stubPool((call) => setImmediate(() => onCall(call, ++count)));
      const waits: boolean[] = [];
      const handle = async (x: Exchange): Promise<void> => {
        while ((await x.relay({ origin: "http://backend.test", pool }, head(), attempt)) === "again") {
          if (wait === 0) continue;
          const goesOn = await x.wait(wait);
          waits.push(goesOn);
          if (!goesOn) return;
        }
      };
      return { pool, waits, server: await startServer(handle, { engine }) };
    }

    test("an answer that is not taken is not seen by the client", async (t) => {
      const attempt = anythingBut(503);
      const { server, pool } = await gateway(attempt, ({ sink }, count) => {
        if (count === 1) sink.answerWhole(503, "", ["X-N", "1"], Buffer.from("no"));
        else sink.answerWhole(200, "", ["Content-Length", "3"], Buffer.from("yes"));
      });
      t.after(() => server.stop());
      assert.match(await exchange(server.port, get), /^HTTP\/1\.1 200 [\s\S]*yes$/);
      assert.deepEqual(attempt.asked, ["503 X-N=1 true", "200 Content-Length=3 true"]);
      assert.equal(pool.calls.length, 2);
    });

    test("what comes of it later is read and dropped", async (t) => {
      const { server, pool } = await gateway(anythingBut(503), ({ sink }, count) => {
        if (count === 1) sink.answerHead(503, "", ["Content-Length", "4"]);
        else {
          const first = pool.calls[0]?.sink;
          sink.answerHead(200, "", []);
          first?.flushHead();
          first?.answerData(Buffer.from("dead"));
          sink.answerData(Buffer.from("live"));
          first?.answerEnd();
          sink.answerEnd();
        }
      });
      t.after(() => server.stop());
      assert.match(await exchange(server.port, get), /^HTTP\/1\.1 200 [\s\S]*\r\n4\r\nlive\r\n0\r\n\r\n$/);
      assert.equal(pool.calls[0]?.cancelled, false);
    });

    test("a long one is not read to its end: its connection is closed", async (t) => {
      const { server, pool } = await gateway(anythingBut(503), ({ sink }, count) => {
        if (count === 1) sink.answerHead(503, "", ["Content-Length", "70000"]);
        else if (count === 2) {
          sink.answerHead(503, "", []);
          sink.answerData(Buffer.alloc(65_537));
        } else sink.answerWhole(200, "", [], undefined);
      });
      t.after(() => server.stop());
      assert.match(await exchange(server.port, get), /^HTTP\/1\.1 200 /);
      assert.deepEqual(
        pool.calls.map(({ cancelled }) => cancelled),
        [true, true, false],
      );
    });

    test("no answer may be tried again, too; the last failure is the fault", async (t) => {
      const asked: string[] = [];
      const attempt: Attempt = {
        takes: () => true,
        gives(failure, reach, again) {
          asked.push(`${failure} ${reach} ${again}`);
          return asked.length === 2;
        },
      };
      const { server } = await gateway(attempt, ({ sink }, count) => {
        sink.answerFailed(count === 1 ? "unreachable" : "timeout", "backend: X", "maybe");
      });
      t.after(() => server.stop());
      assert.match(await exchange(server.port, get), /^HTTP\/1\.1 504 /);
      assert.deepEqual(asked, ["unreachable maybe true", "timeout maybe true"]);
    });

    test("a body that was streamed is never sent again, whatever is wished for", async (t) => {
      const attempt = anythingBut(503);
      const { server, pool } = await gateway(attempt, (call) => {
        if (Buffer.isBuffer(call.body) || call.body === undefined) throw new Error("it is a stream");
        call.body.start(call);
        setImmediate(() => call.sink.answerWhole(503, "", [], Buffer.from("no")));
      });
      t.after(() => server.stop());
      const client = await rawClient(
        server.port,
        "PUT /a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      );
      await client.until(/^HTTP\/1\.1 503 /);
      client.socket.destroy();
      assert.equal(pool.calls.length, 1);
      assert.deepEqual(attempt.asked, ["503  false"]);
    });

    test("a whole body goes along each time", async (t) => {
      const { server, pool } = await gateway(anythingBut(503), ({ sink }, count) => {
        sink.answerWhole(count < 3 ? 503 : 200, "", [], undefined);
      });
      t.after(() => server.stop());
      const text = await exchange(
        server.port,
        "PUT /a HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
      );
      assert.match(text, /^HTTP\/1\.1 200 /);
      assert.deepEqual(
        pool.calls.map(({ body }) => String(body)),
        ["hello", "hello", "hello"],
      );
    });

    test("who waits for the next attempt stops when the client goes away", async (t) => {
      let waiting = false;
      const { server, waits } = await gateway(
        anythingBut(503),
        ({ sink }) => {
          sink.answerWhole(503, "", [], undefined);
          waiting = true;
        },
        600_000,
      );
      t.after(() => server.stop());
      const client = await rawClient(server.port, get);
      await eventually("it waits", () => waiting);
      client.socket.resetAndDestroy();
      await eventually("it knows", () => waits.length === 1);
      assert.deepEqual(waits, [false]);
    });

    test("without an attempt nothing is asked", async (t) => {
      const { server } = await gateway(undefined, ({ sink }) =>
        sink.answerWhole(503, "", ["Content-Length", "8"], Buffer.from("as it is")),
      );
      t.after(() => server.stop());
      assert.match(await exchange(server.port, get), /^HTTP\/1\.1 503 [\s\S]*as it is$/);
    });

    test("a request that takes too long gets 504, also while it waits for an attempt", async (t) => {
      const pool = stubPool((call) => setImmediate(() => call.sink.answerWhole(503, "", [], undefined)));
      const server = await startServer(
        async (x) => {
          setTimeout(() => x.expire(), 20);
          while ((await x.relay({ origin: "http://backend.test", pool }, head(), anythingBut(503))) === "again") {
            if (!(await x.wait(600_000))) return;
          }
        },
        { engine },
      );
      t.after(() => server.stop());
      assert.match(await exchange(server.port, get), /^HTTP\/1\.1 504 /);
    });
  });
}
