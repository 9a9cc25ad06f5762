import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { headBackend, type RawBackend, rawClient, startGateway } from "../../support/engine-process.ts";

/** What the settings of the listeners say about connections (S-LSN-10). */
describe("S-LSN-10: connections of clients", () => {
  let backend: RawBackend;
  before(async () => {
    backend = await headBackend(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  after(() => backend.close());

  const start = (...args: string[]) => startGateway([`--echo_prod_endpoint_0=${backend.url}`, ...args]);
  const get = (fields = "") => `GET /v1/pets HTTP/1.1\r\nHost: gw\r\n${fields}\r\n`;
  const close = "Connection: close\r\n";

  for (const keepAlive of ["AUTO", "ALWAYS"]) {
    test(`keepAlive = ${keepAlive}: they stay open until the client has them closed`, async () => {
      const gateway = await start(`--listenerConfig.keepAlive=${keepAlive}`);
      const client = await rawClient(gateway.port, get());
      assert.doesNotMatch(await client.until(/\r\n\r\nok$/), /Connection: close/i);
      client.socket.write(get(close));
      assert.match(await client.closed, /ok(HTTP\/1\.1 200 [\s\S]*)Connection: close[\s\S]*ok$/i);
      assert.equal(await gateway.stop(), 0);
    });
  }
  for (const keepAlive of ["NEVER", "other"]) {
    test(`keepAlive = ${keepAlive}: each carries one request`, async () => {
      const gateway = await start(`--listenerConfig.keepAlive=${keepAlive}`);
      const client = await rawClient(gateway.port, get() + get());
      const text = await client.closed;
      assert.match(text, /^HTTP\/1\.1 200 [\s\S]*Connection: close[\s\S]*ok$/i);
      assert.equal(text.split("HTTP/1.1 ").length, 2);
      assert.equal(await gateway.stop(), 0);
    });
  }
  test("maxPipelinedRequests: one more than may wait is refused, and nothing behind it is looked at", async () => {
    const gateway = await start("--listenerConfig.maxPipelinedRequests=2");
    const fitting = await rawClient(gateway.port, get() + get(close));
    assert.deepEqual(statuses(await fitting.closed), ["200", "200"]);
    const client = await rawClient(gateway.port, get().repeat(6));
    assert.deepEqual(statuses(await client.closed), ["200", "200", "503"]);
    assert.equal(await gateway.stop(), 0);
  });
});

function statuses(text: string): readonly (string | undefined)[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
}
