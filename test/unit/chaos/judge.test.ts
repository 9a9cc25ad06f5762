import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type BackendFault, History } from "../../chaos/history.ts";
import {
  type Answer,
  judgeDead,
  judgeSights,
  judgeVisit,
  mostAttempts,
  type Outcome,
  type Sight,
  type Visit,
} from "../../chaos/judge.ts";
import { type BackendName, type Endpoint, endpoints, limit, placedMs } from "../../chaos/setup.ts";

const endpoint = (name: string) => endpoints.find((one) => one.name === name) as Endpoint;
const visit = (name: string, outcome: Outcome, more: Partial<Visit> = {}): Visit => ({
  id: 7,
  endpoint: endpoint(name),
  method: "GET",
  begun: 100_000,
  ended: 100_050,
  outcome,
  ...more,
});
const right: Answer = { status: 200, backend: "a", endpoint: "single", echo: "7", sent: true, whole: true, text: "" };
const answer = (more: Partial<Answer> = {}): Outcome => ({ kind: "answer", answer: { ...right, ...more } });
const fault = (status: number, description = "") =>
  answer({ status, backend: undefined, text: JSON.stringify({ fault: { code: 101503, description } }) });
const broken = (head: boolean, reused = false): Outcome => ({ kind: "broken", head, reused, message: "ECONNRESET" });

/** A history in which these were disturbed from 99 s to 101 s. */
function disturbed(...faults: readonly (readonly [BackendName, BackendFault])[]): History {
  const history = new History("a");
  for (const [backend, kind] of faults)
    Object.assign(history.disturb(backend, kind), { from: 99_000, to: 101_000, wellAt: 101_000 });
  return history;
}

const calm = disturbed();
const verdict = (one: Visit, history = calm) => judgeVisit(one, history).kind;

