import type { Bench } from "./bench.ts";
import { pathOf } from "./bench-project.ts";
import { runCounted } from "./load/load-process.ts";
import { cpuSecondsOf, PinnedProcess, processTree } from "./pinned-process.ts";
import type { WorkersRecord } from "./record.ts";

/**
 * Two workers, for right counts and not for speed: every request is answered once and reaches the backend once, and both
 * workers work.
 */
export async function measureWorkers(
  bench: Bench,
  id: string,
  command: readonly string[],
): Promise<WorkersRecord["rows"][number]> {
  const requests = 20_000;
  const nothing = { id, requests, answered: 0, backendSaw: 0, busyWorkers: 0 };
  const running = new PinnedProcess([...command, "--workers", "2"], { core: "0,1" });
  try {
    await running.listening(bench.ports.http);
    const workers = await twoWorkers(running.pid);
    const before = await bench.backendRequests();
    const cpuBefore = workers.map(cpuSecondsOf);
    const { answered, errors } = await runCounted({
      port: bench.ports.http,
      path: pathOf("full", "1k"),
      field: bench.credentials.fieldFor.full,
      connections: 100,
      requests,
    });
    const busyWorkers = workers.filter((pid, index) => cpuSecondsOf(pid) - (cpuBefore[index] ?? 0) > 0.05).length;
    // Asking for the count is a request, too.
    const backendSaw = (await bench.backendRequests()) - before - 1;
    return { ...nothing, answered: answered - errors, backendSaw, busyWorkers };
  } catch (error) {
    return { ...nothing, failure: (error as Error).message.slice(0, 500) };
  } finally {
    await running.stop();
  }
}

/** Both share the listeners, but one of them is started after the other. */
async function twoWorkers(pid: number): Promise<readonly number[]> {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const workers = processTree(pid).slice(1);
    if (workers.length >= 2) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return workers;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("there were no two workers");
}
