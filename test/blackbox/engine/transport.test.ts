import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { exchange, headBackend, type RawBackend, spawnGateway, startGateway } from "../../support/engine-process.ts";

const request = "GET /v1/pets/1 HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n";

describe("--transport=handles", { skip: (process.env.TEST_ENGINE || "wire") !== "wire" }, () => {
  let backend: RawBackend;
  let folder: string;

  before(async () => {
    backend = await headBackend(() => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    folder = mkdtempSync(join(tmpdir(), "castgate-transport-"));
  });
  after(() => {
    backend.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const withHandles = (...others: string[]) => [
    "--transport=handles",
    `--echo_prod_endpoint_0=${backend.url}`,
    ...others,
  ];
  const warnings = (log: readonly Record<string, unknown>[]) => log.filter(({ level }) => level === "warn");
  /** Has every Node process run this script first. */
  const preload = (name: string, script: string): Record<string, string> => {
    const file = join(folder, name);
    writeFileSync(file, script);
    return { NODE_OPTIONS: `--require=${file}` };
  };

  test("says nothing, not even with deprecation warnings on", async () => {
    const gateway = await startGateway(withHandles(), { NODE_OPTIONS: "--pending-deprecation" });
    assert.match(await exchange(gateway.port, request), /^HTTP\/1\.1 200 OK\r\n[\s\S]*hello$/);
    assert.equal(await gateway.stop(), 0);
    assert.doesNotMatch(gateway.stderr(), /[Dd]eprecat|process\.binding/);
    assert.deepEqual(warnings(gateway.log), []);
  });

  for (const [title, script, reason] of [
    ["are not shown", "process.binding = undefined;", "process.binding is gone"],
    [
      "do not behave as expected",
      "const own = process.binding; process.binding = (name) => ({ ...own(name), WriteWrap: undefined });",
      "WriteWrap: not as expected",
    ],
  ] as const) {
    test(`is one warning where handles ${title}, and the gateway serves without them`, async () => {
      const gateway = await startGateway(withHandles(), preload(`${reason.length}.cjs`, script));
      assert.match(await exchange(gateway.port, request), /^HTTP\/1\.1 200 OK\r\n[\s\S]*hello$/);
      assert.equal(await gateway.stop(), 0);
      assert.deepEqual(
        warnings(gateway.log).map(({ reason, msg }) => ({ reason, msg })),
        [{ reason, msg: "Node's handles cannot be used: as with --transport=net" }],
      );
    });
  }

  test("serves with two workers", async () => {
    const gateway = await startGateway(withHandles("--workers=2"));
    const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(gateway.port, request)));
    for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*hello$/);
    assert.equal(await gateway.stop(), 0, gateway.stderr());
    assert.deepEqual(warnings(gateway.log), []);
  });

  test("an unknown transport is wrong usage", async () => {
    const gateway = await spawnGateway(["--transport=pigeon"]);
    assert.equal(await gateway.exited, 2);
    assert.match(gateway.stderr(), /^--transport needs one of: net, handles\nUsage: /);
  });
});
