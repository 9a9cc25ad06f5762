import type { BodySink, BodySource } from "./backend.ts";
import type { Exchange, TransferMeter } from "./exchange.ts";
import type { Limit } from "./throttle.ts";
import { monotonicNow } from "./throttle-counter.ts";

/** What is counted against a quota where it is not each request that all levels admit. */
export interface Counted {
  /** For `RateLimit-Policy`; absent: requests. */
  readonly unit?: "content-bytes";
  /** All levels admit the request. */
  admitted(x: Exchange, limit: Limit, now: number): void;
  /** Some level refuses it. */
  refused?(limit: Limit, now: number): void;
}

/** `countedRequests: all`: refused requests count as well. */
export const everyRequest: Counted = {
  admitted: (_x, limit, now) => limit.countNow(now),
  refused: (limit, now) => limit.countNow(now),
};

/**
 * `countedRequests: success`: counted when it is admitted, so that no more than the quota can succeed, and taken back when its
 * answer is none (4xx and 5xx, or the client was gone before there was one).
 */
export const successes: Counted = {
  admitted(x, limit, now) {
    limit.countNow(now);
    const { counter, tier } = limit;
    meterOf(x).whenOver((status) => {
      if (status === 0 || status >= 400) counter.takeBack(tier, now, monotonicNow());
    });
  },
};

/** `bandwidth`: the bytes of both bodies, once they are known. Requests pass while the window is below its limit. */
export const bodyBytes: Counted = {
  unit: "content-bytes",
  admitted(x, limit) {
    meterOf(x).whenOver((_status, bytes) => {
      if (bytes > 0) limit.countNow(monotonicNow(), bytes);
    });
  },
};

function meterOf(x: Exchange): Meter {
  const { meter } = x;
  if (meter instanceof Meter) return meter;
  const made = new Meter();
  x.meter = made;
  return made;
}

type WhenOver = (status: number, bytes: number) => void;

class Meter implements TransferMeter {
  bytes = 0;
  readonly #waiting: WhenOver[] = [];

  whenOver(call: WhenOver): void {
    this.#waiting.push(call);
  }

  body(source: BodySource): BodySource {
    return new MeteredBody(source, this);
  }

  over(status: number): void {
    for (const call of this.#waiting.splice(0)) call(status, this.bytes);
  }
}

/** A body whose bytes are counted on their way to the backend. */
class MeteredBody implements BodySource {
  readonly #source: BodySource;
  readonly #meter: Meter;

  constructor(source: BodySource, meter: Meter) {
    this.#source = source;
    this.#meter = meter;
  }

  get length(): number {
    return this.#source.length;
  }

  get trailerNames(): string {
    return this.#source.trailerNames;
  }

  get untouched(): boolean {
    return this.#source.untouched;
  }

  start(sink: BodySink): void {
    this.#source.start({
      bodyData: (chunk) => {
        this.#meter.bytes += chunk.length;
        return sink.bodyData(chunk);
      },
      bodyEnd: (trailers) => sink.bodyEnd(trailers),
      bodyAborted: () => sink.bodyAborted(),
    });
  }

  pause(): void {
    this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }

  destroy(): void {
    this.#source.destroy();
  }
}
