import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { eventually, type GatewayProcess, startGateway } from "../../support/engine-process.ts";
import { freePort } from "../../support/gateway-under-test.ts";
import { ask } from "../../support/security-project.ts";

/** A backend at an address of its own, and who is connected to it. */
interface Place {
  readonly server: Server;
  readonly sockets: Set<Socket>;
  requests: number;
}

const skip = process.platform !== "linux" && "other addresses of loopback are there on Linux alone";

describe("names of backends", { skip }, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-names-"));
  const table = path.join(folder, "names.json");
  let port: number;
  let two: Place;
  let three: Place;
  let gateway: GatewayProcess;

  /** At once: the gateway reads it at any time. */
  function say(...addresses: string[]): void {
    writeFileSync(`${table}.new`, JSON.stringify({ "backend.test": addresses }));
    renameSync(`${table}.new`, table);
  }

  async function place(address: string): Promise<Place> {
    const made: Place = { server: createServer(), sockets: new Set(), requests: 0 };
    made.server.on("request", (request, response) => {
      made.requests++;
      if (request.url?.includes("slow")) setTimeout(() => response.end(address), 100);
      else response.end(address);
    });
    made.server.on("connection", (socket) => {
      made.sockets.add(socket);
      socket.on("close", () => made.sockets.delete(socket));
    });
    made.server.keepAliveTimeout = 3_600_000;
    await new Promise<void>((resolve, reject) => made.server.once("error", reject).listen(port, address, resolve));
    return made;
  }

  before(async () => {
    port = await freePort();
    [two, three] = await Promise.all([place("127.0.0.2"), place("127.0.0.3")]);
    say("127.0.0.2");
  });
  afterEach(() => gateway?.stop());
  after(() => {
    for (const { server } of [two, three]) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    const preload = path.join(import.meta.dirname, "../../support/fake-names.cjs");
    const args = [`--echo_prod_endpoint_0=http://backend.test:${port}`, "--castgate.resolveSeconds=1"];
    gateway = await startGateway(args, { TEST_NAMES: table, NODE_OPTIONS: `--require=${preload}` });
  }
  const answer = async (rest = ""): Promise<string> => {
    const { status, body } = await ask(`http://127.0.0.1:${gateway.port}/v1/pets${rest}`);
    return status === 200 ? body : String(status);
  };

  test("all addresses of a name are used", async () => {
    say("127.0.0.2", "127.0.0.3");
    await start();
    const answers = await Promise.all(Array.from({ length: 6 }, () => answer("/slow")));
    assert.deepEqual(new Set(answers), new Set(["127.0.0.2", "127.0.0.3"]));
  });

  test("connections to an address that is not the name's any more are left, though they are in use", async () => {
    say("127.0.0.2");
    await start();
    assert.equal(await answer(), "127.0.0.2");
    const wrong = new Set<string>();
    let over = false;
    // The connection is never idle for long: only that the name has moved can end it.
    const stream = (async () => {
      while (!over) {
        const body = await answer();
        if (!body.startsWith("127.0.0.")) wrong.add(body);
      }
    })();
    say("127.0.0.3");
    await eventually("all connections are to the new address", () => two.sockets.size === 0 && three.sockets.size > 0);
    over = true;
    await stream;
    assert.deepEqual([...wrong], []);
    const before = two.requests;
    assert.equal(await answer(), "127.0.0.3");
    assert.equal(two.requests, before);
  });

  test("while a name cannot be resolved, its last addresses hold", async () => {
    say("127.0.0.2");
    await start();
    assert.equal(await answer(), "127.0.0.2");
    say();
    // Those beyond the first need connections of their own.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const answers = await Promise.all(Array.from({ length: 4 }, () => answer("/slow")));
    assert.deepEqual(new Set(answers), new Set(["127.0.0.2"]));
    say("127.0.0.3");
    await eventually("the name is resolved again", async () => (await answer()) === "127.0.0.3");
  });

  test("a name that was never resolved: no backend, until it is", async () => {
    say();
    await start();
    assert.equal(await answer(), "500");
    say("127.0.0.2");
    await eventually("the name is resolved", async () => (await answer()) === "127.0.0.2");
  });
});
