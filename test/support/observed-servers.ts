import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { AnswerSink, BackendCall, BackendPool, RequestBody } from "castgate/runtime/backend.js";
import { TrustedProxies } from "castgate/runtime/client-address.js";
import type { EngineLimits, EngineOptions } from "castgate/runtime/engine-options.js";
import type { Exchange, RelayHead } from "castgate/runtime/exchange.js";
import { faultsOf } from "castgate/runtime/faults.js";
import { log } from "castgate/runtime/log.js";
import { pathRules } from "castgate/runtime/request-path.js";
import { createTestedEngine, type TestedEngine } from "./tested-engines.ts";

/**
 * Two servers in this process that note what they take a connection's bytes for: a plain node:http server, and one of our
 * engines. A client is known by the loopback address that it comes from.
 */

/** A request as a server understood it. */
export interface NotedRequest {
  readonly method: string;
  /** Ours: as it is forwarded, path and query. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  body: string;
  /** The body came to its end. */
  complete: boolean;
  /** What followed it. Ours: as it is forwarded. */
  trailers: readonly string[];
}

/** node's own view has more to tell. */
export interface ReferenceRequest extends NotedRequest {
  readonly major: number;
  readonly minor: number;
  /** Another request may follow. */
  readonly keepAlive: boolean;
  readonly expects: "nothing" | "continue" | "other";
}

export interface ReferenceView {
  readonly requests: ReferenceRequest[];
  /** The code of node's error. */
  error: string | undefined;
}

export interface ObservedServer<View> {
  readonly port: number;
  /** What came from this address since it was forgotten. */
  view(address: string): View;
  forget(address: string): void;
  close(): Promise<void>;
}

/** Sizes are small enough that random bytes reach them. Nothing here ever ends by time. */
export const observedLimits: EngineLimits = {
  maxUriLength: 4_096,
  maxHeaderSize: 8_192,
  maxBodySize: 1_000_000,
  maxPipelined: 1_000,
  headerTimeoutMs: 600_000,
  requestTimeoutMs: 600_000,
  idleTimeoutMs: 600_000,
  upgradeIdleMs: 600_000,
};
/** Of both servers, so that what one reads to its end the other does too: what `engine-node.ts` gives to node:http. */
const headLimit = observedLimits.maxUriLength + observedLimits.maxHeaderSize + 1024;

/** A plain server of node:http, strict. It never answers, so that nothing but the bytes decides what it sees. */
export async function referenceServer(): Promise<ObservedServer<ReferenceView>> {
  const views = new Views<ReferenceView>(() => ({ requests: [], error: undefined }));
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: headLimit,
    keepAliveTimeout: 0,
    headersTimeout: 0,
    requestTimeout: 0,
    noDelay: true,
  });
  server.maxHeadersCount = 0;
  const note = (expects: ReferenceRequest["expects"]) => (req: IncomingMessage, res: ServerResponse) => {
    const request: ReferenceRequest = {
      method: req.method as string,
      target: req.url as string,
      major: req.httpVersionMajor,
      minor: req.httpVersionMinor,
      rawHeaders: req.rawHeaders,
      keepAlive: res.shouldKeepAlive,
      expects,
      trailers: [],
      body: "",
      complete: false,
    };
    views.of(req.socket.remoteAddress).requests.push(request);
    req.setEncoding("latin1").on("data", (part: string) => {
      request.body += part;
    });
    req.on("end", () => {
      request.complete = true;
      request.trailers = req.rawTrailers;
    });
    // The rest of a body whose connection ended.
    req.on("error", () => undefined);
  };
  server.on("request", note("nothing"));
  server.on("checkContinue", note("continue"));
  server.on("checkExpectation", note("other"));
  server.on("connect", (req: IncomingMessage, socket) => {
    const view = views.of(req.socket.remoteAddress);
    view.error ??= "CONNECT";
    socket.destroy();
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const { remoteAddress } = socket as typeof socket & { remoteAddress?: string };
    if (remoteAddress !== undefined) views.of(remoteAddress).error ??= error.code ?? error.message;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    view: (address) => views.of(address),
    forget: (address) => views.forget(address),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One of our engines, with a backend that keeps what it gets and answers 200 at once. */
export async function observedEngine(name: TestedEngine): Promise<ObservedServer<NotedRequest[]>> {
  const views = new Views<NotedRequest[]>(() => []);
  const underWay = new WeakMap<RelayHead, NotedRequest>();
  const pool: BackendPool = {
    lendsBytes: false,
    send: (sink, _method, head, body) => {
      return new NotingCall(underWay.get(head) as NotedRequest, sink, body);
    },
    retire: async () => undefined,
    close: async () => undefined,
  };
  const target = { origin: "http://noted.test", pool };
  const handle = (x: Exchange): Promise<unknown> => {
    const request: NotedRequest = {
      method: x.method,
      target: x.path.raw + x.path.query,
      rawHeaders: [...x.rawHeaders],
      body: "",
      complete: false,
      trailers: [],
    };
    views.of(x.peerAddress).push(request);
    const head: RelayHead = { path: "/", headers: [] };
    underWay.set(head, request);
    return x.relay(target, head);
  };
  const options: EngineOptions = {
    handle: handle as EngineOptions["handle"],
    faults: faultsOf("standard"),
    pathRules: pathRules("standard", false),
    proxies: new TrustedProxies([]),
    limits: observedLimits,
    keepAlive: "auto",
    serverName: undefined,
    headerOverrides: [],
    log: log(),
    accessLog: false,
  };
  const engine = await createTestedEngine(name, options);
  const address = await engine.listen({ scheme: "http", host: "127.0.0.1", port: 0 });
  return {
    port: address.port,
    view: (client) => views.of(client),
    forget: (client) => views.forget(client),
    close: async () => {
      await engine.drain(0);
    },
  };
}

/** Notes the body of a request, then answers. */
class NotingCall implements BackendCall {
  readonly reached = true;
  #cancelled = false;

  constructor(request: NotedRequest, sink: AnswerSink, body: RequestBody) {
    const finish = () => {
      request.complete = true;
      if (!this.#cancelled) sink.answerWhole(200, "OK", ["Content-Length", "0"], undefined);
    };
    if (body === undefined || Buffer.isBuffer(body)) {
      request.body = body?.toString("latin1") ?? "";
      finish();
      return;
    }
    body.start({
      bodyData: (part) => {
        request.body += part.toString("latin1");
        return true;
      },
      bodyEnd: (trailers = []) => {
        request.trailers = trailers;
        finish();
      },
      bodyAborted: () => undefined,
    });
  }

  cancel(): void {
    this.#cancelled = true;
  }

  resume(): void {}
}

class Views<View> {
  readonly #make: () => View;
  readonly #views = new Map<string, View>();

  constructor(make: () => View) {
    this.#make = make;
  }

  of(address: string | undefined): View {
    const key = address ?? "";
    let view = this.#views.get(key);
    if (view === undefined) {
      view = this.#make();
      this.#views.set(key, view);
    }
    return view;
  }

  forget(address: string): void {
    this.#views.delete(address);
  }
}
