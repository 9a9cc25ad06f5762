import type { BenchRecord } from "./record.ts";

/** What must not be: failures and wrong answers, whoever's they are. */
export function problemsOf({
  throughput,
  latency,
  start,
  memory,
  idle,
  workers,
  compile,
}: BenchRecord): readonly string[] {
  const problems: string[] = [];
  for (const { scenario, contenders } of [...throughput, ...latency]) {
    for (const { id, failure, samples } of contenders) {
      if (failure !== undefined) problems.push(`${scenario}: ${id}: ${failure}`);
      const errors = (samples as readonly { errors: number }[]).reduce((sum, one) => sum + one.errors, 0);
      if (errors > 0) problems.push(`${scenario}: ${id}: ${errors} errors`);
    }
  }
  for (const { id, failure } of start?.rows ?? []) {
    if (failure !== undefined) problems.push(`start: ${id}: ${failure}`);
  }
  for (const { id, failure, errors } of memory?.rows ?? []) {
    if (failure !== undefined || errors > 0) problems.push(`memory: ${id}: ${failure ?? `${errors} errors`}`);
  }
  for (const { id, failure, lost } of idle?.rows ?? []) {
    if (failure !== undefined || lost > 0) problems.push(`idle: ${id}: ${failure ?? `${lost} connections lost`}`);
  }
  for (const row of workers?.rows ?? []) {
    const right = row.answered === row.requests && row.backendSaw === row.requests && row.busyWorkers === 2;
    if (row.failure !== undefined || !right) problems.push(`workers: ${row.id}: ${row.failure ?? JSON.stringify(row)}`);
  }
  for (const { project, failure } of compile?.rows ?? []) {
    if (failure !== undefined) problems.push(`compile: ${project}: ${failure}`);
  }
  return problems;
}
