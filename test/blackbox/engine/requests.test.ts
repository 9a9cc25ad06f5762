import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  eventually,
  exchange,
  type GatewayProcess,
  headBackend,
  type RawBackend,
  rawClient,
  startGateway,
} from "../../support/engine-process.ts";

const fault = (code: number, message: string, description: string): string =>
  `{"fault":{"code":${code}, "message":"${message}", "description":"${description}"}}`;

describe("requests from raw sockets", () => {
  let gateway: GatewayProcess;
  let backend: RawBackend;
  /** Heads that the backend saw. */
  const seen: string[] = [];

  before(async () => {
    backend = await headBackend((head) => {
      seen.push(head);
      const path = head.split(" ", 2)[1] as string;
      if (path.endsWith("/slow")) return undefined;
      return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\nServer: theirs\r\n\r\n${path}`;
    });
    gateway = await startGateway([
      `--echo_prod_endpoint_0=${backend.url}/back/`,
      `--query_prod_endpoint_0=${backend.url}/fixed?own=1`,
      `--basic_prod_endpoint_0=${backend.url}`,
      "--basic_prod_basic_password=s3cret",
      "--listenerConfig.maxEntityBodySize=1000",
      "--castgate.headerTimeoutSeconds=1",
      "--castgate.requestTimeoutSeconds=2",
      "--castgate.idleTimeoutSeconds=2",
    ]);
  });
  after(async () => {
    assert.equal(await gateway.stop(), 0);
    backend.close();
  });

  const get = (target: string, fields = ""): Promise<string> =>
    exchange(gateway.port, `GET ${target} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n${fields}\r\n`);
  const backendPath = async (target: string): Promise<string | undefined> =>
    /\r\n\r\n(.*)$/s.exec(await get(target))?.[1];

  test("R-RTE-01: the raw remainder with its query is appended to the endpoint URL", async () => {
    assert.equal(await backendPath("/v1/pets/1?x=%20a"), "/back/1?x=%20a");
    assert.equal(await backendPath("/v1/pets"), "/back");
    assert.equal(await backendPath("/v1/pets?x=1"), "/back/?x=1");
    assert.equal(await backendPath("/v1/pets/"), "/back/");
    assert.equal(await backendPath("/v1/pets/a;m=1/b;n/"), "/back/a;m=1/b;n/");
    assert.equal(await backendPath("/v1/%70ets/%7ea"), "/back/~a");
    assert.equal(await backendPath("/query/pet?x=1"), "/fixed?own=1/pet?x=1");
    assert.equal(await backendPath("/v1/pets/1?a=1&apikey=k&b=%zz&api%6Bey=2"), "/back/1?a=1&b=%zz");
    assert.equal(await backendPath("/v1/pets/1?apikey=k"), "/back/1");
  });

  test("a limit of -1 on the header fields of answers is none", async () => {
    const lenient = await startGateway([
      `--echo_prod_endpoint_0=${backend.url}`,
      "--httpClients.responseLimits.maxHeaderSize=-1",
    ]);
    const answer = await exchange(lenient.port, "GET /v1/pets/1 HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.equal(await lenient.stop(), 0);
  });

  test("standard joins the query of an endpoint URL; a slash before it is not doubled", async () => {
    const standard = await startGateway([`--query_prod_endpoint_0=${backend.url}/?own=1`], {
      TEST_COMPATIBILITY: "standard",
    });
    for (const [target, path] of [
      ["/query/pet?x=1", "/pet?own=1&x=1"],
      ["/query/", "/?own=1"],
      ["/query", "/?own=1"],
    ]) {
      const answer = await exchange(standard.port, `GET ${target} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n`);
      assert.equal(/\r\n\r\n(.*)$/s.exec(answer)?.[1], path);
    }
    assert.equal(await standard.stop(), 0);
  });

  test("an API that opted in gets encoded slashes as they came; others refuse them", async () => {
    assert.equal(await backendPath("/files/a%2fb"), "/back/a%2Fb");
    assert.match(await get("/v1/pets/a%2Fb"), /^HTTP\/1\.1 400 /);
    assert.match(await get("/files/..%2fb"), /^HTTP\/1\.1 400 /);
  });

  test("targets that could be read in two ways get 400 and never reach a backend", async () => {
    const calls = seen.length;
    for (const target of [
      "/v1/pets/../x",
      "/v1/pets/%2e%2e/x",
      "/v1//pets",
      "/v1/pets/..;/x",
      "/v1/pets/%5cx",
      "/v1/pets/%00",
      "/v1/pets/%ff",
      "http://gw/v1/pets",
      "*",
      "/v1/pets#a",
    ]) {
      assert.match(await get(target), /^HTTP\/1\.1 400 [\s\S]*\{"fault":\{"code":400, /, target);
    }
    assert.equal(seen.length, calls);
  });

  test("credentials, hop-by-hop fields and the client's own claims are withheld; the gateway's are added", async () => {
    await get(
      "/v1/pets/headers",
      "Authorization: Bearer t\r\nAPI_Key: k\r\nX-JWT-Assertion: spoofed\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n" +
        "Connection: close, X-Secret\r\nX-Secret: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\nUser-Agent: curl\r\nX-Request-ID: abc-1\r\n" +
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\nX-Twice: 1\r\nX-Twice: 2\r\n",
    );
    const head = seen.find((text) => text.includes("/headers")) as string;
    assert.deepEqual(head.split("\r\n"), [
      "GET /back/headers HTTP/1.1",
      `host: 127.0.0.1:${backend.port}`,
      "connection: keep-alive",
      "User-Agent: curl",
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "tracestate: a=b",
      "X-Twice: 1",
      "X-Twice: 2",
      "X-Forwarded-For: 127.0.0.1",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Host: gw",
      "X-Request-ID: abc-1",
      "",
    ]);
  });

  test("R-EP-06: the backend gets its own Basic credentials, never the client's", async () => {
    await get("/basic/x", "Authorization: Bearer t\r\n");
    const head = seen.find((text) => text.startsWith("GET /x ")) as string;
    assert.deepEqual(head.match(/^authorization: .*$/gim), [
      `Authorization: Basic ${Buffer.from("svc:s3cret").toString("base64")}`,
    ]);
  });

  test("a malformed traceparent goes with its tracestate, and a malformed request id is replaced", async () => {
    await get("/v1/pets/trace", 'traceparent: 00-zz\r\ntracestate: a=b\r\nX-Request-ID: bad"id\r\n');
    const head = seen.find((text) => text.includes("/trace ")) as string;
    assert.doesNotMatch(head, /trace(parent|state)/i);
    assert.match(head, /X-Request-ID: [0-9a-f]{32}\r\n/);
  });

  test("a backend's Server and status pass; the request id is in the answer", async () => {
    const answer = await get("/v1/pets/1", "X-Request-ID: r1\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /\r\nServer: theirs\r\n/);
    assert.match(answer, /\r\nX-Request-ID: r1\r\n/);
  });

  test("built-in paths", async () => {
    for (const path of ["/health", "/health/deep/er", "/livez"]) {
      assert.match(await get(path), /^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\n\{"status":"healthy"\}$/);
    }
    assert.match(await get("/readyz"), /^HTTP\/1\.1 200 OK/);
    assert.match(await get("/healthy"), /^HTTP\/1\.1 404 /);
  });

  test("S-LSN-10: limits have faults of their own", async () => {
    assert.match(await get(`/v1/pets/${"a".repeat(5000)}`), /^HTTP\/1\.1 414 [\s\S]*"code":414, /);
    assert.match(await get(`/v1/pets/${"a".repeat(100_000)}`), /^HTTP\/1\.1 414 [\s\S]*"code":414, /);
    assert.match(await get("/v1/pets", `X-Long: ${"a".repeat(9000)}\r\n`), /^HTTP\/1\.1 431 [\s\S]*"code":431, /);
    assert.match(await get("/v1/pets", `X-Long: ${"a".repeat(100_000)}\r\n`), /^HTTP\/1\.1 431 [\s\S]*"code":431, /);
    assert.match(await get("/v1/pets", "X: 1\r\n".repeat(1000)), /^HTTP\/1\.1 200 /);
    const declared = await rawClient(
      gateway.port,
      "POST /v1/pets HTTP/1.1\r\nHost: gw\r\nContent-Length: 1001\r\n\r\n",
    );
    assert.match(await declared.until(/\}\}$/), /^HTTP\/1\.1 413 [\s\S]*"code":413, /);
    declared.socket.destroy();
    const chunked = await rawClient(
      gateway.port,
      `POST /v1/pets/big HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n${"a".repeat(1000)}\r\n1\r\nb\r\n0\r\n\r\n`,
    );
    await chunked.until(/^HTTP\/1\.1 (413|200) /);
    chunked.socket.destroy();
  });

  test("bytes that are not HTTP get 400 and a closed connection", async () => {
    for (const bytes of [
      "nonsense\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "GET\r\n\r\n",
      "GET / HTTP/3.0\r\n\r\n",
      "GET /v1/pets HTTP/1.1\r\nHost: gw\r\nBad Name: 1\r\n\r\n",
      "GET /v1/pets HTTP/1.1\r\nHost: gw\r\nX: a\x00b\r\n\r\n",
      "GET /v1/pets HTTP/1.1\nHost: gw\n\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET /v1/pets HTTP/2.0\r\nHost: gw\r\n\r\n",
      "GET /v1/pets HTTP/0.9\r\nHost: gw\r\n\r\n",
      "POST /v1/pets HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "POST /v1/pets HTTP/1.1\r\nHost: gw\r\nContent-Length: -5\r\n\r\nhello",
      "POST /v1/pets HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /v1/pets HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ]) {
      assert.equal(
        (await exchange(gateway.port, bytes)).split("\r\n\r\n")[1],
        fault(400, "Bad Request", "The request is not HTTP/1.1"),
        JSON.stringify(bytes),
      );
    }
  });

  test("transfer codings other than one chunked are refused", async () => {
    const calls = seen.length;
    for (const coding of ["xchunked", "gzip, chunked", "identity"]) {
      const answer = await exchange(
        gateway.port,
        `POST /v1/pets HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
      );
      assert.match(answer, /^(HTTP\/1\.1 501 |HTTP\/1\.1 400 |$)/, coding);
    }
    assert.equal(seen.length, calls);
  });

  test("bad chunks end the connection without a request at the backend that looks whole", async () => {
    const answer = await exchange(
      gateway.port,
      "POST /v1/pets/badchunk HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    );
    assert.doesNotMatch(answer, /^HTTP\/1\.1 200/);
  });

  test("Host: exactly one, except that HTTP/1.0 may have none", async () => {
    assert.match(
      await exchange(gateway.port, "GET /v1/pets HTTP/1.1\r\nConnection: close\r\n\r\n"),
      /^HTTP\/1\.1 400 /,
    );
    assert.match(await get("/v1/pets", "Host: other\r\n"), /^HTTP\/1\.1 400 /);
    assert.match(await exchange(gateway.port, "GET /v1/pets HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 /);
  });

  test("Host: what is no host does not reach a backend that builds links from it", async () => {
    const ask = (host: string): Promise<string> =>
      exchange(gateway.port, `GET /v1/pets HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    for (const host of ["a b", "gw/x", "gw, evil.test", "user@gw", "gw:80:80", "gw:x", "<b>", "[::1", "gw?", "\xe9"]) {
      assert.match(await ask(host), /^HTTP\/1\.1 400 /, host);
    }
    for (const host of ["", "gw", "GW.test:8080", "a_b-c.test.", "[2001:db8::1]:443", "192.0.2.1:1", "gw:", "a%20b"]) {
      assert.match(await ask(host), /^HTTP\/1\.1 200 /, host);
    }
  });

  test("CONNECT is refused, Upgrade is ignored", async () => {
    assert.match(await exchange(gateway.port, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"), /^HTTP\/1\.1 400 /);
    const answer = await get("/v1/pets/up", "Upgrade: websocket\r\nConnection: Upgrade\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 /);
  });

  test("pipelined requests are answered in order", async () => {
    const client = await rawClient(
      gateway.port,
      ["a", "b", "c", "d", "e"].map((name) => `GET /v1/pets/${name} HTTP/1.1\r\nHost: gw\r\n\r\n`).join("") +
        "GET /v1/pets/f HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n",
    );
    const text = await client.closed;
    assert.deepEqual(text.match(/\/back\/[a-f]/g), ["/back/a", "/back/b", "/back/c", "/back/d", "/back/e", "/back/f"]);
  });

  test("R-XFER-05: more than ten that wait on one connection end it", async () => {
    const text = await exchange(gateway.port, "GET /v1/pets/p HTTP/1.1\r\nHost: gw\r\n\r\n".repeat(40));
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), [...Array<string>(10).fill("HTTP/1.1 200"), "HTTP/1.1 503"]);
  });

  test("a connection is used again, for a refusal too", async () => {
    const client = await rawClient(gateway.port, "GET /v1/pets/k1 HTTP/1.1\r\nHost: gw\r\n\r\n");
    await client.until(/\/back\/k1$/);
    client.socket.write("POST /nowhere HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\nhello");
    await client.until(/no matching service found for path : \/nowhere$/);
    client.socket.write("HEAD /v1/pets/k2 HTTP/1.1\r\nHost: gw\r\n\r\n");
    await client.until(/Content-Length: 8\r\n[\s\S]*\r\n\r\n$/);
    client.socket.destroy();
  });

  test("a handler that throws or says nothing is 500, never a hang", async () => {
    for (const path of ["/throws", "/silent"]) {
      assert.ok((await get(path)).endsWith(fault(500, "Internal Server Error", "The gateway failed")));
    }
  });

  test("slow heads and bodies get 408 and hurt nobody else", async () => {
    const slowHead = await rawClient(gateway.port, "GET /v1/pets HTTP/1.1\r\nHost: g");
    const slowBody = await rawClient(
      gateway.port,
      "POST /v1/pets/slow HTTP/1.1\r\nHost: gw\r\nContent-Length: 10\r\n\r\nhel",
    );
    const slowChunks = await rawClient(
      gateway.port,
      "POST /v1/pets/slow HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
    );
    assert.match(await get("/v1/pets/quick"), /^HTTP\/1\.1 200 /);
    for (const client of [slowHead, slowBody, slowChunks]) {
      assert.match(await client.until(/\}\}$/), /^HTTP\/1\.1 408 [\s\S]*"code":408, /);
      await client.closed;
    }
  });

  test("Expect: 100-continue is answered by the gateway, after its checks", async () => {
    const refused = await rawClient(
      gateway.port,
      "POST /nowhere HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    assert.match(await refused.closed, /^HTTP\/1\.1 404 /);
    const client = await rawClient(
      gateway.port,
      "POST /v1/pets/expect HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    client.socket.write("hello");
    await client.until(/HTTP\/1\.1 200 OK[\s\S]*\/back\/expect$/);
    client.socket.destroy();
    assert.doesNotMatch(seen.find((text) => text.includes("/expect")) as string, /expect:/i);
    assert.match(await get("/v1/pets", "Expect: 200-maybe\r\n"), /^HTTP\/1\.1 417 /);
  });

  test("refusals are logged with their reason and without credentials", async () => {
    await get("/v1/pets/..?token=topsecret", "Authorization: Bearer topsecret\r\nX-Request-ID: log-1\r\n");
    await eventually("the refusal is logged", () => gateway.log.some((line) => line.id === "log-1"));
    const line = gateway.log.find((entry) => entry.id === "log-1") as Record<string, unknown>;
    assert.equal(line.reason, "The request target is refused: dot segment");
    assert.equal(line.status, 400);
    assert.doesNotMatch(JSON.stringify(gateway.log), /topsecret|s3cret/);
  });
});
