import type { RetryPolicy } from "./resilience.ts";
import { RollingWindow } from "./rolling-window.ts";

/** `retryConfig` of an endpoint (R-RES-01, 02). */
export interface RetrySettings {
  /** Attempts beside the first. */
  readonly count: number;
  /** Longest wait before the second attempt; each further one waits up to `factor` times as long, up to `maxMs`. */
  readonly intervalMs: number;
  readonly factor: number;
  readonly maxMs: number;
  /** Answers that are tried again, beside requests without an answer. */
  readonly statusCodes: readonly number[];
  /** Of the requests of the last ten seconds, the share that may be repeated, beyond `perSecond` that always may. */
  readonly budget: { readonly ratio: number; readonly perSecond: number };
}

/** A backend that wants to be left alone for longer than this gets no second request: its client is not kept that long. */
const longestAskedMs = 10_000;
const budgetMs = 10_000;

/**
 * Sends a request once more to the member that did not answer it well. Waits are random up to their bound (full jitter), so
 * that clients who failed together do not come back together; a budget keeps retries from burying a backend that is down.
 */
export function retries(settings: RetrySettings): RetryPolicy {
  return new Retry(settings);
}

const request = 0;
const repeated = 1;

class Retry implements RetryPolicy {
  readonly statusCodes: readonly number[];
  readonly #settings: RetrySettings;
  readonly #window = new RollingWindow(budgetMs, budgetMs / 10, 2);

  constructor(settings: RetrySettings) {
    this.#settings = settings;
    this.statusCodes = settings.statusCodes;
  }

  began(now: number): void {
    this.#window.add(request, now);
  }

  waitAfter(count: number, askedMs: number, now: number): number {
    const { intervalMs, factor, maxMs, budget } = this.#settings;
    if (count > this.#settings.count || askedMs > Math.min(maxMs, longestAskedMs)) return -1;
    const granted = budget.ratio * this.#window.sum(request, now) + (budget.perSecond * budgetMs) / 1000;
    if (this.#window.sum(repeated, now) + 1 > granted) return -1;
    this.#window.add(repeated, now);
    const bound = count === 1 ? intervalMs : Math.min(maxMs, intervalMs * factor ** (count - 1));
    return Math.max(askedMs, Math.random() * bound);
  }
}
