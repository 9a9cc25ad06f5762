import { statusLine } from "./status-lines.ts";

/** Parts of answers' heads that are the same for many: made once, the date once a second. */
export class HeadLines {
  /** `Date` with its CRLF. */
  date = "";
  readonly keepAlive: string;
  readonly close = "Connection: close\r\n";
  #second = -1;

  /** `idleMs`: how long a connection is kept between two requests. */
  constructor(idleMs: number) {
    this.keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleMs / 1000)}\r\n`;
    this.tick(Date.now());
  }

  /** Called at least once a second. */
  tick(now: number): void {
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.date = `Date: ${new Date(now).toUTCString()}\r\n`;
  }
}

/** Whether a list has a field; the name in lower case. */
export function hasField(fields: readonly string[], name: string): boolean {
  const { length } = name;
  for (let i = 0; i < fields.length; i += 2) {
    const key = fields[i] as string;
    if (key.length === length && (key === name || key.toLowerCase() === name)) return true;
  }
  return false;
}

/** Status line and fields with the date, without what says how the body is framed and how the connection goes on. */
export function headText(status: number, reason: string, fields: readonly string[], lines: HeadLines): string {
  let text = statusLine(status, reason);
  let dated = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === 4 && (name === "Date" || name.toLowerCase() === "date")) dated = true;
    text += `${name}: ${fields[i + 1]}\r\n`;
  }
  return dated ? text : text + lines.date;
}
