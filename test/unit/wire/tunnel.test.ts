import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpgradedConnection } from "../../../runtime-lib/backend.ts";
import { Tunnel, type TunnelEnd } from "../../../runtime-lib/wire/tunnel.ts";
import { poolFor, RawBackend, RecordingSink } from "./raw-backend.ts";
import { pass } from "./swept-time.ts";

/** A client that is done: all that it sent was taken, and it is gone. */
const noClient = {
  remoteAddress: "",
  bytesRead: 0,
  bytesWritten: 0,
  unsent: 0,
  alive: false,
  write: () => true,
  writeBytes: () => true,
  writeCopy: () => true,
  end() {},
  destroy() {},
  reset() {},
  pause() {},
  resume() {},
};

test("a backend that takes nothing any more is not waited for when its client is gone", {
  timeout: 30_000,
}, async (t) => {
  const backend = await RawBackend.start(t, async (side) => {
    await side.request();
    side.socket.pause();
    side.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    side.socket.end();
    await side.untilClosed();
  });
  const pool = await poolFor(t, backend, { connections: 1 });
  const ended = await new Promise<TunnelEnd>((resolve) => {
    class Sink extends RecordingSink {
      override answerUpgrade(_reason: string, _fields: string[], connection: UpgradedConnection): void {
        const tunnel = new Tunnel(5_000, resolve);
        const client = { transport: noClient, unread: Buffer.alloc(64 * 1024 * 1024), ended: true };
        tunnel.join(client, connection.handOver(tunnel.backend));
        const { onEnd } = tunnel.backend;
        tunnel.backend.onEnd = () => {
          onEnd.call(tunnel.backend);
          // Both have ended; what the client sent last has not all left.
          tunnel.client.onClosed(undefined);
          void (async () => {
            for (let i = 0; i < 4; i++) await pass(5_000);
          })();
        };
      }
    }
    pool.send(new Sink(), "GET", { path: "/", headers: [], upgrade: "websocket" }, undefined);
  });
  assert.equal(ended.by, "client");
  assert.equal(ended.fromClient, 64 * 1024 * 1024);
});
