import { parseArgs } from "node:util";
import { soak } from "./soak.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    engine: { type: "string", default: "" },
    round: { type: "string", default: "60" },
  },
});
const roundSeconds = Number(values.round);
const rounds = Math.max(2, Math.round((Number(values.minutes) * 60) / roundSeconds));
const findings = await soak({
  rounds,
  roundSeconds,
  engine: values.engine,
  say: (line) => process.stdout.write(`${line}\n`),
});
for (const finding of findings) process.stdout.write(`GROWS ${finding}\n`);
process.stdout.write(findings.length === 0 ? "nothing grows\n" : "");
process.exit(findings.length === 0 ? 0 : 1);
