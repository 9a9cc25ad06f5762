import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { eventually, exchange, headBackend, type RawBackend } from "../../support/engine-process.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { type Answer, ask, compileParts, definition, faultText, get } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";

/** Endpoints by the name of their API: URLs are `one`, `two` (real servers) and `dead` (nobody listens). */
const endpoints: Readonly<Record<string, { readonly at: readonly string[]; readonly more: object }>> = {
  order: { at: ["one", "two"], more: { type: "failover" } },
  absent: { at: ["dead", "two"], more: { type: "failover" } },
  first: { at: ["one", "two"], more: failover({ order: "priority", suspend: false }) },
  codes: { at: ["one", "two"], more: failover({ statusCodes: [500] }) },
  suspended: { at: ["one", "two"], more: failover({ order: "priority", suspend: { initialInMillis: 600_000 } }) },
  "order-post": { at: ["one", "two"], more: failover({ order: "sticky" }) },
  willing: { at: ["one", "two"], more: { type: "failover", "x-castgate-resend-methods": ["POST"] } },
  turns: { at: ["one", "two"], more: {} },
  passed: { at: ["dead", "two"], more: { "x-castgate-load-balance": { ejection: false } } },
  slow: { at: ["one", "two"], more: { "x-castgate-timeouts": { headersInMillis: 1000 } } },
  ejected: { at: ["one", "two"], more: ejection({ afterFailures: 2, initialInMillis: 600_000 }) },
  back: { at: ["one", "two"], more: ejection({ afterFailures: 1, initialInMillis: 20, maxInMillis: 20 }) },
  least: { at: ["one", "two"], more: { "x-castgate-load-balance": { algorithm: "least-requests" } } },
  again: { at: ["one"], more: advanced({ retryConfig: { count: 2, intervalInMillis: 5, statusCodes: [503] } }) },
  waits: {
    at: ["one"],
    more: advanced({ retryConfig: { count: 1, statusCodes: [503], maxWaitIntervalInMillis: 3000 } }),
  },
  "again-post": {
    at: ["one"],
    more: { ...advanced({ retryConfig: { count: 1, statusCodes: [503] } }), "x-castgate-resend-methods": ["POST"] },
  },
  broke: {
    at: ["one"],
    more: { ...advanced({ retryConfig: { count: 5 } }), "x-castgate-retry-budget": { ratio: 0, perSecond: 0 } },
  },
  breaker: { at: ["one"], more: advanced({ circuitBreaker: breaker([500]) }) },
  silent: { at: ["one"], more: advanced({ circuitBreaker: breaker([]) }) },
  both: {
    at: ["one"],
    more: advanced({
      retryConfig: { count: 1, statusCodes: [500] },
      circuitBreaker: { ...breaker([500]), ...atOnce(2) },
    }),
  },
  "breaker-pair": {
    at: ["one", "two"],
    more: { ...advanced({ circuitBreaker: { ...breaker([]), resetTimeInMillis: 600_000 } }), type: "load_balance" },
  },
  few: { at: ["one"], more: { "x-castgate-max-in-flight": 2 } },
  idle: { at: ["raw"], more: { "x-castgate-timeouts": { idleInMillis: 300 } } },
  total: { at: ["one"], more: { "x-castgate-timeouts": { totalInMillis: 1000 } } },
};

function failover(settings: object): object {
  return { type: "failover", "x-castgate-failover": settings };
}

function ejection(settings: object): object {
  return { "x-castgate-load-balance": { ejection: settings } };
}

function advanced(settings: object): object {
  return { advanceEndpointConfig: settings };
}

/** Holds answers back. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** That of R-RES-07, with a shorter reset. */
function breaker(statusCodes: readonly number[]): object {
  return { ...atOnce(1), failureThreshold: 0.2, resetTimeInMillis: 300, statusCodes };
}

function atOnce(requestVolumeThreshold: number): object {
  return { rollingWindow: { requestVolumeThreshold, timeWindowInMillis: 60_000, bucketSizeInMillis: 2000 } };
}

