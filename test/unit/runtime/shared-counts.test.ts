import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Ask, type Grant, LeasedCounter, type TokenSource } from "../../../runtime-lib/leased-counter.ts";
import type { Quota } from "../../../runtime-lib/throttle-counter.ts";
import { TokenLedger } from "../../../runtime-lib/token-ledger.ts";

/** Workers around a ledger, whose messages arrive in order on each channel, but at any time. */
class Simulation {
  now = 1_700_000_000_000;
  readonly ledger: TokenLedger;
  readonly workers: SimulatedWorker[] = [];
  readonly passed: number[] = [];

  constructor(size: number) {
    this.ledger = new TokenLedger(size, () => this.now);
    for (let id = 1; id <= size; id++) this.start(id);
  }

  start(id: number): void {
    const worker = new SimulatedWorker(this, id);
    this.workers.push(worker);
    this.ledger.join(id, {
      grant: (ask, grant) => worker.inbox.push(() => worker.granted(ask, grant)),
      recall: (key) => worker.inbox.push(() => worker.recalled(key)),
    });
  }

  kill(worker: SimulatedWorker): void {
    worker.dead = true;
    this.ledger.left(worker.id);
    this.workers.splice(this.workers.indexOf(worker), 1);
  }

  /** Delivers one message that is under way; false: there is none. */
  deliver(choice: number): boolean {
    const boxes = this.workers.flatMap(({ inbox, outbox }) => [inbox, outbox]).filter((box) => box.length > 0);
    const box = boxes[choice % boxes.length];
    box?.shift()?.();
    return box !== undefined;
  }

  /** Delivers what the ledger has said. */
  hear(): void {
    for (const { inbox } of this.workers) while (inbox.length > 0) inbox.shift()?.();
  }

  settle(choices: () => number): void {
    while (this.deliver(choices()));
  }
}

class SimulatedWorker implements TokenSource {
  readonly away = undefined;
  readonly inbox: (() => void)[] = [];
  readonly outbox: (() => void)[] = [];
  readonly id: number;
  dead = false;
  refused = 0;
  readonly #simulation: Simulation;
  readonly #counters = new Map<string, LeasedCounter>();
  readonly #asked = new Map<number, { counter: LeasedCounter; ask: Ask; at: number }>();
  #waiting: { counter: LeasedCounter; quota: Quota }[] = [];
  #lastId = 0;

  constructor(simulation: Simulation, id: number) {
    this.#simulation = simulation;
    this.id = id;
  }

  /** A request with one level. */
  request(key: string, quota: Quota): void {
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = new LeasedCounter(key, quota, this);
      this.#counters.set(key, counter);
    }
    this.#try(counter, quota);
  }

  #try(counter: LeasedCounter, quota: Quota): void {
    const { now, passed } = this.#simulation;
    if (counter.admits(quota, now)) {
      counter.count(quota, now);
      passed.push(now);
    } else if (counter.refill(quota, now) === undefined) this.refused++;
    else this.#waiting.push({ counter, quota });
  }

  takeBack(key: string, quota: Quota): void {
    this.#counters.get(key)?.takeBack(quota, this.#simulation.now, this.#simulation.now);
  }

  enqueue(counter: LeasedCounter): void {
    const { ledger } = this.#simulation;
    this.outbox.push(() => {
      const at = this.#simulation.now;
      const ask = counter.ask(at);
      const id = ++this.#lastId;
      this.#asked.set(id, { counter, ask, at });
      const { key, quota, need, want, owed, held, until } = ask;
      const { count, windowMs, unitMs = windowMs } = quota;
      const burst = quota.algorithm?.burst ?? 0;
      ledger.ask(this.id, id, { key, count, windowMs, unitMs, burst, need, want, owed, held, until });
    });
  }

  regained(counter: LeasedCounter): void {
    this.enqueue(counter);
  }

  uncounted(): void {}

  granted(id: number, grant: Grant): void {
    const { counter, ask, at } = this.#asked.get(id) as { counter: LeasedCounter; ask: Ask; at: number };
    counter.granted(grant, ask, at);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      if (each.counter === counter) this.#try(counter, each.quota);
      else this.#waiting.push(each);
    }
  }

  recalled(key: string): void {
    const back = this.#counters.get(key)?.takeRemainder(this.#simulation.now);
    const message = back ?? { key, tokens: 0, at: 0, step: 0, until: 0 };
    this.outbox.push(() => this.#simulation.ledger.gaveBack(this.id, message));
  }
}

