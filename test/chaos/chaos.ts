import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { generator } from "../soak/load.ts";
import { growth, type Sample } from "../soak/soak.ts";
import { startEtcd } from "../support/etcd.ts";
import { startGateway } from "../support/gateway-under-test.ts";
import { startRedis } from "../support/redis.ts";
import { compileParts } from "../support/security-project.ts";
import { TestIssuer } from "../support/test-issuer.ts";
import { heldBy } from "./held.ts";
import { type BackendFault, History } from "./history.ts";
import { type DeadTime, judgeDead, judgeSights, judgeVisit, type Verdict } from "./judge.ts";
import { apis, type BackendName, endpoints, policies } from "./setup.ts";
import { Clients, pause } from "./visits.ts";
import { Backend } from "./world.ts";

export interface ChaosOptions {
  readonly minutes: number;
  readonly engine: string;
  readonly seed: number;
  /** Where the gateway's log goes; empty: nowhere. */
  readonly log: string;
  say(line: string): void;
}

export interface ChaosReport {
  /** By endpoint, then by what requests came to. */
  readonly outcomes: ReadonlyMap<string, ReadonlyMap<Verdict["kind"], number>>;
  readonly faults: ReadonlyMap<string, number>;
  readonly dead: readonly DeadTime[];
  /** Quiet: before the first round, then after each. */
  readonly samples: readonly Sample[];
  /** What must not have been; empty: all was well. */
  readonly wrong: readonly string[];
}

const clientCount = 20;
const backendFaults: readonly BackendFault[] = [
  "kill",
  "pause",
  "queue",
  "slow",
  "silent",
  "busy",
  "reset",
  "drop",
  "lie",
];
/** Longer than any connection is kept that nobody uses, and than anything is left out. */
const quietMs = 8_000;

