import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { test } from "node:test";
import { listen } from "castgate/runtime/listening.js";

const clients = 64;
const sharesPorts =
  process.platform === "linux" &&
  (Number(process.versions.node.split(".")[0]) > 22 || process.versions.node.startsWith("22.2"));

/** Opens a port, and waits for all who join it. */
async function listening(port: number, make: () => Server = createServer): Promise<readonly [Server, ...Server[]]> {
  const servers: [Server, ...Server[]] = [make()];
  const another = (): Server => {
    const server = make();
    servers.push(server);
    return server;
  };
  await listen(servers[0], { host: "127.0.0.1", port }, another);
  for (let known = 0; known < servers.length; await new Promise(setImmediate)) known = servers.length;
  return servers;
}

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
  const servers = await listening(0, make);
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
  const first = await listening(0);
  t.after(() => {
    for (const server of first) server.close();
  });
  const { port } = first[0].address() as AddressInfo;
  await assert.rejects(listening(port), { code: "EADDRINUSE" });
});

test("every socket listens at the address that was asked for", async (t) => {
  const servers = await listening(0);
  const addresses = new Set(servers.map((server) => JSON.stringify(server.address())));
  assert.equal(addresses.size, 1);
  const closed = servers.map((server) => once(server, "close"));
  for (const server of servers) server.close();
  await Promise.all(closed);
  t.diagnostic(`${servers.length} sockets`);
});

test("who is done listening is joined by nobody", async (t) => {
  const server = createServer();
  let asked = 0;
  await listen(server, { host: "127.0.0.1", port: 0 }, () => void asked++);
  t.after(() => server.close());
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  assert.equal(asked, sharesPorts ? 1 : 0);
});
