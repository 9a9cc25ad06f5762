import { log } from "./log.ts";
import type { EjectionPolicy, Standing } from "./resilience.ts";

/** When a member of an endpoint is left out, and for how long. */
export interface EjectionSettings {
  /** Failures in a row. */
  readonly failures: number;
  readonly initialMs: number;
  /** By which the time grows with each time in a row. */
  readonly factor: number;
  readonly maxMs: number;
  /** Largest share of the members that are left out at the same time, 0 to 1. One always may be; all never are. */
  readonly share: number;
  /** Answers that count as failures, beside requests without an answer. */
  readonly statusCodes: readonly number[];
}

/**
 * Leaves members out that fail several times in a row, for a time that grows. When it is over, one request finds out whether
 * the member is back.
 */
export function outlierEjection(settings: EjectionSettings): EjectionPolicy {
  const { statusCodes, share } = settings;
  return {
    statusCodes,
    most: (count) => Math.min(count - 1, Math.max(1, Math.floor(share * count))),
    standing: (name) => new MemberStanding(settings, name),
  };
}

class MemberStanding implements Standing {
  readonly #settings: EjectionSettings;
  readonly #name: string;
  #failures = 0;
  /** How many times in a row it was left out; 0: it is not. */
  #times = 0;
  #until = 0;
  #probing = false;

  constructor(settings: EjectionSettings, name: string) {
    this.#settings = settings;
    this.#name = name;
  }

  isOut(now: number): boolean {
    return this.#times > 0 && (now < this.#until || this.#probing);
  }

  enter(now: number): boolean {
    if (this.#times === 0 || now < this.#until || this.#probing) return false;
    this.#probing = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#probing = false;
    if (this.#times === 0) return;
    this.#times = 0;
    log().info({ backend: this.#name }, "backend is back");
  }

  failed(now: number, mayEject: boolean): void {
    this.#probing = false;
    // Requests that were sent before it was left out tell nothing new.
    if (this.#times > 0 && now < this.#until) return;
    this.#failures++;
    const { failures, initialMs, factor, maxMs } = this.#settings;
    if ((this.#times === 0 && this.#failures < failures) || !mayEject) return;
    const ms = Math.min(maxMs, initialMs * factor ** this.#times);
    this.#times++;
    this.#until = now + ms;
    log().warn({ backend: this.#name, ms, failures: this.#failures }, "backend is left out");
  }

  left(): void {
    this.#probing = false;
  }
}
