import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { describe, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import forge from "node-forge";
import { faultsOf } from "../../../runtime-lib/faults.ts";
import { Connection } from "../../../runtime-lib/wire/connection.ts";
import { eventually, exchange, rawClient } from "../../support/engine-process.ts";
import { relayTo, type StubCall, startServer, stubPool } from "./wire-server.ts";

const get = (path: string, fields = ""): string => `GET ${path} HTTP/1.1\r\nHost: gw\r\n${fields}\r\n`;

describe("time limits", () => {
  test("a head that does not come in time is 408; so is a connection that never asks", async (t) => {
    const server = await startServer((x) => x.respond(200, [], ""), { limits: { headerTimeoutMs: 100 } });
    t.after(() => server.stop());
    const silent = await rawClient(server.port);
    const slow = await rawClient(server.port, "GET / HTTP/1.1\r\n");
    const dribble = setInterval(() => slow.socket.write("X: 1\r\n"), 20);
    const second = await rawClient(server.port, `${get("/")}GET /`);
    assert.match(await silent.closed, /^HTTP\/1\.1 408 [\s\S]*"code":408, /);
    assert.match(await slow.closed, /^HTTP\/1\.1 408 /);
    assert.match(await second.closed, /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 408 /);
    clearInterval(dribble);
  });

  test("a connection without a request is closed after a while, silently", async (t) => {
    const server = await startServer((x) => x.respond(200, [], "ok"), { limits: { idleTimeoutMs: 100 } });
    t.after(() => server.stop());
    assert.match(await exchange(server.port, get("/")), /\r\n\r\nok$/);
  });

  test("a body that stops to come, or takes too long, is 408 and cancels what was asked", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool), {
      limits: { idleTimeoutMs: 150, headerTimeoutMs: 300, requestTimeoutMs: 400 },
    });
    t.after(() => server.stop());
    const stopped = await rawClient(server.port, "POST / HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\nhel");
    assert.match(await stopped.closed, /^HTTP\/1\.1 408 /);
    const slow = await rawClient(server.port, "POST / HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n");
    const dribble = setInterval(() => slow.socket.write("1\r\nx\r\n"), 20);
    await eventually("the backend is asked", () => pool.calls.length === 1);
    const call = pool.calls[0] as StubCall;
    assert.ok(call.body !== undefined && !Buffer.isBuffer(call.body));
    call.body.start(call);
    assert.match(await slow.closed, /^HTTP\/1\.1 408 /);
    clearInterval(dribble);
    assert.equal(call.cancelled, true);
    assert.equal(call.ended, false);
  });

  test("a client that takes nothing of its answer is not kept by what it sends of a body that nobody wants", async (t) => {
    const pool = stubPool((call) => {
      setImmediate(() => {
        const size = 30_000_000;
        call.sink.answerHead(200, "", ["Content-Length", String(size)]);
        call.sink.answerData(Buffer.alloc(size));
        call.sink.answerEnd();
      });
    });
    const server = await startServer(relayTo(pool), { limits: { idleTimeoutMs: 300 }, accessLog: true });
    t.after(() => server.stop());
    const client = await rawClient(server.port);
    client.socket.pause();
    client.socket.write("POST / HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n");
    const dribble = setInterval(() => client.socket.write("1\r\nx\r\n"), 20);
    t.after(() => clearInterval(dribble));
    await eventually("it is cut off", () =>
      server.log.some(({ msg, aborted }) => msg === "access" && aborted === true),
    );
    client.socket.destroy();
  });

  test("a connection whose limits cannot be looked at does not suspend those of others", async (t) => {
    const faults = faultsOf("standard");
    let failures = 0;
    const failing = Object.create(faults, {
      byStatus: {
        value: (status: number, description: string) => {
          if (failures++ === 0) throw new Error("a bug");
          return faults.byStatus(status, description);
        },
      },
    }) as typeof faults;
    const options = { limits: { headerTimeoutMs: 200 }, faults: failing };
    const server = await startServer((x) => x.respond(200, [], ""), options);
    t.after(() => server.stop());
    const clients = await Promise.all([rawClient(server.port), rawClient(server.port), rawClient(server.port)]);
    const answers = await Promise.all(clients.map(({ closed }) => closed));
    assert.deepEqual(answers.map((text) => text.slice(0, 12)).sort(), ["", "HTTP/1.1 408", "HTTP/1.1 408"]);
    assert.equal(server.log.filter(({ msg }) => msg === "connection failed").length, 1);
  });

  test("no limit of the client's counts while the backend is waited for", async (t) => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool), {
      limits: { idleTimeoutMs: 200, headerTimeoutMs: 200, requestTimeoutMs: 200 },
    });
    t.after(() => server.stop());
    const client = await rawClient(server.port, `${get("/")}${get("/next", "Connection: close\r\n")}`);
    await eventually("the backend is asked", () => pool.calls.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    pool.calls[0]?.sink.answerWhole(200, "", [], undefined);
    await eventually("the backend is asked again", () => pool.calls.length === 2);
    pool.calls[1]?.sink.answerWhole(200, "", [], undefined);
    assert.deepEqual((await client.closed).match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 200"]);
  });

  test("a client that takes nothing of its answer is cut off; others are served meanwhile", async (t) => {
    const pool = stubPool();
    const server = await startServer((x) => (x.path.raw === "/quick" ? x.respond(200, [], "ok") : relayTo(pool)(x)), {
      limits: { idleTimeoutMs: 150 },
      accessLog: true,
    });
    t.after(() => server.stop());
    const client = await rawClient(server.port, get("/"));
    client.socket.pause();
    await eventually("the backend is asked", () => pool.calls.length === 1);
    const call = pool.calls[0] as StubCall;
    call.sink.answerHead(200, "", []);
    const chunk = Buffer.alloc(8_000_000, "x");
    call.sink.answerData(chunk);
    call.sink.answerData(chunk);
    assert.match(await exchange(server.port, get("/quick", "Connection: close\r\n")), /\r\n\r\nok$/);
    await eventually("the backend is let go", () => call.cancelled);
    assert.equal(server.log.find((line) => line.path === "/")?.aborted, true);
    client.socket.destroy();
  });
});