const operations = {
  ...get(),
  put: { responses: { 200: { description: "Fine" } } },
  post: { responses: { 200: { description: "Fine" } } },
};
const apis = Object.fromEntries(
  Object.entries(endpoints).map(([name, { at, more }]) => [
    name,
    definition(
      name,
      {
        "x-wso2-disable-security": true,
        "x-wso2-production-endpoints": { name, urls: at.map((place) => `http://${place}.test`), ...more },
      },
      { "/x": operations },
    ),
  ]),
);
const policies = { subscriptionPolicies: [{ Unauthenticated: { count: 99_999, unitTime: 1, timeUnit: "day" } }] };
const outage = faultText(101503, "Runtime Error", "Error connecting to the back end");

describe("failures and load of backends", { concurrency: 2 }, () => {
  for (const compatibility of ["wso2-3.2", "standard"] as const) {
    const isStandard = compatibility === "standard";

    describe(`what is done with failures and load, ${compatibility}`, { concurrency: 1 }, () => {
      let one: StubBackend;
      let two: StubBackend;
      /** Says what the test wants. */
      let raw: RawBackend;
      let reply: (socket: Socket) => void;
      let project: CompiledProject;
      let gateway: RunningGateway;

      before(async () => {
        [one, two, raw, project] = await Promise.all([
          StubBackend.start(),
          StubBackend.start(),
          headBackend((_head, socket) => void reply(socket)),
          compileParts("resilience", { compatibility, apis, policies }),
        ]);
        const places: Readonly<Record<string, string>> = {
          one: one.origin,
          two: two.origin,
          raw: raw.url,
          dead: "http://127.0.0.1:1",
        };
        const args = Object.entries(endpoints).flatMap(([name, { at }]) =>
          at.map((place, index) => `--${name}_prod_endpoint_${index}=${places[place]}`),
        );
        gateway = await startGateway(project, { args });
      });
      after(async () => {
        const ended = await gateway?.stop();
        await Promise.all([one?.stop(), two?.stop()]);
        raw?.close();
        project?.remove();
        assert.equal(ended?.code, 0);
      });
      beforeEach(() => {
        for (const backend of [one, two]) {
          backend.seen.length = 0;
          backend.answers.length = 0;
        }
      });

      const send = (api: string, method = "GET", body = "", headers: Record<string, string> = {}): Promise<Answer> =>
        ask(`${gateway.origin}/${api}/x`, {
          method,
          body,
          headers: body === "" ? headers : { "Content-Length": String(body.length), ...headers },
        });
      /** Calls at each server since the test began. */
      const calls = (): readonly [number, number] => [one.seen.length, two.seen.length];
      const isOutage = (answer: Answer, standard: number): void => {
        assert.deepEqual([answer.status, answer.body], [isStandard ? standard : 500, outage]);
      };

      describe("failover", () => {
        test(
          isStandard
            ? "R-EP-05: the next is asked on 501 to 504; each request begins with the first"
            : "R-EP-05: the next is asked on 501 to 504; requests begin with the one that answered last, and wrap around",
          async () => {
            for (const [index, status] of [501, 502, 503, 504].entries()) {
              one.answers.push({ status });
              assert.equal((await send("first")).status, 200);
              assert.deepEqual(calls(), [index + 1, index + 1]);
            }
            one.seen.length = two.seen.length = 0;
            one.answers.push({ status: 503 });
            assert.equal((await send("order")).status, 200);
            assert.deepEqual(calls(), [1, 1]);
            assert.equal((await send("order")).status, 200);
            assert.deepEqual(calls(), isStandard ? [2, 1] : [1, 2]);
            if (isStandard) return;
            two.answers.push({ status: 502 });
            assert.equal((await send("order")).status, 200);
            assert.deepEqual(calls(), [2, 3]);
            assert.equal((await send("order")).status, 200);
            assert.deepEqual(calls(), [3, 3]);
          },
        );

        test("R-EP-05: other statuses pass; the codes can be chosen", async () => {
          one.answers.push({ status: 500, body: "mine" });
          const answer = await send("first");
          assert.deepEqual([answer.status, answer.body], [500, "mine"]);
          one.answers.push({ status: 503, body: "busy" });
          assert.equal((await send("codes")).status, 503);
          assert.deepEqual(calls(), [2, 0]);
          one.answers.push({ status: 500 });
          assert.equal((await send("codes")).status, 200);
          assert.deepEqual(calls(), [3, 1]);
        });

        test("when all fail, the answer of the last passes (the original made it 500)", async () => {
          one.answers.push({ status: 503, body: "one" });
          two.answers.push({ status: 504, body: "two", headers: { "x-two": "yes" } });
          const answer = await send("first");
          assert.deepEqual([answer.status, answer.body, answer.headers["x-two"]], [504, "two", "yes"]);
        });

        test("R-EP-05: also when no answer comes; a POST goes on only if nothing of it was sent", async () => {
          one.answers.push({ broken: true });
          assert.equal((await send("first")).status, 200);
          assert.deepEqual(calls(), [1, 1]);
          assert.equal((await send("absent", "POST", "order")).status, 200);
          assert.equal(two.seen.at(-1)?.body, "order");
          one.answers.push({ broken: true });
          isOutage(await send("first", "POST", "order"), 502);
          assert.deepEqual(calls(), [2, 2]);
          one.answers.push({ status: 503, body: "busy" });
          assert.equal((await send("first", "POST", "order")).status, 503);
          assert.deepEqual(calls(), [3, 2]);
        });

        test("sticky: the next request begins with the next one, also when the one that failed could not go on", async () => {
          one.answers.push({ status: 503, body: "busy" });
          assert.equal((await send("order-post", "POST", "order")).status, 503);
          assert.equal((await send("order-post", "POST", "order")).status, 200);
          assert.deepEqual(calls(), [1, 1]);
          two.answers.push({ broken: true });
          isOutage(await send("order-post", "POST", "order"), 502);
          assert.equal((await send("order-post", "POST", "order")).status, 200);
          assert.deepEqual(calls(), [2, 2]);
        });

        test("a POST goes on where the definition says that it may", async () => {
          one.answers.push({ status: 503 });
          const answer = await send("willing", "POST", "order");
          assert.equal(answer.status, 200);
          assert.deepEqual(calls(), [1, 1]);
          assert.equal(two.seen[0]?.body, "order");
        });

        test("K-27: one that failed is not asked while it is suspended, unless all others fail too", async () => {
          one.answers.push({ status: 503 });
          for (let i = 0; i < 3; i++) assert.equal((await send("suspended")).status, 200);
          assert.deepEqual(calls(), [1, 3]);
          two.answers.push({ status: 503 });
          assert.equal((await send("suspended")).status, 200);
          assert.deepEqual(calls(), [2, 4]);
          assert.equal((await send("suspended")).status, 200);
          assert.deepEqual(calls(), [3, 4], "it has answered: it is the first again");
        });
      });

      describe("load balance", () => {
        test("R-EP-03: in turn, from the first", async () => {
          for (const expected of [
            [1, 0],
            [1, 1],
            [2, 1],
            [2, 2],
          ]) {
            assert.equal((await send("turns")).status, 200);
            assert.deepEqual(calls(), expected);
          }
        });

        test("R-EP-04: on client errors the next is asked, never on a status", async () => {
          one.answers.push({ status: 503, body: "as it is" });
          assert.equal((await send("turns")).status, 503);
          assert.deepEqual(calls(), [1, 0]);
          two.answers.push({ broken: true });
          assert.equal((await send("turns")).status, 200);
          assert.deepEqual(calls(), [2, 1]);
          for (let i = 0; i < 4; i++) assert.equal((await send("passed", "POST", "order")).status, 200);
          assert.deepEqual(calls(), [2, 5]);
        });

        test("R-EP-04: on a time-out the next is asked, but not for a POST", async () => {
          const released = gate();
          one.answers.push({ after: released.opened });
          assert.equal((await send("slow")).status, 200);
          assert.deepEqual(calls(), [1, 1]);
          two.answers.push({ after: released.opened });
          isOutage(await send("slow", "POST", "order"), 504);
          assert.deepEqual(calls(), [1, 2]);
          released.open();
        });

        test("all fail: R-FLT-02, each asked once", async () => {
          one.answers.push({ broken: true });
          two.answers.push({ broken: true });
          isOutage(await send("turns"), 502);
          assert.deepEqual(calls(), [1, 1]);
        });

        test("one that gives no answer is left out after its first failures", async () => {
          for (let i = 0; i < 9; i++) one.answers.push({ broken: true });
          for (let i = 0; i < 12; i++) assert.equal((await send("ejected")).status, 200);
          assert.deepEqual(calls(), [2, 12]);
          await eventually("the log says so", () => gateway.log().includes('"msg":"backend is left out"'));
        });

        test("never are all left out, and whom nobody else can stand in for is asked all the same", async () => {
          for (let i = 0; i < 3; i++) {
            one.answers.push({ broken: true });
            two.answers.push({ broken: true });
            isOutage(await send("ejected"), 502);
          }
          assert.deepEqual(calls(), [3, 3]);
          assert.equal((await send("ejected")).status, 200);
          assert.deepEqual(calls(), [3, 4]);
        });

        test("it comes back when it answers again", async () => {
          for (let i = 0; i < 3; i++) one.answers.push({ broken: true });
          await eventually("it has failed and is back", async () => {
            assert.equal((await send("back")).status, 200);
            return one.answers.length === 0 && one.seen.length > 4;
          });
        });

        test("least requests: who is busy is spared", async () => {
          const released = gate();
          one.answers.push({ after: released.opened });
          const held = send("least");
          await eventually("one is busy", () => one.seen.length === 1);
          for (let i = 0; i < 3; i++) assert.equal((await send("least")).status, 200);
          assert.deepEqual(calls(), [1, 3]);
          released.open();
          assert.equal((await held).status, 200);
        });
      });

      describe("retry", () => {
        test("R-RES-01: count + 1 attempts on a listed status; the last answer passes", async () => {
          one.answers.push({ status: 503 }, { status: 503 }, { body: "third" });
          assert.equal((await send("again")).body, "third");
          assert.deepEqual(calls(), [3, 0]);
          one.answers.push({ status: 503 }, { status: 503 }, { status: 503, body: "last" }, { body: "never" });
          const answer = await send("again", "PUT", "body");
          assert.deepEqual([answer.status, answer.body], [503, "last"]);
          assert.deepEqual(
            one.seen.slice(3).map(({ method, body }) => `${method} ${body}`),
            ["PUT body", "PUT body", "PUT body"],
          );
        });

        test("R-RES-01: also on client errors, then R-FLT-02", async () => {
          one.answers.push({ broken: true }, { broken: true }, { body: "third" });
          assert.equal((await send("again")).body, "third");
          one.answers.push({ broken: true }, { broken: true }, { broken: true });
          isOutage(await send("again"), 502);
          assert.deepEqual(calls(), [6, 0]);
        });

        test("other statuses are not tried again", async () => {
          one.answers.push({ status: 502 });
          assert.equal((await send("again")).status, 502);
          assert.deepEqual(calls(), [1, 0]);
        });

        test("R-RES-03 done right: a POST is sent once, unless the definition says otherwise", async () => {
          one.answers.push({ status: 503 }, { broken: true });
          assert.equal((await send("again", "POST", "order")).status, 503);
          isOutage(await send("again", "POST", "order"), 502);
          assert.deepEqual(calls(), [2, 0]);
          one.answers.push({ status: 503 }, { body: "made" });
          assert.equal((await send("again-post", "POST", "order")).body, "made");
          assert.deepEqual(
            one.seen.slice(2).map(({ body }) => body),
            ["order", "order"],
          );
        });

        test("a body that was streamed is sent once", async () => {
          one.answers.push({ status: 503, body: "busy" });
          const answer = await send("again", "PUT", "x".repeat(100_000));
          assert.deepEqual([answer.status, answer.body], [503, "busy"]);
          assert.deepEqual(calls(), [1, 0]);
        });

        test("Retry-After is waited for, and what asks for too long is not asked again", async () => {
          one.answers.push({ status: 503, headers: { "Retry-After": "1" } }, { body: "second" });
          const begun = Date.now();
          assert.equal((await send("waits")).body, "second");
          assert.ok(Date.now() - begun >= 900, "it was waited for");
          const later = new Date(Date.now() + 3_600_000).toUTCString();
          one.answers.push({ status: 503, headers: { "Retry-After": later } });
          const answer = await send("waits");
          assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, later]);
          assert.deepEqual(calls(), [3, 0]);
        });

        test("nothing is repeated beyond the budget", async () => {
          one.answers.push({ broken: true });
          isOutage(await send("broke"), 502);
          assert.deepEqual(calls(), [1, 0]);
        });
      });

      describe("circuit breaker", () => {
        const isOpen = (answer: Answer): void => {
          isOutage(answer, 503);
          if (isStandard) assert.match(String(answer.headers["retry-after"]), /^[1-9]\d*$/);
          else assert.equal(answer.headers["retry-after"], undefined);
        };

        test("R-RES-04, R-RES-07: it opens, lets nothing through, and closes after its time", async () => {
          one.answers.push({ status: 500, body: "mine" });
          const first = await send("breaker");
          assert.deepEqual([first.status, first.body], [500, "mine"]);
          isOpen(await send("breaker"));
          assert.deepEqual(calls(), [1, 0]);
          await eventually("it lets one through", async () => (await send("breaker")).status === 200);
          assert.equal((await send("breaker")).status, 200);
          assert.deepEqual(calls(), [3, 0]);
          for (const state of ["open", "half-open", "closed"])
            await eventually(state, () => gateway.log().includes(`"state":"${state}"`));
        });

        test("R-RES-06 done right: half-open, one request finds out; what it finds counts", async () => {
          one.answers.push({ status: 500 });
          assert.equal((await send("breaker")).status, 500);
          isOpen(await send("breaker"));
          const released = gate();
          one.answers.push({ status: 500, after: released.opened, body: "still" });
          let probe: Promise<Answer> | undefined;
          await eventually("the probe is on its way", async () => {
            probe ??= send("breaker").then((answer) => {
              if (answer.body !== "still") probe = undefined;
              return answer;
            });
            await new Promise((resolve) => setTimeout(resolve, 20));
            return one.seen.length === 2;
          });
          for (let i = 0; i < 3; i++) isOpen(await send("breaker"));
          assert.deepEqual(calls(), [2, 0]);
          released.open();
          assert.equal((await probe)?.body, "still");
          await eventually("it closes", async () => (await send("breaker")).status === 200);
        });

        test("R-RES-05: a status that is not listed is a success, no answer is a failure", async () => {
          one.answers.push({ status: 500 }, { status: 500 });
          for (let i = 0; i < 3; i++) await send("silent");
          assert.deepEqual(calls(), [3, 0]);
          one.answers.push({ broken: true });
          isOutage(await send("silent"), 502);
          isOpen(await send("silent"));
          assert.deepEqual(calls(), [4, 0]);
        });

        test("around the retries: a request with its retries is one failure", async () => {
          one.answers.push({ status: 500 }, { status: 500 }, { status: 500 }, { status: 500 });
          assert.equal((await send("both")).status, 500);
          assert.deepEqual(calls(), [2, 0]);
          assert.equal((await send("both")).status, 500);
          assert.deepEqual(calls(), [4, 0]);
          isOpen(await send("both"));
          assert.deepEqual(calls(), [4, 0]);
        });

        test("R-EP-04: a member whose circuit is open is passed over", async () => {
          one.answers.push({ broken: true });
          isOutage(await send("breaker-pair", "POST", "order"), 502);
          for (let i = 0; i < 4; i++) assert.equal((await send("breaker-pair", "POST", "order")).status, 200);
          assert.deepEqual(calls(), [1, 4]);
        });
      });

      describe("limits of an endpoint", () => {
        test("requests beyond those that may be on their way get 503 at once", async () => {
          const released = gate();
          one.answers.push({ after: released.opened }, { after: released.opened });
          const held = [send("few"), send("few")];
          await eventually("both are on their way", () => one.seen.length === 2);
          const answer = await send("few");
          assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "5"]);
          assert.equal(JSON.parse(answer.body).fault.code, 503);
          assert.deepEqual(calls(), [2, 0]);
          released.open();
          for (const { status } of await Promise.all(held)) assert.equal(status, 200);
          assert.equal((await send("few")).status, 200);
        });

        test("what comes slowly is cut off, and what begins late is not, where they have limits of their own", async () => {
          reply = (socket) => {
            setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"), 900);
          };
          assert.equal((await send("idle")).body, "late");
          reply = (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
          const port = Number(new URL(gateway.origin).port);
          const text = await exchange(port, "GET /idle/x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
          assert.match(text, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\npart$/);
        });

        test("a request that takes longer than all of it may gets the fault of a time-out", async () => {
          const released = gate();
          one.answers.push({ after: released.opened });
          isOutage(await send("total"), 504);
          released.open();
          assert.equal((await send("total")).status, 200);
        });
      });
    });
  }
});
