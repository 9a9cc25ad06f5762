import { cpus, loadavg, release, totalmem } from "node:os";
import { coreTimes, stolenShare } from "./pinned-process.ts";
import type { Circumstances } from "./record.ts";

/** The machine in one line. */
function machine(): string {
  return `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
}

/** Begins to watch the machine; what it returns says how it was, once the measurement is done. */
export function watchMachine(
  versions: Readonly<Record<string, string>>,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): () => Circumstances {
  const [load = 0] = loadavg();
  const before = coreTimes();
  return () => ({
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    versions,
    load,
    stolen: stolenShare(before, coreTimes()),
    rounds,
    seconds,
  });
}
