import type { Grant, Remainder } from "./leased-counter.ts";

/** What a holder asks for: an `Ask` of its counter, with all that its quota says about counting. */
export interface LedgerAsk {
  readonly key: string;
  readonly count: number;
  readonly windowMs: number;
  /** Windows start at multiples of this. */
  readonly unitMs: number;
  /** Sliding: so many requests may come at once. 0: fixed windows. */
  readonly burst: number;
  readonly need: number;
  readonly want: number;
  readonly owed: number;
  readonly held: number;
  readonly until: number;
}

/** How the ledger speaks to a holder. */
export interface Holder {
  /** The answer to the ask with this number. */
  grant(id: number, grant: Grant): void;
  /** What it has of this key is wanted back. It answers with `gaveBack`, also when it has nothing. */
  recall(key: string): void;
}

/** Keys with an account of their own. */
const capacity = 500_000;
/** Who found nothing asks again after this at the earliest: requests that failed may not have counted. */
const dryMs = 1_000;
/** What a holder that does not answer holds is given up for this round. */
const recallMs = 1_000;

/**
 * Counts for several holders and gives them tokens, each good for one request: never more than a quota in all. Of what nobody
 * asks for at once, a holder gets at most half of what is left divided by the number of holders, so leases shrink as a window
 * fills. Who finds nothing left waits until the others have given back what they did not spend, so all of a quota passes.
 */
export class TokenLedger {
  readonly #accounts = new Map<string, Account>();
  readonly #holders = new Map<number, Holder>();
  readonly #clock: () => number;
  readonly #share: number;
  readonly #recalling = new Set<Account>();
  #hand: IterableIterator<[string, Account]> | undefined;

  /** `holders`: how many there are to be. `clock`: milliseconds since the epoch that only grow. */
  constructor(holders: number, clock: () => number) {
    this.#share = 2 * holders;
    this.#clock = clock;
  }

  join(holder: number, speaks: Holder): void {
    this.#holders.set(holder, speaks);
  }

  /** It is gone, and what it held is spent: that many fewer pass in these windows. */
  left(holder: number): void {
    this.#holders.delete(holder);
    const now = this.#clock();
    for (const account of this.#accounts.values()) {
      account.held.delete(holder);
      account.queue = account.queue.filter((waiting) => waiting.holder !== holder);
      if (account.recalled.delete(holder)) this.#serve(account, now);
    }
  }

