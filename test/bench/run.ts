import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { type BenchOptions, readOptions, usage } from "./options.ts";
import { measureParts } from "./parts.ts";
import { killAll } from "./pinned-process.ts";
import { problemsOf } from "./problems.ts";
import { compare, ratiosOf } from "./ratios.ts";
import { type BenchRecord, merge, nothingRecorded } from "./record.ts";
import { renderReport } from "./report.ts";
import { installPeers, missingTools, nodesUnderTest } from "./tools.ts";

/*
 * npm run bench [-- options]: see options.ts for them and README.md for the method. Exit codes: 0 all was measured without
 * an error (with --check: nothing has become worse), 1 otherwise, 2 wrong usage.
 */
const options = readOptions(process.argv.slice(2));
if (typeof options === "string") {
  say(`${options}\n\n${usage}`);
  process.exit(2);
}
const missing = missingTools(cpus().length);
if (missing !== undefined) {
  say(`no benchmark here: ${missing}`);
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(130);
  });
}
process.exitCode = await run(options);

async function run(options: BenchOptions): Promise<number> {
  const recorded = readRecord(options.out);
  if (options.check && ratiosOf(recorded).length === 0) {
    say(`nothing to compare with: ${join(options.out, "RESULTS.json")} has no ratios; \`npm run bench\` records them`);
    return 1;
  }
  if (options.peers) installPeers();
  let found = nothingRecorded;
  for await (const piece of measureParts(options, nodesUnderTest(options.nodes), say)) {
    found = merge(found, { ...nothingRecorded, ...piece });
    // What takes hours is kept piece by piece.
    if (!options.check) keep(options.out, merge(recorded, found));
  }
  const isWorse = options.check && !holds(recorded, found, options.margin);
  const problems = problemsOf(found);
  for (const problem of problems) say(problem);
  return problems.length > 0 || isWorse ? 1 : 0;
}

function keep(folder: string, record: BenchRecord): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "RESULTS.json"), `${JSON.stringify(record, undefined, 1)}\n`);
  writeFileSync(join(folder, "RESULTS.md"), renderReport(record));
}

function readRecord(folder: string): BenchRecord {
  try {
    return { ...nothingRecorded, ...JSON.parse(readFileSync(join(folder, "RESULTS.json"), "utf8")) };
  } catch {
    return nothingRecorded;
  }
}

/** Prints each ratio that both have. False when one became worse by more than the margin, or when there is none. */
function holds(recorded: BenchRecord, found: BenchRecord, margin: number): boolean {
  const comparisons = compare(ratiosOf(recorded), ratiosOf(found), margin);
  for (const { name, recorded: before, now, worse, failed } of comparisons) {
    const change = `${Math.abs(worse * 100).toFixed(0)} % ${worse > 0 ? "worse" : "better"}`;
    say(`${failed ? "FAILED" : "fine  "} ${name}: recorded ${before.toFixed(2)}, now ${now.toFixed(2)}, ${change}`);
  }
  const failures = comparisons.filter(({ failed }) => failed).length;
  say(`${comparisons.length} ratios compared, ${failures} worse by more than ${Math.round(margin * 100)} %`);
  return failures === 0 && comparisons.length > 0;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
