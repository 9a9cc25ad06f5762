import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import type { Sample } from "../soak/soak.ts";
import { until } from "../support/debian-services.ts";

/** What the gateway holds, from its probe and from the system. */
export async function heldBy(gateway: ChildProcess, file: string, requests: number): Promise<Sample> {
  rmSync(file, { force: true });
  gateway.kill("SIGUSR2");
  await until(
    () => existsSync(file),
    () => "the gateway does not say what it holds",
  );
  const { heapUsed, external, rss, timers } = JSON.parse(readFileSync(file, "utf8")) as Record<string, number>;
  const files = readdirSync(`/proc/${gateway.pid}/fd`).map((fd) => linkOf(`/proc/${gateway.pid}/fd/${fd}`));
  const mib = (bytes = 0) => bytes / 1_048_576;
  return {
    requests,
    heap: mib(heapUsed),
    external: mib(external),
    resident: mib(rss),
    timers: timers ?? 0,
    sockets: files.filter((target) => target.startsWith("socket:")).length,
    files: files.length,
  };
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}
