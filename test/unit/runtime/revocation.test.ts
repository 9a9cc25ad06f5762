import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { TopicConsumer } from "../../../runtime-lib/amqp-topic.ts";
import { api } from "../../../runtime-lib/api.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { checkCaller } from "../../../runtime-lib/caller-checks.ts";
import { revocation } from "../../../runtime-lib/feature-revocation.ts";
import type { RuntimeModule } from "../../../runtime-lib/module.ts";
import { until } from "../../support/debian-services.ts";
import { type Etcd, noEtcd, startEtcd } from "../../support/etcd.ts";
import { type ListServer, startListServer } from "../../support/list-server.ts";
import { jmsMap, noRabbitMq, type RabbitMq, startRabbitMq } from "../../support/rabbitmq.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { identity } from "../../support/self-signed.ts";
import { verifiedCaller } from "../../support/verified-caller.ts";
import { settingsFrom } from "./settings-for-test.ts";

const pets = api({ name: "Pets", version: "1", basePath: "/pets", challenges: ["oauth2"] });
const jwtHeader = Buffer.from('{"alg":"RS256"}').toString("base64url");

function caller(...revocationIds: string[]): Caller {
  return verifiedCaller({ revocationIds });
}

/** What a request gets whose credential has these ids: `in`, or status and code. */
async function verdict(...ids: string[]): Promise<string> {
  const outcome = await checkCaller(new RecordedExchange(), pets, caller(...ids));
  return outcome.ok ? "in" : `${outcome.status ?? "-"} ${outcome.code} ${outcome.reason}`;
}

const refused = "- 900901 revoked";
const unknown = "503 900900 revocation: not known what is revoked";

let module: RuntimeModule;
let findings: readonly string[];

/** Starts the feature with these settings; what was found wrong is in `findings`. */
async function started(text: string): Promise<void> {
  const loaded = await settingsFrom(text, { features: ["revocation"] });
  assert.deepEqual(loaded.report.lines(), []);
  assert.equal(revocation.enabled(loaded.settings), true);
  module = revocation.module;
  await module.configure(loaded.settings, loaded.report, () => assert.fail("it opens no pool"));
  findings = loaded.report.lines();
}

const restSettings = (url: string): string => `
[tokenRevocationConfig.persistent]
enablePersistentStorageRetrieval = true
type = "default"
endpointURL = "${url}/internal/data/v1"
username = "gateway"
password = "a secret"
[castgate.revocation]
refreshSeconds = 1
`;

const etcdSettings = (url: string, login = ""): string => `
[tokenRevocationConfig.persistent]
enablePersistentStorageRetrieval = true
type = "etcd"
endpointURL = "${url}"
${login}
[castgate.revocation]
refreshSeconds = 1
`;

afterEach(() => module?.close?.());

