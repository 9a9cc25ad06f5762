import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type CompiledProject,
  compileProject,
  type RunningGateway,
  startGateway,
} from "../support/gateway-under-test.ts";
import { StubBackend } from "../support/stub-backend.ts";
import { randomNumbers } from "../support/target-fuzz.ts";
import { TestIssuer } from "../support/test-issuer.ts";

/** The same bytes every time, unless CASTGATE_SEED says otherwise. */
const seed = Number(process.env.CASTGATE_SEED ?? 1);
const connections = 2_000;

/** What an attacker wants a backend to take for a request of its own. */
const inner = "GET /raw/admin HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const post = (fields: string, body: string) => `POST /raw/open HTTP/1.1\r\nHost: gateway.test\r\n${fields}\r\n${body}`;
const seeds: readonly string[] = [
  post(`Content-Length: ${inner.length}\r\n`, inner),
  post("Transfer-Encoding: chunked\r\n", chunk(inner)),
  post(`Transfer-Encoding: chunked\r\nContent-Length: ${inner.length}\r\n`, chunk(inner)),
  post(`Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`, chunk(inner)),
  post(`Content-Length: 0\r\nContent-Length: ${inner.length}\r\n`, inner),
  post(`Content-Length: ${inner.length}, 0\r\n`, inner),
  post(`Content-Length: +${inner.length}\r\n`, inner),
  post(`Content-Length : ${inner.length}\r\n`, inner),
  post("Transfer-Encoding: xchunked\r\n", chunk(inner)),
  post("Transfer-Encoding: chunked, identity\r\n", chunk(inner)),
  post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", chunk(inner)),
  post("Transfer-Encoding:\u000bchunked\r\n", chunk(inner)),
  post("Transfer-Encoding\r\n: chunked\r\n", chunk(inner)),
  post("X: y\r\n Transfer-Encoding: chunked\r\n", chunk(inner)),
  post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"),
  post("Connection: content-length\r\nContent-Length: 5\r\n", "hello"),
  post("Transfer-Encoding: chunked\r\n", "5;x=y\r\nhello\r\n0\r\nHost: other.test\r\n\r\n"),
  post("Transfer-Encoding: chunked\r\n", "5\nhello\n0\n\n"),
  post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\nhello"),
  "GET /raw/open HTTP/1.1\r\nHost: gateway.test\r\n\r\n".repeat(3),
  "GET /raw/admin HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer a.b.c\r\n\r\n",
  "GET /raw/admin HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\n",
  "GET /raw/open HTTP/1.1\nHost: gateway.test\n\n",
  "GET /raw/open HTTP/1.0\r\n\r\n",
  "GET /raw/open\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
];
const insertions = [
  "\r\n",
  "\n",
  "\r",
  "\u0000",
  " ",
  "\t",
  ":",
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 3\r\n",
  "\r\n0\r\n\r\n",
  "Host: other.test\r\n",
  "X: \u00e9\r\n",
  "X\u0000: y\r\n",
  `X: ${"y".repeat(9000)}\r\n`,
  inner,
];

describe("bytes that are hardly HTTP", () => {
  let folder: string;
  let project: CompiledProject;
  let backend: StubBackend;
  let gateway: RunningGateway;

  before(async () => {
    backend = await StubBackend.start();
    folder = writeProject(backend.origin);
    project = await compileProject(path.join(folder, "raw"));
    gateway = await startGateway(project, {
      issuer: new TestIssuer("https://issuer.test"),
      settings: '[b7a.log]\nlevel = "OFF"\n',
    });
  });
  after(async () => {
    await gateway?.stop();
    await backend?.stop();
    project?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test("end every connection, crash nothing, and bring nothing past a check", async () => {
    const random = randomNumbers(seed);
    const port = Number(new URL(gateway.origin).port);
    let left = connections;
    const statuses = new Map<string, number>();
    const sender = async () => {
      while (left-- > 0) {
        const answer = await send(port, mutated(random));
        assert.match(answer, /^($|HTTP\/1\.1 [1-5]\d\d )/, "every answer is HTTP");
        const status = answer.slice(9, 12);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 64 }, sender));

    assert.equal(gateway.process.exitCode, null, gateway.log());
    assert.equal((await fetch(`${gateway.origin}/readyz`)).status, 200);
    const strays = backend.seen.filter(({ target }) => !/^\/open(\?|$)/.test(target)).map(({ target }) => target);
    assert.deepEqual(strays, [], "a backend saw a request that no operation let through");
    for (const status of ["200", "400", "401"]) {
      assert.ok((statuses.get(status) ?? 0) > 50, `too few answers ${status}: ${[...statuses].join(" ")}`);
    }
  });
});

/**
 * All that comes back until the server closes. The client closes its half when nothing came for a moment: at once would
 * be the end of the exchange, and never would wait for the server's time limits.
 */
function send(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let received = "";
    socket.setTimeout(60_000, () => {
      reject(new Error(`the connection hangs after ${JSON.stringify(bytes)}`));
      socket.destroy();
    });
    const quiet = setTimeout(() => socket.end(), 150);
    socket.setEncoding("latin1").on("data", (text: string) => {
      received += text;
      quiet.refresh();
    });
    // The server may close before it has read all of it.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(quiet);
      resolve(received);
    });
    const cut = bytes.length >> 1;
    socket.write(bytes.slice(0, cut), "latin1");
    socket.write(bytes.slice(cut), "latin1");
  });
}

function mutated(random: () => number): string {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] as string;
  let bytes = pick(seeds);
  while (random() < 0.6) {
    const at = Math.floor(random() * bytes.length);
    const changes = [
      bytes.slice(0, at) + pick(insertions) + bytes.slice(at),
      bytes.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + bytes.slice(at + 1),
      bytes.slice(0, at) + bytes.slice(at + 1),
      bytes.slice(0, at),
      bytes + pick(seeds),
      bytes.replace("\r\n", "\n"),
    ];
    bytes = pick(changes);
  }
  return bytes;
}

function writeProject(origin: string): string {
  const parent = mkdtempSync(path.join(os.tmpdir(), "castgate-raw-"));
  const folder = path.join(parent, "raw");
  mkdirSync(path.join(folder, "api_definitions"), { recursive: true });
  writeFileSync(path.join(folder, "castgate.yaml"), "compatibility: standard\n");
  const responses = { "200": { description: "ok" } };
  const to = (name: string) => ({ "x-wso2-production-endpoints": { urls: [`${origin}/${name}`] }, responses });
  const open = { ...to(""), "x-wso2-disable-security": true };
  const definition = {
    openapi: "3.0.3",
    info: { title: "Raw", version: "1.0.0" },
    "x-wso2-basePath": "/raw",
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    security: [{ token: [] }],
    paths: { "/open": { get: open, post: open }, "/admin": { get: to("admin") } },
  };
  writeFileSync(path.join(folder, "api_definitions/raw.json"), JSON.stringify(definition, undefined, 2));
  return parent;
}