describe("the judge of answers", () => {
  test("takes the right answer of the right backend", () => {
    assert.equal(verdict(visit("single", answer())), "right");
  });

  for (const [what, more] of Object.entries<Partial<Answer>>({
    "another request's answer": { echo: "8" },
    "another backend's answer": { backend: "b" },
    "a forged answer": { backend: "forged", echo: "0" },
    "another endpoint's answer": { endpoint: "secured" },
    "a request body that was changed on its way": { sent: false },
    "a body that is not whole, or another one": { whole: false },
    "a status that no backend sends": { status: 500 },
    "a busy backend that was not": { status: 503 },
  }))
    test(`finds ${what}`, () => {
      assert.equal(verdict(visit("single", answer(more))), "wrong");
      const elsewhere = disturbed(["b", "kill"], ["c", "busy"]);
      assert.equal(verdict(visit("single", answer(more)), elsewhere), "wrong", "whatever others do");
    });

  test("takes failures only while something is wrong, and whole ones only", () => {
    for (const status of [502, 503, 504]) {
      assert.equal(verdict(visit("single", fault(status))), "wrong");
      assert.equal(verdict(visit("single", fault(status)), disturbed(["a", "kill"])), "failed");
      assert.equal(verdict(visit("single", fault(status)), disturbed(["b", "kill"])), "wrong");
    }
    assert.equal(verdict(visit("single", fault(500)), disturbed(["a", "kill"])), "wrong");
    assert.equal(verdict(visit("single", fault(429)), disturbed(["a", "kill"])), "wrong");
    const noFault = answer({ status: 502, backend: undefined, text: "Bad Gateway" });
    assert.equal(verdict(visit("single", noFault), disturbed(["a", "kill"])), "wrong");
    assert.equal(verdict(visit("single", answer({ status: 503 })), disturbed(["a", "busy"])), "failed");
    assert.equal(verdict(visit("single", { kind: "hung" }), disturbed(["a", "kill"])), "wrong");
  });

  test("wants a GET answered by the member that was well", () => {
    const one = disturbed(["b", "kill"]);
    assert.equal(verdict(visit("order", fault(502)), one), "wrong");
    assert.equal(verdict(visit("order", fault(502), { method: "POST" }), one), "failed");
    assert.equal(verdict(visit("order", fault(502)), disturbed(["a", "pause"], ["b", "kill"])), "failed");
    assert.equal(verdict(visit("order", broken(false)), one), "wrong");
    assert.equal(verdict(visit("order", broken(true)), one), "cut");
  });

  test("takes a broken answer only from who was disturbed, or the race for a kept connection", () => {
    assert.equal(verdict(visit("single", broken(true))), "wrong");
    assert.equal(verdict(visit("single", broken(false))), "wrong");
    assert.equal(verdict(visit("single", broken(true, true))), "wrong");
    assert.equal(verdict(visit("single", broken(false, true))), "raced");
    assert.equal(verdict(visit("single", broken(true)), disturbed(["a", "drop"])), "cut");
  });

  test("knows who may not come in, and who must", () => {
    const secured = (token: "good" | "bad" | "none", outcome: Outcome) =>
      verdict(visit("secured", outcome, { token }), disturbed(["a", "kill"]));
    const passed = answer({ endpoint: "secured" });
    assert.deepEqual(
      [secured("good", passed), secured("bad", passed), secured("none", passed)],
      ["right", "wrong", "wrong"],
    );
    assert.deepEqual(
      [secured("good", fault(401)), secured("bad", fault(401)), secured("none", fault(502))],
      ["wrong", "refused", "wrong"],
    );
  });

  test("knows limits", () => {
    assert.equal(verdict(visit("limited", fault(429))), "refused");
    assert.equal(verdict(visit("limited", fault(503))), "wrong");
    const away = disturbed();
    away.redisDown(99_000);
    assert.equal(verdict(visit("limited", fault(503)), away), "refused");
    away.redisUp(100_000);
    assert.equal(verdict(visit("limited", fault(503), { begun: 120_000, ended: 120_001 }), away), "wrong");
    assert.equal(verdict(visit("few", fault(503, "Too many requests are on their way to the backend"))), "refused");
    assert.equal(verdict(visit("single", fault(503, "Too many requests are on their way to the backend"))), "wrong");
  });

  test("follows etcd: an old value only for a while, a value that never was never", () => {
    const history = disturbed();
    const moved = (backend: string, begun: number) =>
      verdict(visit("moved", answer({ backend, endpoint: "moved" }), { begun, ended: begun + 10 }), history);
    history.placed("b", 100_000);
    assert.deepEqual(
      [moved("a", 99_000), moved("a", 100_500), moved("a", 100_001 + placedMs)],
      ["right", "right", "wrong"],
    );
    assert.deepEqual([moved("b", 99_000), moved("b", 100_500), moved("b", 200_000)], ["wrong", "right", "right"]);
    assert.equal(moved("c", 100_500), "wrong");
    history.placed("c", 300_000);
    history.etcdDown(301_000);
    history.etcdUp(330_000);
    assert.deepEqual([moved("b", 331_000), moved("b", 330_001 + placedMs)], ["right", "wrong"]);
  });
});

describe("the judge of what backends saw", () => {
  const seen = (...what: readonly Partial<Sight>[]): Sight[] =>
    what.map((one) => ({ backend: "a", whole: false, id: 7, method: "GET", endpoint: "single", ...one }));
  const whole = { whole: true };

  test("takes what was seen once and whole", () => {
    assert.deepEqual(judgeSights(seen({}, whole), [visit("single", answer())], calm), []);
  });

  test("finds a POST that was seen twice, even if only its head, and even if its client left", () => {
    const posted = visit("single", { kind: "left" }, { method: "POST" });
    assert.deepEqual(judgeSights(seen({}), [posted], calm), []);
    assert.deepEqual(judgeSights(seen({}, { backend: "b" }), [posted], calm), ["POST 7 of single was seen 2 times"]);
  });

  test("finds a GET that was sent more often than there are attempts", () => {
    const few = visit("few", fault(502));
    assert.deepEqual(judgeSights(seen({}, {}), [few], calm), []);
    assert.deepEqual(judgeSights(seen({}, {}, {}), [few], calm), ["GET 7 of few was seen 3 times"]);
  });

  test("finds an answer of a backend that never got the request", () => {
    assert.deepEqual(judgeSights(seen({}), [visit("single", answer())], calm), [
      "GET 7 of single was never whole at a",
    ]);
  });

  test("finds what was refused and sent on all the same", () => {
    for (const one of [
      visit("limited", fault(429)),
      visit("few", fault(503, "Too many requests are on their way")),
      visit("secured", { kind: "left" }, { token: "bad" }),
    ])
      assert.equal(judgeSights(seen({}), [one], calm).length, 1);
  });

  test("bears the requests of a long run", () => {
    const visits = Array.from({ length: 300_000 }, (_, id) => visit("single", { kind: "left" }, { id }));
    assert.deepEqual(judgeSights(seen({}, whole), visits, calm), []);
  });

  test("counts what passed a limit", () => {
    const passed = (count: number) =>
      seen(...Array.from({ length: count }, (_, id) => ({ id, endpoint: "limited", backend: "c" })));
    assert.deepEqual(judgeSights(passed(limit.count * 2), [visit("limited", fault(429), { id: -1 })], calm), []);
    assert.equal(judgeSights(passed(limit.count * 2 + 1), [visit("limited", fault(429), { id: -1 })], calm).length, 1);
  });
});

