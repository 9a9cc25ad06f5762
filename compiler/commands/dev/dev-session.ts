import { createServer } from "node:net";
import { resolve } from "node:path";
import type { Build } from "../../compile.ts";
import { writeBuild } from "../build-project.ts";
import { RunningBundle } from "../child-process.ts";
import type { Terminal } from "../command.ts";
import { DevFolder } from "./dev-folder.ts";
import { MockBackend } from "./mock-backend.ts";
import { type Listening, type SampleRequest, sampleRequests } from "./sample-requests.ts";

/** A gateway on the loopback interface with mocked backends, from one build to the next. */
export class DevSession {
  readonly #project: string;
  readonly #terminal: Terminal;
  readonly #args: readonly string[];
  readonly #folder: DevFolder;
  readonly #mock = new MockBackend();
  #ports: Listening = { http: 0, https: 0 };
  #running: RunningBundle | undefined;

  /** `args` are handed to the bundle after those that make it a development gateway, so they win. */
  constructor(project: string, args: readonly string[], terminal: Terminal) {
    this.#project = project;
    this.#args = args;
    this.#terminal = terminal;
    this.#folder = new DevFolder(project);
  }

  async prepare(): Promise<void> {
    await this.#folder.prepare();
    await this.#mock.listen();
    this.#ports = {
      http: askedPort(this.#args, "httpPort") ?? (await freePort(9090)),
      https: askedPort(this.#args, "httpsPort") ?? (await freePort(9095)),
    };
  }

  /** Replaces the running gateway by this build. Returns it when it has been started. */
  async start(build: Build): Promise<RunningBundle> {
    await writeBuild(this.#project, build);
    await this.stop("SIGTERM");
    this.#mock.play(build);
    const settings = await this.#folder.writeSettings(build.model, this.#ports);
    const requests = await sampleRequests(build, this.#folder, this.#ports, this.#terminal.folder);
    const all = await this.#folder.writeRequests(
      `${requests.map(({ method, path, access, line }) => `# ${method} ${path}: ${access}\n${line}\n`).join("\n")}`,
    );
    this.#terminal.out(introduction(requests, this.#ports, all));
    const bundle = resolve(this.#project, "target", `${build.name}.cjs`);
    const args = ["--config", settings, ...this.#mock.overrides(build), ...this.#args];
    this.#running = new RunningBundle(this.#terminal, bundle, args, this.#project);
    return this.#running;
  }

  /** Stops the gateway that runs, and waits for its end. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop(signal);
    await running?.exited;
  }

  /** Whether this gateway is the one that serves, and nobody asked it to stop. */
  isRunning(bundle: RunningBundle): boolean {
    return this.#running === bundle;
  }

  close(): void {
    this.#mock.close();
  }
}

function introduction(requests: readonly SampleRequest[], ports: Listening, all: string): string {
  const lines = onePerAccess(requests).map(({ access, line }) => `# ${access}\n${line}`);
  return `
Once it has started, the gateway answers on http://127.0.0.1:${ports.http} and https://localhost:${ports.https}; backends are mocked.
Requests to paste, one for each kind of access (all ${requests.length}: ${all}):

${lines.join("\n")}

`;
}

/** For each API, the first request that each set of credentials opens; reading requests before writing ones. */
function onePerAccess(requests: readonly SampleRequest[]): SampleRequest[] {
  const chosen = new Map<string, SampleRequest>();
  const order = [...requests].sort((a, b) => Number(a.method !== "GET") - Number(b.method !== "GET"));
  for (const request of order) {
    const id = `${request.api} ${request.access}`;
    if (!chosen.has(id)) chosen.set(id, request);
  }
  return [...chosen.values()].slice(0, 12);
}

function askedPort(args: readonly string[], name: string): number | undefined {
  const value = args.findLast((arg) => arg.startsWith(`--listenerConfig.${name}=`))?.split("=")[1];
  const port = Number(value);
  return value === undefined || !Number.isInteger(port) || port === 0 ? undefined : port;
}

/** The wanted port of the loopback interface, else any free one. */
async function freePort(wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const free = await new Promise<number | undefined>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(undefined));
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
      });
    });
    if (free !== undefined) return free;
  }
  return wanted;
}
