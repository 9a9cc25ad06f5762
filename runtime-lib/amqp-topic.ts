import type { Socket } from "node:net";
import type { ChannelModel, ConsumeMessage } from "amqplib";
import { type MapMessage, mapOfMessage } from "./amqp-message.ts";
import type { Broker } from "./amqp-url.ts";
import { backOff } from "./back-off.ts";
import { log } from "./log.ts";

export interface TopicOptions {
  /** Tried in turn. At least one. */
  readonly brokers: readonly Broker[];
  readonly topic: string;
  /** PEM certificates to trust for `amqps`; undefined: those of Node. Called at the first connection. */
  readonly ca: () => readonly string[] | undefined;
  readonly heartbeatSeconds: number;
  /**
   * For each message that can be read. `sentAt`: when it was sent, in milliseconds since 1970, if it says so. What it throws is
   * logged.
   */
  readonly onMessage: (message: MapMessage, sentAt: number | undefined) => void;
  /** A message that cannot be read: what it wanted to say has to be learnt in another way. */
  readonly onGarbage: () => void;
  /**
   * The topic is heard from now on, the first time or again. What was said before is lost: fetch what depends on it.
   */
  readonly onGap: () => void;
  /** How long a broker may take to subscribe the gateway once it is connected. */
  readonly answerTimeoutMs?: number;
  /** Bounds of the back-off between rounds through the brokers. */
  readonly firstRetryMs?: number;
  readonly longestRetryMs?: number;
}

export interface TopicState {
  readonly connected: boolean;
  /** Since when, in milliseconds since 1970. */
  readonly since: number;
}

const connectTimeoutMs = 10_000;
/** The exchange that every AMQP 0-9-1 broker has for topics; WSO2's brokers publish JMS topics there, the name as routing key. */
const topicExchange = "amq.topic";
/** A connection that held so long was a good one: the next failure is the first again. */
const steadyMs = 60_000;
/** So long without a broker, and it is told as an error: somebody should look. */
const staleAfterMs = 180_000;

/**
 * Hears one topic of a broker over AMQP 0-9-1 (RabbitMQ, WSO2's Andes), with a queue of its own that ends with the connection.
 * Connects again for ever, all brokers in turn, with exponential back-off between rounds. Messages that were published while
 * it was away never come: that is what `onGap` is for. amqplib is loaded by `start`.
 */
