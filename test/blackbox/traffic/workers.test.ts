import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { after, before, describe, test } from "node:test";
import { until } from "../../support/debian-services.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../../support/gateway-under-test.ts";
import { countOf, Load, statusesOf, statusOf } from "../../support/load.ts";
import { withinOneMinute } from "../../support/one-minute.ts";
import { compileParts, definition, get } from "../../support/security-project.ts";
import { StubBackend } from "../../support/stub-backend.ts";

/** Workers that share counts: what happens to these when a worker dies, and when the parent does not answer. */
const limit = 300;
const daily = { unitTime: 1, timeUnit: "day" };
const failures = "[castgate]\nfailedLoginsPerMinute = 40\nfailedLoginsPerIdentityPerMinute = 1000\n";

describe("workers with limits", () => {
  let project: CompiledProject;
  let backend: StubBackend;
  let gateway: RunningGateway;

  before(async () => {
    const open = { security: [] };
    [project, backend] = await Promise.all([
      compileParts("several", {
        compatibility: "standard",
        apis: {
          counted: definition(
            "Counted",
            {},
            {
              "/limited": get({ ...open, "x-wso2-throttling-tier": "Some" }),
              "/fresh": get({ ...open, "x-wso2-throttling-tier": "Some" }),
              "/free": get(open),
              "/burst": get({ ...open, "x-wso2-throttling-tier": "Burst" }),
              "/good": get({ ...open, "x-wso2-throttling-tier": "Good" }),
              "/volume": get({ ...open, "x-wso2-throttling-tier": "Volume" }),
              "/secured": get({ security: [{ user: [] }] }),
            },
          ),
        },
        policies: {
          resourcePolicies: [
            { Some: { count: limit, ...daily } },
            { Burst: { count: 4, ...daily, algorithm: "sliding", burst: 3 } },
            { Good: { count: 2, ...daily, countedRequests: "success" } },
            { Volume: { bandwidth: "4 KB", ...daily } },
          ],
        },
      }),
      StubBackend.start(),
    ]);
    gateway = await startGateway(project, { backend, settings: failures, args: ["--workers=3"] });
    await until(() => listening() === 3);
  });
  after(async () => {
    await gateway?.stop();
    await backend?.stop();
    project?.remove();
  });

  const listening = () => gateway.log().match(/"msg":"listening"/g)?.length ?? 0;

  test("a worker that is killed takes its tokens along: never more than the limit pass, and the others go on", async () => {
    const load = new Load(`${gateway.origin}/counted/limited`, {}, 12);
    await load.until(200);
    const [worker = 0] = workersOf(gateway);
    process.kill(worker, "SIGKILL");
    await load.until(429);
    await until(() => listening() === 4);
    await load.stop();
    const statuses = [...load.all, ...(await statusesOf([load.url], 50))];
    const { 200: passed = 0, 429: refused = 0, 0: broken = 0, ...others } = countOf(statuses);
    assert.deepEqual(others, {});
    assert.ok(refused > 0);
    // A request whose connection broke may have reached the backend, too.
    assert.ok(backend.seen.length <= limit, `${backend.seen.length} of ${limit}`);
    assert.ok(passed <= backend.seen.length && backend.seen.length <= passed + broken);
    // One of three held at most a sixth of what was left when it asked, and what waited there.
    assert.ok(passed > limit / 2, `${passed} of ${limit}`);
  });

  test("a client that is handed to a worker which dies is served by another", async () => {
    const before = listening();
    const [victim = 0, ...others] = workersOf(gateway);
    process.kill(victim, "SIGSTOP");
    let answered = 0;
    // Connections go to the workers in turn, so that one of these goes to the one that stands still.
    const clients = [victim, ...others].map(async () => {
      const [status] = await statusesOf([`${gateway.origin}/counted/free`], 1);
      answered++;
      return status;
    });
    await until(() => answered === others.length);
    process.kill(victim, "SIGKILL");
    assert.deepEqual(await Promise.all(clients), [200, 200, 200]);
    await until(() => listening() > before);
  });

  test("sliding: exactly the burst passes at once", async () => {
    const statuses = await statusesOf([`${gateway.origin}/counted/burst`], 60);
    assert.deepEqual(countOf(statuses), { 200: 3, 429: 57 });
  });

  test("successes alone count: what failed at one worker can be had at another", async () => {
    const url = `${gateway.origin}/counted/good`;
    for (let i = 0; i < 10; i++) {
      backend.answers.push({ status: 500 });
      await statusesOf([url], 1);
      // One that was refused did not take the answer.
      backend.answers.length = 0;
    }
    const passed: number[] = [];
    await until(async () => {
      passed.push(...(await statusesOf([url], 1)));
      return countOf(passed)[200] === 2;
    });
    assert.deepEqual(countOf(await statusesOf([url], 30)), { 429: 30 });
  });

  test("bytes: what one worker has sent, the others know", async () => {
    const url = `${gateway.origin}/counted/volume`;
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) {
      backend.answers.push({ body: "x".repeat(1024) });
      statuses.push(...(await statusesOf([url], 1)));
      backend.answers.length = 0;
    }
    const { 200: passed = 0 } = countOf(statuses);
    // A request may be let in before what was sent last is known, and each worker may have a byte left.
    assert.ok(passed >= 4 && passed <= 8, JSON.stringify(countOf(statuses)));
  });

  test("failed log-ins at one worker are known to the others (S-SEC-05)", async () => {
    const authorization = `Basic ${Buffer.from("nobody:knows").toString("base64")}`;
    const url = `${gateway.origin}/counted/secured`;
    const failed = await withinOneMinute(async () => {
      let count = 0;
      // Each on a connection of its own, which the workers get in turn.
      for (let limited = 0; limited < 10; ) {
        const [status] = await statusesOf([url], 1, { authorization });
        if (status === 429) limited++;
        else {
          assert.equal(status, 401);
          limited = 0;
          count++;
        }
      }
      return count;
    });
    assert.ok(failed >= 40 && failed < 80, `${failed} of 40`);
  });

  test("Redis in the settings of a gateway that does not count there is 78", async () => {
    const settings = '[castgate.redis]\nurl = "redis://127.0.0.1"\n';
    await assert.rejects(startGateway(project, { backend, settings }), (error: Error) => {
      assert.match(error.message, /ended with 78[\s\S]*castgate\.redis\.url: needs counters: \{store: redis/);
      return true;
    });
  });

  test("a parent that does not answer delays those who need a token, and nobody else", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (path: string) => statusOf(`${gateway.origin}/counted/${path}`, {}, agent);
    assert.equal(await ask("free"), 200);
    gateway.process.kill("SIGSTOP");
    try {
      for (let i = 0; i < 20; i++) assert.equal(await ask("free"), 200);
      let answered = false;
      const waiting = ask("fresh").then((status) => {
        answered = true;
        return status;
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(answered, false);
      gateway.process.kill("SIGCONT");
      assert.equal(await waiting, 200);
    } finally {
      gateway.process.kill("SIGCONT");
      agent.destroy();
    }
  });
});

function workersOf({ process: { pid } }: RunningGateway): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
}
