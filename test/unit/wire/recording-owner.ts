import type { ConnectingOwner, Transport } from "../../../runtime-lib/wire/transport.ts";

/** Notes what a transport tells, and lets a test wait for it. */
export class RecordingOwner implements ConnectingOwner {
  readonly events: string[] = [];
  text = "";
  reads = 0;
  longest = 0;
  errors: (string | undefined)[] = [];
  /** The buffers that reads came in. */
  readonly buffers = new Set<Buffer>();
  onBytes: (text: string) => void = () => {};
  #waiting: (() => void)[] = [];

  onConnected(): void {
    this.#note("connected");
  }

  onRead(bytes: Buffer, length: number): void {
    this.reads++;
    this.longest = Math.max(this.longest, length);
    this.buffers.add(bytes);
    const text = bytes.toString("latin1", 0, length);
    this.text += text;
    this.onBytes(text);
    this.#wake();
  }

  onEnd(): void {
    this.#note("end");
  }

  onDrain(): void {
    this.#note("drain");
  }

  onClosed(error: Error | undefined): void {
    this.errors.push((error as NodeJS.ErrnoException | undefined)?.code);
    this.#note("closed");
  }

  /** Resolves when `holds`, looked at after each event. */
  async until(holds: (owner: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async event(name: string): Promise<void> {
    await this.until(() => this.events.includes(name));
  }

  #note(event: string): void {
    this.events.push(event);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Both ends of a connection. */
export interface Pair {
  readonly accepted: Transport;
  readonly server: RecordingOwner;
  readonly connected: Transport;
  readonly client: RecordingOwner;
}
