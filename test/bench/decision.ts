import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import type * as PlanGateway from "../../compiler/4-plan/plan-gateway.ts";
import type * as EmitGateway from "../../compiler/5-emit/emit-gateway.ts";
import type { ApiModel, GatewayModel, OperationModel } from "../../compiler/model/gateway-model.ts";
import type { GeneratedFile } from "../../compiler/model/generated-file.ts";
import type { Identifier, Slug } from "../../compiler/model/names.ts";
import type { BackendPool } from "../../runtime-lib/backend.ts";
import type { Gateway } from "../../runtime-lib/gateway.ts";
import type { Settings, SettingsReport } from "../../runtime-lib/settings.ts";
import { TestIssuer } from "../support/test-issuer.ts";
import { settingsFrom } from "../unit/runtime/settings-for-test.ts";
import type { Head, Run } from "./decision-runner.ts";

/**
 * node --import tsx test/bench/decision.ts [--against=FOLDER] [--rounds=4000] [--tokens=1000] [--cache=10000] [--only=TEXT]
 *
 * What the checks of a request take, without a network: from the parsed head to the moment at which the head for the
 * backend is ready, or the refusal. `--against` names another checkout of this repository: both take turns in one process,
 * batch by batch, and their ratio is what counts. `--cache=1` verifies every token anew.
 */
const { values } = parseArgs({
  options: {
    against: { type: "string" },
    rounds: { type: "string", default: "4000" },
    tokens: { type: "string", default: "1000" },
    cache: { type: "string", default: "10000" },
    only: { type: "string", default: "" },
  },
});
const here = fileURLToPath(new URL("../..", import.meta.url));
const rounds = Number(values.rounds);
const warmUp = 1500;
const batch = 16;

const work = mkdtempSync(path.join(tmpdir(), "castgate-decision-"));
const issuer = new TestIssuer("https://idp.test");
writeFileSync(path.join(work, "idp.pem"), issuer.certificatePem);
const tokens = Array.from({ length: Number(values.tokens) }, (_, index) => tokenOf(index));

function tokenOf(index: number): string {
  return issuer.token({
    aud: "api",
    sub: `user${index}@carbon.super`,
    scope: "items:read items:write openid profile",
    jti: `0e1f1b2c-6d0c-4c1e-9d5a-${String(index).padStart(12, "0")}`,
    keytype: "PRODUCTION",
    application: { id: index % 50, name: "bench", tier: "Gold", owner: "admin" },
    subscribedAPIs: [{ name: "Shop", context: "/shop/v1", version: "1.0.0", subscriptionTier: "Gold" }],
  });
}

/** What the bundle of a checkout exports. */
interface Loaded {
  readonly gateway: Gateway;
  readonly runner: (gateway: Gateway) => Run;
}

async function loadCheckout(folder: string): Promise<Run> {
  const at = (file: string) => import(pathToFileURL(path.join(folder, file)).href);
  const { planGateway } = (await at("compiler/4-plan/plan-gateway.ts")) as typeof PlanGateway;
  const { emitGateway } = (await at("compiler/5-emit/emit-gateway.ts")) as typeof EmitGateway;
  const files = await emitGateway(planGateway(model()));
  const bundle = await bundleOf(folder, files);
  const module = { exports: {} as Loaded };
  new Function("module", "exports", "require", bundle)(module, module.exports, createRequire(import.meta.url));
  const loaded = module.exports;
  const text = [
    `[caching]\ntokenCacheCapacity = ${values.cache}`,
    `[listenerConfig]\ntrustStorePath = "${work}"`,
    "[[jwtTokenConfig]]\nissuer = 'https://idp.test'\ncertificateAlias = 'idp'\naudience = 'api'",
  ].join("\n");
  const { settings, report } = await settingsFrom(text, { compatibility: "standard" });
  for (const one of loaded.gateway.modules) await configureModule(one, settings, report);
  return loaded.runner(loaded.gateway);
}

