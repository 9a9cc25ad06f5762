import { writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { WorldReport } from "./explained.ts";

const file = path.join(import.meta.dirname, "RESULTS.md");

/** A run as a text, and in RESULTS.md if it is to be kept. */
export function keepResults(
  reports: readonly WorldReport[],
  { seed, keep }: { readonly seed: number; readonly keep: boolean },
): string {
  const names = [...new Set(reports.flatMap(({ outcomes }) => [...outcomes.keys()]))].sort();
  const sum = (of: (report: WorldReport) => number) => reports.reduce((all, report) => all + of(report), 0);
  const machine = `${os.cpus()[0]?.model.trim()}, Node ${process.version}`;
  const rows = [
    ["", ...reports.map(({ world }) => world), "all"],
    ["requests", ...reports.map(({ requests }) => requests), sum(({ requests }) => requests)],
    ...names.map((name) => [
      name,
      ...reports.map(({ outcomes }) => outcomes.get(name) ?? 0),
      sum(({ outcomes }) => outcomes.get(name) ?? 0),
    ]),
    ["not as explained", ...reports.map(({ wrong }) => wrong.length), sum(({ wrong }) => wrong.length)],
    ["keys charged", ...reports.map(({ keys }) => keys?.explained ?? 0), sum(({ keys }) => keys?.explained ?? 0)],
    [
      "keys not as explained",
      ...reports.map(({ keys }) => keys?.wrong.length ?? 0),
      sum(({ keys }) => keys?.wrong.length ?? 0),
    ],
  ];
  const table = rows.map(
    (row, index) => `| ${row.join(" | ")} |${index === 0 ? `\n|${row.map(() => "---|").join("")}` : ""}`,
  );
  const text = `# Explained requests: results

Written by \`npm run explained\`; do not edit. What is done stands in [README.md](README.md).

${new Date().toISOString().slice(0, 10)}, ${machine}, seed ${seed}.

${table.join("\n")}
`;
  if (keep) writeFileSync(file, text);
  return text;
}
