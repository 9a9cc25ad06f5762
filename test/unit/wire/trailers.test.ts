import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { describe, type TestContext, test } from "node:test";
import type { BackendPool } from "../../../runtime-lib/backend.ts";
import { openPool as openUndici } from "../../../runtime-lib/backend-undici.ts";
import type { Exchange } from "../../../runtime-lib/exchange.ts";
import { openPool as openWire } from "../../../runtime-lib/wire/backend-wire.ts";
import { eventually, exchange, rawClient } from "../../support/engine-process.ts";
import { type TestedEngine, testedEngines } from "../../support/tested-engines.ts";
import { type BackendSide, RawBackend } from "./raw-backend.ts";
import { relayTo, type ServerOptions, type StubCall, startServer, stubPool } from "./wire-server.ts";

/** Fields behind bodies, and hints before answers, from a backend of the test through a whole engine. */

const get = (fields = "", version = "1.1"): string =>
  `GET /p HTTP/${version}\r\nHost: gw\r\n${fields}Connection: close\r\n\r\n`;
const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";

async function poolOf(t: TestContext, engine: TestedEngine, origin: string): Promise<BackendPool> {
  const open = engine === "wire" ? openWire : openUndici;
  const pool = await open({
    origin,
    timeoutMs: 20_000,
    connections: undefined,
    waitMs: 20_000,
    maxHeaderSize: 1_000,
    maxBodySize: -1,
    tls: undefined,
  });
  t.after(() => pool.close());
  return pool;
}

/** An engine before a backend that plays `script` for each connection. */
async function gatewayOf(
  t: TestContext,
  engine: TestedEngine,
  script: (side: BackendSide) => Promise<void>,
  options: ServerOptions & { prepare?: (x: Exchange) => unknown } = {},
): Promise<number> {
  const backend = await RawBackend.start(t, script);
  const pool = await poolOf(t, engine, backend.origin);
  const relay = relayTo(pool);
  const { prepare, ...others } = options;
  const handle = (x: Exchange): Promise<void> => {
    prepare?.(x);
    return relay(x);
  };
  const server = await startServer(handle, { engine, ...others });
  t.after(() => server.stop());
  t.after(() => assert.deepEqual(backend.errors, []));
  return server.port;
}

