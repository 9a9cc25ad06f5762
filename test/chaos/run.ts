import { parseArgs } from "node:util";
import { chaos } from "./chaos.ts";
import { keepResults } from "./results.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    engine: { type: "string", default: "wire" },
    seed: { type: "string", default: "1" },
    log: { type: "string", default: "" },
    keep: { type: "boolean", default: true },
  },
  allowNegative: true,
});
// A run that is ended half-way leaves nothing behind.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const { engine, log } = values;
const report = await chaos({ minutes, engine, seed, log, say: (line) => process.stdout.write(`${line}\n`) });
const text = keepResults(report, { minutes, engine, seed, keep: values.keep });
process.stdout.write(`\n${text}\n`);
for (const what of report.wrong) process.stdout.write(`WRONG ${what}\n`);
process.stdout.write(report.wrong.length === 0 ? "nothing went wrong\n" : `${report.wrong.length} things went wrong\n`);
process.exit(report.wrong.length === 0 ? 0 : 1);
