import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { MapMessage } from "../../../runtime-lib/amqp-message.ts";
import { TopicConsumer } from "../../../runtime-lib/amqp-topic.ts";
import { api } from "../../../runtime-lib/api.ts";
import type { Caller } from "../../../runtime-lib/caller.ts";
import { ServiceClient } from "../../../runtime-lib/service-client.ts";
import { EventPublisher } from "../../../runtime-lib/throttle-events.ts";
import { ManagedOperation, managed, manageThrottling, unknownTier } from "../../../runtime-lib/throttle-managed.ts";
import { TrafficManager } from "../../../runtime-lib/traffic-manager.ts";
import { until } from "../../support/debian-services.ts";
import { RecordedExchange } from "../../support/recorded-exchange.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";
import { verifiedCaller } from "../../support/verified-caller.ts";

const shop = api({ name: "Shop", version: "1.0.0", basePath: "/shop/1.0.0", challenges: ["oauth2"] });
const alice = verifiedCaller({ application: { id: "7", tier: "Gold", subscriptions: [] } });

describe("names of operations (section 3.2)", () => {
  const keysOf = (basePath: string, apiTier?: string) => {
    const at = api({ name: "Shop", version: "1.0.0", basePath, challenges: [] });
    const options = { method: "GET", template: "/a/{id}", ...(apiTier !== undefined && { apiTier }) };
    const { apiKey, resourceKey, apiSuffix, tenant } = new ManagedOperation(at, options);
    return [apiKey, resourceKey, apiSuffix, tenant];
  };

  test("the version stands behind the base path, for an API unless it ends with it", () => {
    const resource = "/shop/1.0.0/1.0.0/a/{id}:GET";
    assert.deepEqual(keysOf("/shop/1.0.0"), ["/shop/1.0.0:1.0.0", resource, "/shop/1.0.0:1.0.0", "carbon.super"]);
    assert.deepEqual(keysOf("/shop").slice(0, 2), ["/shop/1.0.0:1.0.0", "/shop/1.0.0/a/{id}:GET"]);
    assert.deepEqual(keysOf("/").slice(0, 2), ["/1.0.0:1.0.0", "/1.0.0/a/{id}:GET"]);
    assert.equal(keysOf("/t/red.test/shop")[3], "red.test");
  });
});

describe("limits that a traffic manager may take over", () => {
  test("those that are compiled in hold unless it does", () => {
    const x = new RecordedExchange();
    const own = managed(shop, { method: "GET", template: "/a" }, unknownTier("Nope"));
    const none = managed(shop, { method: "GET", template: "/a" });
    const code = async (limits: typeof own) => {
      const verdict = await limits.admit(x, undefined);
      return verdict.allowed ? "allowed" : `${verdict.code} ${verdict.tier.tier}`;
    };
    return Promise.all([code(own), code(none)]).then((codes) => assert.deepEqual(codes, ["900809 Nope", "allowed"]));
  });

  test("where it does, they are not asked", async () => {
    const own = managed(shop, { method: "GET", template: "/a" }, unknownTier("Nope"));
    manageThrottling({ admit: () => ({ allowed: true, overQuota: false }) });
    const verdict = await own.admit(new RecordedExchange(), undefined);
    manageThrottling(undefined);
    assert.equal(verdict.allowed, true);
  });
});

