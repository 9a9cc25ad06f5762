import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, type GatewayProcess, spawnGateway, startGateway } from "../../support/engine-process.ts";
import { freePort } from "../../support/gateway-under-test.ts";
import { ask } from "../../support/security-project.ts";
import { identity } from "../../support/self-signed.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { noTinyproxy, startTinyproxy, type Tinyproxy } from "../../support/tinyproxy.ts";

/** R-EP-09: `[httpClients.proxy]`, with a real proxy. */
describe("backends behind a forward proxy", { skip: noTinyproxy }, () => {
  const own = identity("localhost", { type: 2, value: "localhost" });
  const plain = new ServiceUnderTest();
  const secure = new ServiceUnderTest(own);
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-proxy-"));
  const gateways: GatewayProcess[] = [];
  let proxy: Tinyproxy;

  before(async () => {
    proxy = await startTinyproxy("gateway", "hunter2");
    await Promise.all([plain.start(), secure.start()]);
    writeFileSync(path.join(folder, "ca.pem"), own.cert);
  });
  after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await Promise.all([proxy?.stop(), plain.stop(), secure.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(backend: string, settings: Readonly<Record<string, string | number>>): Promise<GatewayProcess> {
    const given = { enable: "true", host: "127.0.0.1", port: proxy.port, username: "gateway", password: "hunter2" };
    const args = Object.entries({ ...given, ...settings }).map(([key, value]) => `--httpClients.proxy.${key}=${value}`);
    const gateway = await startGateway([
      `--echo_prod_endpoint_0=${backend}`,
      `--httpClients.sslConfig.trustStorePath=${folder}`,
      ...args,
    ]);
    gateways.push(gateway);
    return gateway;
  }
  const pets = (gateway: GatewayProcess, rest = "") => `http://127.0.0.1:${gateway.port}/v1/pets${rest}`;

  for (const [scheme, service] of [
    ["http", plain],
    ["https", secure],
  ] as const)
    test(`${scheme}: requests go by the proxy, and come as they were`, async () => {
      service.answer = (response, { body }) => void response.end(`got ${body.length}`);
      const gateway = await start(`${service.url}/base`, {});
      const seen = proxy.requests().length;
      const fine = await ask(pets(gateway, "/1?q=a%20b"), { headers: { "x-mine": "1" } });
      assert.deepEqual([fine.status, fine.body], [200, "got 0"]);
      const long = "x".repeat(300_000);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => ask(pets(gateway), { method: "POST", body: long })),
      );
      for (const { status, body } of answers) assert.deepEqual([status, body], [200, "got 300000"]);
      const [first] = service.requests;
      assert.equal(first?.url, "/base/1?q=a%20b");
      assert.equal(first?.headers.host, `localhost:${service.port}`);
      assert.equal(first?.headers["x-mine"], "1");
      for (const { headers } of service.requests) assert.equal(headers["proxy-authorization"], undefined);
      const asked = proxy.requests().slice(seen);
      const form =
        scheme === "http" ? "GET http://localhost:PORT/base/1?q=a%20b HTTP/1.1" : "CONNECT localhost:PORT HTTP/1.1";
      assert.equal(asked[0], form.replace("PORT", String(service.port)));
      service.requests.length = 0;
    });

  for (const [scheme, service] of [
    ["http", plain],
    ["https", secure],
  ] as const)
    test(`${scheme}: what the proxy refuses is no answer of the backend`, async () => {
      // Wrong credentials are 401 to tinyproxy, as they would be to the backend.
      const gateway = await start(service.url, scheme === "http" ? { username: "" } : { password: "guess" });
      const { status, headers, body } = await ask(pets(gateway));
      assert.equal(status, 500);
      assert.match(body, /101503/);
      assert.equal(headers["proxy-authenticate"], undefined);
      assert.equal(service.requests.length, 0);
      await eventually("it is in the log", () => JSON.stringify(gateway.log).includes("backend: PROXY_REFUSED"));
    });

  test("nobody listens where the proxy should be: the backend is not asked another way", async () => {
    const gateway = await start(secure.url, { port: await freePort() });
    assert.equal((await ask(pets(gateway))).status, 500);
    assert.equal(secure.requests.length, 0);
  });

  test("a certificate for another name is refused inside of the tunnel, too", async () => {
    const gateway = await start(`https://127.0.0.1:${secure.port}`, {});
    assert.equal((await ask(pets(gateway))).status, 500);
    assert.equal(secure.requests.length, 0);
  });

  test("a proxy without a name is a mistake", async () => {
    const { exited, stderr } = await spawnGateway(["--httpClients.proxy.enable=true", "--httpClients.proxy.port=1"]);
    assert.equal(await exited, 78);
    assert.match(
      stderr(),
      /^error: httpClients\.proxy\.host: is required: backends are to be reached through a proxy/m,
    );
  });
});