async function configureModule(
  module: Gateway["modules"][number],
  settings: Settings,
  report: SettingsReport,
): Promise<void> {
  const pool: BackendPool = {
    lendsBytes: false,
    send: () => {
      throw new Error("nothing is sent here");
    },
    retire: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  await module.configure(settings, report, () => Promise.resolve(pool));
}

const origin = { file: "api_definitions/shop.yaml", pointer: "" };
const gold = { name: "Gold", count: 1_000_000_000, windowMs: 60_000, unitMs: 60_000, stopOnQuota: true };

/** One API: an operation for each kind of access. */
function model(): GatewayModel {
  const api: ApiModel = {
    slug: "shop" as Slug,
    symbol: "shop" as Identifier,
    title: "Shop",
    version: "1.0.0",
    basePath: "/shop/v1",
    transports: ["http", "https"],
    cors: undefined,
    authHeader: undefined,
    allowEncodedSlash: false,
    challenges: ["oauth2"],
    apiLimit: undefined,
    operations: [
      operation("openItem", { kind: "public", why: "x-wso2-disable-security", origin }, false),
      operation("checkedItem", scoped("items:read"), true),
      operation("forbiddenItem", scoped("items:admin"), false),
      { ...operation("limitedItem", scoped("items:read"), true), ...limited },
    ],
    origin,
  };
  return {
    compatibility: "standard",
    apis: [api],
    callerTiers: { application: [gold], subscription: [gold] },
    counters: undefined,
    faults: { api: "fault", global: "fault" },
    builtinPaths: [],
    replacedServices: [],
    builtinCors: undefined,
    features: [],
    extensions: [],
  };
}

const limited = {
  throttle: { resource: { kind: "tier", tier: { ...gold, name: "None", count: 0 } }, fromCaller: true },
} as unknown as Pick<OperationModel, "throttle">;

function scoped(scope: string): OperationModel["access"] {
  const anyOf = [{ allOf: [{ kind: "oauth2" }], scopes: { need: "any", names: [scope] } }] as const;
  return { kind: "authenticated", anyOf, origin };
}

function operation(name: string, access: OperationModel["access"], fromCaller: boolean): OperationModel {
  return {
    id: name as Identifier,
    method: "GET",
    template: `/${name}/{id}`,
    segments: [
      { kind: "literal", text: name },
      { kind: "parameter", name: "id", prefix: "", suffix: "" },
    ],
    access,
    throttle: {
      resource: fromCaller ? { kind: "tier", tier: gold } : undefined,
      fromCaller,
      unauthenticated: undefined,
    },
    backend: {
      kind: "forward",
      production: {
        overrideKey: "backend_prod",
        level: "api",
        environment: "production",
        urls: ["http://backend.test/base"],
        timeoutMs: 1000,
        pipelining: 1,
        basicUsername: undefined,
        origin,
      },
      sandbox: undefined,
    },
    origin,
  };
}

async function bundleOf(folder: string, files: readonly GeneratedFile[]): Promise<string> {
  const texts = new Map(files.map(({ file, text }) => [file, text]));
  texts.set("entry.ts", 'export { gateway } from "./gateway.js";\nexport { runner } from "bench/decision-runner.ts";');
  const runtime = (name: string) => ({ path: path.join(folder, "runtime-lib", name.replace(/\.js$/, ".ts")) });
  const { outputFiles } = await build({
    entryPoints: ["entry.ts"],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    packages: "external",
    logLevel: "error",
    plugins: [
      {
        name: "generated",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /^castgate\/runtime\// }, (found) =>
            runtime(found.path.slice("castgate/runtime/".length)),
          );
          onResolve({ filter: /^\.\.\/\.\.\/runtime-lib\// }, (found) => runtime(path.basename(found.path)));
          onResolve({ filter: /^bench\// }, () => ({ path: path.join(import.meta.dirname, "decision-runner.ts") }));
          onResolve({ filter: /^entry\.ts$/ }, ({ path: file }) => ({ namespace: "generated", path: file }));
          onResolve({ filter: /^\./, namespace: "generated" }, ({ path: name, importer }) => ({
            namespace: "generated",
            path: path.posix.join(path.posix.dirname(importer), name).replace(/\.js$/, ".ts"),
          }));
          onLoad({ filter: /.*/, namespace: "generated" }, ({ path: file }) => ({
            contents: texts.get(file) ?? "",
            loader: "ts",
          }));
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? "";
}

interface Scenario {
  readonly name: string;
  readonly relayed: boolean;
  readonly head: (index: number) => string;
}

const few = ["Host: gateway.test:9090", "User-Agent: bench/1.0", "Accept: */*"];
const many = [
  ...few,
  "Accept-Language: en-GB,en;q=0.9",
  "Accept-Encoding: gzip, deflate, br",
  "Connection: keep-alive",
  "Cache-Control: no-cache",
  "Referer: https://ui.test/orders/list",
  "Origin: https://ui.test",
  "X-Client-Version: 3.14.1",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
];
const auth = (index: number) => `Authorization: Bearer ${tokens[Math.abs(index * 7919) % tokens.length]}`;
const scenarios: readonly Scenario[] = [
  { name: "token, scope, 3 tiers: forwarded", relayed: true, head: (i) => text("checkedItem", [...few, auth(i)]) },
  { name: "the same, 12 fields", relayed: true, head: (i) => text("checkedItem", [...many, auth(i)]) },
  { name: "public: forwarded", relayed: true, head: () => text("openItem", few) },
  { name: "no token: 401", relayed: false, head: () => text("checkedItem", few) },
  { name: "scope missing: 403", relayed: false, head: (i) => text("forbiddenItem", [...few, auth(i)]) },
  { name: "quota used up: 429", relayed: false, head: (i) => text("limitedItem", [...few, auth(i)]) },
  { name: "no such resource: 404", relayed: false, head: () => text("nothing", few) },
];

function text(resource: string, fields: readonly string[]): string {
  return [`GET /shop/v1/${resource}/42?page=2 HTTP/1.1`, ...fields].join("\r\n");
}

/** As an engine cuts a head: one new string, all else parts of it. */
function cut(head: string): Head {
  const whole = Buffer.from(head, "latin1").toString("latin1");
  const lines = whole.split("\r\n");
  const [first = "", ...fields] = lines;
  return {
    target: first.slice(4, -9),
    headers: fields.flatMap((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  };
}

/** Microseconds a request, one batch. */
async function timed(run: Run, { head, relayed }: Scenario, from: number): Promise<number> {
  const heads = Array.from({ length: batch }, (_, index) => cut(head(from + index)));
  const start = process.hrtime.bigint();
  const forwarded = await run(heads);
  const ns = process.hrtime.bigint() - start;
  if (forwarded !== (relayed ? batch : 0)) throw new Error(`${forwarded} of ${batch} were forwarded`);
  return Number(ns) / 1000 / batch;
}

/** The lower quartile: what else runs on the machine only adds. */
function quartile(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 2] as number;
}

try {
  const mine = await loadCheckout(here);
  const other = values.against === undefined ? undefined : await loadCheckout(path.resolve(values.against));
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(other === undefined ? "| us a request | |" : "| | us before | us now | ratio |");
  for (const scenario of scenarios.filter(({ name }) => name.includes(values.only))) {
    const before: number[] = [];
    const now: number[] = [];
    for (let round = -warmUp; round < rounds; round++) {
      // Who begins changes with the rounds: the second finds the caches of the first.
      for (const run of round % 2 === 0 ? [mine, other] : [other, mine]) {
        if (run === undefined) continue;
        const us = await timed(run, scenario, round * batch);
        if (round >= 0) (run === mine ? now : before).push(us);
      }
    }
    const shown = quartile(now).toFixed(2);
    if (other === undefined) say(`| ${scenario.name} | ${shown} |`);
    else {
      const ratio = quartile(now) / quartile(before);
      say(`| ${scenario.name} | ${quartile(before).toFixed(2)} | ${shown} | ${ratio.toFixed(3)} |`);
    }
  }
} finally {
  rmSync(work, { recursive: true });
}
