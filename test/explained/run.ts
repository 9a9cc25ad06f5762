import { parseArgs } from "node:util";
import { startRedis } from "../support/redis.ts";
import { Everybody } from "./credentials.ts";
import { explainWorld, type WorldReport } from "./explained.ts";
import { keepResults } from "./results.ts";
import { worlds } from "./worlds.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    world: { type: "string", default: "" },
    keep: { type: "boolean", default: true },
  },
  allowNegative: true,
});
// A run that is ended half-way leaves nothing behind.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
const seed = Number(values.seed);
const chosen = worlds().filter(({ name }) => values.world === "" || name === values.world);
const count = Math.ceil(Number(values.requests) / chosen.length);
const redis = await startRedis();
const everybody = new Everybody();
const reports: WorldReport[] = [];
for (const [database, world] of chosen.entries()) {
  const report = await explainWorld({ world, everybody, redis, database, count, seed });
  reports.push(report);
  process.stdout.write(`${world.name}: ${report.requests} requests, ${report.wrong.length} wrong; `);
  process.stdout.write(`${report.keys?.explained ?? 0} keys, ${report.keys?.wrong.length ?? 0} wrong\n`);
  for (const what of report.wrong.slice(0, 10)) process.stdout.write(`  WRONG ${what}\n`);
  for (const what of report.keys?.wrong.slice(0, 10) ?? []) process.stdout.write(`  WRONG ${what}\n`);
}
await redis.stop();
process.stdout.write(`\n${keepResults(reports, { seed, keep: values.keep && values.world === "" })}\n`);
process.exit(reports.every(({ wrong, keys }) => wrong.length === 0 && (keys?.wrong.length ?? 0) === 0) ? 0 : 1);
