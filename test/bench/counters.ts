import { parseArgs } from "node:util";
import { RedisConnection } from "../../runtime-lib/redis-connection.ts";
import { takeTokens } from "../../runtime-lib/redis-script.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../support/gateway-under-test.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import { compileParts, definition, get } from "../support/security-project.ts";
import { StubBackend } from "../support/stub-backend.ts";
import { runCounted } from "./load/load-process.ts";
import { cpuSecondsOf, processTree } from "./pinned-process.ts";

/**
 * node --import tsx test/bench/counters.ts [--rounds=5] [--requests=20000]
 *
 * What it takes to count one busy key: in one process, in two workers, and in Redis. All take turns, round by round; the processor
 * time of the gateway's processes a request is what counts where the machine has other work. The backend is node:http, so
 * requests a second say something beside each other only.
 */
const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, requests: { type: "string", default: "20000" } },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);

const redis = await startRedis();
const backend = await StubBackend.start();
const projects = await Promise.all([projectOf("here", undefined), projectOf("redis", "deny")]);
const [here, inRedis] = projects;
const settings = `[castgate.redis]\nurl = "redis://127.0.0.1:${redis.port}"\npassword = "${redis.password}"\ntimeoutMs = 5000\n`;
const contenders = [
  { name: "one process", gateway: await startGateway(here, { backend }) },
  { name: "two workers", gateway: await startGateway(here, { backend, args: ["--workers=2"] }) },
  { name: "Redis", gateway: await startGateway(inRedis, { backend, settings }) },
].map((each) => ({ ...each, rates: [] as number[], cpu: [] as number[] }));

const calls = await callsOf(redis);
for (let round = 0; round <= rounds; round++) {
  for (const { gateway, rates, cpu } of contenders) {
    const before = cpuOf(gateway);
    const path = "/counted/limited";
    const { port } = new URL(gateway.origin);
    const { answered, errors, seconds } = await runCounted({
      port: Number(port),
      path,
      field: "Accept-Language: en",
      connections: 100,
      requests,
    });
    backend.seen.length = 0;
    if (errors > 0 || answered !== requests) throw new Error(`${errors} errors, ${answered} answers`);
    // The first round warms up.
    if (round === 0) continue;
    rates.push(answered / seconds);
    cpu.push(((cpuOf(gateway) - before) / answered) * 1e6);
  }
}
const made = (await callsOf(redis)) - calls;
const [first] = contenders;
for (const { name, rates, cpu } of contenders) {
  const ratio = median(rates.map((rate, i) => rate / ((first as { rates: number[] }).rates[i] as number)));
  say(
    `${name}: ${Math.round(median(rates))} requests/s, ratio ${ratio.toFixed(2)}, ${median(cpu).toFixed(1)} us CPU a request`,
  );
}
say(`Redis: ${made} calls for ${(rounds + 1) * requests} requests`);
say(`Redis, a call for each: ${await callsEach(redis)} calls/s from one process, 100 at once`);

for (const { gateway } of contenders) await gateway.stop();
for (const project of projects) project.remove();
await redis.stop();
await backend.stop();

function projectOf(name: string, onUnavailable: string | undefined): Promise<CompiledProject> {
  return compileParts(name, {
    compatibility: "standard",
    apis: {
      counted: definition("Counted", {}, { "/limited": get({ security: [], "x-wso2-throttling-tier": "Vast" }) }),
    },
    policies: {
      resourcePolicies: [{ Vast: { count: 1_000_000_000, unitTime: 1, timeUnit: "day" } }],
      ...(onUnavailable === undefined ? {} : { counters: { store: "redis", onUnavailable } }),
    },
  });
}

function cpuOf(gateway: RunningGateway): number {
  return processTree(gateway.process.pid as number).reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
}

async function callsOf(from: Redis): Promise<number> {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(await from.call("INFO", "commandstats")))?.[1] ?? 0);
}

async function callsEach({ port, password }: Redis): Promise<number> {
  const server = {
    host: "127.0.0.1",
    port,
    tls: false,
    database: 0,
    username: undefined,
    password,
    ca: () => undefined,
  };
  const connection = await RedisConnection.open(server, 5_000, () => undefined);
  const digest = String(await connection.call(["SCRIPT", "LOAD", takeTokens], 5_000));
  let left = 20_000;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      while (left-- > 0)
        await connection.call(
          ["EVALSHA", digest, "1", "each", "fixed", "1000000000", "86400000", "86400000", "1:1:0"],
          5_000,
        );
    }),
  );
  connection.close();
  return Math.round(20_000 / ((performance.now() - begun) / 1000));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}
