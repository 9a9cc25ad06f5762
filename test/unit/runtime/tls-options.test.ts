import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect, createServer, type TLSSocket, type TlsOptions } from "node:tls";
import forge from "node-forge";
import { listenerTls, trustAtFirstClient, withoutTrust } from "../../../runtime-lib/tls-options.ts";
import { isUsual } from "../../../runtime-lib/tls-strength.ts";
import { TestIssuer } from "../../support/test-issuer.ts";
import { settingsFrom } from "./settings-for-test.ts";

const server = new TestIssuer("server");
const friend = new TestIssuer("friend");
const stranger = new TestIssuer("stranger");

describe("certificates of clients are known from the first client on", () => {
  test("known, unknown and none, in each order", async () => {
    const clients = [friend, stranger, undefined];
    for (const first of clients) {
      const listener = await listen({ ca: [friend.certificatePem], requestCert: true, rejectUnauthorized: false });
      for (const client of [first, ...clients, first]) {
        const authorized = once(listener.server, "secureConnection");
        listener.connect(client);
        const [socket] = (await authorized) as [TLSSocket];
        assert.equal(socket.authorized, client === friend, `${client?.name} after ${first?.name}`);
        socket.destroy();
      }
      listener.server.close();
    }
  });

  test("where one is required, the first client is refused without", async () => {
    const listener = await listen({ ca: [friend.certificatePem], requestCert: true, rejectUnauthorized: true });
    for (const client of [undefined, stranger]) {
      const refused = once(listener.server, "tlsClientError");
      listener.connect(client);
      await refused;
    }
    const accepted = once(listener.server, "secureConnection");
    listener.connect(friend);
    const [socket] = (await accepted) as [TLSSocket];
    assert.equal(socket.authorized, true);
    socket.destroy();
    listener.server.close();
  });

  test("what is wrong with the key is found before anybody connects", () => {
    const options = { key: server.privateKeyPem, cert: friend.certificatePem, ca: [friend.certificatePem] };
    assert.throws(() => createServer(withoutTrust(options)), /key values mismatch/);
  });
});

describe("what OpenSSL refuses of a listener is an error of its settings", () => {
  test("a key that is too small", async () => {
    assert.deepEqual(await findings(selfSigned(512)), [
      "error: listenerConfig.keyStorePath: its RSA key has 512 bits; 2048 are needed",
    ]);
  });

  test("nothing of a usual key, nor of an unusual one that it takes", async () => {
    assert.deepEqual(await findings(selfSigned(2048)), []);
    assert.deepEqual(await findings(selfSigned(2048), 'ciphers = "ECDHE-RSA-AES128-GCM-SHA256"'), []);
    assert.deepEqual(await findings(selfSigned(2048, forge.md.sha1.create())), []);
  });

  test("only the strong are usual", () => {
    assert.equal(isUsual(new X509Certificate(selfSigned(2048).cert)), true);
    assert.equal(isUsual(new X509Certificate(selfSigned(1024).cert)), false);
    assert.equal(isUsual(new X509Certificate(selfSigned(2048, forge.md.sha1.create()).cert)), false);
  });
});

function selfSigned(bits: number, digest: forge.md.MessageDigest = forge.md.sha256.create()) {
  const keys = forge.pki.rsa.generateKeyPair(bits);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.validity.notBefore = new Date(Date.now() - 60_000);
  certificate.validity.notAfter = new Date(Date.now() + 3_600_000);
  certificate.sign(keys.privateKey, digest);
  return { key: forge.pki.privateKeyToPem(keys.privateKey), cert: forge.pki.certificateToPem(certificate) };
}

/** What is said about a listener with this key. */
async function findings({ key, cert }: { key: string; cert: string }, mutual = ""): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "castgate-tls-"));
  try {
    await writeFile(join(folder, "server.pem"), key + cert);
    const text = `[listenerConfig]\nkeyStorePath = "server.pem"\n[mutualSSLConfig]\n${mutual}\n`;
    const { settings, report } = await settingsFrom(text, { fileFolder: folder });
    await listenerTls(settings, report);
    return report.lines();
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function listen(trust: TlsOptions) {
  const options = { key: server.privateKeyPem, cert: server.certificatePem, ...trust };
  const listening = createServer(withoutTrust(options));
  trustAtFirstClient(listening, options);
  listening.on("tlsClientError", () => undefined);
  await once(listening.listen(0, "127.0.0.1"), "listening");
  const { port } = listening.address() as AddressInfo;
  return {
    server: listening,
    connect(client: TestIssuer | undefined) {
      const own = client === undefined ? {} : { key: client.privateKeyPem, cert: client.certificatePem };
      const socket = connect({ port, host: "127.0.0.1", ca: [server.certificatePem], ...own });
      socket.on("error", () => undefined);
    },
  };
}
