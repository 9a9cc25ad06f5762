import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { until } from "../support/debian-services.ts";
import {
  type CompiledProject,
  compileProject,
  type RunningGateway,
  startGateway,
} from "../support/gateway-under-test.ts";
import { type ListAnswer, type ListServer, startListServer } from "../support/list-server.ts";
import { jmsMap, noRabbitMq, type RabbitMq, startRabbitMq } from "../support/rabbitmq.ts";
import { StubBackend } from "../support/stub-backend.ts";
import { TestIssuer } from "../support/test-issuer.ts";

/** A gateway beside a real broker, and beside what plays API Manager's REST part. */
describe("revocation and subscriptions of a running gateway", { skip: noRabbitMq }, () => {
  const issuer = new TestIssuer("https://issuer.test");
  const secrets = new Set(["hub secret", "list secret"]);
  let project: CompiledProject;
  let backend: StubBackend;
  let rabbit: RabbitMq;
  let manager: ListServer;
  let gateway: RunningGateway;
  let revoked: object[] = [];
  const keys: object[] = [
    { applicationId: 1, consumerKey: "shop app", keyType: "PRODUCTION" },
    { applicationId: 2, consumerKey: "team app", keyType: "PRODUCTION" },
  ];
  const subscription = { policyId: "Unlimited", apiId: 7, subscriptionState: "UNBLOCKED" };
  const lists: Readonly<Record<string, readonly object[]>> = {
    "application-key-mappings": keys,
    applications: [
      { id: 1, name: "one", policy: "Unlimited" },
      { id: 2, name: "two", policy: "team" },
    ],
    apis: [{ apiId: 7, name: "Orders", version: "1.2.0", context: "/orders/1.2.0" }],
    subscriptions: [
      { ...subscription, subscriptionId: 1, appId: 1 },
      { ...subscription, subscriptionId: 2, appId: 2 },
    ],
  };

  /** Lists as a whole; on a look-up there is nothing more. */
  function answer(target: string): ListAnswer {
    if (target === "/internal/data/v1/revokedjwt") return { body: JSON.stringify(revoked) };
    const list = target.includes("?") ? [] : lists[target.slice("/internal/data/v1/".length)];
    return list === undefined ? { status: 404, body: "" } : { body: JSON.stringify({ count: list.length, list }) };
  }

  const settings = (): string => {
    const broker = `amqp://${rabbit.username}:${encodeURIComponent(rabbit.password)}@gateway/?brokerlist='tcp://127.0.0.1:${rabbit.port}'`;
    secrets.add(rabbit.password).add(encodeURIComponent(rabbit.password));
    return `
[security]
validateSubscriptions = true
[apim.eventHub]
enable = true
serviceUrl = "${manager.url}"
username = "hub"
password = "hub secret"
eventListeningEndpoints = "${broker}"
[tokenRevocationConfig.realtime]
enableRealtimeMessageRetrieval = true
jmsConnectionProviderUrl = "${broker}"
[tokenRevocationConfig.persistent]
enablePersistentStorageRetrieval = true
endpointURL = "${manager.url}/internal/data/v1"
username = "list"
password = "list secret"
[castgate.revocation]
refreshSeconds = 3600
`;
  };

  before(async () => {
    project = await compileProject(path.join(import.meta.dirname, "../../fixtures/shop"));
    backend = await StubBackend.start();
    manager = await startListServer((request) => answer(request.url ?? ""));
    rabbit = await startRabbitMq();
    gateway = await startGateway(project, { issuer, backend, settings: settings() });
  });
  after(async () => {
    await gateway?.stop();
    await rabbit?.stop();
    await manager?.close();
    await backend?.stop();
    project?.remove();
  });

  function token(claims: Readonly<Record<string, unknown>>): string {
    const text = issuer.token({ aud: "shop app", ...claims });
    secrets.add(text);
    return text;
  }

  /** Status, and the code of a fault. */
  async function call(
    text: string,
    headers: Record<string, string> = { "x-orders-auth": `Bearer ${text}` },
  ): Promise<string> {
    const response = await fetch(`${gateway.origin}/orders/1.2.0/orders/1`, { headers });
    const body = await response.text();
    return response.ok ? "200" : `${response.status} ${JSON.parse(body).fault.code}`;
  }

  test("a client that the hub does not know, and one that it does", async () => {
    assert.equal(await call(token({ aud: "nobody" })), "403 900908");
    assert.equal(backend.seen.length, 0);
    assert.equal(await call(token({ jti: "known" })), "200");
  });

  test("the tier of the application is the hub's: four a day", async () => {
    const text = token({ aud: "team app" });
    const seen: string[] = [];
    for (let i = 0; i < 5; i++) seen.push(await call(text));
    assert.deepEqual(seen, ["200", "200", "200", "200", "429 900803"]);
  });

  test("a subscription that is blocked by an event, and allowed again", async () => {
    const text = token({ jti: "subscriber" });
    const tell = (subscriptionState: string, timestamp: number): Promise<void> => {
      const event = { ...subscription, subscriptionId: 1, applicationId: 1, subscriptionState };
      return rabbit.publish(
        "notification",
        jmsMap({
          eventType: "SUBSCRIPTIONS_UPDATE",
          timestamp: String(timestamp),
          event: Buffer.from(JSON.stringify(event)).toString("base64"),
        }),
      );
    };
    await until(async () => {
      await tell("BLOCKED", 1_000);
      return (await call(text)) === "401 900907";
    });
    await tell("UNBLOCKED", 2_000);
    await until(async () => (await call(text)) === "200");
  });

  test("tokens that are in the cache are revoked by their id and by their text, one without an id too", async () => {
    const byId = token({ jti: "to be revoked" });
    const byText = token({ sub: "no id" });
    const kept = token({ jti: "kept" });
    for (const text of [byId, byText, kept]) assert.equal(await call(text), "200");
    await rabbit.publish("tokenRevocation", jmsMap({ revokedToken: "to be revoked", ttl: "3600" }));
    await rabbit.publish("tokenRevocation", jmsMap({ revokedToken: byText, ttl: "3600" }));
    await until(async () => (await call(byText)) === "401 900901");
    assert.equal(await call(byId), "401 900901");
    assert.equal(await call(kept), "200");
  });

  test("an API key is revoked by its id (S-SEC-04)", async () => {
    const key = token({ iss: `${issuer.name}/apikey`, jti: "a key" });
    const order = async (): Promise<number> => {
      const url = `${gateway.origin}/orders/1.2.0/orders`;
      return (await fetch(url, { method: "POST", headers: { "x-key": key } })).status;
    };
    assert.equal(await order(), 200);
    await rabbit.publish("tokenRevocation", jmsMap({ revokedToken: "a key", ttl: "3600" }));
    await until(async () => (await order()) === 401);
  });

  test("what is revoked while the broker is down is refused once it is back, what was before all along", async () => {
    const before = token({ jti: "before" });
    const meanwhile = token({ jti: "meanwhile" });
    await rabbit.publish("tokenRevocation", jmsMap({ revokedToken: "before", ttl: "3600" }));
    await until(async () => (await call(before)) === "401 900901");
    assert.equal(await call(meanwhile), "200");
    await rabbit.kill();
    assert.equal((await fetch(`${gateway.origin}/readyz`)).status, 200);
    revoked = [{ jwt_signature: "meanwhile", expiry_time: Date.now() + 3_600_000 }];
    assert.equal(await call(before), "401 900901");
    await rabbit.start();
    await until(async () => (await call(meanwhile)) === "401 900901");
    assert.equal(await call(before), "401 900901");
  });

  test("settings are checked without a stay at the broker", async () => {
    const config = gateway.process.spawnargs.find((argument) => argument.endsWith("micro-gw.conf")) as string;
    const { stdout } = await promisify(execFile)(process.execPath, [
      project.bundle,
      "--config",
      config,
      "--check-config",
    ]);
    assert.match(stdout, /The settings are fine/);
  });

  test("it stops cleanly, and has told no secret", async () => {
    const { code } = await gateway.stop();
    assert.equal(code, 0);
    const log = gateway.log();
    assert.match(log, /broker away/);
    for (const secret of secrets) assert.ok(!log.includes(secret), secret);
  });
});
