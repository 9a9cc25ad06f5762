import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "5" },
    engine: { type: "string", default: "wire" },
    transport: { type: "string", default: "" },
    "most-mib": { type: "string", default: "64" },
  },
});
// What chooses the engine of gateways under test is read when their module is.
process.env.TEST_ENGINE = values.engine;
process.env.TEST_TRANSPORT = values.transport;
const { largeBodies } = await import("./bodies.ts");
const gib = Number(values.gib);
const transfers = await largeBodies(Math.round(gib * 1024));
for (const { what, seconds, extraMiB } of transfers) {
  const rate = Math.round((gib * 1024) / seconds);
  process.stdout.write(`${gib} GiB ${what}: ${seconds.toFixed(1)} s, ${rate} MiB/s, +${extraMiB.toFixed(1)} MiB\n`);
}
const most = Math.max(...transfers.map(({ extraMiB }) => extraMiB));
process.stdout.write(most < Number(values["most-mib"]) ? "constant\n" : "GROWS\n");
process.exit(most < Number(values["most-mib"]) ? 0 : 1);
