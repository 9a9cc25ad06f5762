import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { configureApis } from "./api.ts";
import type { OpenPool } from "./backend.ts";
import { openPool as openUndiciPool } from "./backend-undici.ts";
import { TrustedProxies } from "./client-address.ts";
import type { Engine, ListenerOptions } from "./engine.ts";
import { createEngine as createNodeEngine } from "./engine-node.ts";
import type { EngineOptions } from "./engine-options.ts";
import { faultsOf } from "./faults.ts";
import type { Gateway } from "./gateway.ts";
import { headerOverridesOf } from "./header-overrides.ts";
import { withBuiltins } from "./health.ts";
import { type Log, openLog } from "./log.ts";
import type { Service } from "./module.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { precompile } from "./precompile.ts";
import { pathRules } from "./request-path.ts";
import { noService, withServices } from "./services.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { type LoadedSettings, loadSettings, SettingsLog } from "./settings-load.ts";
import { drainOnSignal } from "./shutdown.ts";
import { listenerTls } from "./tls-options.ts";
import { openPool as openWirePool } from "./wire/backend-wire.ts";
import { createEngine as createWireEngine } from "./wire/engine-wire.ts";
import { usePlainTransports } from "./wire/transport.ts";
import { openHandles } from "./wire/transport-handles.ts";
import { isWorker, runWorkers } from "./workers.ts";
import { boundYoungGeneration } from "./young-generation.ts";

/** Exit codes of the bundle. */
const exitUsage = 2;
const exitConfig = 78;

/** What the bundle knows about itself: printed by `--manifest`, its version by `--version`. Parsed only for these. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

/**
 * Runs a gateway: the bundle's entry point. Reads the command line, checks every setting, opens the listeners and serves
 * until it is told to stop. Exit codes: 0 after a clean stop, 2 wrong usage, 78 wrong settings (all listed at once).
 */
export async function main(gateway: Gateway, manifest: () => Manifest): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.kind === "error") return exit(exitUsage, `${options.message}\n${usage}`);
  if (options.kind === "help") return print(usage);
  if (options.kind === "manifest") return print(`${JSON.stringify(manifest(), undefined, 2)}\n`);
  if (options.kind === "version") {
    const { name = "gateway", version = "unknown" } = manifest();
    return print(`${name} ${version}\n`);
  }
  if (options.kind !== "run") return;
  if (options.precompile !== undefined) {
    const problem = precompile(options.precompile);
    return problem === undefined ? undefined : exit(exitUsage, `${problem}\n`);
  }
  await start(gateway, options);
}

