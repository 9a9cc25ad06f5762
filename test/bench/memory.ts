import type { Bench } from "./bench.ts";
import { pathOf } from "./bench-project.ts";
import type { Contender } from "./contenders.ts";
import { holdConnections, runCounted } from "./load/load-process.ts";
import { PinnedProcess } from "./pinned-process.ts";
import type { IdleRecord, MemoryRecord } from "./record.ts";

/** Resident memory before and after so many requests on 100 connections. */
export async function measureMemory(
  bench: Bench,
  contender: Contender,
  requests: number,
): Promise<MemoryRecord["rows"][number]> {
  const found = await withRunning(bench, contender, async (running) => {
    const startMiB = running.residentMiB();
    const { answered, errors, seconds } = await runCounted({
      port: bench.ports.http,
      path: pathOf("full", "1k"),
      field: bench.credentials.fieldFor.full,
      connections: 100,
      requests,
    });
    return {
      requests,
      startMiB,
      loadedMiB: running.residentMiB(),
      peakMiB: running.residentMiB("VmHWM"),
      requestsPerSecond: answered / seconds,
      errors: errors + (requests - answered),
    };
  });
  const nothing = { requests, startMiB: 0, loadedMiB: 0, peakMiB: 0, requestsPerSecond: 0, errors: 0 };
  return { id: contender.id, ...nothing, ...found };
}

/** Resident memory while so many keep-alive connections are open, each after one request. */
export async function measureIdle(
  bench: Bench,
  contender: Contender,
  connections: number,
): Promise<IdleRecord["rows"][number]> {
  const found = await withRunning(bench, contender, async (running) => {
    const held = await holdConnections({
      port: bench.ports.http,
      path: pathOf("full", "1k"),
      field: bench.credentials.fieldFor.full,
      connections,
    });
    try {
      // Time for what was needed only while they were opened to be given back.
      await new Promise((resolve) => setTimeout(resolve, 5000));
      const residentMiB = running.residentMiB();
      const { answered } = await held.finish();
      return { connections, residentMiB, lost: connections - Math.min(held.opened.answered, answered) };
    } finally {
      held.kill();
    }
  });
  return { id: contender.id, connections, residentMiB: 0, lost: connections, ...found };
}

async function withRunning<T>(
  bench: Bench,
  contender: Contender,
  measure: (running: PinnedProcess) => Promise<T>,
): Promise<T | { readonly failure: string }> {
  const running = new PinnedProcess(contender.command, contender.env === undefined ? {} : { env: contender.env });
  try {
    await running.listening(bench.ports.http);
    return await measure(running);
  } catch (error) {
    return { failure: (error as Error).message.slice(0, 500) };
  } finally {
    await running.stop();
  }
}
