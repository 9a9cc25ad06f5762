import { backOff } from "./back-off.ts";
import { log } from "./log.ts";
import type { ServiceClient } from "./service-client.ts";

/** The fields of `org.wso2.throttle.request.stream:1.0.0`, in its order (R-DTH-01). */
export interface ThrottleEvent {
  readonly messageID: string;
  readonly appKey: string;
  readonly appTier: string;
  readonly apiKey: string;
  readonly apiTier: string;
  readonly subscriptionKey: string;
  readonly subscriptionTier: string;
  readonly resourceKey: string;
  readonly resourceTier: string;
  readonly userId: string;
  readonly apiContext: string;
  readonly apiVersion: string;
  readonly appTenant: string;
  readonly apiTenant: string;
  readonly appId: string;
  readonly apiName: string;
  /** JSON. */
  readonly properties: string;
}

export interface PublisherOptions {
  readonly client: ServiceClient;
  /** Value of `Authorization`. */
  readonly authorization: string;
  /** Events that wait; more are dropped. */
  readonly queueSize: number;
  /** Events that are on their way at the same time. */
  readonly concurrency: number;
  readonly firstRetryMs?: number;
  readonly longestRetryMs?: number;
}

const reportMs = 10_000;
/** How long the last events have at the end. */
const lastMs = 2_000;

/**
 * Tells a traffic manager of requests, in the order in which they came, each once, off their path (R-DTH-02, 04): an event
 * that was not taken is not told again, for it may have been counted. While nobody answers they wait, with back-off; what
 * there is no room for is dropped, and the log says how many were lost, at most every ten seconds.
 */
export class EventPublisher {
  readonly #options: PublisherOptions;
  #queue: ThrottleEvent[] = [];
  #head = 0;
  #sending = 0;
  #scheduled = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #lost = 0;
  #reportTimer: NodeJS.Timeout | undefined;
  #lastReport = Number.NEGATIVE_INFINITY;
  #reason = "";
  #closed = false;
  #idle: () => void = () => undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Events that wait. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  publish(event: ThrottleEvent): void {
    if (this.waiting >= this.#options.queueSize || this.#closed) return this.#lose("queue full");
    this.#queue.push(event);
    if (this.#scheduled || this.#timer !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => this.#send());
  }

  /** Sends what waits, if somebody takes it at once. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.waiting + this.#sending > 0 && this.#failures === 0) {
      let last: NodeJS.Timeout | undefined;
      const idle = new Promise<void>((resolve) => {
        this.#idle = resolve;
        last = setTimeout(resolve, lastMs);
      });
      this.#send();
      await idle;
      clearTimeout(last);
    }
    this.#closed = true;
    this.#lost += this.waiting;
    this.#queue = [];
    this.#head = 0;
    clearTimeout(this.#reportTimer);
    if (this.#lost > 0) this.#report(this.#reason || "the gateway ends");
    await this.#options.client.close();
  }

  #send(): void {
    this.#scheduled = false;
    // While nobody answers, one event at a time finds out when that changes.
    const most = this.#failures === 0 ? this.#options.concurrency : 1;
    while (this.#sending < most && this.waiting > 0 && this.#timer === undefined) {
      const event = this.#queue[this.#head++] as ThrottleEvent;
      if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      this.#sending++;
      void this.#post(event);
    }
  }

  async #post(event: ThrottleEvent): Promise<void> {
    const { client, authorization } = this.#options;
    try {
      const reply = await client.request("POST", "/throttleEventReceiver", {
        headers: { "content-type": "application/json", authorization },
        body: JSON.stringify({ event: { metaData: {}, correlationData: {}, payloadData: event } }),
      });
      // An answer of any kind: somebody is there.
      this.#failures = 0;
      if (reply.status !== 200) this.#lose(`status ${reply.status}`);
    } catch (error) {
      this.#lose((error as Error).message);
      this.#wait();
    }
    this.#sending--;
    this.#send();
    if (this.#sending === 0 && this.waiting === 0) this.#idle();
  }

  #wait(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const { firstRetryMs = 200, longestRetryMs = 5_000 } = this.#options;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#send();
      },
      backOff(this.#failures++, firstRetryMs, longestRetryMs),
    ).unref();
  }

  #lose(reason: string): void {
    this.#lost++;
    this.#reason = reason;
    const rest = this.#lastReport + reportMs - performance.now();
    if (rest <= 0) return this.#report(reason);
    this.#reportTimer ??= setTimeout(() => this.#report(this.#reason), rest).unref();
  }

  #report(reason: string): void {
    clearTimeout(this.#reportTimer);
    this.#reportTimer = undefined;
    this.#lastReport = performance.now();
    if (this.#lost > 0) log().warn({ lost: this.#lost, waiting: this.waiting, reason }, "throttling events were lost");
    this.#lost = 0;
  }
}
