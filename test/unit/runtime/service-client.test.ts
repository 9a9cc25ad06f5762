import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  ServiceAway,
  ServiceClient,
  type ServiceOptions,
  serviceClientFor,
  serviceUrlFlaw,
} from "../../../runtime-lib/service-client.ts";
import { identity } from "../../support/self-signed.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { settingsFrom } from "./settings-for-test.ts";

const own = identity("localhost", { type: 2, value: "localhost" });
const misnamed = identity("km", { type: 2, value: "km.test" });

const clients: ServiceClient[] = [];

function clientOf(url: string, options: Partial<ServiceOptions> = {}): ServiceClient {
  const client = new ServiceClient(url, {
    timeoutMs: 5_000,
    maxBytes: 1_000,
    ca: [own.cert, misnamed.cert],
    proxy: undefined,
    ...options,
  });
  clients.push(client);
  return client;
}

async function away(call: Promise<unknown>): Promise<ServiceAway> {
  const error = await call.then(
    () => assert.fail("was answered"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ServiceAway, String(error));
  return error;
}

describe("a remote service", () => {
  const plain = new ServiceUnderTest();
  const secure = new ServiceUnderTest(own);
  const other = new ServiceUnderTest(misnamed);
  before(() => Promise.all([plain.start(), secure.start(), other.start()]));
  after(() =>
    Promise.all(
      [...clients, plain, secure, other].map((one) => (one instanceof ServiceClient ? one.close() : one.stop())),
    ),
  );
  beforeEach(() => {
    plain.requests.length = 0;
    plain.json({ fine: true });
    secure.json({ fine: true });
  });

  test("a call: method, path below that of the URL, fields, body, answer", async () => {
    plain.answer = (response) => void response.writeHead(418, { "x-a": "1" }).end("tea");
    const client = clientOf(`${plain.url}/base/`);
    const reply = await client.request("POST", "/path?q=1", { headers: { "x-b": "2" }, body: "text" });
    assert.equal(reply.status, 418);
    assert.equal(reply.headers["x-a"], "1");
    assert.equal(reply.body.toString(), "tea");
    const [received] = plain.requests;
    assert.equal(received?.method, "POST");
    assert.equal(received?.url, "/base/path?q=1");
    assert.equal(received?.headers["x-b"], "2");
    assert.equal(received?.body, "text");
    assert.equal(received?.headers["content-length"], "4");
  });

  test("connections are kept, and are not more than allowed", async () => {
    const client = clientOf(plain.url, { connections: 3 });
    plain.connections = 0;
    await Promise.all(Array.from({ length: 30 }, () => client.request("GET", "/")));
    assert.equal(plain.requests.length, 30);
    assert.equal(plain.connections, 3);
    await client.request("GET", "/");
    assert.equal(plain.connections, 3);
  });

  test("redirects are not followed", async () => {
    plain.answer = (response) => void response.writeHead(302, { location: "/other" }).end();
    assert.equal((await clientOf(plain.url).request("GET", "/")).status, 302);
    assert.equal(plain.requests.length, 1);
  });

  test("interim answers are passed over", async () => {
    plain.answer = (response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("end");
    };
    const reply = await clientOf(plain.url).request("GET", "/");
    assert.equal(reply.status, 200);
    assert.equal(reply.body.toString(), "end");
  });

  test("https with a certificate of the trust store", async () => {
    const reply = await clientOf(secure.url).request("GET", "/");
    assert.equal(reply.body.toString(), '{"fine":true}');
  });

  test("a certificate that nobody trusts, or of another name: no connection (S-BE-03)", async () => {
    const untrusted = await away(clientOf(secure.url, { ca: undefined }).request("GET", "/"));
    assert.equal(untrusted.message, "cannot connect: DEPTH_ZERO_SELF_SIGNED_CERT");
    assert.equal(untrusted.unreached, true);
    const wrongName = await away(clientOf(other.url).request("GET", "/"));
    assert.equal(wrongName.message, "cannot connect: ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("nobody there", async () => {
    const gone = await new ServiceUnderTest().start();
    await gone.stop();
    const error = await away(clientOf(gone.url.replace("localhost", "127.0.0.1")).request("GET", "/secret-path"));
    assert.equal(error.message, "cannot connect: ECONNREFUSED");
    assert.equal(error.unreached, true);
  });

  test("no answer in time, and none that ever ends", async () => {
    const client = clientOf(plain.url, { timeoutMs: 200 });
    plain.answer = () => undefined;
    assert.equal((await away(client.request("GET", "/"))).message, "timeout");
    plain.answer = (response) => void response.write("{");
    const error = await away(client.request("GET", "/"));
    assert.equal(error.message, "timeout");
    assert.equal(error.unreached, false);
    plain.json({});
    assert.equal((await client.request("GET", "/")).status, 200, "and it goes on");
  });

  test("waiting for a connection counts too", async () => {
    const client = clientOf(plain.url, { timeoutMs: 200, connections: 1 });
    plain.answer = () => undefined;
    const calls = await Promise.all(Array.from({ length: 5 }, () => away(client.request("GET", "/"))));
    assert.deepEqual(new Set(calls.map((error) => error.message)), new Set(["timeout"]));
  });

  test("an answer that is too large is broken off", async () => {
    const client = clientOf(plain.url);
    plain.answer = (response) => void response.end("x".repeat(1_001));
    assert.equal((await away(client.request("GET", "/"))).message, "answer too large");
    plain.answer = (response) => void response.end("x".repeat(1_000));
    assert.equal((await client.request("GET", "/")).body.length, 1_000);
    plain.answer = (response) => void response.writeHead(200, { big: "x".repeat(20_000) }).end();
    assert.match((await away(client.request("GET", "/"))).message, /^(UND_ERR_)?HEADERS_OVERFLOW$/);
  });

  test("a broken answer", async () => {
    plain.answer = (response) =>
      void response.writeHead(200, { "content-length": "10" }).write("12", () => response.destroy());
    await away(clientOf(plain.url).request("GET", "/"));
  });

  test("a connection that was closed meanwhile: made again if that does no harm", async () => {
    const client = clientOf(plain.url, { connections: 1 });
    await client.request("GET", "/");
    // Closed by the answer to the next request, without a word.
    plain.answer = (response) => {
      plain.json({});
      response.socket?.destroy();
    };
    assert.equal((await client.request("POST", "/", { body: "a", repeatable: true })).status, 200);
    assert.equal(plain.requests.length, 3);
    plain.answer = (response) => {
      plain.json({});
      response.socket?.destroy();
    };
    assert.equal((await away(client.request("POST", "/", { body: "a" }))).message, "connection closed");
    assert.equal(plain.requests.length, 4);
  });

  test("a closed client", async () => {
    const client = clientOf(plain.url);
    await client.request("GET", "/");
    await client.close();
    assert.equal((await away(client.request("GET", "/"))).message, "closed");
  });

  test("what a header may not hold is not sent", async () => {
    const secret = "s3cret\r\nx-evil: 1";
    const error = await away(clientOf(plain.url).request("GET", "/", { headers: { authorization: secret } }));
    assert.equal(plain.requests.length, 0);
    assert.doesNotMatch(String(error) + String(error.stack), /s3cret/);
  });

  describe("through a proxy", () => {
    let proxy: Server;
    const asked: { readonly url: string | undefined; readonly auth: string | undefined }[] = [];
    const sockets = new Set<Socket>();
    let refuse = false;
    before(async () => {
      proxy = createServer((_request, response) => void response.writeHead(403).end());
      proxy.on("connection", (socket: Socket) => void sockets.add(socket));
      proxy.on("connect", (request, socket: Socket) => {
        asked.push({ url: request.url, auth: request.headers["proxy-authorization"] });
        if (refuse) return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        // Every name is this machine.
        const port = Number(request.url?.split(":")[1]);
        const onward = connect(port, "localhost", () => {
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
          onward.pipe(socket).pipe(onward);
        });
        sockets.add(onward);
        for (const one of [socket, onward]) one.on("error", () => undefined);
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    });
    after(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    });
    beforeEach(() => {
      asked.length = 0;
      refuse = false;
    });

    const through = (username?: string, password?: string): ServiceOptions["proxy"] => ({
      host: "127.0.0.1",
      port: (proxy.address() as AddressInfo).port,
      username,
      password,
    });

    test("a tunnel, with TLS to the service itself", async () => {
      const url = `https://km.test:${other.port}`;
      const client = clientOf(url, { proxy: through("joe", "pw") });
      assert.equal((await client.request("GET", "/")).status, 200);
      assert.deepEqual(asked, [
        { url: `km.test:${other.port}`, auth: `Basic ${Buffer.from("joe:pw").toString("base64")}` },
      ]);
      assert.equal(other.requests.at(-1)?.headers["proxy-authorization"], undefined);
      const wrong = await away(clientOf(`https://evil.test:${other.port}`, { proxy: through() }).request("GET", "/"));
      assert.equal(wrong.message, "cannot connect: ERR_TLS_CERT_ALTNAME_INVALID");
    });

    test("plain http goes through a tunnel too", async () => {
      assert.equal((await clientOf(plain.url, { proxy: through() }).request("GET", "/a")).status, 200);
      assert.deepEqual(asked, [{ url: `localhost:${plain.port}`, auth: undefined }]);
    });

    test("a tunnel outlives the time in which it had to be made", async () => {
      const client = clientOf(plain.url, { proxy: through(), timeoutMs: 1_000 });
      await client.request("GET", "/");
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      assert.equal((await client.request("GET", "/")).status, 200);
      assert.equal(asked.length, 1);
    });

    test("a proxy that refuses, and none at all", async () => {
      refuse = true;
      const error = await away(clientOf(secure.url, { proxy: through("joe", "s3cret") }).request("GET", "/"));
      assert.equal(error.message, "cannot connect: PROXY_REFUSED");
      const gone = { host: "127.0.0.1", port: 1, username: undefined, password: undefined };
      const none = await away(clientOf(secure.url, { proxy: gone }).request("GET", "/"));
      assert.equal(none.message, "cannot connect: PROXY_UNREACHABLE");
    });
  });

  describe("from the settings", () => {
    const folder = mkdtempSync(join(tmpdir(), "castgate-"));
    after(() => rmSync(folder, { recursive: true }));

    async function made(text: string, url: string) {
      const { settings, report } = await settingsFrom(text);
      const limits = { timeoutMs: 5_000, maxBytes: 1_000 };
      const client = await serviceClientFor(settings, report, "keyManager.serverUrl", url, limits);
      if (client !== undefined) clients.push(client);
      return { client, lines: report.lines() };
    }

    test("trust is the listener's trust store", async () => {
      writeFileSync(join(folder, "km.pem"), own.cert);
      const { client } = await made(`[listenerConfig]\ntrustStorePath = "${folder}/km.pem"`, secure.url);
      assert.equal((await client?.request("GET", "/"))?.status, 200);
    });

    test("a proxy only for internal services, and then complete", async () => {
      const off = await made('[httpClients.proxy]\nhost = "127.0.0.1"\nport = 1', plain.url);
      assert.deepEqual(off.lines, []);
      assert.equal((await off.client?.request("GET", "/"))?.status, 200);
      const on = await made(
        '[httpClients.proxy]\nenableInternalServices = true\nhost = "127.0.0.1"\nport = 1',
        plain.url,
      );
      assert.equal(
        (await away((on.client as ServiceClient).request("GET", "/"))).message,
        "cannot connect: PROXY_UNREACHABLE",
      );
      const incomplete = await made("[httpClients.proxy]\nenableInternalServices = true", plain.url);
      assert.equal(incomplete.client, undefined);
      assert.deepEqual(incomplete.lines, [
        "error: httpClients.proxy.host: is required: internal services are to be reached through a proxy",
      ]);
    });

    test("a URL that is none is reported without it", async () => {
      const { client, lines } = await made("", "https://joe:s3cret@km.test");
      assert.equal(client, undefined);
      assert.deepEqual(lines, ["error: keyManager.serverUrl: must not hold a user or password"]);
    });
  });
});

test("services are reached by https, or plain on this machine", () => {
  for (const good of ["https://km.test", "https://km.test/a/b/", "http://localhost:9443", "http://127.0.0.1"])
    assert.equal(serviceUrlFlaw(good), undefined, good);
  for (const bad of [
    "http://km.test",
    "km.test",
    "",
    "ftp://km.test",
    "https://u:p@km.test",
    "https://km.test/?a=b",
    "https://km.test/#a",
  ])
    assert.notEqual(serviceUrlFlaw(bad), undefined, bad);
});
