import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import {
  eventually,
  exchange,
  type GatewayProcess,
  type RawBackend,
  rawBackend,
  rawClient,
  startGateway,
} from "../../support/engine-process.ts";

const runtimeError =
  '{"fault":{"code":101503, "message":"Runtime Error", "description":"Error connecting to the back end"}}';

/** What the backend says to a request, by the last segment of its path. */
const replies: Readonly<Record<string, readonly string[]>> = {
  garbage: ["\x00\x01this is not HTTP\r\n\r\n"],
  closed: [],
  "half-head": ["HTTP/1.1 200 OK\r\nContent-Le"],
  "short-body": ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"],
  "short-body-close": ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nonly this"],
  "short-chunks": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
  "short-chunks-close": ["HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
  "bad-chunks": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"],
  "two-lengths": ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"],
  "length-and-chunks": [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  ],
  switching: ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"],
  "huge-head": [`HTTP/1.1 200 OK\r\nX-Long: ${"a".repeat(20_000)}\r\nContent-Length: 0\r\n\r\n`],
  // S-ERR-37: 4096 characters are let through.
  "long-status-line": [`HTTP/1.1 200 ${"a".repeat(4_084)}\r\nContent-Length: 0\r\n\r\n`],
  "line-breaks": ["HTTP/1.1 200 OK\r\nX-A: 1\x00\r\nContent-Length: 0\r\n\r\n"],
};

const keepOpen: Readonly<Record<string, string>> = {
  "long-body": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more than was said",
  interim: "HTTP/1.1 102 Processing\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  hints: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "no-content": "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
  "not-modified": 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 100\r\n\r\n',
  head: "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n",
  chunks:
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: 1\r\nX-Sum: 1\r\n\r\n",
  fields:
    "HTTP/1.1 418 Short And Stout\r\nConnection: keep-alive, X-Inner\r\nX-Inner: secret\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\n" +
    "Upgrade: h2c\r\nTrailer: X\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Request-ID: theirs\r\nContent-Length: 0\r\n\r\n",
  "longest-status-line": `HTTP/1.1 200 ${"a".repeat(4_083)}\r\nContent-Length: 2\r\n\r\nok`,
  empty: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  "foreign-reason": "HTTP/1.1 201 \u0421\u043e\u0437\u0434\u0430\u043d\u043e\r\nContent-Length: 2\r\n\r\nok",
  "foreign-reason-alone": "HTTP/1.1 204 \u041f\u0443\u0441\u0442\u043e\r\n\r\n",
  "control-in-reason": "HTTP/1.1 200 O\x01K\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  "old-close": "HTTP/1.0 200 OK\r\n\r\nuntil the end",
  hang: "",
  "hang-in-body": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
  "flushed-head": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
};

for (const compatibility of ["wso2-3.2", "standard"]) {
  describe(`backends that misbehave, ${compatibility}`, () => {
    let gateway: GatewayProcess;
    let backend: RawBackend;
    let connections = 0;
    /** The connection that a request came in by, by the last segment of its path. */
    const askedBy = new Map<string, Socket>();

    before(async () => {
      backend = await rawBackend((socket) => {
        connections++;
        socket.on("data", (chunk) => {
          const name = /^\S+ \S*?\/([a-z0-9-]*) HTTP/.exec(chunk.toString("latin1"))?.[1];
          // A body that comes apart from its head: a second answer to it would be taken for the next request's.
          if (name === undefined) return;
          askedBy.set(name, socket);
          const reply = replies[name];
          if (reply !== undefined) socket.end(reply.join(""));
          else if (name === "old-close") socket.end(keepOpen[name] ?? "");
          else if (name === "reset") socket.resetAndDestroy();
          else if (name === "reset-in-body") {
            socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart", () =>
              setTimeout(() => socket.resetAndDestroy(), 50),
            );
          } else socket.write(keepOpen[name] ?? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
      });
      gateway = await startGateway([`--echo_prod_endpoint_0=${backend.url}`, `--pair_prod_endpoint_1=${backend.url}`], {
        TEST_COMPATIBILITY: compatibility,
        TEST_BACKEND_TIMEOUT_MS: "1500",
      });
    });
    after(async () => {
      assert.equal(await gateway.stop(), 0);
      backend.close();
    });

    const ask = (name: string, method = "GET", more = ""): Promise<string> =>
      exchange(
        gateway.port,
        `${method} /v1/pets/${name} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n${more.includes("\r\n\r\n") ? more : `${more}\r\n`}`,
      );
    const down = compatibility === "standard" ? 502 : 500;
    const late = compatibility === "standard" ? 504 : 500;

    test("S-ERR-26: no answer is a fault with code 101503", async () => {
      for (const name of [
        "garbage",
        "closed",
        "half-head",
        "two-lengths",
        "switching",
        "huge-head",
        "long-status-line",
        "line-breaks",
        "reset",
      ]) {
        const answer = await ask(name);
        assert.ok(answer.startsWith(`HTTP/1.1 ${down} `), `${name}: ${answer}`);
        assert.ok(answer.endsWith(`\r\n\r\n${runtimeError}`), name);
      }
    });

    test("an answer in time, or a fault", async () => {
      const answer = await ask("hang");
      assert.ok(answer.startsWith(`HTTP/1.1 ${late} `), answer);
      assert.ok(answer.endsWith(runtimeError));
    });

    test("an answer that breaks off never looks whole", async () => {
      for (const name of ["short-body", "short-body-close", "hang-in-body", "reset-in-body"]) {
        const answer = await ask(name);
        const body = answer.split("\r\n\r\n")[1] as string;
        const broken =
          answer.startsWith("HTTP/1.1 200 ") && answer.includes("Content-Length: 100\r\n") && body.length < 100;
        assert.ok(broken || answer === "" || answer.endsWith(runtimeError), `${name}: ${answer}`);
      }
      for (const name of ["short-chunks", "short-chunks-close", "bad-chunks", "length-and-chunks"]) {
        const answer = await ask(name);
        assert.ok(!answer.endsWith("0\r\n\r\n"), `${name}: ${answer}`);
      }
    });

    test("more than was announced is not passed on, nor taken for the next answer", async () => {
      assert.match(await ask("long-body"), /\r\n\r\nhello$/);
      assert.match(await ask("fine"), /\r\n\r\nok$/);
    });

    test("interim answers, HEAD, 204, 304, chunks, an old server", async () => {
      assert.match(await ask("interim"), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
      assert.match(
        await ask("hints"),
        /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/,
      );
      assert.match(await ask("head", "HEAD"), /^HTTP\/1\.1 200 OK\r\nContent-Length: 12345\r\n[\s\S]*\r\n\r\n$/);
      assert.match(await ask("no-content"), /^HTTP\/1\.1 204 No Content\r\nX-A: 1\r\n[\s\S]*\r\n\r\n$/);
      assert.doesNotMatch(await ask("no-content"), /content-length|transfer-encoding/i);
      assert.match(await ask("not-modified"), /^HTTP\/1\.1 304 Not Modified\r\nETag: "a"\r\n[\s\S]*\r\n\r\n$/);
      assert.match(await ask("longest-status-line"), /^HTTP\/1\.1 200 a{4083}\r\n[\s\S]*\r\n\r\nok$/);
      assert.match(await ask("empty"), /Content-Length: 0\r\n[\s\S]*\r\n\r\n$/);
      assert.match(await ask("chunks"), /\r\n0\r\nX-Sum: 1\r\n\r\n$/);
      assert.equal(wholeBody(await ask("old-close")), "until the end");
      const old = await exchange(gateway.port, "GET /v1/pets/chunks HTTP/1.0\r\n\r\n");
      assert.match(old, /\r\n\r\nhello world$/);
    });

    test("R-HDR-09: status, reason and fields pass; hop-by-hop fields and those that Connection names do not", async () => {
      const answer = await ask("fields");
      assert.match(answer, /^HTTP\/1\.1 418 Short And Stout\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
      assert.doesNotMatch(answer, /secret|timeout=9|Proxy-Authenticate|Upgrade|Trailer|theirs/);
    });

    test("a reason phrase that cannot be sent on is replaced, and the answer is there", async () => {
      assert.match(await ask("foreign-reason"), /^HTTP\/1\.1 201 Created\r\n[\s\S]*\r\n\r\nok$/);
      assert.match(await ask("foreign-reason-alone"), /^HTTP\/1\.1 204 No Content\r\n[\s\S]*\r\n\r\n$/);
      const replaced = await ask("control-in-reason");
      assert.match(replaced, /^HTTP\/1\.1 200 OK\r\n/);
      assert.equal(wholeBody(replaced), "ok");
    });

    test("a head without a body yet goes out at once", async () => {
      const client = await rawClient(gateway.port, "GET /v1/pets/flushed-head HTTP/1.1\r\nHost: gw\r\n\r\n");
      await client.until(/Content-Length: 100\r\n[\s\S]*\r\n\r\n$/);
      client.socket.destroy();
    });

    test("R-EP-03, R-EP-04: members take turns; one that is not there is passed over, with the body", async () => {
      for (let i = 0; i < 4; i++) {
        const answer = await exchange(
          gateway.port,
          "POST /pair/x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        );
        assert.match(answer, /\r\n\r\nok$/);
        const chunked = await exchange(
          gateway.port,
          "POST /pair/x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        );
        assert.match(chunked, /\r\n\r\nok$/);
      }
    });

    test("what a backend may have seen is not sent again", async () => {
      await ask("fine");
      const before = connections;
      assert.match(
        await exchange(gateway.port, "GET /pair/reset HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n"),
        new RegExp(`^HTTP/1.1 ${down} `),
      );
      assert.ok(connections - before <= 1);
    });

    test("a client that goes away frees the backend connection", async () => {
      askedBy.clear();
      const client = await rawClient(gateway.port, "GET /v1/pets/flushed-head HTTP/1.1\r\nHost: gw\r\n\r\n");
      await client.until(/Content-Length: 100/);
      client.socket.destroy();
      await eventually("the backend connection is closed", () => askedBy.get("flushed-head")?.destroyed === true);
      const waiting = await rawClient(gateway.port, "GET /v1/pets/hang HTTP/1.1\r\nHost: gw\r\n\r\n");
      await eventually("the backend is asked", () => askedBy.has("hang"));
      waiting.socket.destroy();
      await eventually("the backend connection is closed", () => askedBy.get("hang")?.destroyed === true);
    });

    test("so it does when requests of it wait behind another one", async () => {
      askedBy.clear();
      const client = await rawClient(
        gateway.port,
        "GET /v1/pets/hang HTTP/1.1\r\nHost: gw\r\n\r\nGET /v1/pets/hang-in-body HTTP/1.1\r\nHost: gw\r\n\r\n",
      );
      await eventually("the backend is asked", () => askedBy.size === 2);
      const connections = [...askedBy.values()];
      client.socket.destroy();
      await eventually("both are closed", () => connections.every((socket) => socket.destroyed));
    });

    test("an early answer reaches a client that is still sending", async () => {
      const client = await rawClient(
        gateway.port,
        `POST /v1/pets/fields HTTP/1.1\r\nHost: gw\r\nContent-Length: 1000000\r\n\r\n${"a".repeat(70_000)}`,
      );
      await client.until(/^HTTP\/1\.1 418 /);
      client.socket.write("b".repeat(930_000));
      client.socket.write("GET /v1/pets/after HTTP/1.1\r\nHost: gw\r\n\r\n");
      await client.until(/\r\n\r\nok$/);
      client.socket.destroy();
    });

    test("after an early answer a body is not read for ever, be it fast or slow", async () => {
      for (const [part, pauseMs] of [
        [Buffer.alloc(262_144, "a"), 50],
        [Buffer.from("a"), 500],
      ] as const) {
        const client = await rawClient(
          gateway.port,
          "POST /v1/pets/missing HTTP/1.1\r\nHost: gw\r\nContent-Length: 10000000000\r\n\r\n",
        );
        await client.until(/^HTTP\/1\.1 404 /);
        let sent = 0;
        client.socket.on("error", () => undefined);
        const timer = setInterval(() => {
          if (client.socket.writable) client.socket.write(part);
          sent += part.length;
        }, pauseMs);
        await eventually("the connection is closed", () => client.socket.destroyed);
        clearInterval(timer);
        assert.ok(sent < 50_000_000, String(sent));
      }
    });

    test("backend failures are logged with their reason", async () => {
      const isLogged = (reason: string, more: object) => () =>
        gateway.log.some((line) => isDeepStrictEqual({ ...line, reason, ...more }, line));
      await eventually("a late one is", isLogged("backend: HEADERS_TIMEOUT", { code: 101503 }));
      await eventually("one that is not there is", isLogged("backend: ECONNREFUSED", { msg: "backend failed" }));
      assert.ok(!gateway.log.some((line) => line.msg === "unexpected error" || line.msg === "request failed"));
    });
  });
}

/** The body of an answer that says where it ends: a length for what was there at once, chunks for what came bit by bit. */
function wholeBody(answer: string): string {
  const [head = "", rest = ""] = answer.split(/\r\n\r\n(.*)/s);
  const length = /^content-length: (\d+)$/im.exec(head);
  if (length !== null) {
    assert.doesNotMatch(head, /^transfer-encoding:/im);
    assert.equal(rest.length, Number(length[1]));
    return rest;
  }
  assert.match(head, /^transfer-encoding: chunked$/im);
  let body = "";
  let at = 0;
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(rest.slice(at));
    assert.ok(size !== null, `a chunk in ${JSON.stringify(rest.slice(at))}`);
    at += size[0].length;
    const bytes = Number.parseInt(size[1] as string, 16);
    body += rest.slice(at, at + bytes);
    at += bytes;
    assert.equal(rest.slice(at, at + 2), "\r\n");
    at += 2;
    if (bytes > 0) continue;
    assert.equal(rest.length, at, "nothing after the last chunk");
    return body;
  }
}
