import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { TopicConsumer, type TopicOptions } from "../../../runtime-lib/amqp-topic.ts";
import type { Broker } from "../../../runtime-lib/amqp-url.ts";
import { until } from "../../support/debian-services.ts";

/** Says nothing, and ends no connection: what is written to it is taken. */
class SilentBroker {
  readonly sockets: Socket[] = [];
  /** What it was sent, connection by connection. */
  readonly received: string[] = [];
  /** Said at the first bytes of a connection. */
  greeting = Buffer.alloc(0);
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => {
    const index = this.sockets.push(socket) - 1;
    this.received.push("");
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      if (this.received[index] === "" && this.greeting.length > 0) socket.write(this.greeting);
      this.received[index] += chunk.toString("latin1");
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get broker(): Broker {
    const { port } = this.#server.address() as AddressInfo;
    return { protocol: "amqp", host: "127.0.0.1", port, username: "gateway", password: "a secret", vhost: "/" };
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }
}

function longText(text: string): readonly number[] {
  return [0, 0, 0, text.length, ...Buffer.from(text)];
}

/** A method on channel 0. */
function frame(method: readonly number[]): Buffer {
  return Buffer.from([1, 0, 0, 0, 0, 0, method.length, ...method, 0xce]);
}

describe("a stop does not wait for a broker that has taken the connection and says nothing", () => {
  const silent = new SilentBroker();
  before(() => silent.start());
  after(() => silent.stop());

  const consumerOf = (more: Partial<TopicOptions> = {}): TopicConsumer =>
    new TopicConsumer({
      brokers: [silent.broker],
      topic: "tokenRevocation",
      ca: () => undefined,
      heartbeatSeconds: 0,
      onMessage: () => assert.fail("no message was sent"),
      onGarbage: () => assert.fail("no message was sent"),
      onGap: () => assert.fail("it was never heard"),
      ...more,
    });

  for (const [when, greeting] of [
    ["from the beginning", Buffer.alloc(0)],
    // Half a frame: the broker has begun to speak.
    ["amidst its first frame", Buffer.from([1, 0, 0, 0, 0, 1, 0, 0])],
  ] as const)
    test(when, async () => {
      silent.greeting = greeting;
      const number = silent.sockets.length;
      const consumer = consumerOf();
      consumer.start();
      await until(() => (silent.received[number] ?? "").startsWith("AMQP"));
      // amqplib gives up after ten seconds, and then the connection ends: the stop is over before that.
      let givenUp = false;
      silent.sockets[number]?.on("end", () => {
        givenUp = true;
      });
      await consumer.close();
      assert.equal(givenUp, false);
      assert.equal(consumer.state.connected, false);
      silent.sockets[number]?.destroy();
    });

  test("one that opens a connection and no channel is left for the next try", async () => {
    silent.greeting = Buffer.alloc(0);
    const { length } = silent.sockets;
    const consumer = consumerOf({ answerTimeoutMs: 1_000, firstRetryMs: 1, longestRetryMs: 1 });
    consumer.start();
    for (const index of [length, length + 1]) {
      await until(() => silent.sockets.length > index);
      const socket = silent.sockets[index] as Socket;
      // Connection.Start, Connection.Tune and Connection.OpenOk, each when its turn has come.
      const start = [0, 10, 0, 10, 0, 9, 0, 0, 0, 0, ...longText("PLAIN"), ...longText("en_US")];
      const tune = [0, 10, 0, 30, 0, 10, 0, 1, 0, 0, 0, 0];
      const answers = [start, tune, [0, 10, 0, 41, 0]].map(frame);
      const answer = () => socket.write(answers.shift() ?? Buffer.alloc(0));
      if ((silent.received[index] ?? "") !== "") answer();
      socket.on("data", answer);
      await until(() => socket.destroyed || socket.readableEnded);
      assert.deepEqual(answers, [], "the connection was open");
    }
    assert.equal(consumer.state.connected, false);
    await consumer.close();
  });

  test("nor does it begin again", async () => {
    const { length } = silent.sockets;
    const consumer = consumerOf({ firstRetryMs: 1, longestRetryMs: 1 });
    consumer.start();
    await until(() => silent.sockets.length === length + 1);
    await consumer.close();
    silent.sockets[length]?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(silent.sockets.length, length + 1);
  });
});
