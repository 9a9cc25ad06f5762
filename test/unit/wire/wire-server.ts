import type { AnswerSink, BackendCall, BackendPool, BodySink, RequestBody } from "../../../runtime-lib/backend.ts";
import { TrustedProxies } from "../../../runtime-lib/client-address.ts";
import type { Engine, ListenerOptions } from "../../../runtime-lib/engine.ts";
import type { EngineLimits, EngineOptions } from "../../../runtime-lib/engine-options.ts";
import type { Exchange, RelayHead } from "../../../runtime-lib/exchange.ts";
import { faultsOf } from "../../../runtime-lib/faults.ts";
import type { Handler } from "../../../runtime-lib/gateway.ts";
import type { Log } from "../../../runtime-lib/log.ts";
import { pathRules } from "../../../runtime-lib/request-path.ts";
import { createTestedEngine, type TestedEngine } from "../../support/tested-engines.ts";

/** The server side of an engine in this process, with a handler of the test. */
export interface WireServer {
  readonly engine: Engine;
  readonly port: number;
  /** What was logged: fields and message. */
  readonly log: readonly Record<string, unknown>[];
  /** Ends it; whether all requests were answered. */
  stop(graceMs?: number): Promise<boolean>;
}

export interface ServerOptions extends Partial<Omit<EngineOptions, "limits" | "handle">> {
  /** `wire` unless another is named. */
  readonly engine?: TestedEngine;
  readonly limits?: Partial<EngineLimits>;
  readonly listener?: Partial<ListenerOptions>;
}

export async function startServer(handle: Handler, options: ServerOptions = {}): Promise<WireServer> {
  const log: Record<string, unknown>[] = [];
  const { limits, listener, engine: name = "wire", ...others } = options;
  const engine = await createTestedEngine(name, {
    faults: faultsOf("standard"),
    pathRules: pathRules("standard", false),
    proxies: new TrustedProxies([]),
    keepAlive: "auto",
    serverName: undefined,
    headerOverrides: [],
    accessLog: false,
    log: recorder(log),
    ...others,
    handle,
    limits: {
      maxUriLength: 4096,
      maxHeaderSize: 8192,
      maxBodySize: -1,
      maxPipelined: 10,
      headerTimeoutMs: 15_000,
      requestTimeoutMs: 300_000,
      idleTimeoutMs: 120_000,
      upgradeIdleMs: 120_000,
      ...limits,
    },
  });
  const { port } = await engine.listen({ scheme: "http", host: "127.0.0.1", port: 0, ...listener });
  return { engine, port, log, stop: (graceMs = 0) => engine.drain(graceMs) };
}

function recorder(entries: Record<string, unknown>[]): Log {
  const write = (fields: unknown, msg?: unknown): void => {
    if (typeof fields === "string") entries.push({ msg: fields });
    else entries.push({ ...(fields as object), msg });
  };
  return {
    trace: write,
    debug: write,
    info: write,
    warn: write,
    error: write,
    fatal: write,
    isLevelEnabled: () => true,
  } as unknown as Log;
}

/** A request at a pool of the test, which answers it by hand. */
export class StubCall implements BackendCall, BodySink {
  readonly sink: AnswerSink;
  readonly method: string;
  readonly head: RelayHead;
  readonly body: RequestBody;
  readonly reached = true;
  cancelled = false;
  resumed = 0;
  /** Of a streamed body. */
  received = "";
  ended = false;
  trailers: string[] | undefined;
  aborted = false;
  /** Whether it takes more of the body. */
  takes = true;

  constructor(sink: AnswerSink, method: string, head: RelayHead, body: RequestBody) {
    this.sink = sink;
    this.method = method;
    this.head = head;
    this.body = body;
  }

  cancel(): void {
    this.cancelled = true;
  }

  resume(): void {
    this.resumed++;
  }

  bodyData(chunk: Buffer): boolean {
    this.received += chunk.toString("latin1");
    return this.takes;
  }

  bodyEnd(trailers?: string[]): void {
    this.trailers = trailers;
    this.ended = true;
  }

  bodyAborted(): void {
    this.aborted = true;
  }
}

/** A pool whose calls the test answers. `onSend` is called with each of them before `send` returns. */
export function stubPool(onSend: (call: StubCall) => void = () => undefined): BackendPool & { calls: StubCall[] } {
  const calls: StubCall[] = [];
  return {
    calls,
    lendsBytes: true,
    send(sink, method, head, body) {
      const call = new StubCall(sink, method, head, body);
      calls.push(call);
      onSend(call);
      return call;
    },
    async retire() {},
    async close() {},
  };
}

/** A handler that sends everything to a pool. */
export function relayTo(pool: BackendPool): (x: Exchange) => Promise<void> {
  return async (x) => {
    await x.relay({ origin: "http://backend.test", pool }, { path: x.path.raw, headers: [] });
  };
}
