import { type Ask, burstOf, type Grant, LeasedCounter, type Remainder, type TokenSource } from "./leased-counter.ts";
import { countElsewhere, monotonicNow } from "./throttle-counter.ts";
import { type Holder, type LedgerAsk, TokenLedger } from "./token-ledger.ts";
import { messagesFromParent, tellParent, type WorkerHub } from "./workers.ts";

/**
 * Counts that the workers of one gateway share. The truth is in their parent; each worker takes tokens from there, in one
 * message for all counters that want some in a turn of its event loop.
 */

const topic = "counts";

/** To the parent: asks in the order of their numbers, and what was recalled. */
interface ToParent {
  readonly asks?: readonly (readonly [id: number, ask: LedgerAsk])[];
  readonly back?: readonly Remainder[];
}

interface ToWorker {
  readonly grants?: (readonly [id: number, grant: Grant])[];
  readonly recalls?: string[];
}

/** In the parent: keeps the counts, and tells each worker how many of its requests may pass. */
export function keepCounts(hub: WorkerHub): void {
  const ledger = new TokenLedger(hub.size, monotonicNow);
  hub.onStart((worker) => ledger.join(worker, new Outbox((message) => hub.tell(worker, topic, message))));
  hub.onGone((worker) => ledger.left(worker));
  hub.onMessage(topic, (worker, message) => {
    const { asks = [], back = [] } = message as ToParent;
    for (const each of back) ledger.gaveBack(worker, each);
    for (const [id, ask] of asks) ledger.ask(worker, id, ask);
  });
  setInterval(() => ledger.sweep(), 250).unref();
}

/** In a worker: counters take their tokens from the parent. */
export function countInParent(): void {
  const source = new ParentSource();
  countElsewhere((key, quota) => new LeasedCounter(key, quota, source));
}

/** Collects what is to be said to a worker in one turn of the event loop. */
class Outbox implements Holder {
  readonly #send: (message: ToWorker) => void;
  #message: { grants: [number, Grant][]; recalls: string[] } | undefined;

  constructor(send: (message: ToWorker) => void) {
    this.#send = send;
  }

  grant(id: number, grant: Grant): void {
    this.#next().grants.push([id, grant]);
  }

  recall(key: string): void {
    this.#next().recalls.push(key);
  }

  #next(): { grants: [number, Grant][]; recalls: string[] } {
    if (this.#message === undefined) {
      this.#message = { grants: [], recalls: [] };
      setImmediate(() => {
        const message = this.#message;
        this.#message = undefined;
        if (message !== undefined) this.#send(message);
      });
    }
    return this.#message;
  }
}

/** A parent that says nothing for so long is taken for away: requests that need tokens are then refused at once. */
const longestSilenceMs = 5_000;

/** The parent, as a worker sees it. */
class ParentSource implements TokenSource {
  away: "deny" | undefined;
  readonly #wanting = new Set<LeasedCounter>();
  readonly #asked = new Map<number, { readonly counter: LeasedCounter; readonly ask: Ask; readonly sentAt: number }>();
  /** Of those that may hold tokens: the one that the parent means by a key. */
  readonly #known = new Map<string, LeasedCounter>();
  #hand: IterableIterator<LeasedCounter> | undefined;
  #lastId = 0;
  #heardAt = 0;

  constructor() {
    messagesFromParent(topic, (message) => this.#receive(message as ToWorker));
    setInterval(() => this.#look(), 1_000).unref();
  }

  enqueue(counter: LeasedCounter): void {
    if (this.#wanting.size === 0) setImmediate(() => this.#flush());
    this.#wanting.add(counter);
  }

  /** The parent learns that it is held here. */
  regained(counter: LeasedCounter): void {
    this.enqueue(counter);
  }

  uncounted(): void {}

  #flush(): void {
    const now = monotonicNow();
    const asks: [number, LedgerAsk][] = [];
    if (this.#asked.size === 0) this.#heardAt = now;
    for (const counter of this.#wanting) {
      this.#forget(now);
      this.#known.set(counter.key, counter);
      const ask = counter.ask(now);
      const id = ++this.#lastId;
      this.#asked.set(id, { counter, ask, sentAt: now });
      asks.push([id, ledgerAsk(ask)]);
    }
    this.#wanting.clear();
    tellParent(topic, { asks } satisfies ToParent);
  }

  #receive({ grants = [], recalls = [] }: ToWorker): void {
    this.#heardAt = monotonicNow();
    this.away = undefined;
    for (const [id, grant] of grants) {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      asked?.counter.granted(grant, asked.ask, asked.sentAt);
    }
    // Requests that a grant has just let go on spend their tokens first.
    if (recalls.length > 0) setImmediate(() => this.#giveBack(recalls));
  }

  #giveBack(keys: readonly string[]): void {
    const now = monotonicNow();
    const nothing = { tokens: 0, at: 0, step: 0, until: 0 };
    const back = keys.map((key) => this.#known.get(key)?.takeRemainder(now) ?? { key, ...nothing });
    tellParent(topic, { back } satisfies ToParent);
  }

  /** Lets go those who wait for a parent that does not answer. */
  #look(): void {
    if (this.#asked.size === 0 || monotonicNow() - this.#heardAt < longestSilenceMs) return;
    this.away = "deny";
    // Its answers count when they come.
    for (const { counter } of this.#asked.values()) counter.missed();
  }

  /** Each ask pays for looking at two counters. */
  #forget(now: number): void {
    for (let i = 0; i < 2; i++) {
      this.#hand ??= this.#known.values();
      const next = this.#hand.next();
      if (next.done) {
        this.#hand = undefined;
        return;
      }
      if (next.value.expired(now)) this.#known.delete(next.value.key);
    }
  }
}

function ledgerAsk({ key, quota, need, want, owed, held, until }: Ask): LedgerAsk {
  const { count, windowMs, unitMs = windowMs } = quota;
  return { key, count, windowMs, unitMs, burst: burstOf(quota), need, want, owed, held, until };
}
