import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { planGateway } from "../../compiler/4-plan/plan-gateway.ts";
import { type Explainer, openExplainer } from "../../compiler/review/explain/explain.ts";
import type { Explanation } from "../../compiler/review/explain/explanation.ts";
import type { SettingsInput } from "../../compiler/review/explain/run-time-settings.ts";
import { readSide, type Side } from "../../compiler/review/side.ts";
import { until } from "../support/debian-services.ts";
import { type CompiledProject, type RunningGateway, startGateway } from "../support/gateway-under-test.ts";
import type { Redis } from "../support/redis.ts";
import { StubBackend } from "../support/stub-backend.ts";
import { differences, type Logged } from "./compare.ts";
import { type Everybody, users } from "./credentials.ts";
import { Random } from "./random.ts";
import { type RawRequest, type RawResponse, sendRaw } from "./raw-request.ts";
import { RequestSource } from "./requests.ts";
import { compileWorld, type World } from "./worlds.ts";

export interface WorldReport {
  readonly world: string;
  readonly requests: number;
  /** How many came to what: `forwarded`, `refused by authenticate`, ... */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Requests of which something is not as explained, with what. */
  readonly wrong: readonly string[];
  /** Keys in Redis, and how many of them hold what was to be charged; undefined: there was no Redis. */
  readonly keys: { readonly explained: number; readonly right: number; readonly wrong: readonly string[] } | undefined;
}

export interface WorldRun {
  readonly world: World;
  readonly everybody: Everybody;
  /** Counts are looked at there; undefined: they are not. */
  readonly redis: Redis | undefined;
  /** Of Redis, its own. */
  readonly database: number;
  readonly count: number;
  readonly seed: number;
}

interface Sent {
  readonly id: string;
  readonly request: RawRequest;
  readonly explained: Explanation;
  readonly response: RawResponse;
}

/** Explains random requests, sends them to the running bundle, and compares what became of them. */
export async function explainWorld(run: WorldRun): Promise<WorldReport> {
  const { world, everybody, redis, database, count, seed } = run;
  const backend = await StubBackend.start();
  const project = await compileWorld(world, redis !== undefined);
  const side = await sideOf(project);
  const counts = planGateway(side.model).counters === undefined ? undefined : redis;
  const gateway = await startGateway(project, {
    issuer: everybody.issuer,
    backend,
    tls: { server: everybody.server, trust: everybody.trusted },
    settings: settingsText(world) + (counts ? redisText(counts, database) : ""),
  });
  try {
    const explainer = await explainerFor(side, gateway);
    const source = new RequestSource(side.model, everybody, new Random(seed));
    const port = Number(new URL(gateway.origin).port);
    const sent: Sent[] = [];
    for (let i = 0; i < count; i++) {
      const id = `${world.name}-${seed}-${i}`;
      const request = source.next(id);
      const explained = await explainer.explain(asReviewed(request));
      const response = await sendRaw(request, { port, httpsPort: gateway.httpsPort });
      sent.push({ id, request, explained, response });
    }
    const logged = await logOf(gateway, sent);
    const { code } = await gateway.stop();
    const wrong = sent.flatMap(({ id, request, explained, response }) => {
      const seen = backend.seen.filter(({ headers }) => headers["x-request-id"] === id);
      const found = differences(request, explained, { response, seen, logged: logged.get(id) });
      return found.length === 0 ? [] : [`${shown(request)}\n    ${found.join("\n    ")}`];
    });
    if (code !== 0) wrong.push(`the gateway ended with ${code}`);
    const keys = counts ? await comparedKeys(sent, counts, database) : undefined;
    return { world: world.name, requests: sent.length, outcomes: outcomesOf(sent), wrong, keys };
  } finally {
    if (gateway.process.exitCode === null) await gateway.stop();
    await backend.stop();
    project.remove();
  }
}

function settingsText(world: World): string {
  const own = `[castgate]
trustedProxies = ["127.0.0.2/32"]
failedLoginsPerMinute = 1000000
failedLoginsPerIdentityPerMinute = 1000000
accessLog = true
${world.name === "possession" ? 'publicOrigins = ["http://api.test", "https://api.test"]\n' : ""}
`;
  return own + users + (world.settings ?? "");
}

function redisText(redis: Redis, database: number): string {
  return `
[castgate.redis]
url = "redis://127.0.0.1:${redis.port}/${database}"
password = "${redis.password}"
timeoutMs = 20000
`;
}

