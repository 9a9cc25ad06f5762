import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { JwksSource, jwksUrlFlaw } from "../../../runtime-lib/jwks.ts";
import { KeyServer } from "./key-server.ts";

function jwk(kid: string): Record<string, unknown> {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...publicKey.export({ format: "jwk" }), kid };
}

test("keys come over https, or from loopback", () => {
  for (const good of ["https://idp.test/jwks", "http://localhost:9443/k", "http://127.0.0.1/k", "http://[::1]:1/k"])
    assert.equal(jwksUrlFlaw(good), undefined, good);
  for (const bad of [
    "http://idp.test/jwks",
    "http://127.0.0.1.evil.test/",
    "file:///etc/passwd",
    "jwks",
    "https://u:p@idp.test/",
  ])
    assert.notEqual(jwksUrlFlaw(bad), undefined, bad);
});

describe("a key source", () => {
  const server = new KeyServer();
  before(() => server.start());
  after(() => server.stop());

  let rotations = 0;
  let source: JwksSource;
  beforeEach(() => {
    rotations = 0;
    server.requests = 0;
    source = new JwksSource(server.url, {
      timeoutMs: 2_000,
      cacheMs: 60_000,
      ca: undefined,
      onRotation: () => rotations++,
    });
  });
  afterEach(() => source.close());

  test("keys by kid; without kid the only one that fits", async () => {
    const [a, b] = [jwk("a"), jwk("b")];
    server.serve([a]);
    assert.equal(source.ready, false);
    await source.refresh();
    assert.equal(source.ready, true);
    assert.equal(source.find("ES256", "a")?.kid, "a");
    assert.equal(source.find("ES256", undefined)?.kid, "a");
    assert.equal(source.find("ES384", "a"), undefined);
    assert.equal(source.find("ES256", "b"), undefined);
    server.serve([a, b]);
    await source.refresh();
    assert.equal(source.find("ES256", undefined), undefined, "two would fit");
  });

  test("a set of which no key can be used leaves the gateway waiting", async () => {
    const twice = [jwk("a"), jwk("a")];
    server.serve(twice);
    await source.refresh();
    assert.equal(source.ready, false);
    assert.equal(source.find("ES256", "a"), undefined);
    server.serve([jwk("a")]);
    await source.refresh();
    assert.equal(source.ready, true);
    server.serve(twice);
    await source.refresh();
    assert.equal(source.ready, true, "what is there already does not go because of an issuer");
    assert.equal(source.find("ES256", "a"), undefined);
  });

  test("many callers share one request", async () => {
    server.serve([jwk("a")]);
    await Promise.all(Array.from({ length: 50 }, () => source.refresh()));
    assert.equal(server.requests, 1);
  });

  test("an unknown kid causes one request in a while (S-SEC-03)", async () => {
    server.serve([jwk("a")]);
    await source.refresh();
    const waits = Array.from({ length: 100 }, (_, i) => source.refreshForMissingKey("ES256", `unknown-${i}`));
    await Promise.all(waits);
    assert.equal(server.requests, 2, "one for all of them, a second after the last");
    for (let i = 0; i < 100; i++) assert.equal(source.refreshForMissingKey("ES256", `unknown-${i}`), undefined);
    assert.equal(server.requests, 2, "they were not there a moment ago");
  });

  test("a key that was published right after a fetch is waited for, not wrong", async () => {
    const [a, b] = [jwk("a"), jwk("b")];
    server.serve([a]);
    await source.refresh();
    server.serve([a, b]);
    const wait = source.refreshForMissingKey("ES256", "b");
    assert.ok(wait !== undefined);
    await wait;
    assert.equal(source.find("ES256", "b")?.kid, "b");
    assert.equal(server.requests, 2);
  });

  test("while the source is away there is nothing to wait for", async () => {
    server.answer = (response) => void response.destroy();
    await source.refresh();
    assert.equal(source.refreshForMissingKey("ES256", "a"), undefined);
    assert.equal(source.away, true);
  });

  test("a removed or changed key is a rotation; a new one is not", async () => {
    const a = jwk("a");
    server.serve([a]);
    await source.refresh();
    server.serve([a, jwk("b")]);
    await source.refresh();
    assert.equal(rotations, 0);
    server.serve([a, jwk("b")]);
    await source.refresh();
    assert.equal(rotations, 1, "b has another key now");
    server.serve([a]);
    await source.refresh();
    assert.equal(rotations, 2);
  });

  const failures: [string, KeyServer["answer"]][] = [
    ["an error status", (response) => void response.writeHead(503).end('{"keys":[]}')],
    ["a redirect", (response) => void response.writeHead(302, { location: "/other" }).end()],
    ["no JSON", (response) => void response.end("<html>")],
    ["a broken connection", (response) => void response.destroy()],
    ["no answer in time", () => undefined],
    ["a body that never ends", (response) => void response.write("{")],
    ["a body that is too large", (response) => void response.end(" ".repeat(300_000))],
  ];
  for (const [what, answer] of failures) {
    test(`${what}: the last good keys stay`, async () => {
      server.serve([jwk("a")]);
      await source.refresh();
      server.answer = answer;
      await source.refresh();
      assert.equal(source.away, true);
      assert.equal(source.find("ES256", "a")?.kid, "a");
      server.serve([jwk("a")]);
      await source.refresh();
      assert.equal(source.away, false);
    });
  }
});
