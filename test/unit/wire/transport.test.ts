import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import {
  acceptTransport,
  type ConnectOptions,
  connectTransport,
  type PlainTransports,
  readBuffer,
  type Transport,
  usePlainTransports,
} from "../../../runtime-lib/wire/transport.ts";
import { openHandles } from "../../../runtime-lib/wire/transport-handles.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { type Pair, RecordingOwner } from "./recording-owner.ts";

const issuer = new TestIssuer("transport");
const host = "127.0.0.1";
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Kind {
  readonly name: string;
  readonly plain?: PlainTransports | undefined;
  listen(): Server;
  options(port: number): ConnectOptions;
}

const plain: Kind = {
  name: "plain",
  listen: () => createServer({ allowHalfOpen: true, pauseOnConnect: true }),
  options: (port) => ({ host, port }),
};
const handles: Kind = { ...plain, name: "handles", plain: opened() };
const tls: Kind = {
  name: "TLS",
  listen: () => createTlsServer({ allowHalfOpen: true, key: issuer.privateKeyPem, cert: issuer.certificatePem }),
  options: (port) => ({ host, port, tls: { rejectUnauthorized: false } }),
};

function opened(): PlainTransports | undefined {
  const found = openHandles();
  if (typeof found !== "string") return found;
  assert.equal(process.platform, "win32", found);
  return undefined;
}

/** Has the tests of a suite use a kind of transport. */
function using({ plain }: Kind): void {
  before(() => usePlainTransports(plain));
  after(() => usePlainTransports(undefined));
}

/** Connects two transports, runs `body` on them and closes what is still open. The server must notice that all are gone. */
async function withPair(kind: Kind, body: (pair: Pair) => Promise<void>): Promise<void> {
  const listener = kind.listen().listen(0, host);
  await once(listener, "listening");
  const server = new RecordingOwner();
  const client = new RecordingOwner();
  let accepted: Transport | undefined;
  listener.on(kind === tls ? "secureConnection" : "connection", (socket: Socket) => {
    accepted = acceptTransport(socket, server);
  });
  const connected = connectTransport(kind.options((listener.address() as AddressInfo).port), client);
  await client.event("connected");
  while (accepted === undefined) await turn();
  try {
    await body({ accepted, server, connected, client });
  } finally {
    connected.destroy();
    accepted.destroy();
    await client.event("closed");
    await server.event("closed");
    await turn();
    for (const { events } of [client, server]) {
      assert.equal(events.filter((event) => event === "closed").length, 1, "closed once");
      assert.equal(events.at(-1), "closed", "nothing after it");
    }
    // Resolves only if the count of connections is right.
    await new Promise<void>((resolve) => listener.close(() => resolve()));
  }
}

