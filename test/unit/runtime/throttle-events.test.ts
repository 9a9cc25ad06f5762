import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ServiceClient } from "../../../runtime-lib/service-client.ts";
import { EventPublisher, type ThrottleEvent } from "../../../runtime-lib/throttle-events.ts";
import { until } from "../../support/debian-services.ts";
import { ServiceUnderTest } from "../../support/service-under-test.ts";

const event = (messageID: string): ThrottleEvent => ({
  messageID,
  appKey: "7:alice",
  appTier: "Unlimited",
  apiKey: "/shop/1:1",
  apiTier: "",
  subscriptionKey: "7:/shop:1",
  subscriptionTier: "Default",
  resourceKey: "/shop/1/a:GET",
  resourceTier: "Unlimited",
  userId: "alice",
  apiContext: "/shop",
  apiVersion: "1",
  appTenant: "carbon.super",
  apiTenant: "carbon.super",
  appId: "7",
  apiName: "Shop",
  properties: "{}",
});

describe("telling a traffic manager of requests", () => {
  let receiver: ServiceUnderTest;
  let publisher: EventPublisher;
  const told = (): string[] => receiver.requests.map(({ body }) => JSON.parse(body).event.payloadData.messageID);

  beforeEach(async () => {
    receiver = await new ServiceUnderTest().start();
    const client = new ServiceClient(`${receiver.url}/endpoints`, {
      timeoutMs: 5_000,
      maxBytes: 65_536,
      ca: undefined,
      proxy: undefined,
    });
    const retries = { firstRetryMs: 1, longestRetryMs: 20 };
    publisher = new EventPublisher({ client, authorization: "Basic x", queueSize: 3, concurrency: 2, ...retries });
  });
  afterEach(async () => {
    await publisher.close();
    await receiver.stop();
  });

  test("all fields in the order of the stream, in the receiver's wrapping (R-DTH-01, 02)", async () => {
    publisher.publish(event("one"));
    await until(() => receiver.requests.length === 1);
    const [{ method, url, headers, body } = assert.fail()] = receiver.requests;
    assert.deepEqual([method, url, headers.authorization], ["POST", "/endpoints/throttleEventReceiver", "Basic x"]);
    assert.equal(
      body,
      '{"event":{"metaData":{},"correlationData":{},"payloadData":{"messageID":"one","appKey":"7:alice","appTier":"Unlimited",' +
        '"apiKey":"/shop/1:1","apiTier":"","subscriptionKey":"7:/shop:1","subscriptionTier":"Default",' +
        '"resourceKey":"/shop/1/a:GET","resourceTier":"Unlimited","userId":"alice","apiContext":"/shop","apiVersion":"1",' +
        '"appTenant":"carbon.super","apiTenant":"carbon.super","appId":"7","apiName":"Shop","properties":"{}"}}}',
    );
  });

  test("not on the request's path, and no more at a time than asked for; what finds no room is dropped", async () => {
    const held: (() => void)[] = [];
    receiver.answer = (response) => void held.push(() => response.end());
    for (const id of ["1", "2", "3", "4", "5"]) publisher.publish(event(id));
    assert.equal(publisher.waiting, 3);
    await until(() => held.length === 2);
    assert.deepEqual([told().sort(), publisher.waiting], [["1", "2"], 1]);
    receiver.answer = (response) => void response.end();
    for (const answer of held) answer();
    await until(() => told().length === 3);
    assert.deepEqual(told().sort(), ["1", "2", "3"]);
  });

  test("other answers than 200 are not asked about again (R-DTH-02)", async () => {
    receiver.json({}, 500);
    publisher.publish(event("1"));
    await until(() => told().length === 1);
    receiver.json({});
    publisher.publish(event("2"));
    await until(() => told().length === 2);
    assert.deepEqual(told(), ["1", "2"]);
  });

  test("while nobody is there events wait, up to the bound; then they come", async () => {
    await receiver.stop();
    for (let i = 0; i < 20; i++) {
      publisher.publish(event(String(i)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(publisher.waiting <= 3);
    await receiver.start();
    await until(() => {
      publisher.publish(event("last"));
      return told().includes("last");
    });
  });

  test("the end waits for those that are being told", async () => {
    publisher.publish(event("1"));
    publisher.publish(event("2"));
    await publisher.close();
    assert.deepEqual(told().sort(), ["1", "2"]);
    publisher.publish(event("3"));
    assert.equal(publisher.waiting, 0);
  });
});