const hour = 3_600_000;
const sliding = (burst: number) => ({ name: "sliding", burst, counter: () => assert.fail("counted in this process") });
const algorithms = [
  { name: "fixed windows", algorithm: () => ({}) },
  { name: "sliding", algorithm: (burst: number) => ({ algorithm: sliding(burst) }) },
] as const;

for (const { name, algorithm } of algorithms)
  describe(`counts shared by workers, ${name}`, () => {
    const arrivals = fc.record({
      size: fc.integer({ min: 1, max: 5 }),
      limit: fc.integer({ min: 1, max: 60 }),
      requests: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 200 }),
      choices: fc.infiniteStream(fc.nat()),
    });

    test("exactly the quota passes, whatever arrives when (R-THR-10 done right)", () => {
      fc.assert(
        fc.property(arrivals, ({ size, limit, requests, choices }) => {
          const simulation = new Simulation(size);
          const quota: Quota = { count: limit, windowMs: hour, ...algorithm(limit) };
          const next = () => choices.next().value as number;
          for (const [worker, deliveries] of requests) {
            simulation.workers[worker % size]?.request("app:x", quota);
            for (let i = 0; i < deliveries % 4; i++) simulation.deliver(next());
          }
          simulation.settle(next);
          assert.equal(simulation.passed.length, Math.min(limit, requests.length));
          const refused = simulation.workers.reduce((sum, worker) => sum + worker.refused, 0);
          assert.equal(refused, Math.max(0, requests.length - limit), "nobody is left waiting");
        }),
        { numRuns: 300 },
      );
    });

    test("a worker that dies takes what it held along: never more than the quota, and nobody waits for it", () => {
      fc.assert(
        fc.property(arrivals, fc.nat(), ({ size, limit, requests, choices }, death) => {
          const simulation = new Simulation(size + 1);
          const quota: Quota = { count: limit, windowMs: hour, ...algorithm(limit) };
          const next = () => choices.next().value as number;
          for (const [index, [worker, deliveries]] of requests.entries()) {
            const { workers } = simulation;
            workers[worker % workers.length]?.request("app:x", quota);
            for (let i = 0; i < deliveries % 4; i++) simulation.deliver(next());
            if (index === death % (requests.length + 1)) simulation.kill(workers[0] as SimulatedWorker);
          }
          simulation.settle(next);
          assert.ok(simulation.passed.length <= limit);
          for (let i = 0; i < 2 * limit; i++) {
            simulation.workers[0]?.request("app:x", quota);
            simulation.settle(next);
          }
          assert.ok(simulation.passed.length <= limit);
          assert.equal(simulation.workers[0]?.request("app:x", quota), undefined);
        }),
        { numRuns: 200 },
      );
    });
  });

