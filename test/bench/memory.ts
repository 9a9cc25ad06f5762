import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";

export interface Memory {
  /** Resident memory after the last answer, in MiB. */
  readonly residentMiB: number;
  readonly peakMiB: number;
  readonly requestsPerSecond: number;
}

/** Sends `count` requests on 50 connections and reads what the process then keeps. Linux only (`/proc`). */
export async function measureMemory(
  pid: number,
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  count: number,
): Promise<Memory> {
  const connections = 50;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let left = count;
  const begun = performance.now();
  const sender = async () => {
    while (left > 0) {
      left--;
      const status = await get(agent, port, path, headers);
      if (status !== 200) throw new Error(`an answer was ${status}`);
    }
  };
  await Promise.all(Array.from({ length: connections }, sender));
  const seconds = (performance.now() - begun) / 1000;
  agent.destroy();
  return {
    residentMiB: residentMiB(pid, "VmRSS"),
    peakMiB: residentMiB(pid, "VmHWM"),
    requestsPerSecond: count / seconds,
  };
}

function get(agent: Agent, port: number, path: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, headers, agent }, (incoming) => {
      incoming.resume().on("end", () => resolve(incoming.statusCode ?? 0));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function residentMiB(pid: number, field: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]) / 1024;
}
