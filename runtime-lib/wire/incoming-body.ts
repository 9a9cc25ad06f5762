import type { BodySink, BodySource } from "../backend.ts";
import { ByteQueue } from "./byte-queue.ts";

/** Who is told how the reading of a body goes: its exchange. */
export interface BodyOwner {
  /** Somebody wants the body now, or takes more of it again: bytes that waited are read on. */
  readBody(): void;
  /** The whole of a body that was collected. */
  bodyCollected(body: Buffer): void;
  /** What its `Trailer` field says. */
  readonly trailerNames: string;
  /** What of the fields behind the body goes on; undefined: nothing. */
  passingTrailers(fields: readonly string[]): string[] | undefined;
  /** It grew past its limit. */
  bodyTooLong(): void;
}

/**
 * A request body of which not all came with the head. Until somebody wants it (`collect`, or `start` of a `BodySource`)
 * nothing more of it is read than came with the head; after `leave` what comes is dropped.
 */
export class IncomingBody implements BodySource {
  readonly length: number;
  readonly #owner: BodyOwner;
  readonly #limit: number;
  #mode: "waiting" | "collecting" | "streaming" | "dropping" = "waiting";
  readonly #kept = new ByteQueue();
  #count = 0;
  #sink: BodySink | undefined;
  #paused = false;
  /** What came behind it. */
  #trailers: readonly string[] | undefined;
  /** All of it came. */
  complete = false;
  untouched = true;

  /** `length`: -1 when it is not known. `limit`: bytes that it may have; -1: any. */
  constructor(owner: BodyOwner, length: number, limit: number) {
    this.#owner = owner;
    this.length = length;
    this.#limit = limit;
  }

  get trailerNames(): string {
    return this.#owner.trailerNames;
  }

  /** Bytes that come now have to wait, unread. */
  get stalled(): boolean {
    return this.#mode === "waiting" || (this.#mode === "streaming" && this.#paused);
  }

  /** Somebody waits for it: the client has to go on sending. */
  get wanted(): boolean {
    return !this.complete && (this.#mode === "collecting" || this.#mode === "streaming");
  }

  get dropping(): boolean {
    return this.#mode === "dropping";
  }

  /** Reads it whole. */
  collect(): void {
    this.#mode = "collecting";
    this.untouched = false;
    this.#owner.readBody();
  }

  start(sink: BodySink): void {
    this.#mode = "streaming";
    this.untouched = false;
    this.#sink = sink;
    // It may be too long already, and answered.
    for (let part = this.#kept.shift(); part !== undefined; part = this.#kept.shift()) {
      if (this.#mode === "streaming") this.#pass(part);
    }
    this.#goOn();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#goOn();
  }

  #goOn(): void {
    if (!this.complete) this.#owner.readBody();
    else if (this.#mode === "streaming" && !this.#paused) this.#endStream();
  }

  destroy(): void {
    this.leave();
  }

  /** Nobody wants it any more: the rest is read and dropped. */
  leave(): void {
    if (this.#mode === "dropping") return;
    this.#mode = "dropping";
    this.untouched = false;
    this.#kept.clear();
    this.#sink = undefined;
    this.#owner.readBody();
  }

  /** Part of it came; the bytes are lent. */
  data(bytes: Buffer, start: number, end: number): void {
    switch (this.#mode) {
      case "waiting":
      case "collecting":
        this.#kept.push(bytes, start, end);
        break;
      case "streaming":
        this.#pass(bytes.subarray(start, end));
        break;
    }
  }

  /** All of it came, and what follows it. */
  end(trailers?: readonly string[]): void {
    this.complete = true;
    this.#trailers = trailers;
    if (this.#mode === "collecting") {
      this.#owner.bodyCollected(this.#kept.take());
    } else if (this.#mode === "streaming") {
      this.#endStream();
    }
  }

  #endStream(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    const trailers = this.#trailers;
    sink?.bodyEnd(trailers === undefined ? undefined : this.#owner.passingTrailers(trailers));
  }

  /** The client went away before the end. */
  abort(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#kept.clear();
    this.#mode = "dropping";
    if (!this.complete) sink?.bodyAborted();
  }

  #pass(chunk: Buffer): void {
    this.#count += chunk.length;
    if (this.#limit >= 0 && this.#count > this.#limit) this.#owner.bodyTooLong();
    else if (this.#sink?.bodyData(chunk) === false) this.#paused = true;
  }
}
