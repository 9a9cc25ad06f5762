import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";

/** A bundle as a process of its own. */
export interface GatewayProcess {
  readonly pid: number;
  /** What it printed, both streams. */
  output(): string;
  /** SIGTERM, then SIGKILL after five seconds. */
  stop(): Promise<void>;
}

/** Starts a bundle; it is not waited for. */
export function spawnGateway(
  bundle: string,
  settings: string,
  { node = process.execPath, args = [] as readonly string[] } = {},
): GatewayProcess {
  const child = spawn(node, [...args, bundle, "--config", settings], { stdio: ["ignore", "pipe", "pipe"] });
  const chunks: string[] = [];
  const keep = (text: string) => {
    if (chunks.length < 200) chunks.push(text);
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  return { pid: child.pid as number, output: () => chunks.join(""), stop: () => stop(child) };
}

/** Asks until the answer has this status; throws with the gateway's output when it does not within ten seconds. */
export async function waitForStatus(
  gateway: GatewayProcess,
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): Promise<void> {
  const deadline = performance.now() + 10_000;
  let last = "no answer";
  while (performance.now() < deadline) {
    try {
      const answer = await send(port, "GET", path, headers);
      if (answer.status === status) return;
      last = `${answer.status} ${answer.body.slice(0, 200)}`;
      if (answer.status !== 503) break;
    } catch {
      // it does not listen yet
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`the gateway is not ready: ${last}\n${gateway.output()}`);
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

/** One request on a connection of its own. */
export function send(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (incoming) => {
      let body = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (text: string) => {
        body += text;
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body, headers: incoming.headers }));
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** A backend on loopback that answers every request with `METHOD target`, as body and as `x-seen`: HEAD has no body. */
export async function echoBackend(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    const seen = `${incoming.method} ${incoming.url}`;
    outgoing.setHeader("content-type", "text/plain").setHeader("x-seen", seen).end(seen);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, server };
}

/** Two ports that nobody listens on at the moment. Asked for one after the other, they might be the same. */
export async function freePorts(): Promise<{ readonly http: number; readonly https: number }> {
  const servers = [createTcpServer(), createTcpServer()];
  for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
  const [http = 0, https = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await once(server.close(), "close");
  return { http, https };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 5000);
  await exited;
  clearTimeout(force);
}
