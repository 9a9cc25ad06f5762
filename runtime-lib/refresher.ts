import { backOff } from "./back-off.ts";
import { log } from "./log.ts";

export interface RefresherOptions {
  /** For logs: `revoked tokens`. */
  readonly name: string;
  /** Fetches all of it and takes it over; rejects when what came is not valid. The message of the error goes to the log. */
  readonly refresh: () => Promise<void>;
  /** Time from one success to the next attempt. Asked for each time. */
  readonly periodMs: () => number;
  /** Bounds of the back-off after failures. */
  readonly firstRetryMs?: number;
  readonly longestRetryMs?: number;
  /** Attempts that were asked for with `soon` are at least so far apart. */
  readonly leastGapMs?: number;
}

/**
 * Keeps a copy of what another system holds: fetches it at once, after failures again with exponential back-off until it is
 * valid, then from time to time. Being away is told in the log once, not at each attempt.
 */
export class Refresher {
  readonly #options: RefresherOptions;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #again = false;
  #closed = false;
  #failures = 0;
  #lastStart = Number.NEGATIVE_INFINITY;
  #ready = false;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Whether there has ever been a valid answer. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Whether the last attempt failed, or none has ended yet. */
  get away(): boolean {
    return !this.#ready || this.#failures > 0;
  }

  start(): void {
    void this.#run();
  }

  /** Something was missed: fetch as soon as possible, and again if an attempt is under way that may have begun too early. */
  soon(): void {
    if (this.#closed) return;
    if (this.#running) this.#again = true;
    else this.#schedule(Math.max(0, this.#lastStart + (this.#options.leastGapMs ?? 1_000) - performance.now()));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    if (this.#running || this.#closed) return;
    const { name, refresh, periodMs, firstRetryMs = 500, longestRetryMs = 30_000 } = this.#options;
    this.#running = true;
    this.#again = false;
    this.#lastStart = performance.now();
    let next: number;
    try {
      await refresh();
      if (this.#failures > 0) log().info({ source: name }, "source back");
      this.#failures = 0;
      this.#ready = true;
      next = periodMs();
    } catch (error) {
      if (this.#failures === 0) log().warn({ source: name, reason: (error as Error).message }, "source away");
      next = backOff(this.#failures++, firstRetryMs, longestRetryMs);
    }
    this.#running = false;
    if (this.#again) this.soon();
    else this.#schedule(next);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#run(), ms).unref();
  }
}
