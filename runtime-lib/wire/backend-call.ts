import type { AnswerSink, BackendCall, BodySink, BodySource, Reach } from "../backend.ts";
import type { BackendFailure } from "../faults.ts";
import type { BackendConnection } from "./backend-connection.ts";
import type { CallQueue } from "./call-queue.ts";

/**
 * One request to a backend: first in the queue of its pool, then on a connection, until its sink was told how it ended.
 * The sink is never called before `send` has returned.
 */
export class WireCall implements BackendCall, BodySink {
  readonly method: string;
  /** The head; and a small body: they leave in one write. */
  readonly text: string;
  /** A body that was too long for `text`. */
  readonly bytes: Buffer | undefined;
  readonly source: BodySource | undefined;
  /** Others may be sent behind it before its answer is there, and it behind others. */
  readonly pipelines: boolean;
  /** The backend is told that the connection ends with this request. */
  readonly closes: boolean;
  sink: AnswerSink;
  /** The protocol that the backend is asked to change to. */
  upgrade: string | undefined = undefined;

  /** Neighbours in the queue, or the next one on the connection. */
  previous: WireCall | undefined = undefined;
  next: WireCall | undefined = undefined;
  /** Where it waits, if it does. */
  queue: CallQueue | undefined = undefined;
  /** When it gives up to wait, on the clock of the sweep. */
  waitUntil = 0;
  connection: BackendConnection | undefined = undefined;
  /** Its head is written. */
  sent = false;
  /** The sink knows how it ended, or wants to know no more. */
  done = false;
  /** When all must be over, on the clock of the sweep; 0: there is no such limit. */
  totalUntil = 0;

  /** The source was asked to begin. */
  sourceStarted = false;
  /** All of the body is written. */
  bodyDone: boolean;
  /** Bytes of the body that are still to come; -1: it is chunked. */
  bodyLeft: number;
  /** The source waits until the connection has sent what it has. */
  blocked = false;

  constructor(
    sink: AnswerSink,
    method: string,
    text: string,
    bytes: Buffer | undefined,
    source: BodySource | undefined,
    pipelines: boolean,
    closes: boolean,
  ) {
    this.sink = sink;
    this.method = method;
    this.text = text;
    this.bytes = bytes;
    this.source = source;
    this.pipelines = pipelines;
    this.closes = closes;
    this.bodyDone = source === undefined;
    this.bodyLeft = source === undefined ? 0 : source.length;
  }

  get reached(): boolean {
    return this.sent;
  }

  cancel(): void {
    if (this.done) return;
    this.done = true;
    this.queue?.remove(this);
    this.connection?.cancelled(this);
  }

  resume(): void {
    if (!this.done) this.connection?.resumed(this);
  }

  /** Tells the sink that there is no answer, or no more of it. */
  fail(failure: BackendFailure, reason: string, reach: Reach): void {
    this.dropSource();
    if (this.done) return;
    this.done = true;
    this.sink.answerFailed(failure, reason, reach);
  }

  /** Nobody wants the rest of a body that was begun. */
  dropSource(): void {
    if (this.bodyDone || !this.sourceStarted) return;
    this.bodyDone = true;
    this.source?.destroy();
  }

  bodyData(chunk: Buffer): boolean {
    const { connection } = this;
    if (this.bodyDone || connection === undefined) return true;
    return connection.bodyData(this, chunk);
  }

  bodyEnd(trailers?: string[]): void {
    if (!this.bodyDone) this.connection?.bodyEnd(this, trailers);
  }

  bodyAborted(): void {
    if (!this.bodyDone) this.connection?.bodyAborted(this);
  }
}
