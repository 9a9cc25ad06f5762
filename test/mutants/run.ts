import { writeFileSync } from "node:fs";
import os from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { verifyBundle } from "../../compiler/verify/verify-bundle.ts";
import { builtFixture, fixtureNames } from "../support/built-fixture.ts";
import { isHarmless, type Mutant, mutantsOf, mutated } from "../support/bundle-mutants.ts";
import { pickSome } from "../support/pick-some.ts";

/**
 * npm run mutants [-- --fixtures=petstore,shop] [--count=N] [--seed=N] [--out=FILE]
 *
 * Edits the bundles of fixtures, N edits each, and requires that each edit is refused or known to change nothing. Exit code 0 when
 * all are.
 */
const { values } = parseArgs({
  options: {
    fixtures: { type: "string", default: fixtureNames.join() },
    count: { type: "string", default: "400" },
    seed: { type: "string", default: "1" },
    out: { type: "string", default: fileURLToPath(new URL("RESULTS.md", import.meta.url)) },
  },
});

interface Tally {
  edits: number;
  unreadable: number;
  harmless: number;
  survivors: string[];
}

const byKind = new Map<string, Tally>();
const rows: string[] = [];
let survived = 0;
for (const name of values.fixtures.split(",")) {
  const { text, model } = await builtFixture(name);
  const all = mutantsOf(text);
  // Generated code is a small part of a bundle, and the one that differs.
  const generated = all.filter(({ section }) => !section.startsWith("castgate/runtime:"));
  const runtime = all.filter(({ section }) => section.startsWith("castgate/runtime:"));
  const count = Number(values.count);
  const some = [
    ...pickSome(generated, Math.ceil(count * 0.75), Number(values.seed)),
    ...pickSome(runtime, Math.floor(count * 0.25), Number(values.seed)),
  ];
  const before = survived;
  for (const mutant of some) await judge(name, text, mutant, model);
  rows.push(`| ${name} | ${generated.length} | ${runtime.length} | ${some.length} | ${survived - before} |`);
  process.stdout.write(`${name}: ${some.length} of ${all.length} edits, ${survived - before} not refused\n`);
}

async function judge(name: string, text: string, mutant: Mutant, model: Parameters<typeof verifyBundle>[1]) {
  const tally = byKind.get(mutant.kind) ?? { edits: 0, unreadable: 0, harmless: 0, survivors: [] };
  byKind.set(mutant.kind, tally);
  tally.edits++;
  const { findings } = await verifyBundle(mutated(text, mutant), model);
  if (findings.some(({ code }) => code === "bundle-unreadable")) tally.unreadable++;
  if (findings.length > 0) return;
  if (isHarmless(text, mutant)) {
    tally.harmless++;
    return;
  }
  survived++;
  const words = text.slice(mutant.start, mutant.end);
  const line = `${name}, ${mutant.section}: ${mutant.kind}: ${shown(words)} -> ${shown(mutant.replacement)}`;
  tally.survivors.push(line);
  process.stdout.write(`NOT REFUSED ${line}\n`);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}...` : text);
}

const kinds = [...byKind].sort(([a], [b]) => (a < b ? -1 : 1));
const sum = (of: (tally: Tally) => number) => kinds.reduce((total, [, tally]) => total + of(tally), 0);
const report = `# Results of npm run mutants

Node ${process.version}, ${os.cpus()[0]?.model ?? "unknown processor"}, seed ${values.seed}. ${sum((one) => one.edits)} edits: ${
  sum((one) => one.edits - one.harmless) - survived
} refused (${sum((one) => one.unreadable)} of them no JavaScript any more), ${sum((one) => one.harmless)} harmless, ${survived} not refused.

| bundle | possible edits of generated code | of the runtime's checks | made | not refused |
|---|---|---|---|---|
${rows.join("\n")}

| edit | made | refused | harmless | not refused |
|---|---|---|---|---|
${kinds
  .map(([kind, { edits, harmless, survivors }]) => {
    const refused = edits - harmless - survivors.length;
    return `| ${kind} | ${edits} | ${refused} | ${harmless} | ${survivors.length} |`;
  })
  .join("\n")}
`;
writeFileSync(values.out, report);
process.exitCode = survived === 0 ? 0 : 1;
