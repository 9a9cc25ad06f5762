import { type Logger, pino } from "pino";

/** What the runtime says while it runs: JSON lines on standard output. No text or field ever holds a credential. */
export type Log = Pick<Logger, "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "isLevelEnabled">;

/** `b7a.log.level` as pino names it (R-LOG-02). */
const levels: Readonly<Record<string, string>> = {
  OFF: "silent",
  ERROR: "error",
  WARN: "warn",
  INFO: "info",
  DEBUG: "debug",
  TRACE: "trace",
  ALL: "trace",
};

let current: Logger | undefined;

/** Sets the level (`b7a.log.level`) and starts writing to standard output. */
export function openLog(level: string): Log {
  // Synchronous: what was said before a crash is there to be read.
  const output = pino.destination({ fd: 1, sync: true });
  // A reader that went away must not end the gateway.
  output.on("error", () => undefined);
  current = pino(
    { level: levels[level.toUpperCase()] ?? "info", base: null, timestamp: isoTime, formatters: { level: levelName } },
    output,
  );
  return current;
}

/** The log of this process; silent until it is opened. */
export function log(): Log {
  current ??= pino({ level: "silent" });
  return current;
}

function levelName(label: string): Record<string, string> {
  return { level: label };
}

function isoTime(): string {
  return `,"time":"${new Date().toISOString()}"`;
}
