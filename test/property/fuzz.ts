import { parseArgs } from "node:util";
import { fuzzParser } from "../support/parser-fuzz.ts";
import { fuzzRequests } from "../support/request-fuzz.ts";
import { ResponseComparison } from "../support/response-fuzz.ts";
import { fuzzTargets } from "../support/target-fuzz.ts";
import { type TestedEngine, testedEngines } from "../support/tested-engines.ts";

/**
 * `npm run fuzz -- [--what=targets|requests|responses|parser] [--engine=ENGINE] [--count=COUNT] [--seed=SEED]`,
 * a million cases unless told otherwise. Exit 1 when there was a mismatch.
 *
 * `targets`: random request targets to a real bundle, half of them in each compatibility. The path that was checked must
 * be the path that the backend saw.
 *
 * `requests`: random bytes to an engine and to a plain node:http server, over sockets. Both must take them for the same
 * requests. TEST_TRANSPORT=handles has the wire engine use the other transport. What limits it is the processor: two
 * connections a case, and a system call on either side for each byte of those that are sent byte by byte. Two processes
 * with two seeds use two cores.
 *
 * `responses`: random bytes of a backend to our pool of connections and to undici's. Both must take them for the same
 * answer.
 *
 * `parser`: the bytes of `requests` to the wire engine's parser and to that of node:http, without sockets.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    what: { type: "string", default: "targets" },
    engine: { type: "string" },
    count: { type: "string" },
    seed: { type: "string" },
  },
});
const count = Number(values.count ?? positionals[0] ?? 1_000_000);
const seed = Number(values.seed ?? positionals[1] ?? Math.floor(Math.random() * 2 ** 31));

function progress(label: string, total: number) {
  return (done: number): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r${label}: ${done} of ${total}`);
    else if (done % 100_000 === 0) process.stderr.write(`${label}: ${done} of ${total}\n`);
  };
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, number]) => `${number} ${name}`)
    .join(", ");
}

/** Whether there was a mismatch. */
async function targets(): Promise<boolean> {
  let failed = false;
  for (const compatibility of ["wso2-3.2", "standard"] as const) {
    const started = performance.now();
    const half = Math.ceil(count / 2);
    const report = await fuzzTargets({ compatibility, count: half, seed, onProgress: progress(compatibility, half) });
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    process.stdout.write(
      `${compatibility}, seed ${seed}: ${half} targets in ${seconds} s: ${counts(report.outcomes)}; ` +
        `${report.mismatchCount} mismatches, ${report.strayCalls} stray calls\n`,
    );
    for (const mismatch of report.mismatches) process.stdout.write(`  ${mismatch}\n`);
    failed ||= report.mismatchCount > 0 || report.strayCalls !== 0;
  }
  return failed;
}

async function requests(engine: TestedEngine): Promise<boolean> {
  const started = performance.now();
  const report = await fuzzRequests({ engine, count, seed, onProgress: progress(engine, count) });
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(
    `${engine}, seed ${seed}: ${report.cases} connections in ${seconds.toFixed(0)} s ` +
      `(${(report.cases / seconds).toFixed(0)} a second): ${counts(report.outcomes)}; ${report.mismatchCount} mismatches\n`,
  );
  for (const [reason, number] of Object.entries(report.explained).sort((a, b) => b[1] - a[1])) {
    process.stdout.write(`  ${number} stricter or other on purpose: ${reason}\n`);
  }
  for (const mismatch of report.mismatches) process.stdout.write(`  ${mismatch}\n`);
  return report.mismatchCount > 0;
}

async function responses(): Promise<boolean> {
  const started = performance.now();
  const comparison = await ResponseComparison.start();
  const report = await comparison.run(count, seed, progress("responses", count));
  await comparison.stop();
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(
    `responses, seed ${seed}: ${report.cases} cases in ${seconds.toFixed(0)} s ` +
      `(${(report.cases / seconds).toFixed(0)} a second): ${report.answered} answers; ${report.mismatchCount} mismatches\n`,
  );
  for (const [reason, number] of Object.entries(report.explained).sort((a, b) => b[1] - a[1])) {
    process.stdout.write(`  ${number} other on purpose: ${reason}\n`);
  }
  for (const mismatch of report.mismatches) process.stdout.write(`  ${mismatch}\n`);
  return report.mismatchCount > 0;
}

function parser(): boolean {
  const started = performance.now();
  const report = fuzzParser(count, seed, progress("parser", count));
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(
    `parser, seed ${seed}: ${report.cases} cases in ${seconds.toFixed(0)} s: ${counts(report.outcomes)}; ` +
      `${report.mismatchCount} mismatches\n`,
  );
  for (const mismatch of report.mismatches) process.stdout.write(`  ${mismatch}\n`);
  return report.mismatchCount > 0;
}

let failed = false;
switch (values.what) {
  case "targets":
    failed = await targets();
    break;
  case "requests":
    for (const engine of testedEngines) {
      if ((values.engine ?? engine) === engine) failed = (await requests(engine)) || failed;
    }
    break;
  case "responses":
    failed = await responses();
    break;
  case "parser":
    failed = parser();
    break;
  default:
    process.stderr.write("--what is targets, requests, responses or parser\n");
    process.exit(2);
}
process.exitCode = failed ? 1 : 0;
