import type { AnswerSink, BackendCall, Reach, UpgradedConnection } from "./backend.ts";
import type { BackendFailure } from "./faults.ts";

/** The exchange that an attempt is for. */
export interface AttemptOwner extends AnswerSink {
  /** Whether the client gets this answer. */
  wants(status: number, fields: readonly string[]): boolean;
}

/** What is still read of an answer that nobody wants, so that its connection can be used again. Beyond that it is closed. */
const drainBytes = 65_536;
const drainMs = 2_000;

/**
 * Between a call and its exchange where an answer may be dropped: each attempt has one of its own, so what still comes of an
 * earlier one never gets into the answer to a later one.
 */
export class AttemptSink implements AnswerSink {
  readonly #owner: AttemptOwner;
  #state: "asking" | "taken" | "dropped" = "asking";
  #call: BackendCall | undefined;
  #left = drainBytes;
  #timer: NodeJS.Timeout | undefined;

  constructor(owner: AttemptOwner) {
    this.#owner = owner;
  }

  /** The request is on its way. */
  began(call: BackendCall): void {
    this.#call = call;
    if (this.#state === "dropped" && this.#left < 0) call.cancel();
  }

  earlyHints(fields: string[]): void {
    if (this.#state === "asking") this.#owner.earlyHints(fields);
  }

  answerWhole(status: number, reason: string, fields: string[], body: Buffer | undefined, trailers?: string[]): void {
    // All of it was read: its connection is free already.
    if (this.#owner.wants(status, fields)) this.#owner.answerWhole(status, reason, fields, body, trailers);
  }

  answerHead(status: number, reason: string, fields: string[]): void {
    if (this.#owner.wants(status, fields)) {
      this.#state = "taken";
      this.#owner.answerHead(status, reason, fields);
      return;
    }
    this.#state = "dropped";
    if (lengthOf(fields) > drainBytes) return this.#leave();
    this.#timer = setTimeout(() => this.#leave(), drainMs).unref();
  }

  flushHead(): void {
    if (this.#state === "taken") this.#owner.flushHead();
  }

  answerData(chunk: Buffer): boolean {
    if (this.#state === "taken") return this.#owner.answerData(chunk);
    this.#left -= chunk.length;
    if (this.#left < 0) this.#leave();
    return true;
  }

  answerEnd(trailers?: string[]): void {
    clearTimeout(this.#timer);
    if (this.#state === "taken") this.#owner.answerEnd(trailers);
  }

  answerUpgrade(reason: string, fields: string[], connection: UpgradedConnection): void {
    if (!this.#owner.wants(101, fields)) return connection.destroy();
    this.#state = "taken";
    this.#owner.answerUpgrade(reason, fields, connection);
  }

  answerFailed(failure: BackendFailure, reason: string, reach: Reach): void {
    clearTimeout(this.#timer);
    if (this.#state !== "dropped") this.#owner.answerFailed(failure, reason, reach);
  }

  /** Closes the connection. */
  #leave(): void {
    clearTimeout(this.#timer);
    this.#left = -1;
    this.#call?.cancel();
  }
}

/** -1: not known. */
function lengthOf(fields: readonly string[]): number {
  for (let i = 0; i < fields.length; i += 2) {
    if ((fields[i] as string).toLowerCase() === "content-length") return Number(fields[i + 1]);
  }
  return -1;
}
