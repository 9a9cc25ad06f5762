import type { Bench } from "./bench.ts";
import { pathOf } from "./bench-project.ts";
import type { Contender } from "./contenders.ts";
import { bodyOf } from "./peer-configs.ts";
import { busyShare, coreTimes, PinnedProcess } from "./pinned-process.ts";
import type { Measured, Sample } from "./record.ts";
import type { Scenario, ScenarioName } from "./scenarios.ts";
import { rotated } from "./statistics.ts";
import { runWrk, writeWrkScript } from "./wrk.ts";

export interface Durations {
  readonly rounds: number;
  readonly seconds: number;
  readonly warm: number;
}

/** One scenario: each contender in turn, round by round, each time a new process. */
export async function measureThroughput(
  bench: Bench,
  name: ScenarioName,
  scenario: Scenario,
  contenders: readonly Contender[],
  durations: Durations,
): Promise<readonly Measured<Sample>[]> {
  const { credentials, ports } = bench;
  const path = pathOf(scenario.check, scenario.size);
  const url = scenario.tls ? `https://127.0.0.1:${ports.https}${path}` : `http://127.0.0.1:${ports.http}${path}`;
  const fields =
    scenario.tokens === "one"
      ? [credentials.fieldFor[scenario.check]]
      : credentials.tokens.map((token) => `Authorization: Bearer ${token}`);
  const body = scenario.method === "POST" ? bodyOf(1024) : "";
  const script = writeWrkScript(bench.folder, name, { url, method: scenario.method, fields, body });
  return await inRounds(contenders, durations.rounds, `${name}`, async (contender, round) => {
    const running = new PinnedProcess(contender.command, contender.env === undefined ? {} : { env: contender.env });
    try {
      await running.listening(scenario.tls ? ports.https : ports.http);
      await runWrk(script, url, { connections: scenario.connections, seconds: durations.warm });
      const sample = await measureOnce(running, () =>
        runWrk(script, url, { connections: scenario.connections, seconds: durations.seconds }),
      );
      bench.say(
        `${name}, round ${round + 1}: ${contender.id}: ${Math.round(sample.requestsPerSecond)} a second, ${sample.microsecondsPerRequest.toFixed(1)} us each, ${sample.errors} errors`,
      );
      return { round, ...sample };
    } finally {
      await running.stop();
    }
  });
}

/** Each contender once a round, beginning with another one each time. One that fails is left out from then on. */
export async function inRounds<S>(
  contenders: readonly Contender[],
  rounds: number,
  title: string,
  measure: (contender: Contender, round: number) => Promise<S>,
): Promise<readonly Measured<S>[]> {
  const samples = new Map<string, S[]>(contenders.map(({ id }) => [id, []]));
  const failures = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (const contender of rotated(contenders, round)) {
      if (failures.has(contender.id)) continue;
      try {
        samples.get(contender.id)?.push(await measure(contender, round));
      } catch (error) {
        const message = (error as Error).message;
        failures.set(contender.id, message.slice(0, 500));
        process.stderr.write(`${title}: ${contender.id} failed: ${message}\n`);
      }
    }
  }
  return contenders.map(({ id }) => ({ id, samples: samples.get(id) ?? [], failure: failures.get(id) }));
}

async function measureOnce(
  running: PinnedProcess,
  load: () => ReturnType<typeof runWrk>,
): Promise<Omit<Sample, "round">> {
  const coresBefore = coreTimes();
  const usedBefore = running.cpuSeconds();
  const begun = performance.now();
  const { requests, requestsPerSecond, p50, p99, errors } = await load();
  const seconds = (performance.now() - begun) / 1000;
  const used = running.cpuSeconds() - usedBefore;
  const coresAfter = coreTimes();
  if (running.ended) throw new Error(`it ended under load: ${running.output.slice(0, 1000)}`);
  const share = used / seconds;
  return {
    requestsPerSecond,
    microsecondsPerRequest: (used * 1e6) / requests,
    share,
    others: Math.max(0, busyShare(coresBefore[0], coresAfter[0]) - share),
    loadCore: busyShare(coresBefore[1], coresAfter[1]),
    p50,
    p99,
    residentMiB: running.residentMiB(),
    errors,
  };
}
