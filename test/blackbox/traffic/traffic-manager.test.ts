import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { jmsMap, noRabbitMq, type RabbitMq, startRabbitMq } from "../../support/rabbitmq.ts";
import { compileParts, definition, get } from "../../support/security-project.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { StubBackend } from "../../support/stub-backend.ts";
import { TestIssuer } from "../../support/test-issuer.ts";

const project = (): Promise<CompiledProject> =>
  compileParts("managed", {
    compatibility: "wso2-3.2",
    // No tier is defined: without a traffic manager each request would get 500/900809.
    policies: {},
    apis: {
      shop: definition(
        "Shop",
        { security: [{ token: [] }] },
        {
          "/items/{id}": get({ "x-wso2-throttling-tier": "10kPerMin" }),
          "/open": get({ "x-wso2-disable-security": true }),
        },
      ),
    },
  });

const inAnHour = (): string => String(Date.now() + 3_600_000);

/** A gateway, a real broker, and what plays the traffic manager's HTTP part. */
describe("a traffic manager decides in place of the gateway", { skip: noRabbitMq }, () => {
  const issuer = new TestIssuer("https://issuer.test");
  const secrets = ["events secret", "lists secret"];
  const manager = new ServiceUnderTest();
  let compiled: CompiledProject;
  let backend: StubBackend;
  let rabbit: RabbitMq;
  let gateway: RunningGateway;
  let lists: Readonly<Record<string, unknown>> = { "/keyTemplates": [], "/block": { api: [], user: ["mallory"] } };

  const settings = (): string => `
[throttlingConfig]
enabledGlobalTMEventPublishing = true
enableHeaderConditions = true
enableQueryParamConditions = true
jmsConnectionProviderUrl = "amqp://${rabbit.username}:${encodeURIComponent(rabbit.password)}@gateway/?brokerlist='tcp://127.0.0.1:${rabbit.port}'"
throttleEndpointUrl = "${manager.url}/endpoints"
throttleEndpointbase64Header = "events:events secret"
[throttlingConfig.binary]
enabled = false
[throttlingConfig.dataRetriever]
serverUrl = "${manager.url}/internal/data/v1"
username = "lists"
password = "lists secret"
`;

  before(async () => {
    compiled = await project();
    backend = await StubBackend.start();
    await manager.start();
    manager.answer = (response, { url }) => {
      const list = lists[url.replace("/internal/data/v1", "")];
      response.end(url.startsWith("/internal/") ? JSON.stringify(list) : "");
    };
    rabbit = await startRabbitMq();
    secrets.push(rabbit.password);
    gateway = await startGateway(compiled, { issuer, backend, settings: settings() });
    // Lists are read once more when the broker is heard: they would take back what messages had said before.
    await until(() => manager.requests.filter(({ url }) => url.endsWith("/block")).length > 1);
  });
  after(async () => {
    await gateway?.stop();
    await rabbit?.stop();
    await manager.stop();
    await backend?.stop();
    compiled?.remove();
  });

  const token = (sub: string, id = 7): string =>
    issuer.token({ sub, application: { id, name: "app", owner: "admin", tier: "Gold" }, subscribedAPIs: [] });

  /** Status, and the code of a fault. */
  async function call(path: string, sub = "alice", headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(`${gateway.origin}/shop/${path}`, {
      headers: path.startsWith("open") ? headers : { authorization: `Bearer ${token(sub)}`, ...headers },
    });
    const body = await response.text();
    return response.ok ? "200" : `${response.status} ${JSON.parse(body).fault.code}`;
  }

  const events = (): Record<string, string>[] =>
    manager.requests
      .filter(({ url }) => url === "/endpoints/throttleEventReceiver")
      .map(({ body }) => JSON.parse(body).event.payloadData);

  const decide = (throttleKey: string, more: Readonly<Record<string, string>> = {}): Promise<void> =>
    rabbit.publish("throttleData", jmsMap({ throttleKey, isThrottled: "true", expiryTimeStamp: inAnHour(), ...more }));

  test("each request that is let in is told once, with the keys of the original (R-DTH-01, 02, 10, 12)", async () => {
    assert.equal(await call("items/1?a=1&a=2", "alice", { "x-kind": "big", cookie: "secret=1" }), "200");
    await until(async () => events().length > 0);
    const [event, ...more] = events() as [Record<string, string>, ...Record<string, string>[]];
    assert.deepEqual(more, []);
    const { messageID, properties, ...rest } = event;
    assert.match(messageID as string, /./);
    assert.deepEqual(rest, {
      appKey: "7:alice",
      appTier: "Gold",
      apiKey: "/shop/1.0.0:1.0.0",
      apiTier: "",
      subscriptionKey: "7:/shop:1.0.0",
      subscriptionTier: "Default",
      resourceKey: "/shop/1.0.0/items/{id}:GET",
      resourceTier: "10kPerMin",
      userId: "alice",
      apiContext: "/shop",
      apiVersion: "1.0.0",
      appTenant: "carbon.super",
      apiTenant: "carbon.super",
      appId: "7",
      apiName: "Shop",
    });
    const told = JSON.parse(properties as string);
    assert.deepEqual([told.ip, told.ipv6, told.a, told["x-kind"]], [0x7f000001, 0, "2", "big"]);
    assert.deepEqual([told.authorization, told.cookie], [undefined, undefined]);
    const asked = manager.requests.filter(({ url }) => url.startsWith("/endpoints/"))[0];
    assert.equal(asked?.method, "POST");
    assert.equal(asked?.headers.authorization, `Basic ${Buffer.from("events:events secret").toString("base64")}`);
    const list = manager.requests.find(({ url }) => url === "/internal/data/v1/block");
    assert.equal(list?.headers.authorization, `Basic ${Buffer.from("lists:lists secret").toString("base64")}`);
  });

  test("a client without a token is told by its address", async () => {
    const before = events().length;
    assert.equal(await call("open"), "200");
    await until(async () => events().length > before);
    const event = events().at(-1);
    assert.deepEqual(
      [event?.appKey, event?.subscriptionKey, event?.subscriptionTier, event?.userId],
      ["127.0.0.1:anonymous", "127.0.0.1:/shop:1.0.0", "Unauthenticated", "anonymous"],
    );
  });

  test("decisions for an application, a subscription and an address; what is refused is not told (section 3.4)", async () => {
    await decide("7:bob");
    await until(async () => (await call("items/1", "bob")) === "429 900803");
    assert.equal(await call("items/1", "alice"), "200");
    await decide("127.0.0.1:/shop:1.0.0");
    await until(async () => (await call("open")) === "429 900804");
    await rabbit.publish("throttleData", JSON.stringify({ throttleKey: "127.0.0.1:/shop:1.0.0", isThrottled: false }));
    await until(async () => (await call("open")) === "200");
    const before = events().length;
    assert.equal(await call("items/1", "bob"), "429 900803");
    assert.equal(await call("items/1", "alice"), "200");
    await until(async () => events().length > before);
    assert.deepEqual(
      events()
        .slice(before)
        .map(({ userId }) => userId),
      ["alice"],
    );
  });

  test("a decision with a condition refuses whom it is met by (R-DTH-11)", async () => {
    const conditions = [{ header: { values: { "x-kind": "^big$" }, invert: false } }];
    const evaluatedConditions = Buffer.from(JSON.stringify(conditions)).toString("base64");
    await decide("/shop/1.0.0/items/{id}:GET_condition_0", { evaluatedConditions });
    await until(async () => (await call("items/1", "alice", { "x-kind": "big" })) === "429 900802");
    assert.equal(await call("items/1", "alice", { "x-kind": "small" }), "200");
  });

  test("custom policies by their templates (R-DTH-09, S-ERR-20)", async () => {
    await rabbit.publish("throttleData", jmsMap({ keyTemplateValue: "$userId:$apiContext", keyTemplateState: "add" }));
    await decide("carol:/shop");
    await until(async () => (await call("items/1", "carol")) === "429 900806");
    await rabbit.publish(
      "throttleData",
      jmsMap({ keyTemplateValue: "$userId:$apiContext", keyTemplateState: "remove" }),
    );
    await until(async () => (await call("items/1", "carol")) === "200");
  });

  test("deny conditions, from the list and from messages; not without a token (R-DTH-07, 08, S-ERR-21)", async () => {
    assert.equal(await call("items/1", "mallory"), "403 900805");
    const deny = (state: string): Promise<void> =>
      rabbit.publish(
        "throttleData",
        jmsMap({
          blockingCondition: "IPRANGE",
          conditionValue: JSON.stringify({ startingIp: "127.0.0.1", endingIp: "127.0.0.9", invert: false }),
          state,
          id: "3",
          tenantDomain: "carbon.super",
        }),
      );
    await deny("true");
    await until(async () => (await call("items/1")) === "403 900805");
    assert.equal(await call("open"), "200");
    await deny("false");
    await until(async () => (await call("items/1")) === "200");
  });

  test("while the broker is down what was decided holds, and lists are read again once it is back", async () => {
    await decide("7:dave");
    await until(async () => (await call("items/1", "dave")) === "429 900803");
    await rabbit.kill();
    await until(async () => gateway.log().includes("broker away"));
    lists = { "/keyTemplates": [], "/block": { api: [], user: ["mallory", "eve"] } };
    for (const [sub, expected] of [
      ["dave", "429 900803"],
      ["mallory", "403 900805"],
      ["alice", "200"],
    ] as const)
      assert.equal(await call("items/1", sub), expected);
    assert.equal((await fetch(`${gateway.origin}/readyz`)).status, 200);
    await rabbit.start();
    await until(async () => (await call("items/1", "eve")) === "403 900805");
    assert.equal(await call("items/1", "dave"), "429 900803");
    // The list may have come before the gateway listens to the broker again, which keeps nothing for it.
    await until(async () => {
      await decide("7:frank");
      return (await call("items/1", "frank")) === "429 900803";
    });
  });

  test("while the receiver is down requests go on, and events are told again once it is back (R-DTH-04)", async () => {
    await manager.stop();
    for (let i = 0; i < 5; i++) assert.equal(await call("items/1"), "200");
    await until(async () => gateway.log().includes("throttling events were lost"));
    assert.equal(await call("items/1", "dave"), "429 900803");
    const before = events().length;
    await manager.start();
    await until(async () => {
      await call("items/2", "grace");
      return events()
        .slice(before)
        .some(({ userId }) => userId === "grace");
    });
  });

  test("it stops cleanly, and has told no secret", async () => {
    const { code } = await gateway.stop();
    assert.equal(code, 0);
    for (const secret of secrets) assert.ok(!gateway.log().includes(secret), secret);
  });

  test("the binary protocol, known passwords and counts in Redis beside it stop the start, all at once (R-DTH-02)", async () => {
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      const options = ["--check-config", "--throttlingConfig.enabledGlobalTMEventPublishing=true"];
      execFile(
        process.execPath,
        [compiled.bundle, ...options, "--castgate.redis.url=redis://127.0.0.1:1"],
        { cwd: compiled.folder },
        (error, _stdout, stderr) => resolve({ code: error?.code, stderr }),
      );
    });
    assert.equal(code, 78);
    assert.match(stderr, /throttlingConfig\.binary\.enabled.*not built; set it to false/);
    assert.match(stderr, /throttlingConfig\.enabledGlobalTMEventPublishing.*castgate\.redis\.url/);
    assert.match(stderr, /throttlingConfig\.throttleEndpointbase64Header.*admin/);
    assert.match(stderr, /throttlingConfig\.dataRetriever\.password.*admin/);
  });
});

