import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import type {
  AnswerSink,
  BackendCall,
  BackendPool,
  BodySink,
  BodySource,
  Reach,
  RequestBody,
  UpgradedConnection,
} from "../../../runtime-lib/backend.ts";
import { openPool, type WirePoolOptions } from "../../../runtime-lib/wire/backend-wire.ts";

/** What backends and clients are played with: bytes as a script says, and all that a sink was told. */

/** One connection as the backend sees it. */
export class BackendSide {
  readonly socket: Socket;
  /** Counts from 1 in the order in which they came. */
  readonly number: number;
  /** Bytes that no `request` has taken yet, latin1. */
  received = "";
  /** The gateway has ended or reset it. */
  closed = false;
  /** Who waits for something to happen: a script, and the test itself. */
  #waiting: (() => void)[] = [];

  constructor(socket: Socket, number: number) {
    this.socket = socket;
    this.number = number;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("error", () => undefined);
    const close = () => {
      this.closed = true;
      this.#wake();
    };
    socket.on("end", close);
    socket.on("close", close);
  }

  /** Until the bytes look as wanted; throws if the connection closes before. */
  async until(wanted: (received: string) => boolean): Promise<void> {
    while (!wanted(this.received)) {
      if (this.closed) throw new Error(`closed after ${JSON.stringify(this.received.slice(0, 200))}`);
      await this.#event();
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await this.#event();
  }

  /** The next request, head and body as they came. */
  async request(): Promise<string> {
    await this.until((text) => lengthOf(text) >= 0);
    const length = lengthOf(this.received);
    const text = this.received.slice(0, length);
    this.received = this.received.slice(length);
    return text;
  }

  write(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** One segment a byte, as far as the kernel lets us. */
  async writeSlowly(text: string): Promise<void> {
    for (const byte of text) {
      this.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  end(text = ""): void {
    this.socket.end(text, "latin1");
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #event(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Length of the request at the start; -1: it is not complete. */
function lengthOf(text: string): number {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return -1;
  const fields = text.slice(0, head + 2).toLowerCase();
  if (fields.includes("\r\ntransfer-encoding: chunked\r\n")) {
    const end = text.startsWith("0\r\n\r\n", head + 4) ? head + 4 : text.indexOf("\r\n0\r\n\r\n", head + 4);
    return end < 0 ? -1 : end + (end === head + 4 ? 5 : 7);
  }
  const length = head + 4 + Number(/\r\ncontent-length: (\d+)\r\n/.exec(fields)?.[1] ?? 0);
  return text.length < length ? -1 : length;
}

export class RawBackend {
  readonly server: Server;
  readonly sides: BackendSide[] = [];
  /** What scripts threw. */
  readonly errors: unknown[] = [];

  private constructor(script: (side: BackendSide) => void | Promise<void>) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      const side = new BackendSide(socket, this.sides.length + 1);
      this.sides.push(side);
      Promise.resolve(script(side)).catch((error: unknown) => this.errors.push(error));
    });
  }

  static async start(t: TestContext, script: (side: BackendSide) => void | Promise<void>): Promise<RawBackend> {
    const backend = new RawBackend(script);
    backend.server.listen(0, "127.0.0.1");
    await once(backend.server, "listening");
    t.after(() => {
      for (const { socket } of backend.sides) socket.destroy();
      backend.server.close();
    });
    return backend;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}

/** The same answer to each request on each connection. */
export function always(answer: string): (side: BackendSide) => Promise<void> {
  return async (side) => {
    for (;;) {
      await side.until((text) => text !== "" || side.closed).catch(() => undefined);
      if (side.closed) return;
      await side.request();
      side.write(answer);
    }
  };
}

/** All that a sink was told. */
export class RecordingSink implements AnswerSink {
  /** The order of the calls: `hints`, `whole`, `head`, `flush`, `data`, `end`, `failed`. */
  readonly events: string[] = [];
  status = 0;
  reason = "";
  fields: string[] = [];
  body = "";
  bytes = 0;
  trailers: string[] = [];
  /** Fields of early hints, one list for each. */
  readonly hints: string[][] = [];
  failure: string | undefined;
  why = "";
  reach: Reach | undefined;
  /** What `answerData` returns. */
  takesMore = true;
  keepsBody = true;
  onEvent: ((event: string) => void) | undefined;
  readonly done: Promise<this>;
  #finish!: (sink: this) => void;

  constructor() {
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  earlyHints(fields: string[]): void {
    this.hints.push(fields);
    this.#note("hints");
  }

  answerWhole(status: number, reason: string, fields: string[], body: Buffer | undefined, trailers?: string[]): void {
    this.#head(status, reason, fields);
    this.trailers = trailers ?? [];
    if (body !== undefined) this.#keep(body);
    this.#note("whole");
    this.#finish(this);
  }

  answerHead(status: number, reason: string, fields: string[]): void {
    this.#head(status, reason, fields);
    this.#note("head");
  }

  answerUpgrade(_reason: string, fields: string[], connection: UpgradedConnection): void {
    this.fields = fields;
    this.#note("upgrade");
    connection.destroy();
    this.#finish(this);
  }

  flushHead(): void {
    this.#note("flush");
  }

  answerData(chunk: Buffer): boolean {
    this.#keep(chunk);
    this.#note("data");
    return this.takesMore;
  }

  answerEnd(trailers?: string[]): void {
    this.trailers = trailers ?? [];
    this.#note("end");
    this.#finish(this);
  }

  answerFailed(failure: string, reason: string, reach: Reach): void {
    this.failure = failure;
    this.why = reason;
    this.reach = reach;
    this.#note("failed");
    this.#finish(this);
  }

  /** In one line, for comparison. */
  get outcome(): string {
    if (this.failure === undefined) return `${this.status} ${this.body}`;
    return `${this.status === 0 ? "" : `${this.status} ${this.body} `}${this.failure} ${this.reach} ${this.why}`;
  }

  #head(status: number, reason: string, fields: string[]): void {
    this.status = status;
    this.reason = reason;
    this.fields = [...fields];
  }

  #keep(chunk: Buffer): void {
    this.bytes += chunk.length;
    // A copy: the bytes are lent.
    if (this.keepsBody) this.body += chunk.toString("latin1");
  }

  #note(event: string): void {
    this.events.push(event);
    this.onEvent?.(event);
  }
}

/** A pool of generous limits, closed with the test. */
export async function poolFor(
  t: TestContext,
  origin: string | RawBackend,
  options: Partial<WirePoolOptions> = {},
): Promise<BackendPool> {
  const pool = await openPool({
    origin: typeof origin === "string" ? origin : origin.origin,
    timeoutMs: 20_000,
    connections: undefined,
    waitMs: 20_000,
    maxHeaderSize: 8_192,
    maxBodySize: -1,
    tls: undefined,
    ...options,
  });
  t.after(() => pool.close());
  return pool;
}

export interface Sent {
  readonly sink: RecordingSink;
  readonly call: BackendCall;
}

/** Sends a request and keeps what becomes of it. */
export function send(
  pool: BackendPool,
  method = "GET",
  path = "/",
  body?: RequestBody,
  headers: readonly string[] = [],
  sink = new RecordingSink(),
): Sent {
  return { sink, call: pool.send(sink, method, { path, headers: [...headers] }, body) };
}

/** Sends a request and waits for its end. */
export function ask(
  pool: BackendPool,
  method = "GET",
  path = "/",
  body?: RequestBody,
  headers: readonly string[] = [],
): Promise<RecordingSink> {
  return send(pool, method, path, body, headers).sink.done;
}

/** A body under the test's control. */
export class TestSource implements BodySource {
  readonly length: number;
  trailerNames = "";
  sink: BodySink | undefined;
  untouched = true;
  destroyed = false;
  resumes = 0;
  onStart: ((sink: BodySink) => void) | undefined;
  onResume: (() => void) | undefined;

  constructor(length: number) {
    this.length = length;
  }

  start(sink: BodySink): void {
    this.sink = sink;
    this.untouched = false;
    this.onStart?.(sink);
  }

  pause(): void {}

  resume(): void {
    this.resumes++;
    this.onResume?.();
  }

  destroy(): void {
    this.destroyed = true;
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Until it is so; throws after ten seconds, so that a test that fails also ends. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 5_000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error("what was waited for did not happen");
}