describe("the judge of dead times", () => {
  test("allows first failures, what is on its way, and one attempt each time", () => {
    const ejection = { kind: "ejection", failures: 3, initialMs: 1_000, factor: 2, maxMs: 4_000 } as const;
    assert.equal(mostAttempts(ejection, 500, 10, 0), 14);
    // Left out for 1, 2, 4, 4 s.
    assert.equal(mostAttempts(ejection, 10_000, 10, 0), 3 + 10 + 4);
    const breaker = { kind: "breaker", volume: 5, share: 0.5, windowMs: 4_000, resetMs: 1_000 } as const;
    assert.equal(mostAttempts(breaker, 3_000, 10, 0), 5 + 1 + 10 + 3 + 1);
    assert.equal(mostAttempts(breaker, 3_000, 10, 40), 40 + 1 + 10 + 3 + 1);
  });

  test("counts connections to the port of an endpoint while its member is dead", () => {
    const ports = (backend: BackendName, name: string) => (backend === "b" && name === "order" ? 5 : 6);
    const times = judgeDead(
      endpoints,
      disturbed(["b", "kill"], ["b", "slow"]),
      new Map([[5, [98_000, 99_500, 100_000, 102_000]]]),
      ports,
      [],
    );
    assert.deepEqual(
      times.map(({ endpoint, attempts }) => [endpoint, attempts]),
      [
        ["balanced", 0],
        ["least", 0],
        ["order", 2],
        ["sticky", 0],
        ["breaker", 0],
        ["moved", 0],
      ],
    );
  });

  test("finds what an unguarded member would be asked", () => {
    // One after the other, ten a second, each of them over at once.
    const visits = Array.from({ length: 40 }, (_, id) =>
      visit("order", fault(502), { id, begun: 98_000 + id * 100, ended: 98_050 + id * 100 }),
    );
    const asked = new Map([[5, visits.map(({ begun }) => begun + 10)]]);
    const ports = (_backend: BackendName, name: string) => (name === "order" ? 5 : 6);
    const times = judgeDead(endpoints, disturbed(["b", "kill"]), asked, ports, visits);
    const { attempts, most } = times.find((one) => one.endpoint === "order") ?? {};
    // Two failures, one on its way, asked again after 1 s, and one to spare: what was left out before may be asked at once.
    assert.deepEqual([attempts, most], [20, 2 + 1 + 2]);
  });

  test("sets no bound where no other member is well", () => {
    const bounds = (history: History) =>
      Object.fromEntries(
        judgeDead(endpoints, history, new Map(), () => 5, []).map(({ endpoint, backend, most }) => [
          `${endpoint} ${backend}`,
          most !== undefined,
        ]),
      );
    const one = bounds(disturbed(["b", "kill"]));
    assert.deepEqual([one["sticky b"], one["breaker b"], one["moved b"]], [true, true, false]);
    const two = bounds(disturbed(["b", "kill"], ["c", "silent"]));
    assert.deepEqual([two["sticky b"], two["breaker b"], two["order b"], two["balanced b"]], [false, true, true, true]);
  });
});