  ask(holder: number, id: number, ask: LedgerAsk): void {
    // What it said last may be heard after it has gone.
    if (!this.#holders.has(holder)) return;
    const now = this.#clock();
    const account = this.#accountOf(ask, now);
    account.book.renew(now, account);
    // It says itself what it still has: the rest is spent.
    account.hold(holder, ask.until === account.book.until ? ask.held : 0);
    account.book.owe(ask, now);
    const waiting = { holder, id, ask };
    if (ask.need > 0 && account.queue.length > 0) account.queue.push(waiting);
    else if (!this.#grant(account, waiting, now, true)) this.#recall(account, waiting, now);
  }

  gaveBack(holder: number, back: Remainder): void {
    const account = this.#accounts.get(back.key);
    if (account === undefined || !this.#holders.has(holder)) return;
    const now = this.#clock();
    account.book.renew(now, account);
    account.held.delete(holder);
    if (back.tokens > 0 && back.until === account.book.until) account.book.giveBack(back);
    if (account.recalled.delete(holder)) this.#serve(account, now);
  }

  /** To be called now and then: ends the wait for holders that do not answer. */
  sweep(): void {
    const now = this.#clock();
    for (const account of this.#recalling) {
      if (now - account.recalledAt < recallMs) continue;
      account.recalled.clear();
      this.#serve(account, now, now + recallMs);
    }
  }

  /** Accounts at the moment. */
  get size(): number {
    return this.#accounts.size;
  }

  /** False: there is nothing left. `greedy`: with what it may want beyond its need. */
  #grant(account: Account, { holder, id, ask }: Waiting, now: number, greedy: boolean): boolean {
    const { book } = account;
    const left = book.left(ask, now);
    if (left === 0 && ask.need > 0) return false;
    const share = greedy ? Math.min(ask.want, Math.floor(left / this.#share)) : 0;
    const wanted = Math.min(left, Math.max(ask.need, share));
    const { tokens, at } = wanted === 0 ? { tokens: 0, at: 0 } : book.take(ask, wanted, now);
    account.hold(holder, (account.held.get(holder) ?? 0) + tokens);
    this.#answer(holder, id, account, ask, { now, tokens, at, left: left - tokens, again: now });
    return true;
  }

  #answer(
    holder: number,
    id: number,
    { book }: Account,
    ask: LedgerAsk,
    grant: Omit<Grant, "step" | "until" | "opens">,
  ): void {
    const step = ask.burst === 0 ? 0 : stepOf(ask);
    this.#holders.get(holder)?.grant(id, { ...grant, step, until: book.until, opens: book.opens(ask, grant.now) });
  }

  #recall(account: Account, waiting: Waiting, now: number): void {
    const { book, recalled } = account;
    for (const [holder, tokens] of account.held) {
      if (holder === waiting.holder || tokens === 0 || recalled.has(holder)) continue;
      recalled.add(holder);
      this.#holders.get(holder)?.recall(waiting.ask.key);
    }
    if (recalled.size === 0) {
      return this.#refuse(account, waiting, now, Math.min(book.opens(waiting.ask, now), now + dryMs));
    }
    account.queue.push(waiting);
    account.recalledAt = now;
    this.#recalling.add(account);
  }

  /** Once all have answered. `again`: they have not, and who finds nothing is told when to ask again. */
  #serve(account: Account, now: number, again?: number): void {
    if (account.recalled.size > 0) return;
    this.#recalling.delete(account);
    account.book.renew(now, account);
    const { queue } = account;
    account.queue = [];
    const refused = queue.filter((waiting) => !this.#grant(account, waiting, now, false));
    // What was given just now may come back too: only who finds that nobody has any is told so.
    for (const waiting of refused) {
      if (again === undefined) this.#recall(account, waiting, now);
      else this.#refuse(account, waiting, now, again);
    }
  }

  #refuse(account: Account, { holder, id, ask }: Waiting, now: number, again: number): void {
    this.#answer(holder, id, account, ask, { now, tokens: 0, at: 0, left: 0, again });
  }

  #accountOf(ask: LedgerAsk, now: number): Account {
    const known = this.#accounts.get(ask.key);
    if (known !== undefined) return known;
    const room = this.#accounts.size < capacity;
    this.#forget(now, room ? 2 : 32);
    // One for all keys beyond the capacity: nobody is let through uncounted, and no count is dropped to make room.
    const key = room ? ask.key : ask.burst > 0 ? "sliding" : "fixed";
    const found = this.#accounts.get(key) ?? new Account(ask.burst > 0 ? new SlidingBook() : new FixedBook(), room);
    this.#accounts.set(key, found);
    return found;
  }

  /** Each new key pays for looking at old ones. */
  #forget(now: number, steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.#hand ??= this.#accounts.entries();
      const next = this.#hand.next();
      if (next.done) {
        this.#hand = undefined;
        return;
      }
      const [key, account] = next.value;
      if (account.queue.length === 0 && account.book.expired(now)) this.#accounts.delete(key);
    }
  }
}

interface Waiting {
  readonly holder: number;
  readonly id: number;
  readonly ask: LedgerAsk;
}

class Account {
  readonly book: FixedBook | SlidingBook;
  /** Tokens that a holder may still have. */
  readonly held = new Map<number, number>();
  readonly recalled = new Set<number>();
  recalledAt = 0;
  queue: Waiting[] = [];

  readonly #ofOneKey: boolean;

  constructor(book: FixedBook | SlidingBook, ofOneKey: boolean) {
    this.book = book;
    this.#ofOneKey = ofOneKey;
  }

