import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, installPackages } from "./packages.ts";
import { compareReleases, type PairOutcome } from "./release-pair.ts";
import { machine } from "./report.ts";

/**
 * npm run releases
 *
 * Compares releases of GitHub's API with `castgate diff`, its counts with those of a plain count, and the generated code that
 * changed with the operations that did. Writes RELEASES.md. Exit code 0 when all counts agree and no bound was passed.
 */

/** A comparison of two releases of some thousand operations takes no longer. */
const mostSeconds = 15;
/** A handler, its routes and its line in routes.txt; a new file, its head; an operation that goes away, the same. */
const mostLinesPerOperation = 45;

const pairs = [
  ["ghes-3.17", "ghes-3.18"],
  ["ghes-3.18", "ghes-3.19"],
  ["ghes-3.19", "ghes-3.17"],
  ["ghes-3.19", "api.github.com"],
] as const;

await installPackages();
const outcomes: PairOutcome[] = [];
for (const [base, head] of pairs) {
  for (const compatibility of ["standard", "wso2-3.2"] as const) {
    const title = `${base} to ${head}`;
    outcomes.push(await compareReleases({ title, compatibility, base: definition(base), head: definition(head) }));
    process.stdout.write(`${title}, ${compatibility}\n`);
  }
}
const file = fileURLToPath(new URL("RELEASES.md", import.meta.url));
await writeFile(file, report(outcomes));
process.stdout.write(`written to ${file}\n`);
process.exitCode = outcomes.some((outcome) => complaints(outcome).length > 0) ? 1 : 0;

function definition(name: string): string {
  return readFileSync(join(cacheFolder, "node_modules/@octokit/openapi/generated", `${name}.json`), "utf8");
}

function complaints({ counted, found, disputed, seconds, linesPerOperation }: PairOutcome): readonly string[] {
  return [
    ...(JSON.stringify(counted) === JSON.stringify(found) ? [] : ["the counts differ"]),
    ...disputed.map((operation) => `disputed: ${operation}`),
    ...(seconds > mostSeconds ? [`it took more than ${mostSeconds} s`] : []),
    ...(linesPerOperation > mostLinesPerOperation ? [`more than ${mostLinesPerOperation} lines an operation`] : []),
  ];
}

function report(found: readonly PairOutcome[]): string {
  const rows = found.map((outcome) => {
    const { title, compatibility, operations, counted, findings, verdict, seconds, churn, linesPerOperation } = outcome;
    const counts = `${counted.added} / ${counted.removed} / ${counted.changed}`;
    const diffs = `${outcome.found.added} / ${outcome.found.removed} / ${outcome.found.changed}`;
    const cells = [
      title,
      compatibility,
      operations,
      counts,
      diffs,
      `${verdict}, ${findings}`,
      `${seconds.toFixed(1)} s`,
      `+${churn.added} -${churn.removed}`,
      linesPerOperation.toFixed(1),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const complained = found.flatMap((outcome) =>
    complaints(outcome).map((text) => `- ${outcome.title}, ${outcome.compatibility}: ${text}`),
  );
  return `# Consecutive releases: results

Written by \`npm run releases\`; do not edit. ${new Date().toISOString().slice(0, 10)}; ${machine()}.

Definitions of @octokit/openapi, each a project of its own, compared by \`castgate diff --format=json\`. *Counted*: added, removed and changed
operations, read straight from the JSON (paths x methods; of those on both sides, security and servers); *diff*: what the command says. Lines are
those of \`generated/\` that git counts as added and removed, and, for each operation that was added, removed or changed, at most ${mostLinesPerOperation}. Time: at most ${mostSeconds} s,
from the start of the command to its end.

| releases | compatibility | operations | counted | diff | verdict, findings | time | lines | an operation |
|---|---|--:|--:|--:|---|--:|--:|--:|
${rows.join("\n")}

${complained.length === 0 ? "All counts agree, and no bound was passed." : complained.join("\n")}
`;
}
