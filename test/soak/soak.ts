import { type GatewayProcess, startGateway } from "../support/engine-process.ts";
import { startMisbehavingBackend } from "./backend.ts";
import { runLoad } from "./load.ts";

export interface SoakOptions {
  readonly rounds: number;
  readonly roundSeconds: number;
  /** Empty: the default of the gateway. */
  readonly engine: string;
  say(line: string): void;
}

/** What the gateway holds at the end of a round, all load gone and all garbage collected. */
export interface Sample {
  readonly requests: number;
  /** MiB. */
  readonly heap: number;
  readonly external: number;
  readonly resident: number;
  readonly sockets: number;
  readonly timers: number;
  readonly files: number;
}

const idleSeconds = 6;

/** Runs the rounds; what it returns are the ways in which the gateway grew or failed, none when all is well. */
export async function soak({ rounds, roundSeconds, engine, say }: SoakOptions): Promise<string[]> {
  const backend = await startMisbehavingBackend();
  const gateway = await startGateway(
    [
      ...(engine === "" ? [] : [`--engine=${engine}`]),
      `--echo_prod_endpoint_0=${backend.url}`,
      `--castgate.idleTimeoutSeconds=${idleSeconds}`,
      `--castgate.headerTimeoutSeconds=${idleSeconds}`,
    ],
    // A busy machine is no mistake of the gateway.
    { NODE_OPTIONS: "--expose-gc", TEST_BACKEND_TIMEOUT_MS: "30000" },
  );
  const samples: Sample[] = [];
  const wrong: string[] = [];
  say("round  requests  heap MiB  external MiB  resident MiB  sockets  timers  files");
  try {
    for (let round = 1; round <= rounds; round++) {
      const { requests, mistakes } = await runLoad(gateway.port, (roundSeconds * 5) / 6);
      wrong.push(...mistakes.map((mistake) => `round ${round}: ${mistake}`));
      // Longer than the idle limit: whatever a client left open is closed by then.
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(idleSeconds + 4, roundSeconds / 6)));
      const sample = await sampleOf(gateway, requests);
      samples.push(sample);
      const { heap, external, resident, sockets, timers, files } = sample;
      const cells = [heap.toFixed(1), external.toFixed(1), resident.toFixed(1), sockets, timers, files];
      say([round, requests, ...cells].join("\t"));
    }
  } finally {
    const code = await gateway.stop();
    if (code !== 0) wrong.push(`the gateway ended with ${code}: ${gateway.stderr().slice(-500)}`);
    backend.close();
  }
  return [...wrong, ...growth(samples)];
}

/** Sample by sample: what lies higher at the end than at the beginning. */
export function growth(samples: readonly Sample[]): string[] {
  const warm = samples.slice(Math.floor(samples.length / 5));
  const third = Math.max(1, Math.floor(warm.length / 3));
  const early = warm.slice(0, third);
  const late = warm.slice(-third);
  const found: string[] = [];
  for (const name of ["heap", "external", "resident"] as const) {
    const before = median(early.map((sample) => sample[name]));
    const after = median(late.map((sample) => sample[name]));
    if (after > before * 1.1 && after > before + 4)
      found.push(`${name}: ${before.toFixed(1)} to ${after.toFixed(1)} MiB`);
  }
  for (const name of ["sockets", "timers", "files"] as const) {
    const before = Math.max(...early.map((sample) => sample[name]));
    const after = Math.min(...late.map((sample) => sample[name]));
    if (after > before) found.push(`${name}: ${before} to ${after}`);
  }
  return found;
}

async function sampleOf(gateway: GatewayProcess, requests: number): Promise<Sample> {
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/resources`, { headers: { connection: "close" } });
  const { heapUsed, external, rss, files, active } = (await answer.json()) as {
    heapUsed: number;
    external: number;
    rss: number;
    files: number;
    active: Record<string, number>;
  };
  const mib = (bytes: number) => bytes / 1_048_576;
  return {
    requests,
    heap: mib(heapUsed),
    external: mib(external),
    resident: mib(rss),
    sockets: (active.TCPSocketWrap ?? 0) + (active.TLSWrap ?? 0) + (active.TCPWRAP ?? 0),
    timers: (active.Timeout ?? 0) + (active.Immediate ?? 0),
    files,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
