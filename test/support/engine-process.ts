import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { engineArguments } from "./engine-under-test.mjs";
import { watchOutput } from "./secret-watch.ts";

/** The hand-written gateway of `engine-gateway.ts` as a child process, and raw sockets on both sides of it. */
export interface GatewayProcess {
  readonly port: number;
  readonly child: ChildProcess;
  /** Parsed log lines so far. */
  readonly log: readonly Record<string, unknown>[];
  readonly stderr: () => string;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
  /** Resident memory in MiB. */
  rss(): Promise<number>;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
}

/** What takes longer than this does not happen. */
const longestWaitMs = 30_000;

let bundle: Promise<string> | undefined;

/** Bundled once per test file, as the product is: start-up and memory are then those of a bundle. */
function bundled(): Promise<string> {
  bundle ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), "castgate-engine-"));
    process.on("exit", () => void rm(folder, { recursive: true, force: true }));
    const outfile = join(folder, "gateway.cjs");
    await build({
      entryPoints: [join(import.meta.dirname, "engine-gateway.ts")],
      outfile,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "cjs",
      logLevel: "silent",
    });
    return outfile;
  })();
  return bundle;
}

export async function spawnGateway(args: readonly string[], env: Record<string, string> = {}) {
  const file = await bundled();
  const child = spawn(process.execPath, [file, ...engineArguments, ...args], {
    cwd: join(file, ".."),
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  watchOutput(child);
  const log: Record<string, unknown>[] = [];
  let stderr = "";
  let stdout = "";
  let wake = (): void => {};
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  let unread = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    const lines = `${unread}${chunk}`.split("\n");
    unread = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith('{"')) log.push(JSON.parse(line));
    wake();
  });
  const exited = new Promise<number | null>((resolve) =>
    child.on("close", (code, signal) => {
      if (signal !== null) stderr += `ended by ${signal}`;
      resolve(code);
    }),
  );
  const until = async (test: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> => {
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      wake();
    }, longestWaitMs);
    let over = false;
    void exited.then(() => {
      over = true;
      wake();
    });
    try {
      for (;;) {
        const found = log.find(test);
        if (found !== undefined) return found;
        if (over) throw new Error(`the gateway ended with ${child.exitCode}: ${stderr}`);
        if (late) throw new Error(`the gateway did not log what was waited for: ${test}\n${stdout}\n${stderr}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      clearTimeout(deadline);
    }
  };
  return { child, log, exited, stderr: () => stderr, stdout: () => stdout, until };
}

export async function startGateway(args: readonly string[], env: Record<string, string> = {}): Promise<GatewayProcess> {
  const spawned = await spawnGateway(["--listenerConfig.host=127.0.0.1", "--listenerConfig.httpPort=0", ...args], env);
  const { child, log, exited, stderr } = spawned;
  const line = await spawned.until((entry) => entry.msg === "listening");
  return {
    port: line.port as number,
    child,
    log,
    stderr,
    exited,
    async rss() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    },
    stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

export interface RawBackend {
  readonly url: string;
  readonly port: number;
  readonly sockets: Set<Socket>;
  close(): void;
}

/** A TCP server on loopback: it says exactly what the test wants, HTTP or not. */
export async function rawBackend(onSocket: (socket: Socket) => void): Promise<RawBackend> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    sockets,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Answers each request head with what `answer` returns. Bodies are not looked at. */
export function headBackend(
  answer: (head: string, socket: Socket) => string | Buffer | undefined,
): Promise<RawBackend> {
  return rawBackend((socket) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        const head = text.slice(0, end + 2);
        text = text.slice(end + 4);
        const reply = answer(head, socket);
        if (reply !== undefined) socket.write(reply);
      }
    });
  });
}

export interface RawClient {
  readonly socket: Socket;
  /** All that came, as Latin-1. */
  text(): string;
  /** Waits until what came matches; the text. Rejects when the connection ends first, or nothing of that kind comes. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with all that came once the connection is closed. */
  readonly closed: Promise<string>;
}

/** A client that sends bytes. */
export async function rawClient(port: number, bytes?: string | Buffer): Promise<RawClient> {
  const socket = tcpConnect({ port, host: "127.0.0.1" });
  let text = "";
  let wake = (): void => {};
  let open = true;
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    wake();
  });
  socket.on("error", () => undefined);
  const closed = new Promise<string>((resolve) =>
    socket.on("close", () => {
      open = false;
      wake();
      resolve(text);
    }),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  if (bytes !== undefined) socket.write(bytes);
  return {
    socket,
    text: () => text,
    closed,
    async until(pattern) {
      let late = false;
      const deadline = setTimeout(() => {
        late = true;
        wake();
      }, longestWaitMs);
      try {
        for (;;) {
          if (pattern.test(text)) return text;
          if (!open) throw new Error(`the connection ended before ${pattern}: ${JSON.stringify(text)}`);
          if (late) throw new Error(`did not come: ${pattern}: ${JSON.stringify(text)}`);
          await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        clearTimeout(deadline);
      }
    },
  };
}

/** Sends bytes that ask for the connection to be closed, and returns all that came back. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return (await rawClient(port, bytes)).closed;
}

/** Waits for a condition that another process brings about. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const last = performance.now() + longestWaitMs;
  while (!(await condition())) {
    if (performance.now() > last) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/**
 * What is still left once waiting has not made it go: nothing, as soon as there is nothing. For records of several processes,
 * which come at their own pace: each look compares all of them as they are at that moment.
 */
export async function leftOver<T>(look: () => readonly T[]): Promise<readonly T[]> {
  let left = look();
  for (const last = performance.now() + longestWaitMs; left.length > 0 && performance.now() < last; left = look())
    await new Promise((resolve) => setTimeout(resolve, 50));
  return left;
}