for (const kind of [plain, handles, tls]) {
  describe(`transport, ${kind.name}`, () => {
    using(kind);

    test("carries text and bytes both ways", () =>
      withPair(kind, async ({ accepted, server, connected, client }) => {
        server.onBytes = () => accepted.write("answer");
        assert.equal(connected.write("caf\xe9 "), true);
        assert.equal(connected.writeBytes(Buffer.from([0, 255])), true);
        await server.until(({ text }) => text === "caf\xe9 \x00\xff");
        await client.until(({ text }) => text.startsWith("answer"));
        assert.equal(accepted.remoteAddress, host);
        if (kind !== tls) assert.equal(accepted.bytesRead, 7);
        if (kind !== tls) assert.equal(connected.bytesWritten, 7);
      }));

    test("copies lent bytes", () =>
      withPair(kind, async ({ server, connected }) => {
        // So much that it cannot be sent at once.
        const lent = Buffer.alloc(8 * 1024 * 1024, "a");
        assert.equal(connected.writeCopy(lent), false);
        lent.fill("b");
        await server.until(({ text }) => text.length === lent.length);
        assert.ok(!server.text.includes("b"));
      }));

    test("ends one direction and still reads", () =>
      withPair(kind, async ({ accepted, server, connected, client }) => {
        connected.write("request");
        connected.end();
        connected.write("ignored");
        await server.event("end");
        assert.equal(server.text, "request");
        accepted.write("late answer");
        accepted.end();
        await client.event("closed");
        assert.equal(client.text, "late answer");
        await server.event("closed");
        assert.deepEqual(client.errors, [undefined]);
        assert.deepEqual(server.errors, [undefined]);
      }));

    test("says when to wait, and when it is written", () =>
      withPair(kind, async ({ accepted, server, connected }) => {
        accepted.pause();
        await turn();
        const part = "x".repeat(65_536);
        let written = 0;
        while (connected.write(part)) written++;
        written++;
        while (written < 128) {
          connected.write(part);
          written++;
        }
        await turn();
        assert.ok(!server.events.includes("drain"));
        accepted.resume();
        await server.until(({ text }) => text.length === written * part.length);
        assert.equal(server.text.length, written * part.length);
      }));

    test("a paused one reads nothing, also when it was paused at once", async () => {
      const listener = kind.listen().listen(0, host);
      await once(listener, "listening");
      const server = new RecordingOwner();
      const client = new RecordingOwner();
      let accepted: Transport | undefined;
      listener.on(kind === tls ? "secureConnection" : "connection", (socket: Socket) => {
        accepted = acceptTransport(socket, server);
        accepted.pause();
      });
      const connected = connectTransport(kind.options((listener.address() as AddressInfo).port), client);
      connected.write("early");
      await client.event("connected");
      // An echo on another connection shows that what was sent before has had its time.
      await echo();
      assert.equal(server.reads, 0);
      assert.ok(accepted !== undefined);
      accepted.resume();
      await server.until(({ text }) => text === "early");
      accepted.pause();
      connected.write(" late");
      await echo();
      assert.equal(server.text, "early");
      accepted.resume();
      await server.until(({ text }) => text === "early late");
      connected.destroy();
      await server.event("end");
      accepted.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    });

    test("pauses in the middle of reading", () =>
      withPair(kind, async ({ accepted, server, connected }) => {
        server.onBytes = () => accepted.pause();
        const sent = 4 * 1024 * 1024;
        connected.writeBytes(Buffer.alloc(sent, "y"));
        await server.until(({ reads }) => reads > 0);
        await echo();
        assert.equal(server.reads, 1);
        server.onBytes = () => {};
        accepted.resume();
        await server.until(({ text }) => text.length === sent);
      }));

    test("destroyed while reading, it tells no more", () =>
      withPair(kind, async ({ accepted, server, connected }) => {
        server.onBytes = () => accepted.destroy();
        connected.writeBytes(Buffer.alloc(1024 * 1024));
        await server.event("closed");
        assert.equal(server.reads, 1);
        assert.equal(accepted.write("ignored"), true);
        accepted.end();
        accepted.destroy();
      }));

    test("a peer that is gone is an end with or without an error, never a throw", () =>
      withPair(kind, async ({ accepted, server, connected, client }) => {
        accepted.destroy();
        await server.event("closed");
        for (let i = 0; i < 100 && client.errors.length === 0; i++) {
          connected.write("more ".repeat(1_000));
          await turn();
        }
        connected.destroy();
        await client.event("closed");
      }));
  });
}

