import { diffGateways } from "../diff/diff-gateways.ts";
import { buildReport } from "../diff-report/build-report.ts";
import type { DiffReport } from "../diff-report/report.ts";
import type { Side } from "../side.ts";
import { reportFacts } from "./facts.ts";
import { renderPage } from "./page.ts";

export interface MadePage {
  /** HTML, a file by itself. */
  readonly page: string;
  readonly operations: number;
  readonly publicOperations: number;
}

/**
 * The page of a gateway, with its differences to a base if there is one. `day` (UTC, `2027-01-31`) decides which accepted
 * changes count; nothing else of the page depends on when it is made.
 */
export async function makePage(side: Side, base: Side | undefined, day: string): Promise<MadePage> {
  const code = await side.code();
  const diff = base === undefined ? undefined : await compare(base, side, day);
  const facts = reportFacts(side, code, diff);
  return {
    page: renderPage(facts),
    operations: facts.operations.length,
    publicOperations: facts.operations.filter(({ isPublic }) => isPublic).length,
  };
}

async function compare(base: Side, head: Side, day: string): Promise<DiffReport> {
  const changes = diffGateways(base.model, head.model);
  const sides = { base: { side: base, code: await base.code() }, head: { side: head, code: await head.code() } };
  return buildReport(sides, changes, day);
}
