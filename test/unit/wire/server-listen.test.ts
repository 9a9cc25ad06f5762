import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import { exchange } from "../../support/engine-process.ts";
import { startServer } from "./wire-server.ts";

const request = "GET / HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n";

/** As a Node would be that has no such function, or another one. */
async function withBinding(replacement: unknown, check: () => Promise<void>): Promise<void> {
  const own = net as unknown as Record<string, unknown>;
  const original = own._createServerHandle;
  own._createServerHandle = replacement;
  try {
    await check();
  } finally {
    own._createServerHandle = original;
  }
}

describe("addresses to listen on", () => {
  const binds = [
    ["as it is", (net as unknown as Record<string, unknown>)._createServerHandle],
    ["gone", undefined],
    ["that fails", () => -98],
    ["that gives nothing", () => undefined],
  ] as const;
  for (const [name, replacement] of binds) {
    test(`with Node's own way to bind ${name}`, async (t) => {
      await withBinding(replacement, async () => {
        for (const host of ["127.0.0.1", "0.0.0.0", "localhost"]) {
          const server = await startServer((x) => x.respond(200, [], "ok"), { listener: { host } });
          t.after(() => server.stop());
          assert.match(await exchange(server.port, request), /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nok$/, host);
        }
      });
    });

    test(`a port in use, with Node's own way to bind ${name}`, async (t) => {
      const first = await startServer((x) => x.respond(200, [], "first"));
      t.after(() => first.stop());
      await withBinding(replacement, async () => {
        const second = startServer((x) => x.respond(200, [], "second"), { listener: { port: first.port } });
        await assert.rejects(second, { code: "EADDRINUSE" });
      });
      assert.match(await exchange(first.port, request), /\r\n\r\nfirst$/);
    });
  }

  test("an address of another machine", async () => {
    const server = startServer((x) => x.respond(200, [], ""), { listener: { host: "192.0.2.1" } });
    await assert.rejects(server, { code: "EADDRNOTAVAIL" });
  });
});
