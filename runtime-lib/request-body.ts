import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

/** Who is told how the reading of a body goes. */
export interface BodyOwner {
  /** Reading begins: the client may be waiting to be asked. */
  beginBody(): void;
  /** All of it is there. */
  endBody(): void;
  /** It grew past its limit; it is read no further. */
  bodyTooLong(): void;
}

/** A long request body on its way to the backend, with its limit. Apart from node's stream, so that neither ends the other. */
export class RequestBody extends Readable {
  readonly #owner: BodyOwner;
  readonly #req: IncomingMessage;
  readonly #limit: number;
  #count = 0;
  #begun = false;

  constructor(owner: BodyOwner, req: IncomingMessage, limit: number) {
    super();
    this.#owner = owner;
    this.#req = req;
    this.#limit = limit;
    // Whoever consumes it listens; an error after that is nobody's.
    this.on("error", ignore);
  }

  get untouched(): boolean {
    return !this.#begun && !this.destroyed;
  }

  override _read(): void {
    const req = this.#req;
    if (!this.#begun) {
      this.#begun = true;
      this.#owner.beginBody();
      req.on("data", this.#onData);
      req.on("end", this.#onEnd);
      req.on("close", this.#onClose);
    }
    req.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#req.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#count += chunk.length;
    if (this.#limit >= 0 && this.#count > this.#limit) {
      this.#req.pause();
      this.#owner.bodyTooLong();
      return;
    }
    if (!this.push(chunk)) this.#req.pause();
  };

  readonly #onEnd = (): void => {
    this.#owner.endBody();
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.readableEnded && !this.#req.complete) this.destroy(new Error("the client went away"));
  };
}

function ignore(): void {}