describe("what a traffic manager decides", () => {
  const service = new ServiceUnderTest();
  const operation = new ManagedOperation(shop, { method: "GET", template: "/a", resourceTier: "Few" });
  let manager: TrafficManager;
  let say: (message: Readonly<Record<string, unknown>>) => void;
  let block: unknown;

  beforeEach(async () => {
    block = {};
    await service.start();
    service.answer = (response, { url }) => void response.end(JSON.stringify(url === "/block" ? block : []));
    const limits = { timeoutMs: 5_000, maxBytes: 65_536, ca: undefined, proxy: undefined };
    const client = () => new ServiceClient(service.url, limits);
    manager = new TrafficManager({
      denyUnknown: true,
      refreshMs: 3_600_000,
      properties: { headers: false, query: false, claims: false },
      publisher: new EventPublisher({ client: client(), authorization: "", queueSize: 10, concurrency: 1 }),
      lists: { client: client(), authorization: "" },
      events: ({ onMessage, ...calls }) => {
        say = (message) => onMessage(new Map(Object.entries(message)) as MapMessage, undefined);
        const nobody = {
          protocol: "amqp",
          host: "127.0.0.1",
          port: 1,
          username: "",
          password: "",
          vhost: "/",
        } as const;
        return new TopicConsumer({
          brokers: [nobody],
          topic: "throttleData",
          ca: () => undefined,
          heartbeatSeconds: 10,
          onMessage,
          ...calls,
        });
      },
    });
  });
  afterEach(async () => {
    await manager.close();
    await service.stop();
  });

  function verdict(
    caller: Caller | undefined,
    compatibility: "wso2-3.2" | "standard" = "wso2-3.2",
    at = operation,
  ): string {
    const found = manager.admit(new RecordedExchange({ compatibility }), caller, at);
    return found.allowed ? "allowed" : `${found.code} ${found.level}`;
  }

  const decide = (throttleKey: string, isThrottled = true): void =>
    say({ throttleKey, isThrottled, expiryTimeStamp: Date.now() + 3_600_000 });

  test("503 until it is known who is denied (R-DTH-08)", async () => {
    assert.equal(verdict(alice), "503 deny");
    await until(() => verdict(alice) === "allowed");
    assert.match(manager.waitingFor() ?? "", /decisions/);
  });

  test("levels in their order: API, resource, subscription, application, custom (section 3.4)", async () => {
    await until(() => verdict(alice) === "allowed");
    say({ keyTemplateValue: "$appId:$userId:$clientIp", keyTemplateState: "add" });
    const expected: string[] = [];
    for (const [key, outcome] of [
      ["7:alice:192.0.2.1", "900806 custom"],
      ["7:alice", "900803 application"],
      ["7:/shop/1.0.0:1.0.0", "900804 subscription"],
      ["/shop/1.0.0/1.0.0/a:GET", "900802 resource"],
      ["/shop/1.0.0:1.0.0_default", "900800 api"],
    ] as const) {
      decide(key);
      expected.push(outcome);
      assert.equal(verdict(alice), outcome);
    }
    decide("/shop/1.0.0:1.0.0_default", false);
    assert.equal(verdict(alice), "900802 resource");
    // With a tier of its API, an operation has none of its own.
    const tiered = new ManagedOperation(shop, { method: "GET", template: "/a", apiTier: "Gold" });
    assert.equal(verdict(alice, "wso2-3.2", tiered), "900804 subscription");
    assert.equal(expected.length, 5);
  });

  test("without a token custom policies come before the client's address", async () => {
    await until(() => verdict(undefined) === "allowed");
    say({ keyTemplateValue: "$userId", keyTemplateState: "add" });
    decide("192.0.2.1:/shop/1.0.0:1.0.0");
    assert.equal(verdict(undefined), "900804 unauthenticated");
    decide("anonymous");
    assert.equal(verdict(undefined), "900806 custom");
  });

  test("deny conditions come first; without a token in standard alone (R-DTH-07)", async () => {
    block = { api: ["/shop/1.0.0"] };
    await until(() => verdict(alice) === "900805 deny");
    decide("/shop/1.0.0:1.0.0");
    assert.equal(verdict(alice), "900805 deny");
    assert.equal(verdict(undefined), "900800 api");
    assert.equal(verdict(undefined, "standard"), "900805 deny");
  });

  test("who subscribed and with what: from the token", async () => {
    block = { application: ["bob:app"] };
    await until(() => verdict(alice) === "allowed");
    const application = { id: 7, name: "app", owner: "bob" };
    assert.equal(verdict({ ...alice, claims: { application } }), "900805 deny");
    assert.equal(verdict({ ...alice, claims: { application: { ...application, owner: "eve" } } }), "allowed");
  });
});
