import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { RawConnection, requestBytes } from "../../bench/load/raw-connection.ts";

/** Answers each request with the next text, in parts as given. What the connection made of them, in order. */
async function answersTo(answers: readonly (readonly string[])[]): Promise<readonly string[]> {
  const server = createServer((socket: Socket) => {
    let index = 0;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", async () => {
      for (const part of answers[index++] ?? []) {
        socket.write(part, "latin1");
        // So that each is a read of its own.
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    new RawConnection((server.address() as AddressInfo).port, requestBytes("GET", "/", []), {
      onConnected: (connection) => connection.send(),
      onAnswer(connection, ok) {
        seen.push(ok ? "ok" : "not ok");
        if (seen.length < answers.length) connection.send();
        else connection.destroy();
      },
      onClosed() {
        seen.push("closed");
        resolve();
      },
    });
  });
  await once(server.close(), "close");
  return seen;
}

describe("the load's connection", () => {
  test("reads answers whole, in parts, cut inside the head, and without a body", async () => {
    const answers = [
      ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
      ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", "llo"],
      ["HTTP/1.1 2", "01 Created\r\nContent-Le", "ngth: 5\r\n\r", "\nhello"],
      ["HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"],
    ];
    assert.deepEqual(await answersTo(answers), ["ok", "ok", "ok", "not ok", "closed"]);
  });
  test("closes when more came than was announced, or when nothing was", async () => {
    assert.deepEqual(await answersTo([["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello"], []]), ["closed"]);
    assert.deepEqual(await answersTo([["HTTP/1.1 200 OK\r\n\r\nhello"], []]), ["closed"]);
  });
});

test("a request with a body announces its length", () => {
  assert.equal(
    requestBytes("POST", "/a", ["X: 1"], "{}").toString(),
    "POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\nX: 1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
  );
  assert.equal(requestBytes("GET", "/a", []).toString(), "GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
});
