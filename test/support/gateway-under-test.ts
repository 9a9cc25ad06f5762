import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { compileOnce } from "./compile-once.mjs";
import { engineArguments } from "./engine-under-test.mjs";
import { noteSettings, watchOutput } from "./secret-watch.ts";
import type { Identity } from "./self-signed.ts";
import type { StubBackend } from "./stub-backend.ts";
import type { TestIssuer } from "./test-issuer.ts";

/** A compiled copy of a project in a temporary folder. */
export interface CompiledProject {
  readonly folder: string;
  readonly bundle: string;
  readonly manifest: { readonly endpoints: readonly { readonly key: string; readonly urls: readonly string[] }[] };
  /** What `compile` printed. */
  readonly output: string;
  remove(): void;
}

/** Copies a project and compiles it with the real command, once in a test run for the same files. */
export async function compileProject(source: string): Promise<CompiledProject> {
  const parent = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
  const folder = path.join(parent, path.basename(source));
  for (const part of [
    "api_definitions",
    "gen",
    "grpc_definitions",
    "extensions",
    "castgate.yaml",
    "policies.yaml",
    "policies",
    "conf",
  ]) {
    if (existsSync(path.join(source, part)))
      cpSync(path.join(source, part), path.join(folder, part), { recursive: true });
  }
  const { code, output } = await compileOnce(folder);
  if (code !== 0) throw new Error(`compile ended with ${code}:\n${output}`);
  const name = path.basename(source);
  return {
    folder,
    bundle: path.join(folder, `target/${name}.cjs`),
    manifest: JSON.parse(readFileSync(path.join(folder, `target/${name}.manifest.json`), "utf8")),
    output,
    remove: () => rmSync(parent, { recursive: true, force: true }),
  };
}

/** A bundle that runs as a process of its own, on free ports of loopback. */
export interface RunningGateway {
  readonly origin: string;
  /** Of the TLS listener, if there is one. */
  readonly httpsPort: number;
  readonly process: ChildProcess;
  /** All that it printed so far. */
  log(): string;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

export interface GatewayOptions {
  readonly issuer?: TestIssuer;
  /** Every endpoint URL is sent here instead, its host and path as the prefix: `/orders-a.test/api`. */
  readonly backend?: StubBackend;
  /** A TLS listener with this identity, which trusts these certificates (PEM, by alias). */
  readonly tls?: { readonly server: Identity; readonly trust: Readonly<Record<string, string>> };
  /** Further settings as TOML, or how they are made of the listeners' ports. */
  readonly settings?: string | ((ports: Ports) => string);
  readonly args?: readonly string[];
  /** The path whose 200 is waited for; `/readyz` if not said. */
  readonly waitFor?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ports {
  readonly port: number;
  /** 0: there is no TLS listener. */
  readonly httpsPort: number;
}

export async function startGateway(project: CompiledProject, options: GatewayOptions = {}): Promise<RunningGateway> {
  const port = await freePort();
  const httpsPort = options.tls === undefined ? 0 : await freePort();
  const config = path.join(mkdtempSync(path.join(project.folder, "run-")), "micro-gw.conf");
  const text = settingsText(port, httpsPort, path.dirname(config), options);
  noteSettings(text);
  writeFileSync(config, text);
  const child = spawn(
    process.execPath,
    [
      project.bundle,
      "--config",
      config,
      ...engineArguments,
      ...overrides(project, options.backend),
      ...(options.args ?? []),
    ],
    { cwd: path.dirname(config), env: { ...process.env, ...options.env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  watchOutput(child);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
  const origin = `http://127.0.0.1:${port}`;
  try {
    await untilReady(origin + (options.waitFor ?? "/readyz"), child, () => log);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    origin,
    httpsPort,
    process: child,
    log: () => log,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

function settingsText(
  port: number,
  httpsPort: number,
  folder: string,
  { issuer, tls, settings }: GatewayOptions,
): string {
  const lines = ["[listenerConfig]", 'host = "127.0.0.1"', `httpPort = ${port}`];
  const trusted = { ...(issuer && { issuer: issuer.certificatePem }), ...tls?.trust };
  if (Object.keys(trusted).length > 0) {
    const store = path.join(folder, "trust");
    mkdirSync(store);
    for (const [alias, pem] of Object.entries(trusted)) writeFileSync(path.join(store, `${alias}.pem`), pem);
    lines.push(`trustStorePath = ${JSON.stringify(store)}`);
  }
  if (tls !== undefined) {
    writeFileSync(path.join(folder, "server.pem"), tls.server.key + tls.server.cert);
    lines.push(`httpsPort = ${httpsPort}`, `keyStorePath = ${JSON.stringify(path.join(folder, "server.pem"))}`);
  }
  if (issuer !== undefined) {
    lines.push("[[jwtTokenConfig]]", `issuer = ${JSON.stringify(issuer.name)}`, 'certificateAlias = "issuer"');
    lines.push(
      "[apikey.tokenConfigs]",
      `issuer = ${JSON.stringify(`${issuer.name}/apikey`)}`,
      'certificateAlias = "issuer"',
    );
    lines.push("validateAllowedAPIs = false");
  }
  const more = typeof settings === "function" ? settings({ port, httpsPort }) : (settings ?? "");
  return `${lines.join("\n")}\n${more}\n`;
}

function overrides(project: CompiledProject, backend: StubBackend | undefined): string[] {
  if (backend === undefined) return [];
  return project.manifest.endpoints.flatMap(({ key, urls }) =>
    urls.map((url, index) => `--${key}_endpoint_${index}=${backend.origin}/${url.replace(/^https?:\/\//, "")}`),
  );
}

async function untilReady(url: string, child: ChildProcess, log: () => string): Promise<void> {
  for (const last = performance.now() + 60_000; performance.now() < last; ) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}:\n${log()}`);
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // not listening yet
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`the gateway is not ready:\n${log()}`);
}

/**
 * A port that nobody listens on at the moment, and that none of the machine's other connections gets by chance before its
 * user listens on it: it is below those that systems give to whoever asks for any.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (await canListen(port)) return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
