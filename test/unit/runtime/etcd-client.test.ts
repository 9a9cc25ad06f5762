import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { EtcdClient, EtcdRefusal, type EtcdValue } from "../../../runtime-lib/etcd-client.ts";
import { ServiceAway, ServiceClient } from "../../../runtime-lib/service-client.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** What no etcd would say; a real one is in the tests from outside. */
describe("etcd's client beside something else", () => {
  const server = new ServiceUnderTest();
  let service: ServiceClient;

  before(() => server.start());
  after(() => server.stop());
  beforeEach(() => {
    server.requests.length = 0;
    service = new ServiceClient(server.url, { timeoutMs: 2_000, maxBytes: 10_000, ca: undefined, proxy: undefined });
  });
  afterEach(() => service.close());

  const clientOf = (username?: string) =>
    new EtcdClient(service, "/v3/", username === undefined ? undefined : { username, password: "hunter2" });
  const refusal = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => assert.fail("was answered"),
      (error: unknown) => {
        assert.ok(error instanceof EtcdRefusal, String(error));
        return error.message;
      },
    );

  const answers: readonly (readonly [status: number, body: string, reason: string])[] = [
    [200, "<html>", "not JSON"],
    [200, "[]", "status 200"],
    [200, "{}", "not an answer of etcd"],
    [200, '{"header":{},"kvs":{}}', "not an answer of etcd"],
    [200, '{"header":{},"kvs":[7]}', "not an answer of etcd"],
    [200, '{"header":{},"kvs":[{"value":7}]}', "not an answer of etcd"],
    [503, "away", "status 503"],
    [404, "{}", "status 404"],
  ];
  for (const [status, body, reason] of answers)
    test(`a key: ${status} ${body}`, async () => {
      server.answer = (response) => void response.writeHead(status).end(body);
      assert.equal(await refusal(clientOf().get("key")), reason);
      assert.equal(server.requests[0]?.url, "/v3/kv/range");
    });

  test("an empty value is one, a key that is not there has none", async () => {
    server.answer = (response) => void response.end('{"header":{"revision":"7"},"kvs":[{"key":"a2V5"}]}');
    assert.deepEqual(await clientOf().get("key"), { value: "", revision: 7 });
    server.answer = (response) => void response.end('{"header":{"revision":"8"}}');
    assert.deepEqual(await clientOf().get("key"), { value: undefined, revision: 8 });
  });

  test("one token for calls at the same time, another one when it is refused, once", async () => {
    let tokens = 0;
    server.answer = (response, { url, headers }) => {
      if (url.endsWith("/authenticate")) return void response.end(`{"token":"t${++tokens}"}`);
      if (headers.authorization === "t1") return void response.writeHead(401).end("{}");
      response.end('{"header":{"revision":"1"}}');
    };
    const client = clientOf("gateway");
    await Promise.all([client.get("a"), client.get("b"), client.get("c")]);
    await client.get("d");
    assert.equal(tokens, 2);
    server.answer = (response, { url }) =>
      url.endsWith("/authenticate") ? void response.end('{"token":"no"}') : void response.writeHead(401).end("{}");
    server.requests.length = 0;
    assert.equal(await refusal(client.get("e")), "status 401");
    assert.equal(server.requests.filter(({ url }) => url.endsWith("/range")).length, 2);
  });

  test("credentials that are refused are not sent again by the same call", async () => {
    server.answer = (response) => void response.writeHead(400).end('{"error":"invalid user ID or password"}');
    assert.equal(await refusal(clientOf("gateway").get("key")), "access refused");
    assert.equal(server.requests.length, 1);
  });

  /** What a watch comes to when etcd says these lines; it ends with the answer, or as soon as it is given up. */
  async function watched(...parts: readonly string[]): Promise<{ open: number; changes: [string, EtcdValue][] }> {
    const seen = { open: 0, changes: [] as [string, EtcdValue][] };
    server.answer = (response: ServerResponse) => {
      response.writeHead(200);
      for (const part of parts) response.write(part);
      response.end();
    };
    const watcher = {
      onOpen: () => void seen.open++,
      onChange: (key: string, value: EtcdValue) => void seen.changes.push([key, value]),
    };
    await clientOf().watch(["a", "b"], 5, watcher, new AbortController().signal);
    return seen;
  }
  const created = '{"result":{"created":true}}\n';
  const event = (type: string, key: string, more: string) =>
    `{"result":{"events":[{${type}"kv":{"key":"${base64(key)}","mod_revision":"9"${more}}}]}}\n`;

  test("a watch: open when all keys are, changes, whatever pieces they come in", async () => {
    const text = event("", "a", `,"value":"${base64("é")}"`) + event('"type":"DELETE",', "b", "");
    const cut = Buffer.from(created + created + text).toString();
    const found = await watched(...(cut.match(/.{1,7}/gs) ?? []));
    assert.deepEqual(found, {
      open: 1,
      changes: [
        ["a", { value: "é", revision: 9 }],
        ["b", { value: undefined, revision: 9 }],
      ],
    });
    const [{ url, body } = assert.fail("nothing came")] = server.requests;
    assert.equal(url, "/v3/watch");
    assert.deepEqual(
      body.split("\n").map((line) => JSON.parse(line)),
      ["a", "b"].map((key) => ({ create_request: { key: base64(key), start_revision: 5 } })),
    );
  });

  const broken: readonly (readonly [line: string, reason: string])[] = [
    ["nothing\n", "not JSON"],
    ['{"error":{"message":"no"}}\n', "not an answer of etcd"],
    ['{"result":{"created":true,"canceled":true,"cancel_reason":"denied"}}\n', "watch refused"],
    ['{"result":{"canceled":true,"compact_revision":"3"}}\n', "compacted"],
    ['{"result":{"events":[{}]}}\n', "not an answer of etcd"],
    [event("", "a", ',"value":7'), "not an answer of etcd"],
    ["x".repeat(9_000_000), "answer too large"],
  ];
  for (const [line, reason] of broken)
    test(`a watch that says ${line.slice(0, 60).trim()}`, async () => {
      assert.equal(await refusal(watched(created, line, created)), reason);
    });

  test("a watch that is answered by a status, that nobody answers, and that is given up", async () => {
    server.answer = (response) => void response.writeHead(404).end("{}");
    const watcher = { onOpen: () => assert.fail("open"), onChange: () => assert.fail("changed") };
    assert.equal(await refusal(clientOf().watch(["a"], 1, watcher, new AbortController().signal)), "status 404");
    const ending = new AbortController();
    server.answer = (response) => {
      response.writeHead(200).flushHeaders();
      setTimeout(() => ending.abort(), 20);
    };
    await clientOf().watch(["a"], 1, watcher, ending.signal);
    await service.close();
    await assert.rejects(clientOf().watch(["a"], 1, watcher, new AbortController().signal), ServiceAway);
  });
});
