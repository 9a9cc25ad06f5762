import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Broker, brokersOf, isExposed } from "../../../runtime-lib/amqp-url.ts";

const broker = { protocol: "amqp", host: "mq", port: 5672, username: "u", password: "p", vhost: "/" } as const;

const right: readonly (readonly [text: string, brokers: readonly Broker[]])[] = [
  ["amqp://u:p@mq", [broker]],
  ["amqp://u:p@mq/", [broker]],
  ["amqp://u:p@mq:5673/%2Fa", [{ ...broker, port: 5673, vhost: "/a" }]],
  ["amqps://u:p%40q@mq/carbon", [{ ...broker, protocol: "amqps", port: 5671, password: "p@q", vhost: "carbon" }]],
  ["amqp://u:p@[::1]:1/", [{ ...broker, host: "::1", port: 1 }]],
  ["amqp://u:p@mq, amqps://u:p@mq", [broker, { ...broker, protocol: "amqps", port: 5671 }]],
  ["amqp://u:p@id/carbon?brokerlist='tcp://mq:5672'", [{ ...broker, vhost: "carbon" }]],
  ["amqp://u:a@b:c@id/carbon?brokerlist='tcp://mq'", [{ ...broker, password: "a@b:c", vhost: "carbon" }]],
  [
    "amqp://u:p@id/carbon?failover='roundrobin'&brokerlist='tcp://one:1?retries='5'&connectdelay='50';tcp://two:2'",
    [
      { ...broker, vhost: "carbon", host: "one", port: 1 },
      { ...broker, vhost: "carbon", host: "two", port: 2 },
    ],
  ],
  [
    "amqp://u:p@id/carbon?brokerlist='tcp://mq:8672?ssl='true'&trust_store='x'&trust_store_password='y''",
    [{ ...broker, protocol: "amqps", vhost: "carbon", port: 8672 }],
  ],
  ["amqp://u:p@id/?brokerlist='tcp://[::1]:5672'", [{ ...broker, host: "::1" }]],
];

describe("URLs of brokers (S-REV-02, S-SUB-07)", () => {
  for (const [text, brokers] of right) test(text, () => assert.deepEqual(brokersOf([text]), brokers));

  for (const text of [
    "",
    "mq:5672",
    "http://secret:secret@mq",
    "amqp://secret:secret@id/carbon?brokerlist=''",
    "amqp://secret:secret@id/carbon?brokerlist='vm://:1'",
    "amqp://secret:secret@id/carbon?brokerlist='tcp://mq:99999'",
    "amqp://secret:secret@id/carbon?brokerlist='tcp://mq:5672 secret'",
  ])
    test(`"${text}" is refused, or read without a word of its secrets`, () => {
      const found = brokersOf([text]);
      if (typeof found === "string") assert.doesNotMatch(found, /secret/);
      else assert.equal(found[0]?.host, "mq");
    });

  test("what can be read on the way is known", () => {
    assert.equal(isExposed(broker), true);
    assert.equal(isExposed({ ...broker, protocol: "amqps" }), false);
    assert.equal(isExposed({ ...broker, host: "127.0.0.1" }), false);
  });
});
