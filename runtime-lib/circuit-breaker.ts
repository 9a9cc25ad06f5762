import { log } from "./log.ts";
import type { Breaker, BreakerPolicy } from "./resilience.ts";
import { RollingWindow } from "./rolling-window.ts";

/** `circuitBreaker` of an endpoint (R-RES-04 to 07). */
export interface BreakerSettings {
  /** Requests within the window below which nothing is decided. */
  readonly requestVolume: number;
  /** 0 to 1: it opens when a larger share of them fails. */
  readonly failureThreshold: number;
  readonly windowMs: number;
  readonly bucketMs: number;
  /** How long after the last failure it stays open. */
  readonly resetMs: number;
  /** Answers that count as failures, beside requests without an answer (R-RES-05). */
  readonly statusCodes: readonly number[];
}

/**
 * A circuit breaker for each member: closed, it counts; open, it lets nothing through; half-open, one request finds out
 * whether the member is back (the original lets all through: R-RES-06). It is looked at when a request comes (R-RES-04).
 */
export function circuitBreaker(settings: BreakerSettings): BreakerPolicy {
  return { statusCodes: settings.statusCodes, breaker: (name) => new CircuitBreaker(settings, name) };
}

const request = 0;
const failure = 1;

class CircuitBreaker implements Breaker {
  readonly #settings: BreakerSettings;
  readonly #name: string;
  readonly #window: RollingWindow;
  #state: "closed" | "open" | "half-open" = "closed";
  #lastFailure = 0;
  #probing = false;

  constructor(settings: BreakerSettings, name: string) {
    this.#settings = settings;
    this.#name = name;
    this.#window = new RollingWindow(settings.windowMs, settings.bucketMs, 2);
  }

  admits(now: number): boolean {
    const { requestVolume, failureThreshold, resetMs } = this.#settings;
    switch (this.#state) {
      case "closed": {
        const requests = this.#window.sum(request, now);
        if (requests === 0 || requests < requestVolume) return true;
        const failures = this.#window.sum(failure, now);
        if (failures / requests <= failureThreshold) return true;
        this.#turn("open", { failures, requests });
        return false;
      }
      case "open":
        return now - this.#lastFailure > resetMs;
      case "half-open":
        return !this.#probing;
    }
  }

  enter(now: number): boolean {
    this.#window.add(request, now);
    if (this.#state === "closed") return false;
    if (this.#state === "open") this.#turn("half-open", {});
    this.#probing = true;
    return true;
  }

  succeeded(probe: boolean): void {
    if (!probe) return;
    this.#probing = false;
    this.#window.clear();
    this.#turn("closed", {});
  }

  failed(probe: boolean, now: number): void {
    this.#window.add(failure, now);
    this.#lastFailure = now;
    if (!probe) return;
    this.#probing = false;
    this.#turn("open", {});
  }

  left(probe: boolean): void {
    if (probe) this.#probing = false;
  }

  secondsLeft(now: number): number {
    return Math.max(1, Math.ceil((this.#lastFailure + this.#settings.resetMs - now) / 1000));
  }

  #turn(state: "closed" | "open" | "half-open", why: object): void {
    this.#state = state;
    if (state === "open") log().warn({ backend: this.#name, state, ...why }, "circuit breaker");
    else log().info({ backend: this.#name, state }, "circuit breaker");
  }
}
