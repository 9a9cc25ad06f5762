import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer as createPlainServer } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import type { BackendTls } from "../../../runtime-lib/backend.ts";
import { type Identity, identity } from "../../support/self-signed.ts";
import { ask, poolFor, TestSource, until } from "./raw-backend.ts";

/** Backends behind TLS: whom we trust, what they are told, and that sessions are used again. */

const trusted = identity("backend", { type: 2, value: "localhost" }, { type: 7, ip: "127.0.0.1" });
const foreign = identity("foreign", { type: 2, value: "elsewhere.test" });
const client = identity("client");

const trusting: BackendTls = {
  ca: [trusted.cert, foreign.cert],
  key: undefined,
  cert: undefined,
  rejectUnauthorized: true,
  verifyHostname: true,
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256",
};

/** A backend that answers with what the handshake told it, and then closes or not. */
async function secureBackend(t: TestContext, who: Identity, connection = "keep-alive") {
  const sockets: TLSSocket[] = [];
  let requests = 0;
  const server = createServer(
    { ...who, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ["h2", "http/1.1"] },
    (socket) => {
      sockets.push(socket);
      socket.on("error", () => undefined);
      let received = "";
      socket.on("data", (chunk: Buffer) => {
        received += chunk.toString("latin1");
        if (!received.endsWith("\r\n\r\n") && !received.endsWith("end")) return;
        received = "";
        requests++;
        const told = [
          socket.alpnProtocol,
          (socket as unknown as { servername: string | false }).servername,
          socket.getPeerCertificate().subject?.CN,
          socket.isSessionReused(),
          socket.getProtocol(),
        ].join(" ");
        socket.write(`HTTP/1.1 200 OK\r\nConnection: ${connection}\r\nContent-Length: ${told.length}\r\n\r\n${told}`);
      });
    },
  );
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets, requests: () => requests };
}

describe("backends behind TLS", { timeout: 60_000 }, () => {
  test("are asked by name, for HTTP/1.1; an address is no name", async (t) => {
    const { port } = await secureBackend(t, trusted);
    const named = await ask(await poolFor(t, `https://localhost:${port}`, { tls: trusting }));
    assert.equal(named.outcome, "200 http/1.1 localhost  false TLSv1.3");
    const numbered = await ask(await poolFor(t, `https://127.0.0.1:${port}`, { tls: trusting }));
    assert.equal(numbered.outcome, "200 http/1.1 false  false TLSv1.3");
  });

  test("see the gateway's certificate when there is one", async (t) => {
    const { port } = await secureBackend(t, trusted);
    const pool = await poolFor(t, `https://localhost:${port}`, {
      tls: { ...trusting, ...client, maxVersion: "TLSv1.2" },
    });
    assert.equal((await ask(pool)).outcome, "200 http/1.1 localhost client false TLSv1.2");
  });

  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`get their last session back (${maxVersion})`, async (t) => {
      const { port } = await secureBackend(t, trusted, "close");
      const pool = await poolFor(t, `https://localhost:${port}`, { tls: { ...trusting, maxVersion } });
      assert.match((await ask(pool)).outcome, / false /);
      for (let i = 0; i < 3; i++) assert.match((await ask(pool)).outcome, / true /);
    });
  }

  test("that nobody trusts, or that are somebody else, get no request", async (t) => {
    const { port, requests } = await secureBackend(t, trusted);
    const other = await secureBackend(t, foreign);
    const origin = `https://localhost:${port}`;
    const unknown = await poolFor(t, origin, { tls: { ...trusting, ca: [foreign.cert] } });
    assert.equal((await ask(unknown)).outcome, "unreachable none backend: DEPTH_ZERO_SELF_SIGNED_CERT");
    const misnamed = await poolFor(t, `https://localhost:${other.port}`, { tls: trusting });
    assert.equal((await ask(misnamed)).outcome, "unreachable none backend: ERR_TLS_CERT_ALTNAME_INVALID");
    assert.equal((await ask(misnamed)).outcome, "unreachable none backend: ERR_TLS_CERT_ALTNAME_INVALID");
    assert.deepEqual([requests(), other.requests()], [0, 0]);
    const anyName = await poolFor(t, `https://localhost:${other.port}`, {
      tls: { ...trusting, verifyHostname: false },
    });
    assert.equal((await ask(anyName)).status, 200);
    const anybody = await poolFor(t, origin, { tls: { ...trusting, ca: [foreign.cert], rejectUnauthorized: false } });
    assert.equal((await ask(anybody)).status, 200);
  });

  test("keep their connections", async (t) => {
    const { port, sockets } = await secureBackend(t, trusted);
    const pool = await poolFor(t, `https://localhost:${port}`, { tls: trusting });
    for (let i = 0; i < 50; i++) assert.equal((await ask(pool)).status, 200);
    assert.equal(sockets.length, 1);
    const source = new TestSource(-1);
    source.onStart = (sink) => {
      for (let i = 0; i < 20; i++) sink.bodyData(Buffer.alloc(10_000, "x"));
      sink.bodyData(Buffer.from("end"));
      sink.bodyEnd();
    };
    assert.equal((await ask(pool, "POST", "/", source)).status, 200);
    sockets[0]?.end();
    await until(() => sockets[0]?.destroyed === true);
    assert.equal((await ask(pool)).status, 200);
    assert.equal(sockets.length, 2);
  });

  test("that do not finish the handshake are given up in time", async (t) => {
    const server = createPlainServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const pool = await poolFor(t, `https://localhost:${port}`, { tls: trusting, timeoutMs: 100 });
    assert.equal((await ask(pool)).outcome, "timeout none backend: CONNECT_TIMEOUT");
  });

  test("with keys that OpenSSL does not take: a failure, not a crash", async (t) => {
    const { port } = await secureBackend(t, trusted);
    const pool = await poolFor(t, `https://localhost:${port}`, { tls: { ...trusting, key: "x", cert: "y" } });
    const sink = await ask(pool);
    assert.match(sink.outcome, /^unreachable none backend: [A-Z_]+$/);
  });

  test("an address of IPv6 stands in brackets in Host, and nowhere else", async (t) => {
    const server = createPlainServer((socket) => {
      socket.once("data", (head: Buffer) => {
        const host = /host: (.*)\r\n/.exec(head.toString("latin1"))?.[1] as string;
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${host.length}\r\n\r\n${host}`);
      });
    });
    server.listen(0, "::1");
    const [problem] = await Promise.race([once(server, "listening").then(() => []), once(server, "error")]);
    if (problem !== undefined) return t.skip("no IPv6 here");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    assert.equal((await ask(await poolFor(t, `http://[::1]:${port}`))).outcome, `200 [::1]:${port}`);
  });
});