  /** What several keys share cannot be asked back by the name of one. */
  hold(holder: number, tokens: number): void {
    if (tokens > 0 && this.#ofOneKey) this.held.set(holder, tokens);
    else this.held.delete(holder);
  }
}

/** One window (R-THR-07): it starts with the first token, rounded down to the unit. */
class FixedBook {
  until = 0;
  #used = 0;

  renew(now: number, account: Account): void {
    if (now < this.until || this.until === 0) return;
    this.until = 0;
    this.#used = 0;
    account.held.clear();
  }

  left({ count }: LedgerAsk): number {
    return Math.max(0, count - this.#used);
  }

  take(ask: LedgerAsk, tokens: number, now: number): { readonly tokens: number; readonly at: number } {
    if (this.until === 0) this.until = now - (now % ask.unitMs) + ask.windowMs;
    const at = this.#used;
    this.#used += tokens;
    return { tokens, at };
  }

  owe(ask: LedgerAsk, now: number): void {
    if (ask.owed > 0) this.take(ask, ask.owed, now);
  }

  giveBack({ tokens }: Remainder): void {
    this.#used -= tokens;
  }

  opens(ask: LedgerAsk, now: number): number {
    return this.until === 0 ? now + ask.windowMs : this.until;
  }

  expired(now: number): boolean {
    return now >= this.until;
  }
}

/**
 * The generic cell rate algorithm: requests have slots, `windowMs / count` apart, and one may come up to `burst - 1` slots
 * before its own. A token is a slot; who spends it between then and the slot itself keeps the limit, whoever else has others.
 */
class SlidingBook {
  readonly until = 0;
  /** The first slot that was never given out. */
  #next = 0;
  /** Slots that came back. */
  #free: { at: number; tokens: number; readonly step: number }[] = [];

  renew(now: number): void {
    for (const range of this.#free) {
      if (range.at >= now) continue;
      const over = Math.min(range.tokens, Math.ceil((now - range.at) / range.step));
      range.at += over * range.step;
      range.tokens -= over;
    }
    if (this.#free.some(({ tokens }) => tokens === 0)) this.#free = this.#free.filter(({ tokens }) => tokens > 0);
  }

  left(ask: LedgerAsk, now: number): number {
    const free = this.#free.reduce((sum, { tokens }) => sum + tokens, 0);
    return free + this.#ahead(ask, now);
  }

  /** Slots that lie together; where what came back is all that was wanted of, fewer. */
  take(ask: LedgerAsk, tokens: number, now: number): { readonly tokens: number; readonly at: number } {
    const range = this.#free[0];
    if (range !== undefined) {
      const taken = Math.min(tokens, range.tokens);
      const { at } = range;
      range.at += taken * range.step;
      range.tokens -= taken;
      if (range.tokens === 0) this.#free.shift();
      return { tokens: taken, at };
    }
    const at = Math.max(this.#next, now);
    this.#next = at + tokens * stepOf(ask);
    return { tokens, at };
  }

  owe(ask: LedgerAsk, now: number): void {
    if (ask.owed === 0) return;
    // Who goes on although refused stays out for a window longer at most.
    const latest = now + ask.windowMs + ask.burst * stepOf(ask);
    this.#next = Math.max(this.#next, Math.min(latest, Math.max(this.#next, now) + ask.owed * stepOf(ask)));
  }

  giveBack({ at, tokens, step }: Remainder): void {
    this.#free.push({ at, tokens, step });
  }

  opens(ask: LedgerAsk, now: number): number {
    return Math.max(now, this.#next - (ask.burst - 1) * stepOf(ask));
  }

  expired(now: number): boolean {
    return now >= this.#next;
  }

  #ahead(ask: LedgerAsk, now: number): number {
    const step = stepOf(ask);
    const free = now + (ask.burst - 1) * step - Math.max(this.#next, now);
    return free < -0.001 ? 0 : Math.floor(free / step + 0.000_001) + 1;
  }
}

function stepOf({ windowMs, count }: LedgerAsk): number {
  return windowMs / count;
}
