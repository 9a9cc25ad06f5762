import { type MapMessage, textIn } from "./amqp-message.ts";
import type { Caller } from "./caller.ts";
import { type Condition, evaluatedConditions, isTrue } from "./evaluated-conditions.ts";
import type { Exchange } from "./exchange.ts";
import { log } from "./log.ts";

interface Decision {
  /** Milliseconds since 1970; 0: nobody is refused by it. */
  readonly until: number;
  /** When it was made, as far as is known. */
  readonly sentAt: number;
  /** Since when nobody needs to know of it. */
  readonly forgetAt: number;
}

interface ConditionalDecision extends Decision {
  readonly conditions: readonly Condition[];
}

/** How long a decision that was taken back is remembered, for messages that come late. */
const lateMs = 60_000;
const capacity = 500_000;

/**
 * What a traffic manager has decided, by key (R-DTH-05). Each decision holds until its own time, whatever becomes of the
 * connection that it came by. A decision that is older than the one that is known, by the times of their messages, changes
 * nothing.
 */
export class ThrottleDecisions {
  readonly #byKey = new Map<string, Decision>();
  /** Of APIs and resources: by the key without its suffix, then by the suffix. */
  readonly #conditional = new Map<string, Map<string, ConditionalDecision>>();
  readonly #capacity: number;
  #size = 0;

  constructor(most = capacity) {
    this.#capacity = most;
  }

  /** Keys with a decision, those that have ended meanwhile included. */
  get size(): number {
    return this.#size;
  }

  /** A message with `throttleKey`. False: it cannot be read. */
  receive(message: MapMessage, sentAt: number | undefined, now: number): boolean {
    const key = textIn(message, "throttleKey");
    if (key === undefined) return false;
    const throttled = isTrue(message.get("isThrottled"));
    const expiry = Number(textIn(message, "expiryTimeStamp") ?? 0);
    const until = throttled && Number.isFinite(expiry) ? expiry : 0;
    const decision = { until, sentAt: sentAt ?? now, forgetAt: Math.max(until, now + lateMs) };
    const [, base, suffix] = suffixed.exec(key) ?? [];
    if (base === undefined || suffix === undefined) return this.#put(this.#byKey, key, decision, now);
    const text = textIn(message, "evaluatedConditions");
    const conditions = text === undefined || !throttled ? [] : evaluatedConditions(text);
    // Without its conditions nobody knows whom it is about.
    if (conditions === undefined || (text === undefined && throttled && suffix !== "default")) return false;
    const group = this.#conditional.get(base) ?? new Map<string, ConditionalDecision>();
    this.#conditional.set(base, group);
    this.#put(group, suffix, { ...decision, conditions }, now);
    // An application or a user may be named like this.
    return this.#put(this.#byKey, key, decision, now);
  }

  /** Until when requests with this key are refused; 0: they are not (R-DTH-06). */
  until(key: string, now: number): number {
    const until = this.#byKey.get(key)?.until ?? 0;
    return until >= now ? until : 0;
  }

  /**
   * The same for the key of an API or a resource, where decisions may have conditions (R-DTH-11). The default one is for the
   * requests that none of its conditions is met by.
   */
  untilFor(key: string, x: Exchange, caller: Caller | undefined, now: number): number {
    const plain = this.until(key, now);
    const group = this.#conditional.get(key);
    if (plain > 0 || group === undefined) return plain;
    const meets = (condition: Condition) => condition(x, caller);
    for (const [suffix, { until, conditions }] of group) {
      if (until >= now && until > 0 && conditions.some(meets) !== (suffix === "default")) return until;
    }
    return 0;
  }

  /** Forgets what has ended. */
  sweep(now: number): void {
    this.#sweep(this.#byKey, now);
    for (const [key, group] of this.#conditional) {
      this.#sweep(group, now);
      if (group.size === 0) this.#conditional.delete(key);
    }
  }

  #put<T extends Decision>(map: Map<string, T>, key: string, decision: T, now: number): boolean {
    const known = map.get(key);
    if (known !== undefined && known.sentAt > decision.sentAt) return true;
    if (known === undefined) {
      if (this.#size >= this.#capacity) this.sweep(now);
      if (this.#size >= this.#capacity) {
        log().error({ capacity: this.#capacity }, "traffic manager: no room for a decision");
        return true;
      }
      this.#size++;
    }
    map.set(key, decision);
    return true;
  }

  #sweep(map: Map<string, Decision>, now: number): void {
    for (const [key, { forgetAt }] of map) {
      if (forgetAt >= now) continue;
      map.delete(key);
      this.#size--;
    }
  }
}

const suffixed = /^(\/.*)_(condition_\d+|default)$/s;