export class TopicConsumer {
  readonly #options: TopicOptions;
  #state: TopicState = { connected: false, since: Date.now() };
  #connection: ChannelModel | undefined;
  #closed = false;
  #told = false;
  #stale = false;
  #finished: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(options: TopicOptions) {
    this.#options = options;
  }

  get state(): TopicState {
    return this.#state;
  }

  start(): void {
    this.#finished = this.#run();
  }

  /** Settles when the connection is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    // A broker that does not answer is not waited for.
    const polite = this.#connection?.close().catch(() => undefined);
    if (polite !== undefined) await Promise.race([polite, this.#pause(1_000)]);
    this.#destroy();
    // A broker that took the connection and says nothing keeps the attempt open for longer than a drain should take.
    await Promise.race([this.#finished, this.#pause(1_000)]);
  }

  async #run(): Promise<void> {
    const { brokers, firstRetryMs = 500, longestRetryMs = 30_000 } = this.#options;
    let attempts = 0;
    while (!this.#closed) {
      const broker = brokers[attempts % brokers.length] as Broker;
      const began = performance.now();
      try {
        await this.#session(broker);
      } catch (error) {
        this.#away(broker, reasonOf(error));
      }
      this.#destroy();
      if (performance.now() - began > steadyMs) attempts = 0;
      else attempts++;
      if (attempts % brokers.length === 0 && !this.#closed)
        await this.#pause(backOff(Math.floor(attempts / brokers.length), firstRetryMs, longestRetryMs));
    }
  }

  /** Settles, or rejects with the reason, when the connection has ended. */
  async #session(broker: Broker): Promise<void> {
    const { topic, ca, heartbeatSeconds } = this.#options;
    const imported = await import("amqplib");
    // As a CommonJS module it is either the namespace or its default.
    const amqp = (imported as unknown as { default?: typeof imported }).default ?? imported;
    const { protocol, host, port, username, password } = broker;
    const vhost = encodeURIComponent(broker.vhost);
    const trusted = protocol === "amqps" ? ca() : undefined;
    const connection = await amqp.connect(
      { protocol, hostname: host, port, username, password, vhost, heartbeat: heartbeatSeconds },
      {
        timeout: connectTimeoutMs,
        noDelay: true,
        clientProperties: { product: "castgate" },
        ...(trusted === undefined ? {} : { ca: [...trusted] }),
      },
    );
    this.#connection = connection;
    if (this.#closed) return;
    holdNothing(connection);
    const ended = new Promise<void>((_, reject) => {
      connection.on("error", reject);
      connection.on("close", () => reject(new Error("closed")));
    });
    // Whoever listens later still hears of it.
    ended.catch(() => undefined);
    // A broker may take the connection and then say nothing more, and answer heartbeats all the same.
    await Promise.race([this.#subscribe(connection, topic), ended, this.#silence()]);
    this.#state = { connected: true, since: Date.now() };
    if (this.#told) log().info({ broker: shown(broker), topic }, "broker back");
    this.#told = false;
    this.#stale = false;
    this.#guarded(this.#options.onGap);
    await ended;
  }

  /** Rejects when a broker has had as long as for a connection. */
  #silence(): Promise<never> {
    const { answerTimeoutMs = connectTimeoutMs } = this.#options;
    return new Promise((_, reject) => {
      setTimeout(() => reject(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })), answerTimeoutMs).unref();
    });
  }

  async #subscribe(connection: ChannelModel, topic: string): Promise<void> {
    const channel = await connection.createChannel();
    const end = () => void connection.close().catch(() => undefined);
    // Without its channel a connection is deaf.
    channel.on("error", end);
    channel.on("close", end);
    const { queue } = await channel.assertQueue("", { exclusive: true, autoDelete: true, durable: false });
    await channel.bindQueue(queue, topicExchange, topic);
    await channel.consume(queue, (delivery) => (delivery === null ? end() : this.#receive(delivery)), {
      noAck: true,
      exclusive: true,
    });
  }

  #receive({ content: body, properties }: ConsumeMessage): void {
    const message = mapOfMessage(body);
    if (message === undefined) {
      log().warn({ topic: this.#options.topic, bytes: body.length }, "message that cannot be read");
      this.#guarded(this.#options.onGarbage);
    } else this.#guarded(() => this.#options.onMessage(message, sentAtOf(properties.timestamp)));
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      log().error({ err: error, topic: this.#options.topic }, "unexpected error");
    }
  }

  #away(broker: Broker, reason: string): void {
    if (this.#state.connected) this.#state = { connected: false, since: Date.now() };
    const awayMs = Date.now() - this.#state.since;
    if (!this.#stale && !this.#closed && awayMs >= staleAfterMs) {
      this.#stale = true;
      const ageSeconds = Math.round(awayMs / 1000);
      log().error({ topic: this.#options.topic, ageSeconds, reason }, "source stale");
    }
    if (this.#told || this.#closed) return;
    this.#told = true;
    log().warn({ broker: shown(broker), topic: this.#options.topic, reason }, "broker away");
  }

  #destroy(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    const { stream, heartbeater } = innerOf(connection);
    heartbeater?.clear();
    stream?.destroy();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Of a connection what amqplib's types do not show. */
interface Inner {
  readonly stream?: Socket;
  readonly heartbeater?: {
    readonly sendTimer: NodeJS.Timeout;
    readonly recvTimer: NodeJS.Timeout;
    clear(): void;
  };
}

function innerOf(connection: ChannelModel | undefined): Inner {
  return (connection?.connection ?? {}) as Inner;
}

/** It is no reason for a process to live on. */
function holdNothing(connection: ChannelModel): void {
  const { stream, heartbeater } = innerOf(connection);
  stream?.unref();
  heartbeater?.sendTimer.unref();
  heartbeater?.recvTimer.unref();
}

/** AMQP counts seconds; clients of JMS write milliseconds. */
function sentAtOf(timestamp: unknown): number | undefined {
  if (typeof timestamp !== "number" || !(timestamp > 0)) return undefined;
  return timestamp < 100_000_000_000 ? timestamp * 1000 : timestamp;
}

function shown({ protocol, host, port }: Broker): string {
  return `${protocol}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** A fixed text: what a broker says of a refused login may name the user. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === "string") return code;
  if (/ACCESS.REFUSED|\b403\b/.test(String(message))) return "access refused";
  if (/NOT.FOUND|\b404\b/.test(String(message))) return "no such exchange";
  if (/NOT.ALLOWED|\b530\b/.test(String(message))) return "not allowed";
  if (/heartbeat/i.test(String(message))) return "no heartbeat";
  if (/TIMEDOUT/.test(String(message))) return "timeout";
  return "connection ended";
}
