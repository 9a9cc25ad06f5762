import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HttpParser } from "../../../runtime-lib/wire/llhttp.ts";
import { readBuffer } from "../../../runtime-lib/wire/read-buffer.ts";
import { parseAll } from "./parsed-messages.ts";

const bytesOf = (text: string) => Buffer.from(text, "latin1");

function run(parser: HttpParser, text: string): number {
  const bytes = bytesOf(text);
  return parser.execute(bytes, 0, bytes.length);
}

describe("HttpParser", () => {
  test("tells a request", () => {
    const parser = new HttpParser("request");
    const text = "GET /pets?id=1 HTTP/1.1\r\nHost: a\r\nX-Odd:  v \t\r\nEMPTY:\r\n\r\n";
    assert.equal(run(parser, text), text.length);
    assert.equal(parser.headNow && parser.ended, true);
    assert.equal(parser.started, false);
    assert.equal(parser.method, "GET");
    assert.equal(parser.target, "/pets?id=1");
    assert.deepEqual([parser.major, parser.minor], [1, 1]);
    assert.deepEqual(parser.rawHeaders, ["Host", "a", "X-Odd", "v", "EMPTY", ""]);
    assert.equal(parser.headBytes, text.length);
    assert.equal(parser.targetBytes, 10);
    assert.equal(parser.keepAlive, true);
  });

  test("knows the versions", () => {
    const versions = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/0.9"].map((version) => {
      const [message] = parseAll("request", bytesOf(`GET / ${version}\r\n\r\n`)).messages;
      return [message?.head.version, message?.head.keepAlive];
    });
    assert.deepEqual(versions, [
      ["1.0", false],
      ["1.1", true],
      ["2.0", false],
      ["0.9", false],
    ]);
  });

  test("stops at the end of a message", () => {
    const parser = new HttpParser("request");
    const one = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    const bytes = bytesOf(`${one}\r\nGET /2 HTTP/1.1\r\n\r\n`);
    assert.equal(parser.execute(bytes, 0, bytes.length), one.length);
    assert.equal(parser.bodyParts, 1);
    assert.equal(bytes.toString("latin1", parser.bodyStart(0), parser.bodyEnd(0)), "abc");
    assert.equal(parser.execute(bytes, one.length, bytes.length), bytes.length - one.length);
    assert.equal(parser.target, "/2");
    assert.equal(parser.bodyParts, 0);
  });

  test("counts a head before it is complete", () => {
    const parser = new HttpParser("request");
    run(parser, "\r\nGET /long");
    assert.deepEqual([parser.started, parser.headDone, parser.headBytes, parser.targetBytes], [true, false, 9, 5]);
    run(parser, "er HTTP/1.1\r\nX");
    assert.deepEqual([parser.headDone, parser.headBytes, parser.targetBytes], [false, 23, 7]);
    run(parser, ": y\r\n\r\n");
    assert.deepEqual([parser.headNow, parser.headBytes, parser.target], [true, 30, "/longer"]);
    assert.deepEqual(parser.rawHeaders, ["X", "y"]);
  });

  test("line ends before a message begin none", () => {
    const parser = new HttpParser("request");
    assert.equal(run(parser, "\r\n\r\n"), 4);
    assert.equal(parser.started, false);
    assert.equal(parser.finish(), true);
  });

  test("reads many parsers in turns, more than there was memory for", () => {
    const parsers = Array.from({ length: 5_000 }, () => new HttpParser("request"));
    for (const [i, parser] of parsers.entries()) run(parser, `POST /${i} HTTP/1.1\r\nContent-`);
    for (const [i, parser] of parsers.entries()) run(parser, `Length: 5\r\nN: ${i}\r\n\r\nhe`);
    for (const parser of parsers) run(parser, "llo");
    for (const [i, parser] of parsers.entries()) {
      assert.equal(parser.ended, true);
      assert.equal(parser.target, `/${i}`);
      assert.deepEqual(parser.rawHeaders, ["Content-Length", "5", "N", String(i)]);
    }
  });

  test("a body longer than its window", () => {
    const parser = new HttpParser("response");
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
    const bytes = Buffer.concat([bytesOf(head), Buffer.alloc(300_000, "b"), bytesOf("HTTP/1.1 204 No\r\n\r\n")]);
    assert.equal(parser.execute(bytes, 0, bytes.length), head.length + 300_000);
    let length = 0;
    for (let i = 0; i < parser.bodyParts; i++) length += parser.bodyEnd(i) - parser.bodyStart(i);
    assert.equal(length, 300_000);
    assert.equal(parser.bodyStart(0), head.length);
    assert.equal(parser.ended, true);
  });

  test("heads and bodies of thousands of parts", () => {
    const fields = Array.from({ length: 3_000 }, (_, i) => `N${i}: ${i}\r\n`).join("");
    const chunks = "1\r\nx\r\n".repeat(20_000);
    const trailers = Array.from({ length: 500 }, (_, i) => `T${i}: ${i}\r\n`).join("");
    const text = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${fields}\r\n${chunks}0\r\n${trailers}\r\n`;
    const whole = parseAll("request", bytesOf(text));
    const [message] = whole.messages;
    assert.equal(message?.head.headers.length, 6_002);
    assert.equal(message?.body, "x".repeat(20_000));
    assert.equal(message?.trailers.length, 1_000);
    assert.deepEqual(parseAll("request", bytesOf(text), { step: 1_000 }), whole);
  });

  test("the read buffer at any offset", () => {
    const text = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    for (let offset = 0; offset < 9; offset++) {
      readBuffer.write(text, offset, "latin1");
      const parser = new HttpParser("request");
      assert.equal(parser.execute(readBuffer, offset, offset + text.length), text.length);
      assert.deepEqual(parser.rawHeaders, ["Host", "a"]);
    }
    const end = readBuffer.length - text.length;
    readBuffer.write(text, end, "latin1");
    const parser = new HttpParser("request");
    assert.equal(parser.execute(readBuffer, end, readBuffer.length), text.length);
    assert.equal(parser.target, "/x");
  });

  test("after the last message nothing may follow", () => {
    const parser = new HttpParser("request");
    run(parser, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert.equal(parser.keepAlive, false);
    assert.equal(run(parser, "\r\n"), 2);
    assert.equal(run(parser, "G"), 0);
    assert.equal(parser.failed, "HPE_CLOSED_CONNECTION");
    parser.reset();
    run(parser, "GET /new HTTP/1.1\r\n\r\n");
    assert.equal(parser.target, "/new");
  });

  test("a tab beside close hides nothing", () => {
    for (const value of ["close\t", "\tclose", "foo,\tclose", "Close\t, foo"]) {
      const { messages } = parseAll("request", bytesOf(`GET / HTTP/1.1\r\nConnection: ${value}\r\n\r\n`));
      assert.equal(messages[0]?.head.keepAlive, false, value);
    }
    const { messages } = parseAll("request", bytesOf("GET / HTTP/1.1\r\nConnection: closer\t\r\nX: close\t\r\n\r\n"));
    assert.equal(messages[0]?.head.keepAlive, true);
  });

  test("an upgrade nobody takes is a request, and the next follows", () => {
    const upgrade = "GET /1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const { messages, failed } = parseAll("request", bytesOf(`${upgrade}GET /2 HTTP/1.1\r\n\r\n`));
    assert.deepEqual(
      messages.map(({ head }) => [head.target, head.upgrade]),
      [
        ["/1", true],
        ["/2", false],
      ],
    );
    assert.equal(failed, undefined);
  });

  test("nothing after a failure, until reset", () => {
    const parser = new HttpParser("request");
    assert.ok(run(parser, "NOT HTTP\r\n\r\n") < 12);
    assert.equal(parser.failed, "HPE_INVALID_METHOD");
    assert.equal(run(parser, "GET / HTTP/1.1\r\n\r\n"), 0);
    assert.equal(parser.headDone, false);
    parser.reset();
    assert.equal(run(parser, "GET / HTTP/1.1\r\n\r\n"), 18);
    assert.equal(parser.failed, undefined);
  });

  test("a message broken off", () => {
    for (const text of ["GET / HT", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel"]) {
      const parser = new HttpParser("request");
      run(parser, text);
      assert.equal(parser.finish(), false);
      assert.equal(parser.failed, "HPE_INVALID_EOF_STATE");
    }
  });

  test("chunk extensions have an end (as in node:http)", () => {
    const head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    const small = parseAll("request", bytesOf(`${head}5;${"a".repeat(16_000)}\r\nhello\r\n0\r\n\r\n`), { step: 500 });
    assert.equal(small.failed, undefined);
    const large = bytesOf(`${head}1\r\nx\r\n5;${"a".repeat(18_000)}\r\nhello\r\n0\r\n\r\n`);
    for (const step of [500, 100_000]) {
      assert.equal(parseAll("request", large, { step }).failed, "HPE_CHUNK_EXTENSIONS_OVERFLOW");
    }
  });

  test("trailers are counted while they come", () => {
    const parser = new HttpParser("request");
    run(parser, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nName: val");
    assert.equal(parser.trailerBytes, 7);
    run(parser, "ue \r\nM: 2\r\n\r\n");
    assert.equal(parser.ended, true);
    assert.deepEqual(parser.trailers, ["Name", "value", "M", "2"]);
  });

  test("clear drops the strings alone", () => {
    const parser = new HttpParser("request");
    run(parser, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    parser.clear();
    assert.deepEqual([parser.method, parser.target, parser.rawHeaders], ["", "", []]);
    run(parser, "X");
    assert.equal(parser.failed, "HPE_CLOSED_CONNECTION");
  });
});

describe("HttpParser of responses", () => {
  test("with no reason", () => {
    const { messages } = parseAll("response", bytesOf("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"));
    assert.deepEqual([messages[0]?.head.status, messages[0]?.head.reason], [200, ""]);
  });

  test("interim ones are messages", () => {
    const text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    const { messages } = parseAll("response", bytesOf(text));
    assert.deepEqual(
      messages.map(({ head, complete }) => [head.status, head.keepAlive, complete]),
      [
        [100, true, true],
        [103, true, true],
        [204, true, true],
      ],
    );
  });

  test("to HEAD", () => {
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    const { messages } = parseAll("response", bytesOf(text), { noBody: true });
    assert.deepEqual(
      messages.map(({ head, complete }) => [head.headers.length, complete]),
      [
        [2, true],
        [0, true],
      ],
    );
    const parser = new HttpParser("response");
    parser.noBody = true;
    run(parser, "HTTP/1.1 200 OK\r\n\r\n");
    assert.deepEqual([parser.ended, parser.keepAlive], [true, true]);
  });

  test("that end with the connection", () => {
    const parser = new HttpParser("response");
    run(parser, "HTTP/1.1 200 OK\r\n\r\nsome");
    assert.deepEqual([parser.headDone, parser.ended, parser.keepAlive], [true, false, false]);
    assert.equal(run(parser, " more"), 5);
    assert.equal(parser.finish(), true);
    assert.equal(parser.ended, true);
    assert.equal(parser.started, false);
  });

  test("a bare CR in the status line is refused whole", () => {
    for (const text of ["HTTP/1.1 200 OK\r\rX: 1\r\n\r\n", "HTTP/1.1 200 OK\r\r\n\r\n", "HTTP/1.1 200\r\r\n"]) {
      const { messages, failed } = parseAll("response", bytesOf(`${text}HTTP/1.1 200 OK\r\n\r\n`));
      assert.deepEqual(messages, []);
      assert.ok(failed !== undefined);
    }
  });
});