async function start(gateway: Gateway, options: Options): Promise<void> {
  const loaded = await load(gateway, options);
  if (loaded === undefined) return;
  const { settings, report } = loaded;
  configureApis(settings);

  if (options.workers > 1 && gateway.modules.some((module) => module.name === "dpop")) {
    report.error(
      "--workers",
      "used proofs of possession are known in one process: with them, only --workers 1 is right",
    );
  }
  const proxies = new TrustedProxies(settings.strings("castgate.trustedProxies") ?? []);
  for (const entry of proxies.malformed) {
    report.error("castgate.trustedProxies", `"${entry}" is neither an address nor a network in CIDR notation`);
  }
  const { createEngine, openPool } = engines[options.engine];
  const headerOverrides = headerOverridesOf(settings, report);
  const listeners = await listenersOf(settings, report);
  const modules = [...gateway.modules];
  for (const feature of gateway.features ?? []) if (feature.enabled(settings)) modules.push(feature.module);
  if (isWorker() || options.workers <= 1 || options.checkOnly) {
    for (const module of modules) await module.configure(settings, report, openPool);
    loaded.checkOverrides();
    // Whoever sets it relies on counts that are shared.
    if (settings.string("castgate.redis.url") && !modules.some(({ name }) => name === "redis-counters"))
      report.error(
        "castgate.redis.url",
        "needs counters: {store: redis, ...} in policies.yaml when the gateway is compiled",
      );
  }
  const services = modules.flatMap((module) => module.services?.() ?? []);
  const tokenListener = tokenListenerOf(settings, services, listeners, report);
  if (!showFindings(report)) return;
  if (options.checkOnly) return print("The settings are fine.\n");
  if (options.workers > 1 && !isWorker())
    return runWorkers(options.workers, openLog(logLevel(settings)), graceMs(settings), (hub) => {
      for (const module of modules) module.serveWorkers?.(hub);
    });

  const log = openLog(logLevel(settings));
  if (options.engine === "wire" && options.transport === "handles") useHandles(log);
  const waitingFor = (): string | undefined => {
    if (engine.draining) return "shutdown";
    for (const module of modules) {
      const awaited = module.waitingFor?.();
      if (awaited !== undefined) return awaited;
    }
    return undefined;
  };
  const engineOptions: EngineOptions = {
    handle: withServices(
      withBuiltins(gateway, waitingFor),
      "api",
      services,
      gateway.builtinCors,
      gateway.replacedServices,
    ),
    faults: faultsOf(gateway.compatibility),
    pathRules: pathRules(gateway.compatibility, gateway.encodedSlash === true),
    proxies,
    limits: {
      maxUriLength: settings.number("listenerConfig.maxUriLength") ?? 4096,
      maxHeaderSize: settings.number("listenerConfig.maxHeaderSize") ?? 8192,
      maxBodySize: settings.number("listenerConfig.maxEntityBodySize") ?? -1,
      maxPipelined: settings.number("listenerConfig.maxPipelinedRequests") ?? 10,
      headerTimeoutMs: 1000 * (settings.number("castgate.headerTimeoutSeconds") ?? 15),
      requestTimeoutMs: 1000 * (settings.number("castgate.requestTimeoutSeconds") ?? 300),
      idleTimeoutMs: 1000 * (settings.number("castgate.idleTimeoutSeconds") ?? 120),
      upgradeIdleMs: 1000 * (settings.number("castgate.upgradeIdleSeconds") ?? 300),
    },
    upgrades: gateway.upgrades === true,
    // The original says nothing of itself (R-HDR-04).
    via: settings.boolean("castgate.via") ?? gateway.compatibility === "standard",
    forwarded: settings.boolean("castgate.forwarded") === true,
    keepAlive: keepAliveOf(settings),
    headerOverrides,
    serverName: settings.string("server.header") || undefined,
    log,
    accessLog:
      settings.boolean("castgate.accessLog") === true || settings.boolean("b7a.http.accesslog.console") === true,
  };
  const engine = createEngine(engineOptions);
  const tokenEngine =
    tokenListener &&
    createEngine({ ...engineOptions, handle: withServices(noService, "token", services, gateway.builtinCors) });

  process.on("uncaughtException", (error) => log.error({ err: error }, "unexpected error"));
  process.on("unhandledRejection", (error) => log.error({ err: error }, "unexpected error"));
  // Before the first listener says that it is there: who waits for that may stop the gateway at once.
  drainOnSignal(log, async () => {
    const engines = tokenEngine === undefined ? [engine] : [engine, tokenEngine];
    const finished = await Promise.all(engines.map((each) => each.drain(graceMs(settings))));
    await Promise.all(modules.map((module) => module.close?.()));
    return finished.every(Boolean);
  });
  // Its modules are 3 ms of CPU that the first answer need not wait for.
  setTimeout(boundYoungGeneration, 250).unref();
  const open = listeners.map((listener) => ({ on: engine, listener }));
  if (tokenEngine !== undefined) open.push({ on: tokenEngine, listener: tokenListener as ListenerOptions });
  // All at once, the plain one last: who sees it open may go on to another.
  const opening = open.toReversed().map(({ on, listener }) => on.listen(listener));
  const outcomes = (await Promise.allSettled(opening)).toReversed();
  for (const [index, outcome] of outcomes.entries()) {
    const { scheme, host, port } = (open[index] as (typeof open)[number]).listener;
    if (outcome.status === "fulfilled") {
      const { address, port: opened } = outcome.value;
      log.info({ scheme, host: address, port: opened }, "listening");
    } else {
      await Promise.all([engine.drain(0), tokenEngine?.drain(0)]);
      return exit(1, `cannot listen on ${host}:${port}: ${listenProblem(outcome.reason)}\n`);
    }
  }
}

/**
 * The two halves of each engine. Imported, not loaded when they are chosen: all that is reached by an `import()` stands in
 * functions in the bundle, and is parsed once more when they run, 3 ms. What they need of Node, they load when they are opened.
 */
const engines: Readonly<
  Record<Options["engine"], { createEngine(options: EngineOptions): Engine; readonly openPool: OpenPool }>
> = {
  wire: { createEngine: createWireEngine, openPool: openWirePool },
  node: { createEngine: createNodeEngine, openPool: openUndiciPool },
};