test("bytes behind a request for another protocol wait for its answer, not for that of the one before", async (t) => {
  const pool = stubPool();
  const server = await startServer(relayTo(pool), { limits: { maxPipelined: 2 } });
  t.after(() => server.stop());
  const client = await rawClient(server.port, get("/a") + get("/b", "Connection: Upgrade\r\nUpgrade: x\r\n"));
  t.after(() => client.socket.destroy());
  const answer = async (i: number): Promise<void> => {
    await eventually("the backend is asked", () => pool.calls.length > i);
    pool.calls[i]?.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
  };
  await answer(0);
  client.socket.write(get("/c") + get("/d", "Connection: close\r\n"));
  // Read as requests before their time, they would be one too many.
  assert.match(await exchange(server.port, "GET\r\n\r\n"), /^HTTP\/1\.1 400 /);
  await answer(1);
  await answer(2);
  await answer(3);
  assert.equal((await client.closed).match(/HTTP\/1\.1 200/g)?.length, 4);
});

describe("stopping", () => {
  test("idle connections close at once, requests in flight are answered and say that it was the last", async () => {
    const pool = stubPool();
    const server = await startServer((x) => (x.path.raw === "/quick" ? x.respond(200, [], "ok") : relayTo(pool)(x)));
    const idle = await rawClient(server.port, get("/quick"));
    await idle.until(/ok$/);
    const fresh = await rawClient(server.port);
    const busy = await rawClient(server.port, get("/") + get("/ahead"));
    await eventually("the backend is asked", () => pool.calls.length === 1);
    const stopped = server.stop(60_000);
    await idle.closed;
    await fresh.closed;
    await assert.rejects(rawClient(server.port));
    pool.calls[0]?.sink.answerWhole(200, "", [], undefined);
    await eventually("the backend is asked again", () => pool.calls.length === 2);
    pool.calls[1]?.sink.answerWhole(200, "", [], undefined);
    assert.match(await busy.closed, /Connection: keep-alive[\s\S]*HTTP\/1\.1 200 [\s\S]*Connection: close/);
    assert.equal(await stopped, true);
  });

  test("what does not finish in time is cut off", async () => {
    const pool = stubPool();
    const server = await startServer(relayTo(pool));
    const busy = await rawClient(server.port, get("/"));
    await eventually("the backend is asked", () => pool.calls.length === 1);
    assert.equal(await server.stop(10), false);
    assert.equal(await busy.closed, "");
    assert.equal(pool.calls[0]?.cancelled, true);
  });
});

