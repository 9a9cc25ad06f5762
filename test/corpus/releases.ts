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

/** Of the processor, for two releases of some thousand operations. */
const mostSeconds = 15;
/** A handler, its routes and its line in routes.txt; the same when it goes away. Not counted: routes that only moved to the right. */
const mostLinesBesideIndent = 45;
/** A part of the router that outgrows a list of `if`s becomes a `switch`, and all of it moves to the right. */
const mostLinesPerOperation = 90;

const pairs: readonly Readonly<{
  base: string;
  head: string;
  compatibilities: readonly Compatibility[];
  basePath?: string;
}>[] = [
  { base: "ghes-3.17", head: "ghes-3.18", compatibilities: ["standard", "wso2-3.2"] },
  { base: "ghes-3.18", head: "ghes-3.19", compatibilities: ["standard", "wso2-3.2"] },
  { base: "ghes-3.19", head: "ghes-3.17", compatibilities: ["standard"] },
  // Not a release after the other: a product beside another, with another address.
  { base: "ghes-3.19", head: "api.github.com", compatibilities: ["standard"], basePath: "/v3" },
];
type Compatibility = "standard" | "wso2-3.2";

await installPackages();
const outcomes: PairOutcome[] = [];
for (const { base, head, compatibilities, ...more } of pairs) {
  for (const compatibility of compatibilities) {
    const title = `${base} to ${head}`;
    const releases = { base: definition(base), head: definition(head), ...more };
    outcomes.push(await compareReleases({ title, compatibility, ...releases }));
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

function complaints({ counted, found, disputed, ...outcome }: PairOutcome): readonly string[] {
  return [
    ...(JSON.stringify(counted) === JSON.stringify(found) ? [] : ["the counts differ"]),
    ...disputed.map((operation) => `disputed: ${operation}`),
    ...(outcome.processorSeconds > mostSeconds ? [`it took more than ${mostSeconds} s of the processor`] : []),
    ...(outcome.linesPerOperation > mostLinesPerOperation
      ? [`more than ${mostLinesPerOperation} lines an operation`]
      : []),
    ...(outcome.linesBesideIndent > mostLinesBesideIndent
      ? [`more than ${mostLinesBesideIndent} lines an operation, indentation aside`]
      : []),
  ];
}

function report(found: readonly PairOutcome[]): string {
  const rows = found.map((outcome) => {
    const { title, compatibility, operations, counted, findings, verdict, churn } = outcome;
    const counts = `${counted.added} / ${counted.removed} / ${counted.changed}`;
    const diffs = `${outcome.found.added} / ${outcome.found.removed} / ${outcome.found.changed}`;
    const cells = [
      title,
      compatibility,
      operations,
      counts,
      diffs,
      `${verdict}, ${findings}`,
      `${outcome.processorSeconds.toFixed(1)} s, ${outcome.seconds.toFixed(1)} s`,
      `+${churn.added} -${churn.removed}`,
      `${outcome.linesPerOperation.toFixed(1)}, ${outcome.linesBesideIndent.toFixed(1)}`,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const complained = found.flatMap((outcome) =>
    complaints(outcome).map((text) => `- ${outcome.title}, ${outcome.compatibility}: ${text}`),
  );
  return `# Consecutive releases: results

Written by \`npm run releases\`; do not edit. ${new Date().toISOString().slice(0, 10)}; ${machine()}.

Definitions of @octokit/openapi, each a project of its own, compared by \`castgate diff --format=json\`. *Counted*: added, removed and changed
operations, read straight from the JSON (paths x methods; of those on both sides, security and servers, and whether a path that was added or
removed takes some of their requests); *diff*: what the command says. Both name the same operations. *Time*: of the processor (at most ${mostSeconds} s),
and from start to end, which depends on what else the machine does. *Lines*: those of \`generated/\` that git counts as added and removed. *An operation*: so many
lines for each that was added, removed or changed (at most ${mostLinesPerOperation}), and without those that only moved to the right (at most ${mostLinesBesideIndent}).

| releases | compatibility | operations | counted | diff | verdict, findings | time | lines | an operation |
|---|---|--:|--:|--:|---|--:|--:|--:|
${rows.join("\n")}

${complained.length === 0 ? "All counts agree, and no bound was passed." : complained.join("\n")}
`;
}