for (const kind of [plain, handles]) {
  describe(`plain sockets, ${kind.name}`, () => {
    using(kind);

    test("plain sockets of both sides read into one buffer", () =>
      withPair(kind, async ({ accepted, server, connected, client }) => {
        connected.write("1");
        await server.until(({ text }) => text === "1");
        accepted.write("2");
        await client.until(({ text }) => text === "2");
        const expected = process.platform === "win32" ? [] : [readBuffer];
        assert.deepEqual([...server.buffers], expected);
        assert.deepEqual([...client.buffers], expected);
      }));

    test("a socket that was read from already is used as it is", async () => {
      const listener = createServer({ allowHalfOpen: true }).listen(0, host);
      await once(listener, "listening");
      const server = new RecordingOwner();
      listener.on("connection", (socket) => {
        socket.once("data", (first: Buffer) => {
          const transport = acceptTransport(socket, server);
          transport.write(`took ${first}`);
        });
      });
      const socket = connect((listener.address() as AddressInfo).port, host);
      socket.write("one");
      const [answer] = await once(socket, "data");
      assert.equal(String(answer), "took one");
      socket.write("two");
      await server.until(({ text }) => text === "two");
      assert.ok(!server.buffers.has(readBuffer));
      socket.resetAndDestroy();
      await server.event("closed");
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    });

    test("a socket that is closed already is told to be", async () => {
      const listener = kind.listen().listen(0, host);
      await once(listener, "listening");
      const client = connect((listener.address() as AddressInfo).port, host);
      const [socket] = (await once(listener, "connection")) as [Socket];
      socket.destroy();
      await once(socket, "close");
      const server = new RecordingOwner();
      const transport = acceptTransport(socket, server);
      assert.deepEqual(server.events, []);
      await server.event("closed");
      assert.equal(transport.write("ignored"), false);
      assert.deepEqual(server.events, ["closed"]);
      client.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    });

    test("a reset is why it closed", async () => {
      const listener = kind.listen().listen(0, host);
      await once(listener, "listening");
      const server = new RecordingOwner();
      listener.on("connection", (socket) => acceptTransport(socket, server));
      const socket = connect((listener.address() as AddressInfo).port, host);
      socket.write("x");
      await server.until(({ text }) => text === "x");
      socket.resetAndDestroy();
      await server.event("closed");
      assert.deepEqual(server.errors, ["ECONNRESET"]);
      assert.deepEqual(server.events, ["closed"]);
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    });

    test("what cannot be reached is closed with the reason", async () => {
      const listener = createServer().listen(0, host);
      await once(listener, "listening");
      const { port } = listener.address() as AddressInfo;
      await new Promise<void>((resolve) => listener.close(() => resolve()));
      for (const { options } of [kind, tls]) {
        const client = new RecordingOwner();
        const transport = connectTransport(options(port), client);
        transport.write("never sent");
        await client.event("closed");
        assert.deepEqual(client.events, ["closed"]);
        assert.deepEqual(client.errors, ["ECONNREFUSED"]);
        assert.equal(transport.remoteAddress, "");
      }
    });

    test("destroyed before it is connected", async () => {
      const listener = createServer().listen(0, host);
      await once(listener, "listening");
      for (const { options } of [kind, tls]) {
        const client = new RecordingOwner();
        connectTransport(options((listener.address() as AddressInfo).port), client).destroy();
        await client.event("closed");
        assert.deepEqual(client.events, ["closed"]);
        assert.deepEqual(client.errors, [undefined]);
      }
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    });

    test("many at once share the buffer and mix nothing up", async () => {
      const listener = kind.listen().listen(0, host);
      await once(listener, "listening");
      const servers: Transport[] = [];
      listener.on("connection", (socket) => {
        const owner = new RecordingOwner();
        const transport = acceptTransport(socket, owner);
        owner.onBytes = (text) => transport.write(text);
        servers.push(transport);
      });
      const clients = Array.from({ length: 50 }, (_, i) => {
        const owner = new RecordingOwner();
        const transport = connectTransport(kind.options((listener.address() as AddressInfo).port), owner);
        const text = `${i} `.repeat(20_000);
        transport.write(text);
        return { owner, transport, text };
      });
      for (const { owner, text } of clients) await owner.until((client) => client.text.length === text.length);
      for (const { owner, text } of clients) assert.equal(owner.text, text);
      for (const { transport } of clients) transport.destroy();
      await Promise.all(clients.map(({ owner }) => owner.event("closed")));
      for (const transport of servers) transport.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    });

    test("are carried by what was asked for", () =>
      withPair(kind, async ({ accepted, connected }) => {
        const expected = kind.plain === undefined ? "SocketTransport" : "HandleTransport";
        assert.deepEqual([accepted.constructor.name, connected.constructor.name], [expected, expected]);
      }));

    test("names are looked up", async () => {
      const listener = kind.listen().listen(0, host);
      await once(listener, "listening");
      const server = new RecordingOwner();
      listener.on("connection", (socket) => acceptTransport(socket, server));
      const client = new RecordingOwner();
      const options = { host: "localhost", port: (listener.address() as AddressInfo).port };
      const transport = connectTransport(options, client);
      transport.write("early ");
      await client.event("connected");
      transport.write("late");
      transport.end();
      await server.until(({ text }) => text === "early late");
      await server.event("end");
      transport.destroy();
      await client.event("closed");
      listener.close();
    });

    test("ended before it is connected, it sends what was written and the end", async () => {
      const listener = kind.listen().listen(0, host);
      await once(listener, "listening");
      const server = new RecordingOwner();
      const accepted = once(listener, "connection").then(([socket]) => acceptTransport(socket, server));
      const client = new RecordingOwner();
      const transport = connectTransport(kind.options((listener.address() as AddressInfo).port), client);
      transport.write("text ");
      transport.writeBytes(Buffer.from("bytes"));
      transport.end();
      transport.write("ignored");
      await server.event("end");
      assert.equal(server.text, "text bytes");
      (await accepted).write("answer");
      await client.until(({ text }) => text === "answer");
      (await accepted).end();
      await client.event("closed");
      await server.event("closed");
      assert.deepEqual(client.events, ["connected", "end", "closed"]);
      assert.deepEqual(server.events, ["end", "closed"]);
      listener.close();
    });

    test("big and small writes of both sorts stay in order, and the end comes after them", () =>
      withPair(kind, async ({ accepted, server, connected }) => {
        accepted.pause();
        const pieces: string[] = [];
        for (let i = 0; i < 24; i++) {
          const piece = `${String.fromCharCode(97 + i)}\xe9`.repeat(i % 3 === 0 ? 300_000 : 7);
          pieces.push(piece);
          if (i % 2 === 0) connected.write(piece);
          else connected.writeBytes(Buffer.from(piece, "latin1"));
        }
        const sent = pieces.join("");
        assert.ok(connected.unsent > 0);
        connected.end();
        await turn();
        accepted.resume();
        await server.event("end");
        assert.ok(server.text === sent, "the same bytes in the same order");
        assert.equal(connected.unsent, 0);
        assert.equal(connected.bytesWritten, sent.length);
        assert.equal(accepted.bytesRead, sent.length);
      }));

    for (const [title, bytes, ends] of [
      ["idle", 0, false],
      ["with bytes that are not sent", 16_777_216, false],
      ["with bytes and an end that are not sent", 16_777_216, true],
    ] as const) {
      test(`a reset reaches the peer: ${title}`, () =>
        withPair(kind, async ({ accepted, server, connected, client }) => {
          if (bytes > 0) {
            accepted.pause();
            connected.writeBytes(Buffer.alloc(bytes, "z"));
            assert.ok(connected.unsent > 0);
            if (ends) connected.end();
            await turn();
          }
          assert.equal(connected.alive, true);
          connected.reset();
          assert.equal(connected.alive, false);
          await client.event("closed");
          assert.deepEqual(client.errors, [undefined]);
          accepted.resume();
          // One that arrives together with bytes looks like an end to the libuv of Node 20.
          await server.until(({ events }) => events.includes("closed") || (bytes > 0 && events.includes("end")));
          assert.ok(bytes === 0 || server.text.length < bytes);
          if (bytes === 0) assert.deepEqual([server.errors, server.events], [["ECONNRESET"], ["closed"]]);
        }));
    }

    test("a write to a peer that is gone is why it closed, once", () =>
      withPair(kind, async ({ accepted, server, connected, client }) => {
        connected.pause();
        accepted.reset();
        await server.event("closed");
        for (let i = 0; i < 1_000 && connected.alive; i++) {
          connected.write("more");
          connected.writeBytes(Buffer.from("more"));
          await turn();
        }
        await client.event("closed");
        assert.equal(client.errors.length, 1);
        assert.match(String(client.errors[0]), /^(EPIPE|ECONNRESET)$/);
        assert.deepEqual(client.events, ["connected", "closed"]);
      }));

    test("what was put off while a read is told happens before the next read", () =>
      withPair(kind, async ({ accepted, server, connected }) => {
        const seen: string[] = [];
        server.onBytes = (text) => {
          seen.push(text);
          accepted.write("next");
          process.nextTick(() => seen.push("tick"));
          void Promise.resolve().then(() => seen.push("microtask"));
        };
        connected.write("1");
        await server.until(({ reads }) => reads === 1);
        await echo();
        connected.write("2");
        await server.until(({ reads }) => reads === 2);
        await turn();
        assert.deepEqual(seen, ["1", "tick", "microtask", "2", "tick", "microtask"]);
      }));
  });
}

