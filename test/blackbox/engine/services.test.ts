import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, type GatewayProcess, startGateway } from "../../support/engine-process.ts";
import { identity } from "../../support/self-signed.ts";

/** What the gateway serves itself, beside its APIs: over TLS only, on the listener that it belongs to (S-LSN-02, 03). */
describe("the gateway's own services", () => {
  let folder: string;
  let gateway: GatewayProcess;
  const own = identity("gateway", { type: 2, value: "localhost" });
  const client = identity("client", { type: 2, value: "localhost" });
  const stranger = identity("stranger", { type: 2, value: "localhost" });
  const ports: number[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "castgate-services-"));
    await writeFile(join(folder, "gateway.pem"), own.key + own.cert);
    await writeFile(join(folder, "trust.pem"), client.cert);
    const args = [
      "--listenerConfig.httpsPort=0",
      "--listenerConfig.tokenListenerPort=0",
      `--listenerConfig.keyStorePath=${join(folder, "gateway.pem")}`,
      `--listenerConfig.trustStorePath=${join(folder, "trust.pem")}`,
    ];
    gateway = await startGateway(args, { TEST_SERVICES: "1" });
    await eventually("three listeners", () => {
      ports.splice(0, 3, ...gateway.log.filter((line) => line.msg === "listening").map((line) => Number(line.port)));
      return ports.length === 3;
    });
  });
  after(async () => {
    assert.equal(await gateway.stop(), 0);
    await rm(folder, { recursive: true, force: true });
  });

  interface Answer {
    readonly status: number | undefined;
    readonly body: string;
  }

  function send(port: number, path: string, body: Buffer | Buffer[], more: object = {}): Promise<Answer> {
    const secure = port !== ports[0];
    const options = {
      port,
      host: "127.0.0.1",
      servername: "localhost",
      path,
      method: "POST",
      agent: false,
      ca: own.cert,
    };
    return new Promise((resolve, reject) => {
      const req = (secure ? secureRequest : plainRequest)({ ...options, ...more }, (res) => {
        let text = "";
        res.on("data", (chunk) => {
          text += chunk;
        });
        res.on("end", () => resolve({ status: res.statusCode, body: text })).on("error", reject);
      });
      req.on("error", reject);
      for (const part of Array.isArray(body) ? body : []) req.write(part);
      req.end(Array.isArray(body) ? undefined : body);
    });
  }

  const nothing = Buffer.alloc(0);

  test("a service gets the whole body, however it is framed, and says so when it is too long", async () => {
    const bytesOf = async (body: Buffer | Buffer[]): Promise<[number | undefined, number]> => {
      const answer = await send(ports[1] as number, "/own/x", body);
      return [answer.status, JSON.parse(answer.body).bytes];
    };
    assert.deepEqual(await bytesOf(nothing), [200, 0]);
    assert.deepEqual(await bytesOf(Buffer.alloc(10)), [200, 10]);
    assert.deepEqual(await bytesOf(Buffer.alloc(100_000)), [200, 100_000]);
    assert.deepEqual(await bytesOf([Buffer.alloc(60_000), Buffer.alloc(30_000)]), [200, 90_000]);
    assert.deepEqual(await bytesOf(Buffer.alloc(100_001)), [413, -1]);
    assert.deepEqual(await bytesOf([Buffer.alloc(60_000), Buffer.alloc(60_000)]), [413, -1]);
  });

  test("each service is on its own listener, and none without TLS", async () => {
    const [plain, api, token] = ports as [number, number, number];
    assert.equal((await send(plain, "/own", nothing)).status, 404);
    assert.equal((await send(plain, "/token", nothing)).status, 404);
    assert.equal((await send(api, "/token", nothing)).status, 404);
    assert.equal((await send(token, "/own", nothing)).status, 404);
    assert.equal((await send(token, "/health", nothing)).status, 404);
    assert.equal((await send(token, "/token", nothing)).status, 200);
    assert.equal((await send(api, "/owner", nothing)).status, 404);
  });

  test("the certificate of the handshake is known, a resumed one and a foreign one too", async () => {
    const subjectOf = async (more: object): Promise<string> =>
      JSON.parse((await send(ports[1] as number, "/own", nothing, more)).body).subject;
    assert.equal(await subjectOf({}), "none");
    assert.equal(await subjectOf({ key: client.key, cert: client.cert }), "CN=client");
    assert.equal(await subjectOf({ key: client.key, cert: client.cert, maxVersion: "TLSv1.2" }), "CN=client");
    assert.equal(await subjectOf({ key: stranger.key, cert: stranger.cert }), "CN=stranger");
  });
});
