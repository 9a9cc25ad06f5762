import { Agent, request } from "node:http";
import { connect } from "node:net";

export interface Load {
  readonly requests: number;
  /** Honest requests that were not answered as they should have been. */
  readonly mistakes: readonly string[];
}

type Visit = (port: number, agent: Agent, random: () => number) => Promise<string | undefined>;

/** Sends the mixed load for `seconds`. Which visits come when is decided by a fixed seed. */
export async function runLoad(port: number, seconds: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const until = performance.now() + seconds * 1000;
  const mistakes: string[] = [];
  let requests = 0;
  const visitor = async (seed: number) => {
    const random = generator(seed);
    while (performance.now() < until) {
      const visit = visits[Math.floor(random() * visits.length)] as Visit;
      requests++;
      const mistake = await visit(port, agent, random);
      if (mistake !== undefined && mistakes.length < 20) mistakes.push(mistake);
      await pause(random() * 20);
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, index) => visitor(index + 1)));
  agent.destroy();
  return { requests, mistakes };
}

const visits: readonly Visit[] = [
  (port, agent, random) => honest(port, agent, "GET", "bytes", Math.floor(random() * 2_000)),
  (port, agent, random) => honest(port, agent, "GET", "bytes", Math.floor(random() * 262_144)),
  (port, agent, random) => honest(port, agent, "GET", "chunks", Math.floor(random() * 100_000)),
  (port, agent, random) => honest(port, agent, "POST", "echo", Math.floor(random() * 2_000)),
  (port, agent, random) => honest(port, agent, "POST", "echo", Math.floor(random() * 500_000)),
  (port, agent, random) => honest(port, agent, "PUT", "echo", Math.floor(random() * 500_000), true),
  (port, agent) => honest(port, agent, "GET", "empty", 0),
  (port, agent, random) => honest(port, agent, "HEAD", "bytes", Math.floor(random() * 5_000)),
  (port, _agent, random) => honest(port, undefined, "GET", "bytes", Math.floor(random() * 5_000)),
  (port) =>
    raw(port, "GET /v1/pets/bytes/10 HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/pets/bytes/10 HTTP/1.1\r\nHost: a\r\n\r\n", 60),
  (port) => raw(port, "GET /v1/pets/think/500 HTTP/1.1\r\nHost: a\r\n\r\n", 20),
  (port) => raw(port, "GET /v1/pets/bytes/262144 HTTP/1.1\r\nHost: a\r\n\r\n", 3),
  (port) => raw(port, "GET /v1/pets/reset HTTP/1.1\r\nHost: a\r\n\r\n", 30),
  (port) => raw(port, "GET /v1/pets/short HTTP/1.1\r\nHost: a\r\n\r\n", 30),
  (port) => raw(port, "GET /v1/pe", 30),
  (port) => raw(port, "\x16\x03\x01\x00 this is no HTTP\r\n\r\n", 30),
  (port) => raw(port, "POST /v1/pets/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf", 30),
  (port) => raw(port, "POST /v1/pets/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", 30),
  (port) => raw(port, "POST /v1/pets/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 30),
  (port) =>
    raw(port, `POST /v1/pets/early HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n${"x".repeat(70_000)}`, 40),
  (port) => raw(port, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 30),
];

/** A request that must be answered: by its backend, whole. */
function honest(
  port: number,
  agent: Agent | undefined,
  method: string,
  kind: string,
  size: number,
  chunked = false,
): Promise<string | undefined> {
  const path = `/v1/pets/${kind}/${size}`;
  const sent = kind === "echo" ? size : 0;
  const expected = method === "HEAD" || kind === "empty" ? 0 : size;
  return new Promise((resolve) => {
    const headers: Record<string, string | number> = {};
    if (kind === "echo" && !chunked) headers["content-length"] = sent;
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers, agent: agent ?? false }, (incoming) => {
      let length = 0;
      incoming.on("data", (chunk: Buffer) => {
        length += chunk.length;
      });
      incoming.on("error", (error) => resolve(`${method} ${path}: ${error.message}`));
      incoming.on("end", () => {
        const right = incoming.statusCode === (kind === "empty" ? 204 : 200) && length === expected;
        resolve(right ? undefined : `${method} ${path}: ${incoming.statusCode} with ${length} bytes`);
      });
    });
    outgoing.on("error", (error) => {
      // A kept connection that the gateway closes at this moment is nobody's mistake.
      const raced = outgoing.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
      resolve(raced ? undefined : `${method} ${path}: ${error.message}`);
    });
    if (chunked && sent > 0)
      for (let left = sent; left > 0; left -= 10_000) outgoing.write(Buffer.alloc(Math.min(left, 10_000)));
    else if (sent > 0) outgoing.write(Buffer.alloc(sent));
    outgoing.end();
  });
}

/** Sends bytes and leaves after a while, whatever comes. */
async function raw(port: number, bytes: string, stayMs: number): Promise<undefined> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  socket.write(bytes, "latin1");
  await pause(stayMs);
  socket.destroy();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
