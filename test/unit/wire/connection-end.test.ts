import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import type { Exchange } from "../../../runtime-lib/exchange.ts";
import { eventually, rawClient } from "../../support/engine-process.ts";
import { testedEngines } from "../../support/tested-engines.ts";
import { relayTo, type StubCall, startServer, stubPool } from "./wire-server.ts";

const get = (path: string, fields = ""): string => `GET ${path} HTTP/1.1\r\nHost: gw\r\n${fields}\r\n`;
const post = (path: string, fields: string, body = ""): string =>
  `POST ${path} HTTP/1.1\r\nHost: gw\r\n${fields}\r\n${body}`;
const hidden = get("/hidden");
const sized = `Content-Length: ${hidden.length}\r\n`;
const statuses = (text: string): string[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string);
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

for (const engine of testedEngines) {
  /** A server that notes which requests its handler gets: `/refused` gets 404, what else there is gets 200. */
  const noting = async (t: { after(stop: () => unknown): void }) => {
    const seen: string[] = [];
    const server = await startServer(
      (x: Exchange) => {
        seen.push(`${x.method} ${x.path.raw}`);
        x.respond(x.path.raw === "/refused" ? 404 : 200, [], "answer");
      },
      { engine, limits: { maxPipelined: 3 } },
    );
    t.after(() => server.stop());
    return { seen, port: server.port };
  };
  /** What comes behind `first` on its connection, in the same write and in a later one. */
  const behind = async (port: number, first: string): Promise<string[]> => {
    const client = await rawClient(port, first + hidden);
    await client.until(/HTTP\/1\.1 [2-9][\s\S]*\r\n\r\n/);
    await turns();
    if (client.socket.writable) client.socket.write(hidden);
    await turns();
    const text = await client.closed;
    return statuses(text);
  };

  describe(`what ends a connection, engine ${engine}`, () => {
    for (const [name, first, status] of [
      ["Connection: close", get("/a", "Connection: close\r\n"), "200"],
      ["HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", "200"],
      ["another transfer coding", post("/a", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "501"],
      ["HTTP/2.0", "GET /a HTTP/2.0\r\nHost: gw\r\n\r\n", "400"],
      ["an unknown expectation with a body", post("/a", `Expect: x\r\n${sized}`), "417"],
      ["a body behind a Host that is none", `POST /a HTTP/1.1\r\nHost: a b\r\n${sized}\r\n`, "400"],
      ["a body behind no Host", `POST /a HTTP/1.1\r\n${sized}\r\n`, "400"],
      ["chunks behind two Hosts", post("/a", "Host: gw\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"],
      ["a body for a target that is refused", post("/a/../b", sized), "400"],
    ] as const) {
      test(`RFC 9112 section 9.6: nothing behind ${name} is looked at`, async (t) => {
        const { seen, port } = await noting(t);
        assert.deepEqual(await behind(port, first), [status]);
        assert.deepEqual(
          seen.filter((request) => request === "GET /hidden"),
          [],
        );
      });
    }

    test("an answer that does not end the connection cannot stand before one that does", async (t) => {
      const { seen, port } = await noting(t);
      for (const first of [
        "POST /a HTTP/1.1\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        post(`/${"a".repeat(5000)}`, "Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"),
        post("/a", "Expect: x\r\nTransfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"),
      ]) {
        assert.deepEqual(await behind(port, first), ["501"]);
      }
      assert.deepEqual(seen, []);
    });

    test("RFC 9112 section 9.6: nothing behind one request too many is looked at", async (t) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine, limits: { maxPipelined: 3 } });
      t.after(() => server.stop());
      const client = await rawClient(server.port, get("/a").repeat(3) + get("/b", "Expect: x\r\n") + hidden.repeat(5));
      for (let i = 0; i < 3; i++) {
        await eventually("the backend is asked", () => pool.calls.length === i + 1);
        pool.calls[i]?.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
      }
      assert.deepEqual(statuses(await client.closed), ["200", "200", "200", "503"]);
      assert.equal(pool.calls.length, 3);
    });

    test("requests are handed on one after the other, each when the one before is answered", async (t) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine });
      t.after(() => server.stop());
      const client = await rawClient(server.port, get("/a") + post("/b", "Content-Length: 2\r\n", "ab") + get("/c"));
      for (const [i, name] of ["/a", "/b", "/c"].entries()) {
        await eventually("the backend is asked", () => pool.calls.length === i + 1);
        await turns();
        assert.equal(pool.calls.length, i + 1);
        assert.equal(pool.calls[i]?.head.path, name);
        pool.calls[i]?.sink.answerWhole(200, "", ["Content-Length", "2"], Buffer.from(name));
      }
      await client.until(/\/a[\s\S]*\/b[\s\S]*\/c$/);
      assert.equal(pool.calls[1]?.body?.toString(), "ab");
      client.socket.destroy();
    });

    test("requests that wait are forgotten when the client goes", async (t) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine, accessLog: true });
      t.after(() => server.stop());
      const client = await rawClient(server.port, get("/a") + get("/b") + get("/c"));
      await eventually("the backend is asked", () => pool.calls.length === 1);
      client.socket.resetAndDestroy();
      await eventually("all are lost", () => server.log.filter(({ msg }) => msg === "access").length === 3);
      assert.equal(pool.calls[0]?.cancelled, true);
      assert.equal(pool.calls.length, 1);
    });

    test("a request behind an answer that proves to end the connection waits in vain", async (t) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine });
      t.after(() => server.stop());
      const client = await rawClient(server.port, `GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n${hidden}`);
      await eventually("the backend is asked", () => pool.calls.length === 1);
      const { sink } = pool.calls[0] as StubCall;
      // Without a length: the end of the connection is that of the answer.
      sink.answerHead(200, "", []);
      sink.answerData(Buffer.from("to the end"));
      sink.answerEnd();
      assert.match(await client.closed, /\r\n\r\nto the end$/);
      assert.equal(pool.calls.length, 1);
    });

    test("bytes behind the last request do not cost its answer", async (t) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine });
      t.after(() => server.stop());
      const client = await rawClient(server.port, `${get("/a", "Connection: close\r\n")}nonsense\r\n\r\n`);
      await eventually("the backend is asked", () => pool.calls.length === 1);
      pool.calls[0]?.sink.answerWhole(200, "", ["Content-Length", "2"], Buffer.from("/a"));
      assert.match(await client.closed, /^HTTP\/1\.1 200 [\s\S]*\/a$/);
    });

    test("bytes that are no request do not cost the answers before them", async (t) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine });
      t.after(() => server.stop());
      const client = await rawClient(server.port, `${get("/a")}${get("/b")}nonsense\r\n\r\n`);
      for (const i of [0, 1]) {
        await eventually("the backend is asked", () => pool.calls.length === i + 1);
        pool.calls[i]?.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
      }
      assert.deepEqual(statuses(await client.closed), ["200", "200", "400"]);
    });

    test("a body that is none does not cost the answers before it", async (t) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine });
      t.after(() => server.stop());
      const client = await rawClient(server.port, get("/a") + post("/b", "Transfer-Encoding: chunked\r\n", "zz\r\n"));
      await eventually("the backend is asked", () => pool.calls.length === 1);
      await turns();
      pool.calls[0]?.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
      assert.match(statuses(await client.closed).join(" "), /^200( 400)?$/);
      assert.equal(pool.calls.length, 1);
    });

    test("a body that proves to be none after its request was answered gets no second answer", async (t) => {
      const { port } = await noting(t);
      const client = await rawClient(port, post("/refused", "Transfer-Encoding: chunked\r\n"));
      await client.until(/answer$/);
      await turns();
      client.socket.write("zz\r\n");
      assert.deepEqual(statuses(await client.closed), ["404"]);
    });

    test("the refusal of a tunnel is no answer to the request before it", async (t) => {
      const pool = stubPool();
      const server = await startServer(relayTo(pool), { engine });
      t.after(() => server.stop());
      const client = await rawClient(server.port, `${get("/a")}CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n`);
      await eventually("the backend is asked", () => pool.calls.length === 1);
      await turns();
      const { sink } = pool.calls[0] as StubCall;
      sink.answerHead(200, "", ["Content-Length", "20000000"]);
      // More than sockets hold: the client has to take some of it before the rest is wanted.
      for (let i = 0; i < 200; i++) sink.answerData(Buffer.alloc(100_000, "a"));
      await eventually("the client takes it", () => (pool.calls[0]?.resumed ?? 0) > 0);
      sink.answerEnd();
      assert.deepEqual(statuses(await client.closed), ["200", "400"]);
    });

    test("a reset behind the refusal of a tunnel hurts nobody", async (t) => {
      const { port } = await noting(t);
      const client = await rawClient(port, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
      await client.until(/^HTTP\/1\.1 400 /);
      client.socket.resetAndDestroy();
      await turns();
      assert.deepEqual(statuses(await (await rawClient(port, get("/a", "Connection: close\r\n"))).closed), ["200"]);
    });

    for (const [name, bytes, status] of [
      ["501", post("/a", "Transfer-Encoding: gzip, chunked\r\n"), "501"],
      ["400 and Connection: close", post("/a/../b", "Content-Length: 1000000\r\nConnection: close\r\n"), "400"],
      ["417", post("/a", "Expect: x\r\nContent-Length: 1000000\r\n"), "417"],
      ["404 and Connection: close", post("/refused", "Content-Length: 1000000\r\nConnection: close\r\n"), "404"],
    ] as const) {
      test(`no reset overtakes an answer while a body comes: ${name}`, async (t) => {
        const { port } = await noting(t);
        const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).setEncoding("latin1");
        let text = "";
        let failure: Error | undefined;
        socket.on("data", (part: string) => (text += part));
        socket.on("error", (error) => (failure = error));
        const ended = new Promise((resolve) => socket.once("end", resolve));
        const closed = new Promise((resolve) => socket.once("close", resolve));
        socket.write(bytes);
        await Promise.race([ended, closed]);
        for (let i = 0; i < 10; i++) {
          await new Promise((resolve) => socket.write("x".repeat(10_000), resolve));
          await turns();
        }
        socket.end();
        await closed;
        assert.equal(failure, undefined);
        assert.deepEqual(statuses(text), [status]);
      });
    }

    test("a body without end behind the answer that ends the connection is not read for ever", async (t) => {
      const { port } = await noting(t);
      const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      client.on("error", () => undefined).resume();
      const closed = new Promise((resolve) => client.once("close", resolve));
      const more = (): void => {
        if (!client.destroyed) client.write(Buffer.alloc(65_536), () => setImmediate(more));
      };
      client.write(post("/refused", "Content-Length: 1000000000000\r\nConnection: close\r\n"), more);
      await closed;
    });
  });

  describe(`Expect, engine ${engine}`, () => {
    for (const [name, fields] of [
      ["a length", sized],
      ["chunks", "Transfer-Encoding: chunked\r\n"],
    ] as const) {
      test(`RFC 9110 section 10.1.1: who was not asked for a body with ${name} sends no further request`, async (t) => {
        const { seen, port } = await noting(t);
        const client = await rawClient(port, post("/refused", `Expect: 100-continue\r\n${fields}`));
        assert.deepEqual(statuses(await client.closed), ["404"]);
        assert.match(client.text(), /\r\nConnection: close\r\n/);
        assert.deepEqual(seen, ["POST /refused"]);
      });
    }

    test("who was asked does, and who has no body to send does, too", async (t) => {
      const pool = stubPool((call) => call.sink.answerWhole(200, "", ["Content-Length", "0"], undefined));
      const server = await startServer(relayTo(pool), { engine });
      t.after(() => server.stop());
      const client = await rawClient(server.port, post("/a", "Expect: 100-continue\r\nContent-Length: 2\r\n"));
      await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
      client.socket.write(`ab${get("/b", "Connection: close\r\n")}`);
      assert.deepEqual(statuses(await client.closed), ["100", "200", "200"]);
      const unknown = await rawClient(server.port, get("/a", "Expect: x\r\n") + get("/b", "Connection: close\r\n"));
      assert.deepEqual(statuses(await unknown.closed), ["417", "200"]);
    });
  });
}