describe("revocation from a list over REST (S-REV-06)", () => {
  let server: ListServer;

  before(async () => {
    server = await startListServer(() => undefined);
  });
  after(() => server.close());

  test("nobody is let in before the first valid list, whatever is answered until then (S-SEC-08)", async () => {
    const garbage: readonly (() => Awaited<ReturnType<ListServer["answer"]>>)[] = [
      () => undefined,
      () => ({ status: 503, body: "[]" }),
      () => ({ status: 401, body: "[]" }),
      () => ({ body: "<html>" }),
      () => ({ body: "{}" }),
      () => ({ body: '{"list":[]}' }),
      () => ({ body: '[{"jwt_signature":""}]' }),
      () => ({ body: '[{"expiry_time":1}]' }),
      () => ({ body: '[{"jwt_signature":"good"},7]' }),
      () => ({ status: 304, body: "" }),
    ];
    let asked = 0;
    server.answer = () => garbage[asked++ % garbage.length]?.();
    await started(restSettings(server.url));
    assert.deepEqual(findings, []);
    for (let seen = 1; seen <= 3; seen++) {
      await until(() => asked >= seen);
      assert.equal(await verdict("good"), unknown);
      assert.equal(module.waitingFor?.(), "what is revoked");
    }
    // Basic has nothing that could be revoked.
    assert.equal(await verdict(), "in");
    const soon = Date.now() + 60_000;
    server.answer = (request) => {
      const { authorization } = request.headers;
      assert.equal(authorization, `Basic ${Buffer.from("gateway:a secret").toString("base64")}`);
      assert.equal(request.url, "/internal/data/v1/revokedjwt");
      return {
        body: JSON.stringify([
          { jwt_signature: "sig1", expiry_time: soon },
          { jwtSignature: "jti2", expiryTime: soon },
          { jwt_signature: `${jwtHeader}.e30.sig3`, expiry_time: soon },
          { jwt_signature: "long ago", expiry_time: 1_500_000_000_000 },
        ]),
      };
    };
    await until(() => module.waitingFor?.() === undefined);
    assert.equal(await verdict("jti", "sig1"), refused);
    assert.equal(await verdict("jti2", "sig"), refused);
    assert.equal(await verdict("sig3"), refused);
    assert.equal(await verdict("long ago"), "in");
    assert.equal(await verdict("good", "sig"), "in");
  });

  test("the last list goes on while the server is away, and a new one replaces it", async () => {
    server.answer = () => ({ body: '[{"jwt_signature":"old"}]' });
    await started(restSettings(server.url));
    await until(() => module.waitingFor?.() === undefined);
    assert.equal(await verdict("old"), refused);
    const before = server.asked.length;
    server.answer = () => ({ body: '[{"jwt_signature":"half' });
    await until(() => server.asked.length > before + 1);
    assert.deepEqual([await verdict("old"), await verdict("new")], [refused, "in"]);
    assert.equal(module.waitingFor?.(), undefined);
    server.answer = () => ({ body: '[{"jwt_signature":"new"}]' });
    await until(async () => (await verdict("new")) === refused);
    assert.equal(await verdict("old"), "in");
  });

  test("a list that has not changed is not sent again", async () => {
    let notModified = 0;
    server.answer = (request) => {
      if (request.headers["if-none-match"] !== '"1"')
        return { headers: { etag: '"1"' }, body: '[{"jwt_signature":"kept"}]' };
      notModified++;
      return { status: 304, body: "" };
    };
    await started(restSettings(server.url));
    await until(() => notModified > 0);
    assert.equal(await verdict("kept"), refused);
  });

  test("onUnavailable = allow lets in until there is a list, with a warning at the start", async () => {
    server.answer = () => undefined;
    await started(`${restSettings(server.url)}\nonUnavailable = "allow"`);
    assert.equal(findings.length, 1);
    assert.match(findings[0] ?? "", /^warning: castgate\.revocation\.onUnavailable: is allow/);
    assert.equal(await verdict("any"), "in");
    assert.equal(module.waitingFor?.(), "what is revoked");
    server.answer = () => ({ body: '[{"jwt_signature":"any"}]' });
    await until(async () => (await verdict("any")) === refused);
  });
});

describe("settings of revocation", () => {
  const on = "[tokenRevocationConfig.persistent]\nenablePersistentStorageRetrieval = true\n";
  const cases: readonly (readonly [text: string, finding: RegExp])[] = [
    [on, /^error: tokenRevocationConfig\.persistent\.password: is the password that the original shipped for admin/],
    [`${on}type = "etcd"\nusername = "root"\npassword = "root"`, /shipped for root/],
    [`${on}type = "hook"`, /must be default or etcd/],
    [`${on}username = "a"`, /persistent\.password: is required/],
    [`${on}username = "a"\npassword = "b"\nendpointURL = "http://apim.example/"`, /must be an https URL/],
    [`${on}username = "a"\npassword = "b"\nhostname = "apim.example"`, /persistent\.hostname: must be an https URL/],
    [
      "[tokenRevocationConfig.realtime]\nenableRealtimeMessageRetrieval = true\n",
      /realtime\.jmsConnectionProviderUrl: is the password that the original shipped for admin/,
    ],
    [
      "[tokenRevocationConfig.realtime]\nenableRealtimeMessageRetrieval = true\njmsConnectionProviderUrl = 'tcp://a:secret@b'",
      /realtime\.jmsConnectionProviderUrl: must be an amqp or amqps URL/,
    ],
  ];
  for (const [text, finding] of cases)
    test(String(finding), async () => {
      await started(text);
      const errors = findings.filter((line) => line.startsWith("error: "));
      assert.equal(errors.length, 1, findings.join("\n"));
      assert.match(errors[0] ?? "", finding);
      assert.doesNotMatch(findings.join(), /secret/);
    });
});