/** Does everything to the world that the schedule of this seed says, under load, and judges what came of it. */
export async function chaos({ minutes, engine, seed, log, say }: ChaosOptions): Promise<ChaosReport> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-chaos-"));
  const [issuer, stranger] = [new TestIssuer("https://issuer.test"), new TestIssuer("https://issuer.test")];
  const held = path.join(folder, "held");
  const attempts = path.join(folder, "attempts");
  const [etcd, redis, project, a, b, c] = await Promise.all([
    startEtcd(),
    startRedis(),
    compileParts("chaos", { compatibility: "standard", apis, policies }),
    Backend.start("a", folder),
    Backend.start("b", folder),
    Backend.start("c", folder),
  ]);
  const backends = { a, b, c };
  await etcd.put("place", a.url("moved"));
  const gateway = await startGateway(project, {
    issuer,
    settings: `[castgate.redis]\nurl = "redis://127.0.0.1:${redis.port}"\npassword = "${redis.password}"\ntimeoutMs = 2000\n`,
    args: [
      ...(engine === "" ? [] : [`--engine=${engine}`]),
      `--etcdurl=${etcd.url}`,
      "--etcdtimer=2000",
      // All clients have one address: their bad tokens would be refused unseen.
      "--castgate.failedLoginsPerMinute=1000000",
      "--castgate.failedLoginsPerIdentityPerMinute=1000000",
      ...endpoints.flatMap(({ name, members }) =>
        (name === "moved" ? (["a"] as const) : members).map(
          (member, index) => `--${name}_prod_endpoint_${index}=${backends[member].url(name)}`,
        ),
      ),
    ],
    env: {
      CHAOS_HELD: held,
      CHAOS_ATTEMPTS: attempts,
      NODE_OPTIONS: `--expose-gc --require=${path.join(import.meta.dirname, "probe.cjs")}`,
    },
  });
  process.on("exit", () => gateway.process.kill("SIGKILL"));
  const port = Number(new URL(gateway.origin).port);
  const clients = new Clients(port, { good: issuer.token(), bad: stranger.token() }, seed, clientCount);
  const history = new History("a");
  const faults = new Map<string, number>();
  const samples: Sample[] = [];
  const wrong: string[] = [];
  const random = generator(seed);
  const draw = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  /** Each of them in turn, in an order of chance: none is left out for long. */
  const deck = <T>(of: readonly T[]): (() => T) => {
    let left: T[] = [];
    return () => {
      if (left.length === 0) left = [...of];
      return left.splice(Math.floor(random() * left.length), 1)[0] as T;
    };
  };
  const nextFault = deck(backendFaults);
  const count = (fault: string) => faults.set(fault, (faults.get(fault) ?? 0) + 1);

  const disturbBackends = async (until: number): Promise<void> => {
    while (Date.now() < until) {
      // Mostly one at a time: then others have to stand in for it.
      const first = draw<BackendName>(["a", "b", "c"]);
      const second = random() < 0.2 ? draw<BackendName>(["a", "b", "c"]) : first;
      const names = new Set([first, second]);
      await Promise.all(
        [...names].map((name) => {
          const fault = nextFault();
          count(fault);
          return backends[name].suffer(fault, 2_000 + random() * 5_000, history);
        }),
      );
      await pause(500 + random() * 3_000);
    }
  };

  const moveEndpoint = async (): Promise<void> => {
    count("etcd value");
    const name = draw<BackendName>(["a", "b", "c"]);
    history.placed(name);
    await etcd.put("place", backends[name].url("moved"));
  };
  const disturbStores: readonly (() => Promise<void>)[] = [
    moveEndpoint,
    moveEndpoint,
    async () => {
      count("etcd rubbish");
      await etcd.put(
        "place",
        draw(["", "rubbish", "ftp://127.0.0.1/", "http://user:word@127.0.0.1/", "http://127.0.0.1:99999"]),
      );
    },
    async () => {
      count("etcd key away");
      await etcd.call("POST", "/v3/kv/deleterange", { key: Buffer.from("place").toString("base64") });
    },
    async () => {
      count("etcd restart");
      history.etcdDown();
      await etcd.kill();
      await pause(1_000 + random() * 4_000);
      await etcd.start();
      history.etcdUp();
    },
    async () => {
      count("Redis restart");
      history.redisDown();
      await redis.kill();
      await pause(500 + random() * 3_000);
      await redis.start();
      history.redisUp();
    },
  ];
  const nextStore = deck(disturbStores);
  const disturbAll = async (seconds: number): Promise<void> => {
    const until = Date.now() + seconds * 1000;
    const stores = async () => {
      while (Date.now() < until) {
        await nextStore()();
        await pause(1_500 + random() * 4_000);
      }
    };
    await Promise.all([disturbBackends(until), stores()]);
  };
  const quiet = async (): Promise<void> => {
    await pause(quietMs);
    const sample = await heldBy(gateway.process, held, clients.visits.length);
    samples.push(sample);
    const { heap, external, resident, sockets, timers, files } = sample;
    const mib = [heap, external, resident].map((figure) => figure.toFixed(1));
    say([samples.length - 1, sample.requests, ...mib, sockets, timers, files].join("\t"));
  };

  let code: number | null = null;
  try {
    say("round\trequests\theap\texternal\tresident MiB\tsockets\ttimers\tfiles");
    const end = Date.now() + minutes * 60_000;
    await clients.run(Math.min(15, minutes * 10), 0);
    await quiet();
    const rounds = Math.max(1, Math.round((end - Date.now()) / 60_000));
    const roundSeconds = (end - Date.now()) / 1000 / rounds - quietMs / 1000 - 4;
    for (let round = 1; round <= rounds; round++) {
      await Promise.all([clients.run(roundSeconds, round), disturbAll(roundSeconds - 6)]);
      await quiet();
    }
  } finally {
    ({ code } = await gateway.stop());
    if (log !== "") writeFileSync(log, gateway.log());
    await Promise.all([a.stop(), b.stop(), c.stop(), etcd.stop(), redis.stop()]);
    project.remove();
  }

  const outcomes = new Map<string, Map<Verdict["kind"], number>>();
  for (const visit of clients.visits) {
    const verdict = judgeVisit(visit, history);
    const of = outcomes.get(visit.endpoint.name) ?? new Map<Verdict["kind"], number>();
    outcomes.set(visit.endpoint.name, of);
    of.set(verdict.kind, (of.get(verdict.kind) ?? 0) + 1);
    if (verdict.kind !== "wrong") continue;
    const at = new Date(visit.begun).toISOString();
    wrong.push(
      `${at} ${visit.method} ${visit.id} of ${visit.endpoint.name}, ${visit.ended - visit.begun} ms: ${verdict.why}`,
    );
  }
  wrong.push(
    ...judgeSights(
      [a, b, c].flatMap((backend) => backend.sights()),
      clients.visits,
      history,
    ),
  );
  const portOf = (backend: BackendName, endpoint: string) => backends[backend].ports.get(endpoint) ?? 0;
  const dead = judgeDead(endpoints, history, readAttempts(attempts), portOf, clients.visits);
  for (const { endpoint, backend, fault, seconds, attempts, most } of dead)
    if (most !== undefined && attempts > most)
      wrong.push(
        `${endpoint}: ${attempts} connections to ${backend} in ${seconds.toFixed(1)} s of ${fault}, at most ${most} allowed`,
      );
  wrong.push(...growth(samples).map((what) => `grows: ${what}`));
  if (code !== 0) wrong.push(`the gateway ended with ${code}`);
  wrong.push(...unexpected(gateway.log()));
  for (const { backend, fault, from, to, wellAt } of history.disturbances)
    say(`${new Date(from).toISOString()} ${backend} ${fault} ${to - from} ms, well after ${wellAt - from} ms`);
  rmSync(folder, { recursive: true, force: true });
  return { outcomes, faults, dead, samples, wrong };
}

function readAttempts(file: string): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>();
  for (const line of readFileSync(file, "utf8").split("\n").slice(0, -1)) {
    const [port = 0, at = 0] = line.split(" ").map(Number);
    const of = found.get(port) ?? [];
    found.set(port, of);
    of.push(at);
  }
  return found;
}

/** What the gateway says is wrong with itself: errors beside those of etcd's values, and what is no log at all. */
function unexpected(log: string): string[] {
  return log
    .split("\n")
    .filter(
      (line) =>
        !/^($|warning: |\(node:\d+\) ExperimentalWarning: v8.queryObjects|\(Use `node --trace-warnings)/.test(line),
    )
    .filter((line) => !line.startsWith("{") || /"level":"(ERROR|FATAL)"/i.test(line))
    .filter((line) => !line.includes("the value in etcd is no URL"))
    .slice(0, 20)
    .map((line) => `the gateway's log: ${line.slice(0, 300)}`);
}