describe("Expect, engine wire", { skip: !testedEngines.includes("wire") }, () => {
  test("a body that came along was not waited for: another request may follow", async (t) => {
    const server = await startServer((x) => x.respond(404, [], "no"));
    t.after(() => server.stop());
    const client = await rawClient(
      server.port,
      post("/refused", "Expect: 100-continue\r\nContent-Length: 2\r\n", "ab") + get("/b", "Connection: close\r\n"),
    );
    assert.deepEqual(statuses(await client.closed), ["404", "404"]);
  });
});

describe("Connection: close in a trailer, engine node", { skip: !testedEngines.includes("node") }, () => {
  test("node:http obeys it: what follows is nobody's", async (t) => {
    const server = await startServer((x) => x.respond(200, [], ""), { engine: "node" });
    t.after(() => server.stop());
    const trailer = post("/a", "Transfer-Encoding: chunked\r\n", "0\r\nConnection: close\r\n\r\n");
    const client = await rawClient(server.port, trailer + hidden);
    assert.deepEqual(statuses(await client.closed), ["200"]);
  });

  test("the answer says so, also one that is out before the trailer came", async (t) => {
    // A turn later the rest of what came along was read, too.
    const server = await startServer(
      async (x) => {
        if (x.path.raw !== "/early") await turns();
        x.respond(200, [], "");
      },
      { engine: "node" },
    );
    t.after(() => server.stop());
    const early = await rawClient(server.port, post("/early", "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n"));
    assert.match(await early.until(/\r\n\r\n/), /\r\nConnection: close\r\n/);
    early.socket.end("0\r\nConnection: close\r\n\r\n");
    await early.closed;
    for (const [trailer, pattern] of [
      ["Connection: close\r\n", /\r\nConnection: close\r\n/],
      ["Proxy-Connection: close\r\n", /\r\nConnection: close\r\n/],
      ["X-Sum: 1\r\n", /\r\nConnection: keep-alive\r\n/],
      ["", /\r\nConnection: keep-alive\r\n/],
    ] as const) {
      const client = await rawClient(server.port, post("/a", "Transfer-Encoding: chunked\r\n", `0\r\n${trailer}\r\n`));
      assert.match(await client.until(/\r\n\r\n/), pattern, trailer);
      client.socket.destroy();
    }
  });
});

