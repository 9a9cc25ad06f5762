import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { listen } from "castgate/runtime/listening.js";

const clients = 64;
const sharesPorts =
  process.platform === "linux" &&
  (Number(process.versions.node.split(".")[0]) > 22 || process.versions.node.startsWith("22.2"));

test("all who connect at once are accepted in a few turns of the event loop", {
  skip: sharesPorts ? false : "this Node cannot share a port",
}, async (t) => {
  let turn = 0;
  let accepted = 0;
  const turns = new Set<number>();
  const make = () =>
    createServer((socket) => {
      accepted++;
      turns.add(turn);
      socket.on("error", () => undefined).resume();
    });
  const servers = await listen(make(), { host: "127.0.0.1", port: 0 }, make);
  const { port } = servers[0].address() as AddressInfo;
  const sockets = Array.from({ length: clients }, () => connect(port, "127.0.0.1").on("error", () => undefined));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  });

  while (accepted < clients) {
    await new Promise(setImmediate);
    turn++;
  }
  // One listening socket would take a turn for each.
  assert.ok(turns.size <= clients / 2, `${turns.size} turns`);
});

test("a port that somebody has is refused, also by who could share it", async (t) => {
  const first = await listen(createServer(), { host: "127.0.0.1", port: 0 }, () => createServer());
  t.after(() => {
    for (const server of first) server.close();
  });
  const { port } = first[0].address() as AddressInfo;
  await assert.rejects(
    listen(createServer(), { host: "127.0.0.1", port }, () => createServer()),
    { code: "EADDRINUSE" },
  );
});

test("every socket listens at the address that was asked for", async (t) => {
  const servers = await listen(createServer(), { host: "127.0.0.1", port: 0 }, () => createServer());
  const addresses = new Set(servers.map((server) => JSON.stringify(server.address())));
  assert.equal(addresses.size, 1);
  const closed = servers.map((server) => once(server, "close"));
  for (const server of servers) server.close();
  await Promise.all(closed);
  t.diagnostic(`${servers.length} sockets`);
});