async function sideOf(project: CompiledProject): Promise<Side> {
  const read = await readSide(project.bundle, project.folder);
  if (!("side" in read)) throw new Error("the bundle cannot be read");
  return read.side;
}

/** With the settings and the command line that the gateway has. */
async function explainerFor(side: Side, gateway: RunningGateway): Promise<Explainer> {
  const words = gateway.process.spawnargs;
  const file = words[words.indexOf("--config") + 1] as string;
  const input: SettingsInput = {
    file: { name: file, text: readFileSync(file, "utf8") },
    overrides: words.flatMap((word) => {
      const [, name, value] = /^--(\w+_endpoint_\d+)=(.*)$/.exec(word) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
    allowKnownDefaults: false,
    env: {},
    fileFolder: path.dirname(file),
    workingFolder: path.dirname(file),
  };
  const opened = await openExplainer(side, input);
  if (!("explain" in opened)) throw new Error(opened.join("\n"));
  return opened;
}

function asReviewed({ method, target, headers, from, tls }: RawRequest): Parameters<Explainer["explain"]>[0] {
  return {
    method,
    target,
    headers,
    scheme: tls === undefined ? "http" : "https",
    listener: "api",
    from,
    certificate: tls?.certificate && new X509Certificate(tls.certificate.cert).raw,
  };
}

/** What the log says of each request, once it has said something of all that it has to. */
async function logOf(gateway: RunningGateway, sent: readonly Sent[]): Promise<ReadonlyMap<string, Logged>> {
  const due = sent.filter(({ explained }) => explained.request.client !== undefined);
  let found = new Map<string, Logged>();
  const read = () => {
    found = new Map();
    // A refusal has a line of its own before, which does not say all.
    const ended = new Set<string>();
    for (const line of gateway.log().split("\n")) {
      if (!line.startsWith("{")) continue;
      const { id, msg, operation, status, reason, code } = JSON.parse(line);
      if (msg === "access") {
        ended.add(id);
        found.set(id, { ...found.get(id), status, ...(operation && { operation }) });
      }
      if (msg === "refused" && id) found.set(id, { ...found.get(id), status, reason, code });
    }
    return due.every(({ id }) => ended.has(id));
  };
  // Should one be missing, the comparison says which.
  const last = performance.now() + 5_000;
  await until(() => read() || performance.now() > last);
  return found;
}

function outcomesOf(sent: readonly Sent[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { explained } of sent) {
    const { outcome } = explained;
    const name =
      outcome.kind === "forwarded" || outcome.kind === "served" ? outcome.kind : `${outcome.kind} by ${outcome.check}`;
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}

/** All that was to be charged, summed up, against what Redis holds: the same keys, and of each as much. */
async function comparedKeys(sent: readonly Sent[], redis: Redis, database: number): Promise<WorldReport["keys"]> {
  const charged = new Map<string, { count: number; bytes: boolean }>();
  for (const { explained } of sent) {
    for (const { storedAs, counted } of explained.charges) {
      if (storedAs === undefined) continue;
      const count = (charged.get(storedAs)?.count ?? 0) + 1;
      charged.set(storedAs, { count, bytes: counted === "bytes" });
    }
  }
  const reply = await redis.inDatabase(database, "KEYS", "*");
  const stored = new Map<string, number | undefined>();
  for (const key of (Array.isArray(reply) ? reply : []).map(String)) {
    if (key.endsWith("probe")) continue;
    // What slides has no such member.
    const used = await redis.inDatabase(database, "HGET", key, "used");
    stored.set(key, typeof used === "string" ? Number(used) : undefined);
  }
  const wrong: string[] = [];
  for (const [key, used] of stored) {
    // A request that another level refuses gives back what was reserved for it.
    if (!charged.has(key) && used !== 0) wrong.push(`${key} was charged, and not explained`);
  }
  for (const [key, { count, bytes }] of charged) {
    const used = stored.get(key);
    if (!stored.has(key)) wrong.push(`${key} was not charged`);
    // Of bytes it is not explained how many.
    else if (used !== undefined && !bytes && used !== count) wrong.push(`${key}: explained ${count}, is ${used}`);
  }
  return { explained: charged.size, right: charged.size - wrong.length, wrong };
}

function shown({ method, target, headers, from, tls }: RawRequest): string {
  const fields = headers.map(([name, value]) => `${name}: ${value.length > 120 ? `${value.slice(0, 120)}...` : value}`);
  return `${JSON.stringify(`${method} ${target.slice(0, 300)}`)} from ${from}${tls ? " over TLS" : ""}\n    ${fields.map((field) => JSON.stringify(field)).join("\n    ")}`;
}