describe("Upgrade, engine node", { skip: !testedEngines.includes("node") }, () => {
  test("the request is the last one: node drops bytes behind it, and takes what comes then for a request", async (t) => {
    const seen: string[] = [];
    const pool = stubPool();
    const server = await startServer(
      (x) => {
        seen.push(`${x.method} ${x.path.raw}`);
        return relayTo(pool)(x);
      },
      { engine: "node" },
    );
    t.after(() => server.stop());
    const client = await rawClient(server.port, get("/a", "Connection: Upgrade\r\nUpgrade: x\r\n") + post("/b", sized));
    await eventually("the backend is asked", () => pool.calls.length === 1);
    client.socket.write(hidden);
    await turns();
    pool.calls[0]?.sink.answerWhole(200, "", ["Content-Length", "2"], Buffer.from("/a"));
    const text = await client.closed;
    assert.deepEqual(statuses(text), ["200"]);
    assert.match(text, /\r\nConnection: close\r\n/);
    assert.deepEqual(seen, ["GET /a"]);
  });

  test("the same behind a body, and behind another request", async (t) => {
    const seen: string[] = [];
    const server = await startServer(
      (x) => {
        seen.push(`${x.method} ${x.path.raw}`);
        x.respond(200, [], "");
      },
      { engine: "node" },
    );
    t.after(() => server.stop());
    const client = await rawClient(
      server.port,
      get("/a") + post("/b", "Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n", `ab${post("/c", sized)}`),
    );
    client.socket.write(hidden);
    assert.deepEqual(statuses(await client.closed), ["200", "200"]);
    assert.deepEqual(seen, ["GET /a", "POST /b"]);
  });
});
