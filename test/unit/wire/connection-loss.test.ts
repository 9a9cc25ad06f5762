import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { eventually, type RawClient, rawClient } from "../../support/engine-process.ts";
import { testedEngines } from "../../support/tested-engines.ts";
import { pass } from "./swept-time.ts";
import { relayTo, type StubCall, startServer, stubPool, type WireServer } from "./wire-server.ts";

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** The server's end of a client's connection, which is in this process. */
function serverSide(client: RawClient): Socket {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  const { localPort } = client.socket;
  const found = handles.find((handle) => handle instanceof Socket && handle.remotePort === localPort);
  assert.ok(found instanceof Socket);
  return found;
}

interface Held {
  readonly server: WireServer;
  readonly client: RawClient;
  readonly socket: Socket;
  /** Bytes of the answer's body. */
  readonly sent: number;
}

/** An answer in chunks, complete for the gateway, of which the last bytes lie in the process: the kernel takes no more. */
async function held(t: TestContext, fields: string): Promise<Held> {
  const pool = stubPool();
  const server = await startServer(relayTo(pool));
  t.after(() => server.stop());
  const client = await rawClient(server.port);
  t.after(() => client.socket.destroy());
  client.socket.pause();
  client.socket.write(`GET / HTTP/1.1\r\nHost: gw\r\n${fields}\r\n`);
  await eventually("the backend is asked", () => pool.calls.length === 1);
  const { sink } = pool.calls[0] as StubCall;
  const socket = serverSide(client);
  const piece = Buffer.alloc(4_096, "x");
  sink.answerHead(200, "", []);
  let sent = 0;
  do {
    assert.ok(sent < 100_000_000, "the kernel is full at some time");
    sink.answerData(piece);
    sent += piece.length;
    if (socket.writableLength > 0) await settle();
  } while (socket.writableLength === 0);
  sink.answerEnd();
  assert.ok(socket.writableLength < socket.writableHighWaterMark, "nothing had to wait for the kernel");
  return { server, client, socket, sent };
}

function assertWhole(text: string, { sent }: Held): void {
  assert.match(text.slice(-20), /\r\n0\r\n\r\n$/);
  assert.ok(text.length > sent);
}

describe("clients that pause", { skip: !testedEngines.includes("wire") }, () => {
  test("the last bytes of an answer that ends the connection wait for who takes nothing for a while", async (t) => {
    const all = await held(t, "Connection: close\r\n");
    for (let i = 0; i < 3; i++) await pass(10_000);
    all.client.socket.resume();
    assertWhole(await all.client.closed, all);
    assert.equal(await all.server.stop(60_000), true);
  });

  test("but not for ever", async (t) => {
    const { server, client, socket } = await held(t, "Connection: close\r\n");
    for (let i = 0; i < 2; i++) await pass(130_000);
    await eventually("it is cut off", () => socket.destroyed);
    client.socket.destroy();
    assert.equal(await server.stop(60_000), true);
  });

  test("nor do they get lost when the gateway stops", async (t) => {
    const all = await held(t, "");
    const stopped = all.server.stop(60_000);
    for (let i = 0; i < 3; i++) await pass(10_000);
    all.client.socket.resume();
    assertWhole(await all.client.closed, all);
    assert.equal(await stopped, true);
  });
});

for (const engine of testedEngines) {
  describe(`answers that break off, engine ${engine}`, () => {
    /** An answer to HTTP/1.0, which ends with the connection, and of which a part came. */
    const begun = async (t: TestContext) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine });
      t.after(() => server.stop());
      const client = await rawClient(server.port, "GET / HTTP/1.0\r\n\r\n");
      const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.socket.once("error", resolve));
      const outcome = Promise.race([failed.then((error) => error.code), client.closed.then(() => "looks whole")]);
      await eventually("the backend is asked", () => pool.calls.length === 1);
      const { sink } = pool.calls[0] as StubCall;
      sink.answerHead(200, "", []);
      sink.answerData(Buffer.from("half"));
      await client.until(/half$/);
      return { server, sink, outcome };
    };

    test("do not look whole where only the end of the connection tells their end", async (t) => {
      const { sink, outcome } = await begun(t);
      sink.answerFailed("unreachable", "backend: SOCKET", "maybe");
      assert.equal(await outcome, "ECONNRESET");
    });

    test("nor when the gateway stops and has waited long enough", async (t) => {
      const { server, outcome } = await begun(t);
      assert.equal(await server.stop(20), false);
      assert.equal(await outcome, "ECONNRESET");
    });
  });
}
