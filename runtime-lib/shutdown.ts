import type { Log } from "./log.ts";
import { drainMessage, isWorker } from "./workers.ts";

/**
 * SIGTERM and SIGINT end the process in order: `drain` stops accepting and waits for what is in flight, then exit code 0.
 * A second signal ends it at once. A worker does the same when its parent says so.
 */
export function drainOnSignal(log: Log, drain: () => Promise<boolean>): void {
  let begun = false;
  const onSignal = (signal: string): void => {
    if (begun) {
      log.warn({ signal }, "stopping at once");
      process.exit(1);
    }
    begun = true;
    log.info({ signal }, "draining");
    drain().then(
      (finished) => {
        if (finished) log.info("stopped");
        else log.warn("stopped; requests that did not finish in time were cut off");
        process.exit(0);
      },
      (error) => {
        log.error({ err: error }, "stopping failed");
        process.exit(1);
      },
    );
  };
  if (isWorker()) {
    process.on("SIGTERM", () => undefined);
    process.on("SIGINT", () => undefined);
    process.on("message", (message) => {
      if (message === drainMessage && !begun) onSignal(drainMessage);
    });
    return;
  }
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}
