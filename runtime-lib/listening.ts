import net, { type AddressInfo, isIP, type Server } from "node:net";
import { isWorker } from "./workers.ts";

/**
 * Listening sockets. libuv accepts one connection from each in a turn of the event loop, and a turn lasts as long as the requests
 * that have come in: of 1,000 clients that connect at once to a busy gateway, most would wait for seconds. So several sockets
 * share a port, where the system and Node can do that (`SO_REUSEPORT`; Node 22.12 and up, on Linux), and as many are accepted
 * in a turn.
 */

/** Connections that the kernel holds for each socket until they are accepted. */
const backlog = 1024;
/** Sockets on one port: README.md has what other numbers came to. */
const socketsOfPort = 32;
/** `UV_TCP_REUSEPORT` of libuv. */
const reusePort = 2;

/**
 * Opens `server` at an address; rejects with node's error when it cannot be. Where sockets can share its port, others join it
 * from then on, one in each turn of the event loop: a start need not wait for them. `another` makes each, until it has none.
 */
export async function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  another: () => Server | undefined,
): Promise<void> {
  const bound = bindAlone(host, port);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    if (bound === undefined) server.listen({ host, port, backlog });
    else listenOn(server, bound.handle);
  });
  if (bound?.shared === true) joinOneByOne(host, (server.address() as AddressInfo).port, socketsOfPort - 1, another);
}

function joinOneByOne(host: string, port: number, wanted: number, another: () => Server | undefined): void {
  if (wanted === 0) return;
  setImmediate(() => {
    const beside = another();
    if (beside === undefined) return;
    const handle = bind(host, port, reusePort);
    if (handle === undefined) return;
    listenOn(beside, handle);
    joinOneByOne(host, port, wanted - 1, another);
  });
}

interface Bound {
  readonly handle: Handle;
  /** Others may be bound to its port. */
  readonly shared: boolean;
}

interface Handle {
  getsockname(out: { port?: number }): number;
  close(): void;
}

/** Binds to a port that nobody else has. Undefined: `server.listen` does it, or says why not. */
function bindAlone(host: string, port: number): Bound | undefined {
  // A worker's listeners are those of its parent, which has little else to do than to accept.
  if (isWorker()) return undefined;
  const alone = bind(host, port, 0);
  if (alone === undefined || !sharesPorts()) return alone && { handle: alone, shared: false };
  // Shared from the start, a port that another gateway already has would be taken for free: clients would meet either.
  const name: { port?: number } = {};
  alone.getsockname(name);
  // libuv says only when it listens that the port is in use; until then the socket has none.
  if (!name.port) return { handle: alone, shared: false };
  alone.close();
  const shared = bind(host, name.port, reusePort);
  if (shared !== undefined) return { handle: shared, shared: true };
  const again = bind(host, port, 0);
  return again && { handle: again, shared: false };
}

function sharesPorts(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return process.platform === "linux" && (major > 22 || (major === 22 && minor >= 12));
}

/**
 * What `server.listen` would make of an address, without the detour by way of node:dns, whose answer Node 26 compares with a
 * regular expression that takes 4 ms to compile. Not public: undefined where it is gone or where it fails.
 */
function bind(host: string, port: number, flags: number): Handle | undefined {
  const make = (net as { _createServerHandle?: unknown })._createServerHandle;
  const family = isIP(host);
  if (family === 0 || typeof make !== "function") return undefined;
  const made: unknown = make(host, port, family, undefined, flags);
  return typeof made === "object" && made !== null ? (made as Handle) : undefined;
}

/**
 * What `server.listen(handle)` comes to outside of workers, without node:cluster, of which it asks whether this is one: 0.7 ms.
 * Not public: where it is gone, `listen` does it.
 */
function listenOn(server: Server & { _handle?: object; _listen2?: unknown }, handle: object): void {
  if (typeof server._listen2 !== "function") return void server.listen(handle, backlog);
  server._handle = handle;
  server._listen2(null, -1, -1, backlog);
}