describe("revocation from etcd (S-REV-07)", { skip: noEtcd }, () => {
  let etcd: Etcd;

  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd.stop());

  const put = (key: string, ttl: number): Promise<string> =>
    etcd.call("PUT", `/v2/keys/${key}?ttl=${ttl}`, new URLSearchParams({ value: "revoked" }));

  test("v2: keys below the URL, also while there are none yet", async () => {
    await started(etcdSettings(`${etcd.url}/v2/keys/jti/`));
    await until(() => module.waitingFor?.() === undefined);
    assert.equal(await verdict("one"), "in");
    await put("jti/one", 3600);
    await put(`jti/${jwtHeader}.e30.sig2`, 3600);
    await put("jti/with/slash", 3600);
    await until(async () => (await verdict("one")) === refused && (await verdict("with/slash")) === refused);
    assert.equal(await verdict("sig2"), refused);
    assert.equal(await verdict("two"), "in");
    await etcd.call("DELETE", "/v2/keys/jti/one");
    await until(async () => (await verdict("one")) === "in");
  });

  test("v2: a value where keys should be is no list", async () => {
    await etcd.call("PUT", "/v2/keys/single", new URLSearchParams({ value: "x" }));
    await started(etcdSettings(`${etcd.url}/v2/keys/single`));
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(await verdict("one"), unknown);
  });

  test("v3: keys with the prefix, while etcd is away the last ones", async () => {
    await etcd.put("jti/three", "");
    await etcd.put("/jti/four", "");
    await etcd.put("other/five", "");
    await started(etcdSettings(etcd.url));
    await until(() => module.waitingFor?.() === undefined);
    assert.equal(await verdict("three"), refused);
    assert.equal(await verdict("four"), refused);
    assert.equal(await verdict("five"), "in");
    await etcd.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.equal(await verdict("three"), refused);
    assert.equal(await verdict("five"), "in");
    await etcd.start();
    await etcd.put("jti/five", "");
    await until(async () => (await verdict("five")) === refused);
  });

  test("with users: both APIs, and nobody is let in with a wrong password (R-ETCD-03, 04)", async () => {
    const login = 'username = "root"\npassword = "quite secret"';
    // Without users in etcd, v3 takes whoever asks.
    await started(etcdSettings(etcd.url, login));
    await until(() => module.waitingFor?.() === undefined);
    await etcd.call("POST", "/v3/auth/user/add", { name: "root", password: "quite secret" });
    await etcd.call("POST", "/v3/auth/user/grant", { user: "root", role: "root" });
    await etcd.call("POST", "/v3/auth/enable", {});
    // The same client goes on, now with a token.
    const token = JSON.parse(
      await etcd.call("POST", "/v3/auth/authenticate", { name: "root", password: "quite secret" }),
    ).token as string;
    await etcd.put("jti/six", "", token);
    await until(async () => (await verdict("six")) === refused);

    await started(etcdSettings(etcd.url, login.replace("quite", "not")));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await verdict("none"), unknown);
    await started(etcdSettings(etcd.url));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await verdict("none"), unknown);

    await etcd.call("PUT", "/v2/auth/users/root", { user: "root", password: "quite secret" });
    await etcd.call("PUT", "/v2/auth/enable");
    const basic = { authorization: `Basic ${Buffer.from("root:quite secret").toString("base64")}` };
    const guest = { role: "guest", revoke: { kv: { read: ["/*"], write: ["/*"] } } };
    await etcd.call("PUT", "/v2/auth/roles/guest", guest, basic);
    await etcd.call("PUT", "/v2/keys/jti/seven", new URLSearchParams({ value: "x" }), basic);
    await started(etcdSettings(`${etcd.url}/v2/keys/jti/`));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await verdict("none"), unknown);
    await started(etcdSettings(`${etcd.url}/v2/keys/jti/`, login));
    await until(async () => (await verdict("seven")) === refused);
  });
});

