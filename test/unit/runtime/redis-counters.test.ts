import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { LeasedCounter } from "../../../runtime-lib/leased-counter.ts";
import { openLog } from "../../../runtime-lib/log.ts";
import { RedisConnection, RedisError } from "../../../runtime-lib/redis-connection.ts";
import { placeOf, RedisSource, storedName } from "../../../runtime-lib/redis-counters.ts";
import { digestOf, takeTokens } from "../../../runtime-lib/redis-script.ts";
import { monotonicNow, type Quota } from "../../../runtime-lib/throttle-counter.ts";
import { until } from "../../support/debian-services.ts";
import { noRedis, type Redis, startRedis } from "../../support/redis.ts";

openLog("OFF");

const place = {
  host: "127.0.0.1",
  tls: false,
  database: 0,
  username: undefined,
  password: undefined,
  ca: () => undefined,
};

test("where a URL points to", () => {
  const plain = { host: "cache", port: 6379, tls: false, database: 0, username: undefined, password: undefined };
  assert.deepEqual(placeOf("redis://cache"), plain);
  assert.deepEqual(placeOf("rediss://us%40er:p%2Fw@cache:7000/3"), {
    ...plain,
    port: 7000,
    tls: true,
    database: 3,
    username: "us@er",
    password: "p/w",
  });
  assert.deepEqual(placeOf("redis://[::1]:1/"), { ...plain, host: "::1", port: 1 });
  for (const wrong of ["", "cache:6379", "http://cache", "redis://", "redis://cache/one", "redis://cache?db=1"])
    assert.equal(typeof placeOf(wrong), "string", wrong);
});

test("names of users and addresses are not kept", () => {
  assert.equal(storedName("api:/pets:1.0.0"), "api:/pets:1.0.0");
  assert.equal(storedName("res:/pets:1.0.0 GET /pets"), "res:/pets:1.0.0 GET /pets");
  assert.match(storedName("app:1:7:alice"), /^app:[\w-]{22}$/);
  assert.match(storedName("open:192.0.2.1 /pets:1.0.0"), /^open:[\w-]{22}$/);
});

