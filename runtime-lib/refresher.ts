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

/** A copy that is older than so many periods is stale. */
const stalePeriods = 3;

/**
 * Keeps a copy of what another system holds: fetches it at once, after failures again with exponential back-off until it is
 * valid, then from time to time. Being away is told in the log once, not at each attempt, and once more, as an error, when the
 * copy is older than three periods: from then on somebody should look. It goes on being used, and `/readyz` stays as it is: a
 * gateway that is taken away for it serves nobody.
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
  /** When the attempt began that brought the copy, and when the copy counts as stale. */
  #freshAt = 0;
  #staleAt = Number.POSITIVE_INFINITY;
  #stale = false;

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
      if (this.#failures > 0) log().info({ source: name, ...(this.#stale && this.#age) }, "source back");
      this.#failures = 0;
      this.#ready = true;
      next = periodMs();
      this.#freshAt = this.#lastStart;
      this.#staleAt = this.#freshAt + stalePeriods * next;
      this.#stale = false;
    } catch (error) {
      if (this.#failures === 0) log().warn({ source: name, reason: (error as Error).message }, "source away");
      next = backOff(this.#failures++, firstRetryMs, longestRetryMs);
      if (!this.#stale && performance.now() >= this.#staleAt) {
        this.#stale = true;
        log().error({ source: name, ...this.#age }, "source stale");
      }
    }
    this.#running = false;
    if (this.#again) this.soon();
    else this.#schedule(next);
  }

  get #age(): { readonly ageSeconds: number } {
    return { ageSeconds: Math.round((performance.now() - this.#freshAt) / 1000) };
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#run(), ms).unref();
  }
}