/** Before it is known who is denied, nobody is let in. */
describe("a traffic manager that is not there at the start", () => {
  const issuer = new TestIssuer("https://issuer.test");
  const manager = new ServiceUnderTest();
  let compiled: CompiledProject;
  let backend: StubBackend;
  let gateway: RunningGateway;

  before(async () => {
    compiled = await project();
    backend = await StubBackend.start();
    await manager.start();
    await manager.stop();
    gateway = await startGateway(compiled, {
      issuer,
      backend,
      waitFor: "/livez",
      settings: `
[throttlingConfig]
enabledGlobalTMEventPublishing = true
jmsConnectionProviderUrl = "amqp://gateway:secret@127.0.0.1:1/"
throttleEndpointUrl = "${manager.url}/endpoints"
throttleEndpointbase64Header = "events:events secret"
binary.enabled = false
dataRetriever = { serverUrl = "${manager.url}/internal/data/v1", username = "lists", password = "lists secret" }
`,
    });
  });
  after(async () => {
    await gateway?.stop();
    await manager.stop();
    await backend?.stop();
    compiled?.remove();
  });

  test("503 until its lists are read, then requests are decided; the gateway is ready once decisions are heard (R-DTH-08)", async () => {
    const url = `${gateway.origin}/shop/open`;
    assert.equal((await fetch(url)).status, 503);
    assert.equal((await fetch(`${gateway.origin}/readyz`)).status, 503);
    assert.equal(backend.seen.length, 0);
    manager.answer = (response, { url }) => void response.end(url.endsWith("/block") ? "{}" : "[]");
    await manager.start();
    await until(async () => (await fetch(url)).status === 200);
    const ready = await fetch(`${gateway.origin}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /traffic manager/);
  });
});