/** Without them the gateway is as good, but slower. */
function useHandles(log: Log): void {
  const opened = openHandles();
  if (typeof opened !== "string") return usePlainTransports(opened);
  log.warn({ reason: opened }, "Node's handles cannot be used: as with --transport=net");
}

const unreadable: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOENT: "there is no such file",
};

async function load(gateway: Gateway, options: Options): Promise<LoadedSettings | undefined> {
  const report = new SettingsLog();
  const name = options.config ?? "conf/micro-gw.conf";
  let text: string | undefined;
  try {
    text = readFileSync(name, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // The file that nobody named may be missing; any other trouble is the user's to know.
    if (options.config !== undefined || code !== "ENOENT") {
      report.error("--config", `cannot read ${name}: ${unreadable[code ?? ""] ?? code}`);
    }
  }
  if (!showFindings(report)) return undefined;
  return loadSettings({
    compatibility: gateway.compatibility,
    allowKnownDefaults: options.allowKnownDefaults,
    features: (gateway.features ?? []).map(({ name }) => name),
    overrides: options.overrides,
    env: process.env,
    file: text === undefined ? undefined : { name, text },
    fileFolder: dirname(resolve(name)),
    workingFolder: process.cwd(),
  });
}

/** Plain and TLS listener (S-LSN-01, 02). Without a key store there is no TLS listener. */
async function listenersOf(settings: Settings, report: SettingsReport): Promise<ListenerOptions[]> {
  const host = settings.string("listenerConfig.host") ?? "0.0.0.0";
  const http = { scheme: "http", host, port: settings.number("listenerConfig.httpPort") ?? 9090 } as const;
  const tls = await listenerTls(settings, report);
  if (tls === undefined) {
    if (settings.path("listenerConfig.keyStorePath") === undefined) {
      report.warn("listenerConfig.keyStorePath", "is not set: only the plain listener is opened, there is no https");
    }
    return [http];
  }
  const port = settings.number("listenerConfig.httpsPort") ?? 9095;
  if (port !== 0 && port === http.port) {
    report.error("listenerConfig.httpsPort", "is also the port of the plain listener");
  }
  return [http, { scheme: "https", host, port, tls }];
}

/** The token listener (S-LSN-03), with the certificate of the TLS listener. Opened only when it has something to serve. */
function tokenListenerOf(
  settings: Settings,
  services: readonly Service[],
  listeners: readonly ListenerOptions[],
  report: SettingsReport,
): ListenerOptions | undefined {
  if (!services.some((service) => service.listener === "token")) return undefined;
  const name = "listenerConfig.tokenListenerPort";
  const port = settings.number(name) ?? 9096;
  const tls = listeners.find((listener) => listener.scheme === "https");
  if (tls === undefined)
    return void report.error(name, "needs listenerConfig.keyStorePath: tokens are served over TLS only");
  if (port !== 0 && listeners.some((listener) => listener.port === port))
    report.error(name, "is also the port of another listener");
  return { ...tls, port };
}

/** `ALWAYS` is read as `AUTO`: a client that asks for the connection to be closed is obeyed (RFC 9112 section 9.6). */
function keepAliveOf(settings: Settings): "auto" | "never" {
  const word = (settings.string("listenerConfig.keepAlive") ?? "AUTO").toUpperCase();
  return word === "AUTO" || word === "ALWAYS" ? "auto" : "never";
}

function graceMs(settings: Settings): number {
  return 1000 * (settings.number("castgate.drainSeconds") ?? 30);
}

function logLevel(settings: Settings): string {
  return settings.string("b7a.log.level") ?? "INFO";
}

/** Prints what was found on standard error. False, with exit code 78, when any of it is an error. */
function showFindings(report: SettingsLog): boolean {
  for (const line of report.lines()) process.stderr.write(`${line}\n`);
  if (!report.hasErrors) return true;
  exit(exitConfig, "The gateway was not started: the settings are wrong.\n");
  return false;
}

function listenProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") return "the address is in use";
  if (code === "EACCES") return "not permitted";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address";
  return code ?? "failed";
}

function print(text: string): void {
  process.stdout.write(text);
}

/** Ends the process, whatever timers modules have begun. Standard error is synchronous for files, pipes and terminals. */
function exit(code: number, message: string): void {
  process.stderr.write(message);
  process.exit(code);
}
