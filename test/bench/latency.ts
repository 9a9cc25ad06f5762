import type { Bench } from "./bench.ts";
import type { Check, Size } from "./bench-project.ts";
import { pathOf } from "./bench-project.ts";
import type { Contender } from "./contenders.ts";
import { runFixedRate } from "./load/load-process.ts";
import { PinnedProcess, watchUsage } from "./pinned-process.ts";
import type { LatencySample, Measured } from "./record.ts";
import { type Durations, inRounds } from "./throughput.ts";

/** Latency at a fixed rate on 50 connections, each contender in turn, round by round. */
export async function measureLatency(
  bench: Bench,
  operation: { readonly check: Check; readonly size: Size },
  contenders: readonly Contender[],
  { rounds, seconds, warm }: Durations,
  rate: number,
): Promise<readonly Measured<LatencySample>[]> {
  return await inRounds(contenders, rounds, "latency", async (contender, round) => {
    const running = new PinnedProcess(contender.command, contender.env === undefined ? {} : { env: contender.env });
    try {
      await running.listening(bench.ports.http);
      const job = {
        port: bench.ports.http,
        path: pathOf(operation.check, operation.size),
        field: bench.credentials.fieldFor[operation.check],
        connections: 50,
        rate,
        warm,
        seconds,
      };
      const { result, others } = await watchUsage(running, () => runFixedRate(job));
      bench.say(
        `latency, round ${round + 1}: ${contender.id}: p50 ${result.p50.toFixed(2)}, p99 ${result.p99.toFixed(2)}, p99.9 ${result.p999.toFixed(2)} ms, ${result.errors} errors`,
      );
      return { round, ...result, others };
    } finally {
      await running.stop();
    }
  });
}
