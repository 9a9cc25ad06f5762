import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { program } from "../../support/debian-services.ts";
import { eventually, type RawBackend, rawBackend, rawClient } from "../../support/engine-process.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { nginxBefore } from "../../support/proxies.ts";
import { compileParts, definition, get } from "../../support/security-project.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

/** `Upgrade` and WebSockets (RFC 9110 section 7.8, RFC 6455); the original has none (R-RTE-10). */

const upgrade = { "x-castgate-upgrade": ["websocket"] };
const token = [{ token: ["read"] }];
const cors = {
  corsConfigurationEnabled: true,
  accessControlAllowOrigins: ["https://ui.test"],
  accessControlAllowMethods: ["GET"],
  accessControlAllowHeaders: [],
  accessControlAllowCredentials: false,
};

const apis = {
  chat: definition(
    "Chat",
    { ...upgrade, "x-wso2-cors": cors },
    {
      "/rooms/*": get({ security: token }),
      "/limited": get({ security: token, "x-wso2-throttling-tier": "2PerDay" }),
      "/plain": get({ security: token, "x-castgate-upgrade": [] }),
    },
  ),
  open: definition("Open", {}, { "/feed/*": get({ security: [], ...upgrade }), "/none": get({ security: [] }) }),
};
const policies = {
  resourcePolicies: [{ "2PerDay": { count: 2, unitTime: 1, timeUnit: "day" } }],
  subscriptionPolicies: [
    { Default: { count: 500, unitTime: 1, timeUnit: "min" } },
    { Unauthenticated: { count: 100000, unitTime: 1, timeUnit: "min" } },
  ],
};