describe("the connection", () => {
  let server: Server;
  let answer: (socket: Socket) => void;
  const port = () => (server.address() as { port: number }).port;
  before(async () => {
    server = createServer((socket) => {
      socket.on("error", () => undefined);
      answer(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => server.close());

  test("reads answers in pieces of any size", async () => {
    const text = "*3\r\n:-7\r\n$5\r\na\r\nbc\r\n*2\r\n$-1\r\n*-1\r\n-NOSCRIPT No matching script\r\n:12\r\n";
    for (const size of [1, 2, 7, 1_000]) {
      answer = (socket) => {
        socket.setNoDelay(true);
        let asked = "";
        socket.on("data", (chunk) => {
          const before = asked;
          asked += chunk;
          if (before === "") socket.write("+PONG\r\n");
          if (!/(X\r\n.*){3}/s.test(asked) || /(X\r\n.*){3}/s.test(before)) return;
          for (let i = 0; i < text.length; i += size) socket.write(text.slice(i, i + size));
        });
      };
      const connection = await RedisConnection.open({ ...place, port: port() }, 5_000, () => undefined);
      const replies = await Promise.all([1, 2, 3].map(() => connection.call(["X"], 5_000)));
      assert.deepEqual(replies, [[-7, "a\r\nbc", [null, null]], new RedisError("NOSCRIPT"), 12]);
      connection.close();
    }
  });

  for (const [what, text] of [
    ["another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    ["a number that is none", "+PONG\r\n:12x\r\n"],
    ["a length below nothing, which would be read for ever", "+PONG\r\n*999999999999\r\n$-7\r\n"],
    ["more than was asked for", "+PONG\r\n+A\r\n+B\r\n"],
    ["an endless answer", `+PONG\r\n$999999999\r\n${"x".repeat(5 * 1024 * 1024)}`],
  ] as const)
    test(`ends at ${what}`, async () => {
      answer = (socket) => void socket.write(text);
      await assert.rejects(
        async () => {
          const ended: string[] = [];
          const connection = await RedisConnection.open({ ...place, port: port() }, 5_000, (why) => ended.push(why));
          await connection.call(["X"], 5_000);
          await until(() => ended.length > 0);
          throw Object.assign(new Error(ended.join()), { name: "RedisAway" });
        },
        { name: "RedisAway" },
      );
    });

  test("an answer that does not come ends it", async () => {
    answer = (socket) => void socket.write("+PONG\r\n");
    const ended: string[] = [];
    const connection = await RedisConnection.open({ ...place, port: port() }, 5_000, (reason) => ended.push(reason));
    const calls = [connection.call(["A"], 20), connection.call(["B"], 5_000)];
    for (const call of calls) await assert.rejects(call, { name: "RedisAway", message: "timeout" });
    assert.deepEqual(ended, ["timeout"]);
    await assert.rejects(connection.call(["C"], 20), { name: "RedisAway" });
  });

  test("a log-in that is refused says why, and nothing of it", async () => {
    answer = (socket) => void socket.write("-WRONGPASS invalid username-password pair\r\n+PONG\r\n");
    const login = { ...place, port: port(), username: "svc", password: "hush" };
    const opened = RedisConnection.open(login, 5_000, () => undefined);
    await assert.rejects(opened, { name: "RedisAway", message: "WRONGPASS" });
  });
});

describe("the script on a real server", { skip: noRedis }, () => {
  let redis: Redis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());

  const run = async (...words: string[]): Promise<number[]> => {
    const reply = await redis.call("EVAL", takeTokens, "1", ...words);
    assert.ok(Array.isArray(reply), String((reply as RedisError).code));
    return reply.map(Number);
  };

  test("its digest is the server's", async () => {
    assert.equal(await redis.call("SCRIPT", "LOAD", takeTokens), digestOf(takeTokens));
  });

  test("fixed windows: from the clock's unit on, an eighth of what is left beyond the need, then nothing until the end", async () => {
    const day = 86_400_000;
    const ask = (needs: string) => run("fixed", "fixed", "80", String(2 * day), String(day), needs);
    const [now = 0, ...first] = await ask("1:100:0");
    const end = now - (now % day) + 2 * day;
    assert.deepEqual(
      first,
      [10, 0, end, 70, end].map((value, i) => (i === 2 || i === 4 ? Math.floor(value) : value)),
    );
    assert.deepEqual((await ask("1:2:0")).slice(1), [2, 10, end, 68, end].map(Math.floor));
    assert.deepEqual((await ask("100:100:0")).slice(1), [68, 12, end, 0, end].map(Math.floor));
    assert.deepEqual((await ask("1:100:0")).slice(1), [0, 80, end, 0, end].map(Math.floor));
    // Given back: to the window that it was taken from, and to no other.
    await run("fixed", "back", "5", "0", "0", String(Math.floor(end) - day));
    assert.equal((await ask("1:100:0"))[1], 0);
    await run("fixed", "back", "5", "0", "0", String(Math.floor(end)));
    assert.equal((await ask("100:100:0"))[1], 5);
    const left = Number(await redis.call("PTTL", "fixed"));
    assert.ok(left > 0 && left <= 2 * day, "it ends with its window");
  });

  test("what was counted without a token is added, beyond the quota too", async () => {
    const ask = (needs: string) => run("owed", "fixed", "80", "86400000", "86400000", needs);
    assert.deepEqual((await ask("0:0:100")).slice(1, 3), [0, 100]);
    assert.deepEqual((await ask("1:1:0")).slice(1, 3), [0, 100]);
  });

  test("sliding: slots one after the other as far as the burst reaches; the last ones can be given back", async () => {
    const ask = (needs: string) => run("sliding", "sliding", "60", "3600000", "20", needs);
    const [now = 0, tokens, at = 0, , left] = await ask("4:4:0");
    assert.deepEqual([tokens, at, left], [4, now, 16]);
    const [, more, next] = await ask("16:16:0");
    assert.deepEqual([more, next], [16, now + 4 * 60_000]);
    const [, none, , , , again = 0] = await ask("1:1:0");
    assert.deepEqual([none, Math.round(again - now)], [0, 60_000]);
    await run("sliding", "back", "3", String(at), "60000", "0");
    assert.equal((await ask("1:1:0"))[1], 0, "not the last ones");
    await run("sliding", "back", "3", String(now + 17 * 60_000), "60000", "0");
    assert.deepEqual((await ask("5:5:0")).slice(1, 3), [3, now + 17 * 60_000]);
    assert.ok(Number(await redis.call("PTTL", "sliding")) > 0);
  });

  describe("counters", () => {
    const quota: Quota = { count: 100, windowMs: 86_400_000 };
    const sources: RedisSource[] = [];
    const source = (): RedisSource => {
      const server = { ...place, port: redis.port, password: redis.password };
      const made = new RedisSource({ server, timeoutMs: 5_000, keyPrefix: "test:" }, "deny");
      made.start();
      sources.push(made);
      return made;
    };
    after(() => Promise.all(sources.map((each) => each.close())));

    const request = async (counter: LeasedCounter): Promise<boolean> => {
      for (;;) {
        const now = monotonicNow();
        if (counter.admits(quota, now)) {
          counter.count(quota, now);
          return true;
        }
        const asked = counter.refill(quota, now);
        if (asked === undefined) return false;
        await asked;
      }
    };

    test("of two processes: exactly the quota passes, with far fewer calls than requests", async () => {
      const counters = [source(), source()].map((each) => new LeasedCounter("test:both", quota, each));
      const calls = await scriptCalls();
      const passed = await Promise.all(
        Array.from({ length: 400 }, (_, i) => request(counters[i % 2] as LeasedCounter)),
      );
      assert.equal(passed.filter(Boolean).length, 100);
      assert.ok((await scriptCalls()) - calls < 60);
    });

    test("what one process does not spend, another one gets", async () => {
      const [one, other] = [source(), source()].map((each) => new LeasedCounter("test:idle", quota, each));
      assert.ok(one && other);
      let passed = 0;
      // Grows the lease.
      for (let i = 0; i < 30; i++) if (await request(one)) passed++;
      await until(async () => {
        while (await request(other)) passed++;
        return passed === 100;
      });
      assert.equal(await request(one), false);
    });

    test("scripts that the server forgot are sent again", async () => {
      const counter = new LeasedCounter("test:flushed", quota, source());
      assert.equal(await request(counter), true);
      await redis.call("SCRIPT", "FLUSH");
      let passed = 1;
      while (await request(counter)) passed++;
      assert.equal(passed, 100);
    });

    const scriptCalls = async (): Promise<number> => {
      const stats = String(await redis.call("INFO", "commandstats"));
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
  });
});
