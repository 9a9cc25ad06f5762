import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { connect, createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { trustAtFirstClient, withoutTrust } from "../../../runtime-lib/tls-options.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

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
