import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, exchange, headBackend, startGateway } from "../../support/engine-process.ts";

test("a GET that meets a connection at its end is sent again, once; a POST never is", async (t) => {
  const seen: string[] = [];
  const perSocket = new WeakMap<object, number>();
  const backend = await headBackend((head, socket) => {
    const count = (perSocket.get(socket) ?? 0) + 1;
    perSocket.set(socket, count);
    seen.push(`${head.split(" ", 1)[0]} ${count}`);
    if (count === 2) {
      socket.end();
      return undefined;
    }
    return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  });
  const gateway = await startGateway([`--echo_prod_endpoint_0=${backend.url}`]);
  t.after(async () => {
    assert.equal(await gateway.stop(), 0);
    backend.close();
  });
  const ask = (method: string): Promise<string> =>
    exchange(
      gateway.port,
      `${method} /v1/pets/1 HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: ${method === "POST" ? "1\r\n\r\nx" : "0\r\n\r\n"}`,
    );
  assert.match(await ask("GET"), /^HTTP\/1\.1 200 /);
  assert.match(await ask("GET"), /^HTTP\/1\.1 200 /);
  assert.deepEqual(seen, ["GET 1", "GET 2", "GET 1"]);
  seen.length = 0;
  // Which connection is used is the pool's choice: sooner or later one that has served before.
  const statuses: string[] = [];
  while (!statuses.includes("500") && statuses.length < 20) statuses.push((await ask("POST")).slice(9, 12));
  assert.ok(statuses.includes("500"), statuses.join());
  assert.equal(seen.length, statuses.length);
});

test("R-EP-10: requests wait for a connection, but not for ever", async () => {
  let asked = false;
  const backend = await headBackend((head) => {
    if (!head.includes("/hang")) return "HTTP/1.1 204 No Content\r\n\r\n";
    asked = true;
    return undefined;
  });
  const gateway = await startGateway(
    [
      `--echo_prod_endpoint_0=${backend.url}`,
      "--httpClients.poolConfig.maxActiveConnections=1",
      "--httpClients.poolConfig.waitTimeInMillis=100",
    ],
    { TEST_COMPATIBILITY: "standard" },
  );
  const ask = (name: string): Promise<string> =>
    exchange(gateway.port, `GET /v1/pets/${name} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n`);
  const hung = ask("hang");
  await eventually("it has the connection", () => asked);
  const waited = await ask("x");
  assert.deepEqual(
    [await hung, waited].map((answer) => answer.slice(9, 12)),
    ["504", "503"],
  );
  assert.match(await ask("y"), /^HTTP\/1\.1 204 /);
  assert.equal(await gateway.stop(), 0);
  backend.close();
});
