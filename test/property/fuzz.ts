import { fuzzTargets } from "../support/target-fuzz.ts";

/**
 * `npm run fuzz -- [COUNT] [SEED]`: that many random request targets, a million unless told otherwise, half of them in
 * each compatibility. Exit 1 if the path that was checked was once not the path that the backend saw.
 */
const [count = 1_000_000, seed = Math.floor(Math.random() * 2 ** 31)] = process.argv.slice(2).map(Number);

let failed = false;
for (const compatibility of ["wso2-3.2", "standard"] as const) {
  const started = performance.now();
  const half = Math.ceil(count / 2);
  const report = await fuzzTargets({
    compatibility,
    count: half,
    seed,
    onProgress: (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${compatibility}: ${done} of ${half}`);
    },
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const outcomes = Object.entries(report.outcomes).sort(([a], [b]) => (a < b ? -1 : 1));
  process.stdout.write(
    `${compatibility}, seed ${seed}: ${half} targets in ${seconds} s: ` +
      `${outcomes.map(([name, number]) => `${number} ${name}`).join(", ")}; ` +
      `${report.mismatchCount} mismatches, ${report.strayCalls} stray calls\n`,
  );
  for (const mismatch of report.mismatches) process.stdout.write(`  ${mismatch}\n`);
  failed ||= report.mismatchCount > 0 || report.strayCalls !== 0;
}
process.exitCode = failed ? 1 : 0;