const answering =
  (...parts: readonly string[]) =>
  async (side: BackendSide): Promise<void> => {
    await side.request();
    for (const part of parts) {
      side.write(part);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

for (const engine of testedEngines) {
  describe(`trailers of answers, engine ${engine}`, () => {
    const whole = `${chunked}Trailer: X-Sum, Content-Length\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: a b\r\nX-Sum: \u00e9\r\nServer-Timing:x\r\n\r\n`;
    const told =
      /\r\nTrailer: X-Sum\r\n[\s\S]*\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: a b\r\nX-Sum: \u00e9\r\nServer-Timing: x\r\n\r\n$/;

    test("they follow the body, however its bytes come, and `Trailer` announces them (RFC 9110 section 6.6.2)", async (t) => {
      const inOne = await gatewayOf(t, engine, answering(whole));
      assert.match(await exchange(inOne, get()), told);
      const half = whole.indexOf("hello") + 7;
      const inTwo = await gatewayOf(t, engine, answering(whole.slice(0, half), whole.slice(half)));
      assert.match(await exchange(inTwo, get()), told);
      const cuts = [whole.indexOf("5\r\n"), half, half + 7, whole.length - 3];
      const inMany = cuts.map((cut, i) => whole.slice(i === 0 ? 0 : cuts[i - 1], cut)).concat(whole.slice(-3));
      assert.match(await exchange(await gatewayOf(t, engine, answering(...inMany)), get()), told);
    });

    test("node:http reads them", async (t) => {
      const port = await gatewayOf(t, engine, answering(whole));
      const req = request({ port, host: "127.0.0.1" }).end();
      const [res] = (await once(req, "response")) as [import("node:http").IncomingMessage];
      res.resume();
      await once(res, "end");
      assert.deepEqual(res.rawTrailers, ["X-Sum", "a b", "X-Sum", "\u00e9", "Server-Timing", "x"]);
    });

    test("a body without bytes has them, too, and one that nobody announced", async (t) => {
      const port = await gatewayOf(t, engine, answering(`${chunked}\r\n0\r\nX-Sum: 1\r\n\r\n`));
      const answer = await exchange(port, get());
      assert.match(answer, /\r\nTransfer-Encoding: chunked\r\n[\s\S]*\r\n0\r\nX-Sum: 1\r\n\r\n$/i);
      assert.doesNotMatch(answer, /\r\nTrailer:/);
    });

    test("a client of HTTP/1.0 gets the answer without them", async (t) => {
      for (const parts of [[whole], [whole.slice(0, -4), whole.slice(-4)]]) {
        const answer = await exchange(await gatewayOf(t, engine, answering(...parts)), get("", "1.0"));
        assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nhello$/);
        assert.doesNotMatch(answer, /X-Sum|Trailer/);
      }
    });

    test("what means something in a head does not pass (RFC 9110 section 6.5.1)", async (t) => {
      const bad = [
        ...["Transfer_Encoding: chunked", "Host: x", "Set-Cookie: a=b", "Cache-Control: no-store", "Vary: *"],
        ...["Location: /x", "Content-Type: text/html", "Content-Encoding: gzip", "WWW-Authenticate: Basic"],
        ...["Access-Control-Allow-Origin: *", "Trailer: X", "TE: x", "Upgrade: h2c", "Proxy-Status: x", "Age: 1"],
        ...["X-Request-ID: theirs", "X-Forwarded-For: x", "X-Named: 1", "If-Match: x", "Authorization: x"],
      ];
      const lines = bad.map((line) => `${line}\r\n`).join("");
      const head = `${chunked}Connection: X-Named\r\nTrailer: X-Named, Vary\r\n\r\n`;
      const both = await gatewayOf(t, engine, answering(`${head}2\r\nok\r\n0\r\n${lines}X-Good: 1\r\n\r\n`));
      const answer = await exchange(both, get());
      assert.match(answer, /\r\n\r\n2\r\nok\r\n0\r\nX-Good: 1\r\n\r\n$/);
      assert.doesNotMatch(answer, /\r\nTrailer:/);
      const none = await gatewayOf(t, engine, answering(`${head}2\r\nok\r\n0\r\n${lines}\r\n`));
      assert.match(await exchange(none, get()), /\r\n\r\n(2\r\nok\r\n0\r\n\r\n|ok)$/);
    });

    test("values that are replaced in heads are replaced in them (R-HDR-07)", async (t) => {
      const options = { headerOverrides: [{ name: "x-sum", value: "ours" }] };
      const port = await gatewayOf(t, engine, answering(whole), options);
      assert.match(await exchange(port, get()), /\r\n0\r\nX-Sum: ours\r\nServer-Timing: x\r\n\r\n$/);
    });

    test("too many of them: the answer does not look whole", async (t) => {
      const lines = `X: ${"y".repeat(90)}\r\n`.repeat(20);
      const head = `${chunked}\r\n5\r\nhello\r\n`;
      const port = await gatewayOf(t, engine, answering(head, `0\r\n${lines}\r\n`));
      const answer = await exchange(port, get());
      assert.match(answer, /hello\r\n$/);
    });
  });

  describe(`trailers of requests, engine ${engine}`, () => {
    const body = "2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n";
    const trailers =
      "X-Sum: 1\r\nAuthorization: Bearer x\r\nApi_Key: x\r\nX-JWT-Assertion: x\r\nContent-Type: 4\r\nX-Named: 1\r\nCookie: a\r\nX-Sum: 2\r\n\r\n";
    const head =
      "POST /p HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Authorization\r\nConnection: close, X-Named\r\n\r\n";

    for (const [name, parts] of [
      ["all in one segment", [head + body + trailers]],
      ["the body apart from its head", [head, body + trailers]],
      ["the trailers apart", [head + body, trailers]],
    ] as const) {
      test(`they reach the pool with a streamed body: ${name}`, async (t) => {
        const pool = stubPool((call) => {
          const { body: source } = call;
          assert.ok(source !== undefined && !Buffer.isBuffer(source));
          setImmediate(() => source.start(call));
        });
        const relay = relayTo(pool);
        const server = await startServer(
          (x) => {
            x.withheld.push("api-key");
            assert.equal(x.header("x-sum"), undefined);
            return relay(x);
          },
          { engine },
        );
        t.after(() => server.stop());
        const client = await rawClient(server.port);
        for (const part of parts) {
          client.socket.write(part);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await eventually("all of it came", () => pool.calls[0]?.ended === true);
        const call = pool.calls[0] as StubCall;
        const source = call.body as Exclude<typeof call.body, Buffer | undefined>;
        assert.deepEqual([call.received, call.ended, call.trailers], ["abcde", true, ["X-Sum", "1", "X-Sum", "2"]]);
        assert.equal(source.trailerNames, "X-Sum");
        call.sink.answerWhole(200, "", ["Content-Length", "0"], undefined);
        assert.match(await client.closed, / 200 /);
      });
    }

    test(`the backend ${engine === "wire" ? "gets them" : "does not get them: undici cannot send any"}`, async (t) => {
      let seen = "";
      const script = async (side: BackendSide): Promise<void> => {
        const end = /\r\n0\r\n(?:X-Sum: 1\r\nX-Sum: 2\r\n)?\r\n$/;
        await side.until((text) => end.test(text));
        seen = side.received;
        side.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      };
      const port = await gatewayOf(t, engine, script, { prepare: (x) => x.withheld.push("api-key") });
      assert.match(await exchange(port, head + body + trailers), /\r\n\r\nok$/);
      if (engine === "wire") assert.match(seen, /\r\nTrailer: X-Sum\r\n[\s\S]*\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n$/);
      else assert.doesNotMatch(seen, /X-Sum/);
    });
  });

  describe(`early hints, engine ${engine}`, () => {
    const hint =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b>; rel=x\r\nConnection: X-Inner\r\nX-Inner: 1\r\nX-Request-ID: x\r\nKeep-Alive: 1\r\nContent-Length: 0\r\nX-Other: 1\r\n\r\n";
    const last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const passed = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b>; rel=x\r\nX-Other: 1\r\n\r\n";

    test("they pass at once, filtered as a head; other interim answers do not (RFC 8297)", async (t) => {
      let go = (): void => undefined;
      const gone = new Promise<void>((resolve) => (go = resolve));
      const port = await gatewayOf(t, engine, async (side) => {
        await side.request();
        side.write(`HTTP/1.1 102 Processing\r\n\r\n${hint}`);
        await gone;
        side.write(`HTTP/1.1 103 Early Hints\r\n\r\n${hint}${last}`);
      });
      const client = await rawClient(port, get());
      assert.equal(await client.until(/\r\n\r\n/), passed);
      go();
      const text = await client.closed;
      assert.ok(text.startsWith(`${passed}${passed}HTTP/1.1 200 OK\r\n`), text);
      assert.match(text, /\r\n\r\nok$/);
    });

    test("never to a client of HTTP/1.0", async (t) => {
      const port = await gatewayOf(t, engine, answering(hint, last));
      assert.match(await exchange(port, get("", "1.0")), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
    });

    test("values are replaced and cross-origin fields dropped as in a head", async (t) => {
      const fields = "Link: </a>\r\nAccess-Control-Allow-Origin: *\r\nX-Sum: 1\r\n";
      const port = await gatewayOf(t, engine, answering(`HTTP/1.1 103 Early Hints\r\n${fields}\r\n`, last), {
        headerOverrides: [{ name: "x-sum", value: "ours" }],
        prepare: (x) => {
          x.ownsCrossOrigin = true;
        },
      });
      const answer = await exchange(port, get());
      assert.ok(
        answer.startsWith("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Sum: ours\r\n\r\nHTTP/1.1 200 OK\r\n"),
        answer,
      );
    });

    test("more than sixteen interim answers are none", async (t) => {
      const port = await gatewayOf(t, engine, answering(hint.repeat(17) + last));
      const answer = await exchange(port, get());
      assert.equal(answer.split("HTTP/1.1 103 ").length - 1, 16);
      assert.match(answer, /HTTP\/1\.1 502 /);
    });
  });
}
