import { writeSync } from "node:fs";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

interface Say {
  /** `err` may hold what was thrown; fields that are undefined are left out. */
  (fields: object, message: string): void;
  (message: string): void;
}

/** What the runtime says while it runs: JSON lines on standard output. No text or field ever holds a credential. */
export interface Log extends Readonly<Record<LogLevel, Say>> {
  isLevelEnabled(level: LogLevel): boolean;
}

const order: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** The lowest level that is written for each `b7a.log.level` (R-LOG-02). */
const lowest: Readonly<Record<string, LogLevel | undefined>> = {
  OFF: undefined,
  ERROR: "error",
  WARN: "warn",
  INFO: "info",
  DEBUG: "debug",
  TRACE: "trace",
  ALL: "trace",
};

let current: Log | undefined;

/** Sets the level (`b7a.log.level`) and starts writing to standard output. */
export function openLog(level: string): Log {
  const name = level.toUpperCase();
  const lines = new Lines();
  // What was said before the end is there to be read.
  process.on("exit", () => lines.flush());
  current = logOf(name in lowest ? lowest[name] : "info", lines);
  return current;
}

/** The log of this process; silent until it is opened. */
export function log(): Log {
  current ??= logOf(undefined, new Lines());
  return current;
}

function logOf(from: LogLevel | undefined, lines: Lines): Log {
  const isLevelEnabled = (level: LogLevel): boolean =>
    from !== undefined && order.indexOf(level) >= order.indexOf(from);
  const say = (level: LogLevel): Say => {
    if (!isLevelEnabled(level)) return () => undefined;
    const urgent = order.indexOf(level) >= order.indexOf("warn");
    return (fields: object | string, message?: string) => lines.add(lineOf(level, fields, message), urgent);
  };
  return {
    trace: say("trace"),
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    fatal: say("fatal"),
    isLevelEnabled,
  };
}

function lineOf(level: LogLevel, fields: object | string, message = ""): string {
  const head = `{"level":"${level}","time":"${isoTime()}"`;
  if (typeof fields === "string") return `${head},"msg":${JSON.stringify(fields)}}\n`;
  const inner = json("err" in fields ? { ...fields, err: described(fields.err) } : fields).slice(1, -1);
  return `${head}${inner === "" ? "" : ","}${inner},"msg":${JSON.stringify(message)}}\n`;
}

/** A log line is never the reason why something fails. */
function json(fields: object): string {
  try {
    return JSON.stringify(fields);
  } catch {
    return '{"fields":"cannot be written"}';
  }
}

/** Of an error nothing but what is listed here: other members may hold what a client or a backend sent. */
function described(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack } = error;
  return { type: name, message, code: (error as NodeJS.ErrnoException).code, stack };
}

let lastTime = Number.NaN;
let lastText = "";

function isoTime(): string {
  const now = Date.now();
  if (now !== lastTime) {
    lastTime = now;
    lastText = new Date(now).toISOString();
  }
  return lastText;
}

/** Bytes that are worth a system call of their own. */
const enough = 65_536;

/**
 * Lines on their way to standard output. Those of one turn of the event loop go out together; warnings and errors at once,
 * with what came before them. Writing is synchronous, as a reader that is too slow must not fill the memory.
 */
class Lines {
  #waiting = "";
  #scheduled = false;

  add(line: string, urgent: boolean): void {
    this.#waiting += line;
    if (urgent || this.#waiting.length >= enough) return this.flush();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  flush(): void {
    const text = this.#waiting;
    this.#waiting = "";
    if (text !== "") writeAll(Buffer.from(text, "utf8"));
  }
}

function writeAll(bytes: Buffer): void {
  for (let from = 0; from < bytes.length; ) {
    try {
      from += writeSync(1, bytes, from);
    } catch (error) {
      // A reader that went away must not end the gateway; one that is slow is waited for, as by any write to a pipe.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