describe("revocation by events of a broker (S-REV-02)", { skip: noRabbitMq }, () => {
  const certificate = identity("localhost", { type: 7, ip: "127.0.0.1" });
  let rabbit: RabbitMq;
  let server: ListServer;
  let listed: string[] = [];

  before(async () => {
    rabbit = await startRabbitMq(certificate);
    server = await startListServer(() => ({ body: JSON.stringify(listed.map((id) => ({ jwt_signature: id }))) }));
  });
  after(async () => {
    await module?.close?.();
    await server.close();
    await rabbit.stop();
  });

  const login = (): string => `${rabbit.username}:${encodeURIComponent(rabbit.password)}`;
  const realtime = (url: string): string => `
[tokenRevocationConfig.realtime]
enableRealtimeMessageRetrieval = true
jmsConnectionProviderUrl = "${url}"
`;
  const original = (): string =>
    `amqp://${login()}@gateway/?brokerlist='tcp://127.0.0.1:1;tcp://127.0.0.1:${rabbit.port}'`;

  test("all forms of an event, garbage between them, and the original's URL with a dead broker first", async () => {
    await started(realtime(original()));
    assert.equal(findings.length, 1);
    assert.match(findings[0] ?? "", /^warning: .*enablePersistentStorageRetrieval: is off/);
    assert.equal(await verdict("any"), unknown);
    assert.equal(module.waitingFor?.(), "what is revoked");
    await until(() => module.waitingFor?.() === undefined);
    assert.equal(await verdict("jti1"), "in");
    const topic = "tokenRevocation";
    await rabbit.publish(topic, jmsMap({ revokedToken: "jti1", ttl: "3600" }));
    await rabbit.publish(topic, "garbage");
    await rabbit.publish(topic, jmsMap({ revokedToken: "", ttl: "3600" }));
    await rabbit.publish(topic, jmsMap({ other: "x" }));
    await rabbit.publish(topic, jmsMap({ revokedToken: "jti2", ttl: "soon" }));
    await rabbit.publish(topic, jmsMap({ revokedToken: "jti3" }));
    await rabbit.publish(topic, jmsMap({ revokedToken: `${jwtHeader}.e30.sig4`, ttl: "60", expiryTime: "0" }));
    await rabbit.publish(topic, '{"revokedToken":"jti5","ttl":3600}', "application/json");
    await rabbit.publish("notification", jmsMap({ revokedToken: "other", ttl: "3600" }));
    await rabbit.publish(topic, jmsMap({ revokedToken: "ended", ttl: "1500000000" }));
    await rabbit.publish(topic, jmsMap({ revokedToken: "last", ttl: "3600" }));
    await until(async () => (await verdict("last")) === refused);
    for (const id of ["jti1", "jti2", "jti3", "sig4", "jti5"]) assert.equal(await verdict("x", id), refused, id);
    for (const id of ["other", "ended", ""]) assert.equal(await verdict(id), "in", id);
  });

  test("over TLS with the listener's trust store, and not without", async () => {
    const { mkdtempSync, rmSync, writeFileSync } = await import("node:fs");
    const folder = mkdtempSync("/tmp/castgate-trust-");
    writeFileSync(`${folder}/broker.pem`, certificate.cert);
    const url = `amqps://${login()}@127.0.0.1:${rabbit.tlsPort}/`;
    await started(realtime(url));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await verdict("any"), unknown);
    await started(`[listenerConfig]\ntrustStorePath = "${folder}"\n${realtime(url)}`);
    await until(() => module.waitingFor?.() === undefined);
    rmSync(folder, { recursive: true });
  });

  test("a wrong password hears nothing", async () => {
    await started(realtime(`amqp://gateway:wrong@127.0.0.1:${rabbit.port}/`));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await verdict("any"), unknown);
  });

  test("a stop does not wait for a broker that has fallen silent", { timeout: 60_000 }, async () => {
    const sockets: Socket[] = [];
    let silent = false;
    const between = createServer((socket) => {
      const broker = connect(rabbit.port, "127.0.0.1");
      sockets.push(socket, broker);
      for (const each of [socket, broker]) each.on("error", () => undefined);
      socket.pipe(broker);
      broker.on("data", (chunk) => silent || socket.write(chunk));
    });
    await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
    const { port } = between.address() as AddressInfo;
    let heard = 0;
    const consumer = new TopicConsumer({
      brokers: [{ ...rabbit, protocol: "amqp", host: "127.0.0.1", port, vhost: "/" }],
      topic: "tokenRevocation",
      ca: () => undefined,
      // Without heartbeats nothing else ends the connection.
      heartbeatSeconds: 0,
      onMessage: () => undefined,
      onGarbage: () => undefined,
      onGap: () => void heard++,
    });
    consumer.start();
    await until(() => heard === 1);
    silent = true;
    await consumer.close();
    await until(() => sockets[0]?.destroyed === true);
    assert.equal(sockets.length, 2, "it does not begin again");
    for (const socket of sockets) socket.destroy();
    between.close();
  });

  test("the broker is stopped and started: what was revoked meanwhile is found", async () => {
    const text = restSettings(server.url).replace("refreshSeconds = 1", "refreshSeconds = 3600");
    await started(text + realtime(original()));
    await until(() => module.waitingFor?.() === undefined);
    await until(async () => {
      // Before it has subscribed, nobody keeps messages for it.
      await rabbit.publish("tokenRevocation", jmsMap({ revokedToken: "told", ttl: "3600" }));
      return (await verdict("told")) === refused;
    });
    const { length } = server.asked;
    await rabbit.kill();
    listed = ["meanwhile"];
    assert.equal(await verdict("told"), refused);
    await rabbit.start();
    await until(async () => (await verdict("meanwhile")) === refused);
    assert.ok(server.asked.length > length);
    assert.equal(await verdict("told"), refused);
    await until(async () => {
      await rabbit.publish("tokenRevocation", jmsMap({ revokedToken: "afterwards", ttl: "3600" }));
      return (await verdict("afterwards")) === refused;
    });
  });
});
