import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { exchange } from "../../support/engine-process.ts";
import { testedEngines } from "../../support/tested-engines.ts";
import { startServer } from "./wire-server.ts";

/** Connects, asks and resets, all before it ends. */
const vanishing = `
const { connect } = require("node:net");
const socket = connect({ port: Number(process.argv[1]), host: "127.0.0.1" }, () => {
  socket.write("GET /gone HTTP/1.1\\r\\nHost: gw\\r\\n\\r\\n", () => socket.resetAndDestroy());
});
`;

for (const engine of testedEngines) {
  describe(`clients that vanish, engine ${engine}`, () => {
    test("who is gone before he is accepted has no address: his request is not served", async (t) => {
      const seen: string[] = [];
      const server = await startServer(
        (x) => {
          seen.push(`${x.path.raw} ${x.clientAddress}`);
          x.respond(200, [], "ok");
        },
        { engine },
      );
      t.after(() => server.stop());
      // The server accepts nobody meanwhile: it runs in this process.
      for (let i = 0; i < 3; i++) execFileSync(process.execPath, ["-e", vanishing, String(server.port)]);
      const answer = await exchange(server.port, "GET /there HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
      assert.match(answer, /\r\n\r\nok$/);
      assert.deepEqual(seen, ["/there 127.0.0.1"]);
      assert.equal(await server.stop(60_000), true);
    });
  });
}
