import type { Bench } from "./bench.ts";
import { pathOf, sizes } from "./bench-project.ts";
import type { Contender } from "./contenders.ts";
import { send } from "./gateway-process.ts";
import { bodyOf } from "./peer-configs.ts";
import { PinnedProcess, watchUsage } from "./pinned-process.ts";
import type { Measured, Sample } from "./record.ts";
import type { Scenario, ScenarioName } from "./scenarios.ts";
import { rotated } from "./statistics.ts";
import { runWrk, writeWrkScript } from "./wrk.ts";

export interface Durations {
  readonly rounds: number;
  readonly seconds: number;
  readonly warm: number;
}

/** Beside `warm` and `seconds`: to start a contender, to see that it is honest, and to stop it. */
const secondsAround = 0.8;

/** Seconds that so many measurements a round take, about. */
export function expectedSeconds(measurements: number, { rounds, seconds, warm }: Durations): number {
  return measurements * rounds * (warm + seconds + secondsAround);
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
      await assertHonest(bench, scenario, contender.checks);
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
  const { result, cpuSeconds, share, others, loadCore } = await watchUsage(running, load);
  const { requests, requestsPerSecond, p50, p99, errors } = result;
  if (requests === 0) throw new Error("it answered nothing under load");
  return {
    requestsPerSecond,
    microsecondsPerRequest: (cpuSeconds * 1e6) / requests,
    share,
    others,
    loadCore,
    p50,
    p99,
    residentMiB: running.residentMiB(),
    errors,
  };
}

/** Answers as the backend does, and refuses what is not right: whoever only looks fast is not compared. */
async function assertHonest({ credentials, ports }: Bench, { check, size }: Scenario, checks: boolean): Promise<void> {
  const [name = "", value = ""] = credentials.fieldFor[check].split(/: (.*)/s);
  const ask = (sent: string) => send(ports.http, "GET", pathOf(check, size), { [name]: sent });
  const good = await ask(value);
  if (good.status !== 200 || good.body.length !== sizes[size]) {
    throw new Error(`it answered ${good.status} with ${good.body.length} bytes`);
  }
  if (!checks) return;
  // The end of a signature, or of a password.
  const forged = await ask(`${value.slice(0, -8)}AAAAAAAA`);
  if (forged.status !== 401 && forged.status !== 403) throw new Error(`it answered ${forged.status} to a forged token`);
}