/** The head of a request that asks for a WebSocket; the key is RFC 6455's own. */
function asking(path: string, more = ""): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`
  );
}

const agreed =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

describe("upgrade", () => {
  const issuer = new TestIssuer("https://issuer.test");
  const bearer = { authorization: `Bearer ${issuer.token({ scope: "read" })}` };
  let project: CompiledProject;
  let server: Server;
  let sockets: WebSocketServer;
  const seen: IncomingMessage[] = [];
  const running: RunningGateway[] = [];
  const backends: RawBackend[] = [];

  before(async () => {
    project = await compileParts("sockets", { compatibility: "standard", apis, policies });
    server = createServer((req, res) => {
      seen.push(req);
      res.setHeader("Content-Type", "text/plain").end(`plain ${req.url}`);
    });
    sockets = new WebSocketServer({ server, handleProtocols: (offered) => [...offered][0] ?? false });
    sockets.on("connection", (socket, req) => {
      seen.push(req);
      socket.on("message", (data: RawData, isBinary) => {
        if (data.toString() === "bye") socket.close(4001, "as told");
        else socket.send(data, { binary: isBinary });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    for (const backend of backends.splice(0)) backend.close();
    const stopped = await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
    for (const { code } of stopped) assert.equal(code, 0);
    seen.length = 0;
  });
  after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
    project.remove();
  });

  /** A gateway with its backend at this port; stopped after the test. */
  async function gatewayTo(port: number, settings = ""): Promise<RunningGateway> {
    const args = project.manifest.endpoints.map(({ key }) => `--${key}_endpoint_0=http://127.0.0.1:${port}/back`);
    const gateway = await startGateway(project, {
      issuer,
      args,
      settings: `[castgate]\ndrainSeconds = 1\n${settings}`,
    });
    running.push(gateway);
    return gateway;
  }

  async function rawGateway(onSocket: (socket: Socket) => void, settings = "") {
    const backend = await rawBackend(onSocket);
    backends.push(backend);
    const gateway = await gatewayTo(backend.port, settings);
    return { gateway, backend, client: () => rawClient(portOf(gateway)) };
  }

  const webSocketPort = () => (server.address() as AddressInfo).port;

  test("a WebSocket passes: text, a mebibyte, pings, its subprotocol and how it is closed", async () => {
    const gateway = await gatewayTo(webSocketPort());
    const url = `${gateway.origin.replace("http", "ws")}/chat/rooms/7?lang=en`;
    const socket = new WebSocket(url, ["chat.v2", "chat.v1"], { headers: { ...bearer, "X-Own": "1" } });
    await once(socket, "open");
    assert.equal(socket.protocol, "chat.v2");
    socket.send("hello");
    assert.equal(String((await once(socket, "message"))[0]), "hello");
    const large = Buffer.alloc(1_048_576, "ab");
    socket.send(large);
    assert.ok(large.equals((await once(socket, "message"))[0] as Buffer));
    socket.ping("still there?");
    assert.equal(String((await once(socket, "pong"))[0]), "still there?");
    socket.send("bye");
    const [code, reason] = await once(socket, "close");
    assert.deepEqual([code, String(reason)], [4001, "as told"]);

    const [req] = seen;
    assert.equal(req?.url, "/back/rooms/7?lang=en");
    assert.equal(req?.headers.authorization, undefined, "S-HDR-01: credentials are stripped");
    assert.equal(req?.headers["x-own"], "1");
    assert.equal(req?.headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(req?.headers["sec-websocket-version"], "13");
    assert.match(req?.headers["x-request-id"] as string, /^[0-9a-f]{32}$/);
    await eventually("the end is logged", () => gateway.log().includes("upgraded connection ended"));
    const line = endOf(gateway);
    assert.equal(line.operation, "getRooms");
    assert.equal(line.protocol, "websocket");
    assert.ok((line.fromClient as number) > 1_048_576 && (line.fromBackend as number) > 1_048_576);
  });

  test("S-PIPE-01: the same checks: credentials, scopes, limits", async () => {
    const gateway = await gatewayTo(webSocketPort());
    const status = async (path: string, headers: Record<string, string>): Promise<number> => {
      const socket = new WebSocket(`${gateway.origin.replace("http", "ws")}${path}`, { headers });
      const opened = once(socket, "open").then(() => 101);
      const refused = new Promise<number>((resolve) =>
        socket.on("unexpected-response", (_req, answer) => {
          resolve(answer.statusCode ?? 0);
          answer.resume();
        }),
      );
      const found = await Promise.race([opened, refused]);
      socket.on("error", () => undefined).terminate();
      return found;
    };
    assert.equal(await status("/chat/rooms/1", {}), 401);
    assert.equal(await status("/chat/rooms/1", { authorization: `Bearer ${issuer.token({ scope: "write" })}` }), 403);
    assert.equal(seen.length, 0);
    assert.equal(await status("/chat/limited", bearer), 101);
    assert.equal(await status("/chat/limited", bearer), 101);
    assert.equal(await status("/chat/limited", bearer), 429);
    // Pages of other origins (RFC 6455 section 10.2): CORS does not hold for WebSockets, so the gateway looks.
    assert.equal(await status("/chat/rooms/1", { ...bearer, origin: "https://evil.test" }), 403);
    assert.equal(await status("/chat/rooms/1", { ...bearer, origin: "null" }), 403);
    assert.equal(await status("/chat/rooms/1", { ...bearer, origin: "https://ui.test" }), 101);
    assert.equal(await status("/chat/rooms/1", { ...bearer, origin: gateway.origin }), 101);
    assert.equal(await status("/open/feed/1", { origin: "https://evil.test" }), 101);
    assert.equal(seen.length, 5);
  });

  test("without x-castgate-upgrade, with a body, or in HTTP/1.0 nothing is asked of the backend", async () => {
    const gateway = await gatewayTo(webSocketPort());
    const lines = [
      asking("/open/none"),
      asking("/open/feed/body", "Content-Length: 2\r\n").concat("{}"),
      asking("/open/feed/chunks", "Transfer-Encoding: chunked\r\n").concat("2\r\n{}\r\n0\r\n\r\n"),
      asking("/open/feed/old").replace("HTTP/1.1", "HTTP/1.0"),
      asking("/open/feed/other").replace("Upgrade: websocket", "Upgrade: h2c"),
      asking("/open/feed/unnamed").replace("Connection: Upgrade", "Connection: keep-alive"),
    ];
    for (const text of lines) {
      const client = await rawClient(portOf(gateway), text);
      assert.match(await client.until(/plain \S+/), /^HTTP\/1\.1 200 /, text);
      client.socket.destroy();
    }
    assert.equal(seen.length, lines.length);
    for (const req of seen) {
      assert.equal(req.headers.upgrade, undefined);
      assert.doesNotMatch(req.headers.connection ?? "", /upgrade/i);
    }
  });

  test("nothing behind the request reaches the backend before it has agreed, all of it afterwards", async () => {
    let toBackend = "";
    let backendSocket: Socket | undefined;
    const { client } = await rawGateway((socket) => {
      backendSocket = socket;
      socket.on("data", (chunk) => {
        toBackend += chunk.toString("latin1");
      });
    });
    const one = await client();
    one.socket.write(`${asking("/open/feed/early")}GET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n`);
    await eventually("the request is there", () => toBackend.endsWith("\r\n\r\n"));
    one.socket.write("more");
    // A request on another connection is answered: had the bytes been sent, they would be there by now.
    assert.match(await (await rawClient(portOf(running[0] as RunningGateway), healthCheck)).closed, / 200 /);
    assert.match(toBackend, /^GET \/back\/feed\/early HTTP\/1\.1\r\n/);
    assert.doesNotMatch(toBackend, /smuggled|more/);
    toBackend = "";
    backendSocket?.write(`${agreed}first`);
    assert.match(await one.until(/first$/), /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*\r\n\r\nfirst$/);
    await eventually("what was held", () => toBackend === "GET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\nmore");
    // Both ways from now on, byte by byte.
    one.socket.write(Buffer.from([0, 1, 254, 255]));
    await eventually("bytes of any kind", () => toBackend.endsWith("\x00\x01\xfe\xff"));
  });

  test("an ordinary answer to an upgrade leaves the connection in step, and the backend's is not used again", async () => {
    const { gateway, backend, client } = await rawGateway((socket) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        if (!text.endsWith("\r\n\r\n")) return;
        const body = `to ${text.split(" ", 2)[1]}`;
        text = "";
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
    });
    const one = await client();
    // The second request is one, and is taken for one.
    one.socket.write(`${asking("/open/feed/a")}GET /open/none HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n`);
    const text = await one.closed;
    assert.deepEqual(text.match(/to \S+/g), ["to /back/feed/aHTTP/1.1", "to /back/none"]);
    assert.doesNotMatch(text, / 101 /);
    await eventually("only the other one is kept", () => backend.sockets.size <= 1);
    assert.doesNotMatch(gateway.log(), /upgraded connection/);
  });

  test("101 that agrees to nothing, or to something else, is no answer", async () => {
    const answers = [
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    ];
    let next = 0;
    const { client } = await rawGateway((socket) => {
      socket.on("data", () => socket.write(answers[next] as string));
    });
    for (const [index] of answers.entries()) {
      next = index;
      const one = await client();
      one.socket.write(asking("/open/feed/a"));
      assert.match(await one.until(/\}\}$/), /^HTTP\/1\.1 502 [\s\S]*101503/, answers[index]);
      one.socket.destroy();
    }
    // Not asked for at all.
    next = 0;
    const one = await client();
    one.socket.write("GET /open/none HTTP/1.1\r\nHost: gw\r\n\r\n");
    assert.match(await one.until(/\}\}$/), /^HTTP\/1\.1 502 /);
  });

  test("an end passes, and the other way stays open; a loss ends both", async () => {
    const ends: string[] = [];
    const { gateway, backend, client } = await rawGateway((socket) => {
      socket.allowHalfOpen = true;
      socket.once("data", () => socket.write(agreed));
      socket.on("end", () => {
        ends.push("end");
        socket.write("last words");
        socket.end();
      });
      socket.on("close", () => ends.push("close"));
    });
    const one = await client();
    one.socket.write(asking("/open/feed/a"));
    await one.until(/\r\n\r\n$/);
    one.socket.end();
    assert.match(await one.closed, /\r\n\r\nlast words$/);
    await eventually("both are closed", () => ends.join() === "end,close" && backend.sockets.size === 0);
    await eventually("the end is logged", () => gateway.log().includes("upgraded connection ended"));
    assert.equal(endOf(gateway).endedBy, "client");

    const two = await client();
    two.socket.write(asking("/open/feed/b"));
    await two.until(/\r\n\r\n$/);
    two.socket.resetAndDestroy();
    await eventually("the backend's is closed, too", () => backend.sockets.size === 0);

    const three = await client();
    three.socket.write(asking("/open/feed/c"));
    await three.until(/\r\n\r\n$/);
    for (const socket of backend.sockets) socket.resetAndDestroy();
    await three.closed;
  });

  test("whoever takes nothing holds the other one back", async () => {
    const part = Buffer.alloc(65_536, 1);
    let written = 0;
    let full = false;
    const { client } = await rawGateway((socket) => {
      socket.once("data", () => {
        socket.write(agreed);
        const more = (): void => {
          while (written < 1_000 && socket.write(part)) written++;
          full = written < 1_000;
          if (full) socket.once("drain", more);
        };
        more();
      });
    });
    const one = await client();
    one.socket.pause();
    one.socket.write(asking("/open/feed/a"));
    let before = -1;
    await eventually("the backend is held back", () => {
      const held = full && written === before;
      before = written;
      return held;
    });
    assert.ok(written < 900, `${written} parts were taken`);
    one.socket.resume();
    await eventually("all of it comes", () => one.text().length > 64_000_000);
  });

  test("the time limit of a silent connection, and the end of the gateway, close both sides", async () => {
    const { gateway, backend, client } = await rawGateway((socket) => {
      socket.once("data", () => socket.write(agreed));
    }, "upgradeIdleSeconds = 1\n");
    const one = await client();
    one.socket.write(asking("/open/feed/a"));
    await one.closed;
    await eventually("the backend's is closed, too", () => backend.sockets.size === 0);
    await eventually("the end is logged", () => gateway.log().includes("upgraded connection ended"));
    assert.equal(endOf(gateway).endedBy, "idle");

    const other = await rawGateway((socket) => {
      socket.once("data", () => socket.write(agreed));
    });
    const two = await other.client();
    two.socket.write(asking("/open/feed/b"));
    await two.until(/\r\n\r\n$/);
    assert.equal((await other.gateway.stop()).code, 0);
    await two.closed;
    await eventually("the backend's is closed, too", () => other.backend.sockets.size === 0);
    assert.equal(endOf(other.gateway).endedBy, "gateway");
  });

  test("R-EP-10: a changed connection counts among those of its pool until it is closed", async () => {
    const { client } = await rawGateway((socket) => {
      socket.once("data", () => socket.write(agreed));
    }, "[httpClients.poolConfig]\nmaxActiveConnections = 1\nwaitTimeInMillis = 300\n");
    const one = await client();
    one.socket.write(asking("/open/feed/a"));
    await one.until(/\r\n\r\n$/);
    const two = await client();
    two.socket.write(asking("/open/feed/b"));
    assert.match(await two.until(/\}\}$/), /^HTTP\/1\.1 503 /);
    one.socket.destroy();
    await one.closed;
    await eventually("there is room again", async () => {
      const three = await client();
      three.socket.write(asking("/open/feed/c"));
      return / 101 /.test(await three.until(/^HTTP\/1\.1 \d+ /));
    });
  });

  test("a request that waits behind another one is upgraded when it is its turn", async () => {
    const { client } = await rawGateway((socket) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        if (/GET \/back\/none [\s\S]*\r\n\r\n/.test(text)) {
          text = "";
          setImmediate(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow"));
        } else if (text.endsWith("\r\n\r\n")) {
          text = "";
          socket.write(agreed);
        } else if (text === "frame") socket.write("frame back");
      });
    });
    const one = await client();
    one.socket.write(`GET /open/none HTTP/1.1\r\nHost: gw\r\n\r\n${asking("/open/feed/a")}frame`);
    const text = await one.until(/frame back$/);
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nslowHTTP\/1\.1 101 /);
  });

  test("behind nginx", { skip: program("nginx") === undefined && "nginx is not installed" }, async () => {
    const gateway = await gatewayTo(webSocketPort());
    const nginx = await nginxBefore(portOf(gateway), { upgrades: true });
    try {
      const socket = new WebSocket(`ws://127.0.0.1:${nginx.port}/chat/rooms/1`, { headers: bearer });
      await once(socket, "open");
      socket.send("through all of them");
      assert.equal(String((await once(socket, "message"))[0]), "through all of them");
      socket.close();
      await once(socket, "close");
    } finally {
      await nginx.stop();
    }
  });
});

const healthCheck = "GET /health HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n";

function portOf(gateway: RunningGateway): number {
  return Number(new URL(gateway.origin).port);
}

/** The line about the first connection that ended. */
function endOf(gateway: RunningGateway): Record<string, unknown> {
  const line = gateway
    .log()
    .split("\n")
    .find((text) => text.includes("upgraded connection ended"));
  return JSON.parse(line ?? "{}");
}