describe("TLS", () => {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = "01";
  certificate.validity.notBefore = new Date(Date.now() - 86_400_000);
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  certificate.setSubject([{ name: "commonName", value: "localhost" }]);
  certificate.setIssuer([{ name: "commonName", value: "localhost" }]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  const tls = { key: forge.pki.privateKeyToPem(keys.privateKey), cert: forge.pki.certificateToPem(certificate) };
  const ask = (port: number, bytes: string, protocols?: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: protocols ?? [] });
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
      });
      socket.on("error", reject);
      socket.on("end", () => resolve(text));
      socket.write(bytes);
    });

  test("requests over it know their scheme; who speaks nothing but another protocol is refused", async (t) => {
    const server = await startServer((x) => x.respond(200, [], `${x.scheme} ${x.header("x-large")?.length}`), {
      listener: { scheme: "https", tls },
    });
    t.after(() => server.stop());
    const large = `X-Large: ${"x".repeat(5_000)}\r\n`;
    const text = await ask(server.port, get("/", large) + get("/", `${large}Connection: close\r\n`), ["http/1.1"]);
    assert.match(text, /https 5000HTTP[\s\S]*https 5000$/);
    await assert.rejects(ask(server.port, get("/"), ["h2"]));
  });

  test("who does not shake hands is let go, and does not keep it from stopping", async () => {
    const server = await startServer((x) => x.respond(200, [], ""), {
      listener: { scheme: "https", tls },
      limits: { headerTimeoutMs: 100 },
    });
    const silent = await rawClient(server.port);
    assert.equal(await silent.closed, "");
    const nonsense = await rawClient(server.port, get("/"));
    assert.doesNotMatch(await nonsense.closed, /HTTP/);
    const late = await rawClient(server.port);
    assert.equal(await server.stop(60_000), true);
    assert.equal(await late.closed, "");
  });
});

for (const when of ["at once", "later"]) {
  test(`a connection can be handed over ${when}, with the bytes that came already`, async (t) => {
    const server = await startServer(() => undefined);
    const { options, lines } = server.engine as unknown as Pick<Connection["engine"], "options" | "lines">;
    await server.stop();
    let forgotten = 0;
    const received: string[] = [];
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      const handOver = (): void => {
        const { transport, unread } = connection.handOver({
          onRead: (bytes, length) => {
            received.push(bytes.toString("latin1", 0, length));
            transport.write("theirs");
          },
          onEnd: () => transport.end(),
          onDrain: () => undefined,
          onClosed: () => received.push("|closed"),
        });
        received.push(unread.toString("latin1"));
        transport.write("switched");
      };
      const engine = {
        options: {
          ...options,
          handle: async () => {
            if (when === "later") await new Promise((resolve) => setImmediate(resolve));
            handOver();
          },
        },
        lines,
        draining: false,
        forget: () => forgotten++,
      } as unknown as Connection["engine"];
      const connection = new Connection(engine, "http", socket);
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    t.after(() => listener.close());
    const { port } = listener.address() as AddressInfo;
    const upgrade = get("/", "Upgrade: other\r\nConnection: Upgrade\r\n");
    const client = await rawClient(port, `${upgrade}early\0bytes`);
    await client.until(/switched/);
    client.socket.write("|more");
    await eventually("the taker gets what follows", () => received.join("").includes("more"));
    client.socket.end();
    await client.closed;
    await eventually("the taker hears of the end", () => received.includes("|closed"));
    assert.equal(received.join(""), "early\0bytes|more|closed");
    assert.equal(forgotten, 1);
  });
}
