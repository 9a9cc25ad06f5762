import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, type GatewayProcess, spawnGateway, startGateway } from "../../support/engine-process.ts";
import { identity } from "../../support/self-signed.ts";

describe("TLS", () => {
  let folder: string;
  let gateway: GatewayProcess;
  let httpsPort: number;
  const own = identity("gateway", { type: 2, value: "localhost" });
  const theirs = identity("backend", { type: 2, value: "localhost" });
  const foreign = identity("foreign", { type: 2, value: "elsewhere.test" });
  const client = identity("client", { type: 2, value: "localhost" });
  const backends = [theirs, foreign].map((one) =>
    createServer({ key: one.key, cert: one.cert, requestCert: true, rejectUnauthorized: false }, (req, res) => {
      const shown = (req.socket as import("node:tls").TLSSocket).getPeerCertificate();
      res.end(`hello ${shown.subject?.CN ?? "nobody"}`);
    }),
  );

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "castgate-tls-"));
    await writeFile(join(folder, "gateway.pem"), own.key + own.cert);
    await writeFile(join(folder, "trust.pem"), theirs.cert + client.cert + foreign.cert);
    for (const backend of backends) await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
    gateway = await startGateway([
      "--listenerConfig.httpsPort=0",
      `--listenerConfig.keyStorePath=${join(folder, "gateway.pem")}`,
      `--listenerConfig.trustStorePath=${join(folder, "trust.pem")}`,
      "--mutualSSLConfig.sslVerifyClient=require",
      "--mutualSSLConfig.protocolVersions=TLSv1.2,TLSv1.1",
      "--mutualSSLConfig.ciphers=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_CBC_SHA",
      `--echo_prod_endpoint_0=https://localhost:${portOf(0)}`,
      `--query_prod_endpoint_0=https://localhost:${portOf(1)}`,
    ]);
    await eventually("the TLS listener is open", () => {
      httpsPort = gateway.log.find((line) => line.scheme === "https")?.port as number;
      return httpsPort !== undefined;
    });
  });
  after(async () => {
    for (const backend of backends) {
      backend.closeAllConnections();
      backend.close();
    }
    assert.equal(await gateway.stop(), 0);
    await rm(folder, { recursive: true, force: true });
  });

  function portOf(index: number): number {
    return ((backends[index] as (typeof backends)[number]).address() as AddressInfo).port;
  }

  const get = (
    path: string,
    more: object,
  ): Promise<{ status: number | undefined; body: string; protocol: string; cipher: string }> =>
    new Promise((resolve, reject) => {
      const req = request(
        { port: httpsPort, host: "localhost", family: 4, path, ca: own.cert, agent: false, ...more },
        (res) => {
          const socket = res.socket as import("node:tls").TLSSocket;
          const protocol = socket.getProtocol() ?? "";
          const cipher = socket.getCipher().name;
          let body = "";
          res.on("data", (chunk) => {
            body += chunk;
          });
          res.on("end", () => resolve({ status: res.statusCode, body, protocol, cipher })).on("error", reject);
        },
      );
      req.on("error", reject);
      req.end();
    });

  test("a client with a trusted certificate is served, and the gateway shows its own to the backend", async () => {
    const answer = await get("/only-tls/x", { key: client.key, cert: client.cert });
    assert.deepEqual(answer, {
      status: 200,
      body: "hello gateway",
      protocol: "TLSv1.2",
      cipher: "ECDHE-RSA-AES128-GCM-SHA256",
    });
  });

  test("S-ERR-38: without one, or with one that nobody trusts, the handshake fails", async () => {
    await assert.rejects(get("/only-tls/x", {}));
    await assert.rejects(get("/only-tls/x", { key: own.key, cert: own.cert }));
  });

  test("what is weak is not offered", async () => {
    const as = { key: client.key, cert: client.cert };
    await assert.rejects(get("/only-tls/x", { ...as, maxVersion: "TLSv1.1", minVersion: "TLSv1.1" }));
    await assert.rejects(get("/only-tls/x", { ...as, ciphers: "AES128-SHA" }));
    assert.match(gateway.stderr(), /warning: mutualSSLConfig\.protocolVersions: "TLSv1\.1" is not offered/);
    assert.match(gateway.stderr(), /warning: mutualSSLConfig\.ciphers: .*"TLS_RSA_WITH_AES_128_CBC_SHA"/);
  });

  test("a backend whose certificate is for another host is not talked to", async () => {
    const answer = await get("/query/x", { key: client.key, cert: client.cert });
    assert.equal(answer.status, 500);
    assert.match(answer.body, /"code":101503/);
  });

  test("a missing key store is a warning, a wrong one is 78", async () => {
    const spawned = await spawnGateway([
      "--check-config",
      `--listenerConfig.keyStorePath=${join(folder, "trust.pem")}`,
    ]);
    assert.equal(await spawned.exited, 78);
    assert.match(spawned.stderr(), /listenerConfig\.keyStorePath: holds no private key/);
    const plain = await spawnGateway(["--check-config"]);
    assert.equal(await plain.exited, 0);
    assert.match(plain.stderr(), /listenerConfig\.keyStorePath: is not set/);
  });
});
