import type { Cluster, Worker } from "node:cluster";
import type { Log } from "./log.ts";

/** Whether this process serves for another one that holds the listeners. */
export function isWorker(): boolean {
  // One has a channel to its parent: without, node:cluster need not be loaded to know.
  return process.send !== undefined && nodeCluster().isWorker;
}

function nodeCluster(): Cluster {
  return process.getBuiltinModule("node:cluster") as unknown as Cluster;
}

/** Workers listen to their parent, not to signals: a terminal sends Ctrl-C to all processes at once. */
export const drainMessage = "drain";

/** The parent's side of what it and its workers say to each other, beside `drainMessage`. */
export interface WorkerHub {
  /** How many workers there are to be. */
  readonly size: number;
  /** A worker has begun, also in place of one that is gone; numbers are never used again. */
  onStart(heard: (worker: number) => void): void;
  onGone(heard: (worker: number) => void): void;
  onMessage(topic: string, heard: (worker: number, message: unknown) => void): void;
  /** In order; nothing happens when the worker is gone. */
  tell(worker: number, topic: string, message: object): void;
}

/** A worker's message to what its parent has for `topic`. */
export function tellParent(topic: string, message: object): void {
  // A parent that is gone takes its workers with it.
  process.send?.([topic, message], undefined, undefined, () => undefined);
}

/** Hears what the parent says about `topic`. */
export function messagesFromParent(topic: string, heard: (message: unknown) => void): void {
  process.on("message", (message) => {
    if (Array.isArray(message) && message[0] === topic) heard(message[1]);
  });
}

/** A worker's message to all others, which the parent hands on. */
export function tellSiblings(topic: string, message: object): void {
  tellParent(siblings, [topic, message]);
}

/** Hears what other workers say about `topic`. */
export const messagesFromSiblings = messagesFromParent;

const siblings = "siblings";

const firstRestartMs = 250;
const longestRestartMs = 30_000;
/** A worker that lived this long did not fail because of its start. */
const stableMs = 60_000;

/**
 * Runs N workers on the same listeners and starts those that crash again, more slowly each time. A signal drains all of
 * them; this process ends with 0 when they are gone. A first worker that cannot start ends everything with its exit code.
 * `serve` is given what it needs to have something for the workers.
 */
export function runWorkers(count: number, log: Log, graceMs: number, serve: (hub: WorkerHub) => void): void {
  const cluster = nodeCluster();
  const live = (): Worker[] => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  let stopping = false;
  let crashes = 0;
  let everListened = false;
  /** The worker whose listeners open before the next one is started. */
  let waitingFor = 0;
  const started = new Map<number, number>();

  const starts: ((worker: number) => void)[] = [];
  const hub: WorkerHub = {
    size: count,
    onStart: (heard) => void starts.push(heard),
    onGone: (heard) => void cluster.on("exit", ({ id }) => heard(id)),
    onMessage: (topic, heard) =>
      void cluster.on("message", ({ id }, message) => {
        if (Array.isArray(message) && message[0] === topic) heard(id, message[1]);
      }),
    tell(id, topic, message) {
      const worker = cluster.workers?.[id];
      if (worker?.isConnected()) worker.send([topic, message], undefined, undefined, () => undefined);
    },
  };
  hub.onMessage(siblings, (from, said) => {
    const [topic, message] = said as [string, object];
    for (const { id } of live()) if (id !== from) hub.tell(id, topic, message);
  });
  serve(hub);

  const fork = (): void => {
    const worker = cluster.fork();
    // One that ends while something is on its way to it; without a listener that would end this process.
    worker.on("error", (error) => {
      if (!stopping) log.warn({ worker: worker.id, err: error }, "worker does not hear");
    });
    returnUntaken(worker, () => live().some((other) => other.id !== worker.id));
    for (const heard of starts) heard(worker.id);
    started.set(worker.id, Date.now());
    waitingFor = worker.id;
  };
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      for (const worker of live()) worker.process.kill("SIGKILL");
      process.exit(1);
    }
    stopping = true;
    log.info({ signal, workers: live().length }, "draining");
    for (const worker of live()) worker.send(drainMessage, undefined, undefined, () => undefined);
    setTimeout(() => {
      for (const worker of live()) worker.process.kill("SIGKILL");
    }, graceMs + 5_000).unref();
    if (live().length === 0) process.exit(process.exitCode ?? 0);
  };

  cluster.on("exit", (worker, code, signal) => {
    const lived = Date.now() - (started.get(worker.id) ?? 0);
    started.delete(worker.id);
    if (stopping) {
      if (live().length === 0) process.exit(process.exitCode ?? 0);
      return;
    }
    // What no worker could do at first, the next one cannot do either.
    if (!everListened || code === 78) {
      process.exitCode = code ?? 1;
      stop("SIGTERM");
      return;
    }
    crashes = lived > stableMs ? 0 : crashes + 1;
    const wait = Math.min(longestRestartMs, firstRestartMs * 2 ** Math.min(crashes, 10));
    log.error({ worker: worker.id, code, signal, restartMs: wait }, "worker ended");
    setTimeout(() => {
      if (!stopping) fork();
    }, wait);
  });
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // One after the other: wrong settings are then found, and listed, once.
  let wanted = count - 1;
  cluster.on("listening", (worker) => {
    everListened = true;
    if (waitingFor !== worker.id || stopping) return;
    if (wanted-- > 0) fork();
    else waitingFor = 0;
  });
  fork();
}

/**
 * node:cluster hands an accepted connection to a worker and waits for its word that it has taken it. A worker that is killed
 * before takes the word along: the client would stay connected, to nobody, and `disconnect`, by which node:cluster forgets a
 * worker, may never come. Here that word is "not taken", after which node:cluster asks another worker; without one the
 * connection is closed. A worker says that it has taken a connection before it reads from it, and all that it said is read
 * before `close`: a connection that is handed on is as it came. The messages are not documented: where they are others,
 * nothing happens.
 */
function returnUntaken(worker: Worker, anotherLives: () => boolean): void {
  const { process } = worker;
  const untaken = new Map<number, { close?(): void }>();
  const send = process.send;
  process.send = (...args: [message: unknown, handle?: unknown]) => {
    const [message, handle] = args;
    const { act, seq } = message as { readonly act?: unknown; readonly seq?: unknown };
    if (act === "newconn" && typeof seq === "number" && handle) untaken.set(seq, handle);
    return send.apply(process, args as unknown as Parameters<typeof send>);
  };
  process.on("internalMessage", ({ ack }: { readonly ack?: unknown }) => {
    if (typeof ack === "number") untaken.delete(ack);
  });
  process.once("close", () => {
    if (nodeCluster().workers?.[worker.id] === worker) process.emit("disconnect");
    const connections = [...untaken];
    for (const [ack, handle] of connections) {
      if (anotherLives())
        process.emit("internalMessage" as never, { cmd: "NODE_CLUSTER", ack, accepted: false } as never);
      else handle.close?.();
    }
  });
}