test("sliding: between any two requests that pass, no more did than the burst and the time allow", () => {
  const steps = fc.array(
    fc.record({ worker: fc.nat(), wait: fc.integer({ min: 0, max: 3_000 }), deliveries: fc.nat() }),
    {
      minLength: 50,
      maxLength: 150,
    },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 20 }), steps, (size, count, arrivals) => {
      const simulation = new Simulation(size);
      const quota: Quota = { count, windowMs: 20_000, algorithm: sliding(count) };
      for (const { worker, wait, deliveries } of arrivals) {
        // Who waited was let in when the ledger said so, not when it is heard.
        simulation.hear();
        simulation.now += wait;
        simulation.workers[worker % size]?.request("app:x", quota);
        for (let i = 0; i < deliveries % 4; i++) simulation.deliver(i + worker);
      }
      const { passed } = simulation;
      const step = quota.windowMs / count;
      for (const [i, from] of passed.entries()) {
        for (let j = i + 1; j < passed.length; j++) {
          const most = count + ((passed[j] as number) - from) / step;
          assert.ok(j - i + 1 <= most + 0.001, `${j - i + 1} of ${most}`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

describe("tokens", () => {
  const quota: Quota = { count: 80, windowMs: 60_000 };
  const ledgerAsk = {
    key: "api:/a",
    count: 80,
    windowMs: 60_000,
    unitMs: 60_000,
    burst: 0,
    owed: 0,
    held: 0,
    until: 0,
  };

  test("beyond what is needed, a holder gets half of what is left divided by the holders", () => {
    const ledger = new TokenLedger(4, () => 120_000);
    const grants: Grant[] = [];
    ledger.join(1, { grant: (_id, grant) => grants.push(grant), recall: () => assert.fail() });
    for (let id = 0; id < 3; id++) ledger.ask(1, id, { ...ledgerAsk, need: 1, want: 1_000 });
    assert.deepEqual(
      grants.map(({ tokens, at, left, until }) => [tokens, at, left, until]),
      [
        [10, 0, 70, 180_000],
        [8, 10, 62, 180_000],
        [7, 18, 55, 180_000],
      ],
    );
  });

  test("a holder that does not answer is waited for a second", () => {
    let now = 120_000;
    const ledger = new TokenLedger(1, () => now);
    const grants: Grant[] = [];
    const recalls: string[] = [];
    ledger.join(1, { grant: () => undefined, recall: (key) => recalls.push(key) });
    ledger.join(2, { grant: (_id, grant) => grants.push(grant), recall: () => assert.fail() });
    ledger.ask(1, 1, { ...ledgerAsk, need: 80, want: 80 });
    ledger.ask(2, 1, { ...ledgerAsk, need: 1, want: 1 });
    ledger.sweep();
    assert.deepEqual([recalls, grants], [["api:/a"], []]);
    now += 1_000;
    ledger.sweep();
    ledger.gaveBack(1, { key: "api:/a", tokens: 5, at: 75, step: 0, until: 180_000 });
    ledger.ask(2, 2, { ...ledgerAsk, need: 1, want: 1 });
    assert.deepEqual(
      grants.map(({ tokens, left, again }) => [tokens, left, again]),
      [
        [0, 0, 122_000],
        [1, 4, 121_000],
      ],
    );
  });

  test("what was counted beyond the quota is told, and none is left then", () => {
    let now = 120_000;
    const ledger = new TokenLedger(1, () => now);
    const grants: Grant[] = [];
    ledger.join(1, { grant: (_id, grant) => grants.push(grant), recall: () => assert.fail() });
    ledger.ask(1, 1, { ...ledgerAsk, need: 0, want: 0, owed: 100 });
    ledger.ask(1, 2, { ...ledgerAsk, need: 1, want: 1 });
    now = 180_000;
    ledger.ask(1, 3, { ...ledgerAsk, need: 1, want: 1 });
    assert.deepEqual(
      grants.map(({ tokens, again }) => [tokens, again]),
      [
        [0, 120_000],
        [0, 121_000],
        [1, 180_000],
      ],
    );
  });

  test("what is taken back can be spent by another worker", () => {
    const simulation = new Simulation(2);
    const [one, other] = simulation.workers as [SimulatedWorker, SimulatedWorker];
    const small: Quota = { count: 1, windowMs: hour };
    one.request("res:x", small);
    simulation.settle(() => 0);
    other.request("res:x", small);
    simulation.settle(() => 0);
    assert.deepEqual([simulation.passed.length, other.refused], [1, 1]);
    one.takeBack("res:x", small);
    simulation.settle(() => 0);
    simulation.now += 1_000;
    other.request("res:x", small);
    simulation.settle(() => 0);
    assert.deepEqual([simulation.passed.length, other.refused], [2, 1]);
  });

  test("no token outlives its window, however long the answer took", () => {
    const asks: Ask[] = [];
    const source: TokenSource = {
      away: undefined,
      enqueue: (each) => asks.push(each.ask(1_000)),
      uncounted() {},
      regained() {},
    };
    const counter = new LeasedCounter("api:/a", quota, source);
    void counter.refill(quota, 1_000);
    const grant = { now: 500_000, tokens: 5, at: 0, step: 0, until: 500_100, left: 75, opens: 0, again: 0 };
    counter.granted(grant, asks[0] as Ask, 1_000);
    assert.equal(counter.admits(quota, 1_099), true);
    assert.equal(counter.secondsLeft(quota, 1_099), 1);
    assert.equal(counter.remaining(quota, 1_099), 80);
    assert.equal(counter.admits(quota, 1_100), false);
    assert.equal(counter.expired(1_100), true);
  });

  test("what is taken back within its window can be used again, later not", () => {
    const source: TokenSource = { away: undefined, enqueue() {}, regained() {}, uncounted() {} };
    const counter = new LeasedCounter("api:/a", quota, source);
    const lease = (now: number, tokens: number) => {
      void counter.refill(quota, now);
      const until = now - (now % 60_000) + 60_000;
      counter.granted(
        { now, tokens, at: 0, step: 0, until, left: 0, opens: until, again: until },
        counter.ask(now),
        now,
      );
    };
    const use = (now: number) => {
      assert.equal(counter.admits(quota, now), true);
      counter.count(quota, now);
    };
    lease(60_000, 2);
    use(60_010);
    use(60_020);
    assert.equal(counter.admits(quota, 60_030), false);
    counter.takeBack(quota, 60_020, 60_030);
    use(60_040);
    lease(120_000, 1);
    use(120_010);
    counter.takeBack(quota, 60_040, 120_020);
    assert.equal(counter.admits(quota, 120_030), false, "counted in the window before");
  });

  test("tokens of a window that ended while more were asked for are not those of the next", () => {
    const source: TokenSource = { away: undefined, enqueue() {}, regained() {}, uncounted() {} };
    const counter = new LeasedCounter("api:/a", quota, source);
    void counter.refill(quota, 119_990);
    const first = counter.ask(119_990);
    counter.granted(
      { now: 119_990, tokens: 3, at: 0, step: 0, until: 120_000, left: 0, opens: 0, again: 0 },
      first,
      119_990,
    );
    const second = counter.ask(119_995);
    counter.granted(
      { now: 120_001, tokens: 0, at: 0, step: 0, until: 180_000, left: 0, opens: 0, again: 0 },
      second,
      119_995,
    );
    assert.equal(counter.admits(quota, 119_996), false);
  });

  test("while nobody can be asked: refused, let through, or counted here", () => {
    for (const [away, passed] of [
      ["deny", 0],
      ["allow", 100],
      ["local", 80],
    ] as const) {
      let uncounted = 0;
      const source: TokenSource = { away, enqueue: () => assert.fail(), uncounted: () => uncounted++, regained() {} };
      const counter = new LeasedCounter("api:/a", quota, source);
      let through = 0;
      for (let i = 0; i < 100; i++) {
        assert.equal(counter.refill(quota, 1_000), undefined);
        if (!counter.admits(quota, 1_000)) continue;
        counter.count(quota, 1_000);
        through++;
      }
      assert.equal(through, passed, away);
      assert.equal(uncounted, away === "allow" ? 100 : 0);
      assert.equal(counter.undecided, away === "deny");
    }
  });
});
