import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { EtcdKeysList, EtcdRangeList } from "../../../runtime-lib/revocation-lists.ts";
import { ServiceClient } from "../../../runtime-lib/service-client.ts";
import { type ListAnswer, type ListServer, startListServer } from "../../support/list-server.ts";

/** What an etcd, or somebody in its place, may answer; the real one is asked in the tests of revocation. */
describe("lists of etcd that repeat themselves, or never end", () => {
  let server: ListServer;
  const clients: ServiceClient[] = [];
  before(async () => {
    server = await startListServer(() => undefined);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    server.asked.length = 0;
  });
  after(() => server.close());

  function client(): ServiceClient {
    const made = new ServiceClient(server.url, {
      timeoutMs: 30_000,
      maxBytes: 100_000,
      ca: undefined,
      proxy: undefined,
    });
    clients.push(made);
    return made;
  }

  const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
  const page = (more: boolean, ...keys: readonly string[]): ListAnswer => ({
    body: JSON.stringify({ header: {}, kvs: keys.map((key) => ({ key: base64(key) })), more }),
  });
  const range = (capacity = 100): EtcdRangeList => new EtcdRangeList(client(), "jti", undefined, capacity);
  const asksOf = async (answers: readonly ListAnswer[], capacity?: number): Promise<ReadonlySet<string>> => {
    const left = [...answers];
    server.answer = () => left.shift() ?? assert.fail("asked once more");
    return range(capacity).fetch();
  };

  test("v3: pages follow each other, below both prefixes", async () => {
    const ids = await asksOf([page(true, "jti/a", "jti/b"), page(false, "jti/c"), page(false, "/jti/d")]);
    assert.deepEqual([...ids], ["a", "b", "c", "d"]);
  });

  test("v3: the same page again", async () => {
    const again = page(true, "jti/a", "jti/b");
    await assert.rejects(asksOf([again, again]), { message: "not an answer of etcd" });
    assert.equal(server.asked.length, 2);
  });

  test("v3: an earlier page, and one that ends before it began", async () => {
    await assert.rejects(asksOf([page(true, "jti/m"), page(true, "jti/a")]), { message: "not an answer of etcd" });
    await assert.rejects(asksOf([page(true, "jti/m"), page(true, "jti/n", "jti/a")]), {
      message: "not an answer of etcd",
    });
  });

  test("v3: more is promised, and nothing is there", async () => {
    await assert.rejects(asksOf([page(true)]), { message: "not an answer of etcd" });
  });

  test("v3: keys that nobody asked for", async () => {
    await assert.rejects(asksOf([page(false, "other/a")]), { message: "malformed entry" });
  });

  test("v3: pages without an end come to the capacity's", async () => {
    let asked = 0;
    server.answer = () => page(true, `jti/${String(++asked).padStart(9, "0")}`);
    await assert.rejects(range(20).fetch(), { message: "more entries than castgate.revocation.capacity" });
    assert.equal(asked, 21);
  });

  test("v2: a directory in itself is as deep as the answer is, and its keys count once", async () => {
    let node: object = { key: "/jti/again", dir: false };
    for (let depth = 0; depth < 50; depth++)
      node = { key: "/jti/again", dir: true, nodes: [node, node].slice(depth > 3 ? 1 : 0) };
    server.answer = () => ({ body: JSON.stringify({ node: { key: "/jti", dir: true, nodes: [node] } }) });
    assert.deepEqual([...(await new EtcdKeysList(client(), undefined, 1).fetch())], ["again"]);
    assert.equal(server.asked.length, 1);
  });

  test("v2: keys beside the directory that was asked for", async () => {
    server.answer = () => ({
      body: JSON.stringify({ node: { key: "/jti", dir: true, nodes: [{ key: "/other/a" }] } }),
    });
    await assert.rejects(new EtcdKeysList(client(), undefined, 9).fetch(), { message: "malformed entry" });
  });
});
