import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import {
  acceptTransport,
  type ConnectOptions,
  connectTransport,
  readBuffer,
  type Transport,
} from "../../../runtime-lib/wire/transport.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { type Pair, RecordingOwner } from "./recording-owner.ts";

const issuer = new TestIssuer("transport");
const host = "127.0.0.1";
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Kind {
  readonly name: string;
  listen(): Server;
  options(port: number): ConnectOptions;
}

const plain: Kind = {
  name: "plain",
  listen: () => createServer({ allowHalfOpen: true, pauseOnConnect: true }),
  options: (port) => ({ host, port }),
};
const tls: Kind = {
  name: "TLS",
  listen: () => createTlsServer({ allowHalfOpen: true, key: issuer.privateKeyPem, cert: issuer.certificatePem }),
  options: (port) => ({ host, port, tls: { rejectUnauthorized: false } }),
};

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

for (const kind of [plain, tls]) {
  describe(`transport, ${kind.name}`, () => {
    test("carries text and bytes both ways", () =>
      withPair(kind, async ({ accepted, server, connected, client }) => {
        server.onBytes = () => accepted.write("answer");
        assert.equal(connected.write("caf\xe9 "), true);
        assert.equal(connected.writeBytes(Buffer.from([0, 255])), true);
        await server.until(({ text }) => text === "caf\xe9 \x00\xff");
        await client.until(({ text }) => text.startsWith("answer"));
        assert.equal(accepted.remoteAddress, host);
        if (kind === plain) assert.equal(accepted.bytesRead, 7);
        if (kind === plain) assert.equal(connected.bytesWritten, 7);
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

describe("transport", () => {
  test("plain sockets of both sides read into one buffer", () =>
    withPair(plain, async ({ accepted, server, connected, client }) => {
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
    const listener = plain.listen().listen(0, host);
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
    const listener = plain.listen().listen(0, host);
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
    for (const kind of [plain, tls]) {
      const client = new RecordingOwner();
      const transport = connectTransport(kind.options(port), client);
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
    for (const kind of [plain, tls]) {
      const client = new RecordingOwner();
      connectTransport(kind.options((listener.address() as AddressInfo).port), client).destroy();
      await client.event("closed");
      assert.deepEqual(client.events, ["closed"]);
      assert.deepEqual(client.errors, [undefined]);
    }
    await new Promise<void>((resolve) => listener.close(() => resolve()));
  });

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

  test("many at once share the buffer and mix nothing up", async () => {
    const listener = plain.listen().listen(0, host);
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
      const transport = connectTransport(plain.options((listener.address() as AddressInfo).port), owner);
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