describe("transport over TLS", () => {
  test("a peer that does not prove itself is an error, and not connected", async () => {
    const listener = tls.listen().listen(0, host);
    await once(listener, "listening");
    listener.on("tlsClientError", () => {});
    const client = new RecordingOwner();
    const options = { host, port: (listener.address() as AddressInfo).port, tls: {} };
    connectTransport(options, client);
    await client.event("closed");
    assert.deepEqual(client.events, ["closed"]);
    assert.deepEqual(client.errors, ["DEPTH_ZERO_SELF_SIGNED_CERT"]);
    listener.close();
  });
});

describe("handles", () => {
  const own = process as { binding?: unknown };
  const { binding } = own;
  const found = (stub: unknown): unknown => {
    own.binding = stub;
    try {
      return openHandles();
    } finally {
      own.binding = binding;
    }
  };
  const changed = (name: string, change: object) => (asked: string) => ({
    ...(binding as (name: string) => object)(asked),
    ...(asked === name ? change : {}),
  });
  for (const [title, stub, expected] of [
    ["nothing is shown", undefined, "process.binding is gone"],
    ["a module is not shown", () => assert.fail("No such binding"), "No such binding"],
    ["a class is gone", changed("stream_wrap", { WriteWrap: undefined }), "WriteWrap: not as expected"],
    ["another is", changed("tcp_wrap", { TCP: class {} }), /not as expected$/],
    ["an index is", changed("stream_wrap", { kReadBytesOrError: undefined }), /^indexes of streamBaseState/],
    ["results are elsewhere", changed("stream_wrap", { streamBaseState: new Int32Array(8) }), /not as expected$/],
  ] as const) {
    test(`are not used when ${title}`, () => {
      const reason = found(stub);
      if (process.platform === "win32") assert.equal(reason, "not on Windows");
      else if (typeof expected === "string") assert.equal(reason, expected);
      else assert.match(String(reason), expected);
    });
  }
});

/** One round trip over the same event loop. */
async function echo(): Promise<void> {
  const listener = createServer((socket) => socket.pipe(socket)).listen(0, host);
  await once(listener, "listening");
  const socket = connect((listener.address() as AddressInfo).port, host);
  for (let i = 0; i < 5; i++) {
    socket.write("ping");
    await once(socket, "data");
  }
  socket.destroy();
  await new Promise<void>((resolve) => listener.close(() => resolve()));
}
