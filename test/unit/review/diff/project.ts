import assert from "node:assert/strict";
import { loadProject } from "../../../../compiler/1-load/load-project.ts";
import { checkProject } from "../../../../compiler/2-check/check-project.ts";
import { lowerProject } from "../../../../compiler/3-lower/lower-project.ts";
import { DiagnosticLog } from "../../../../compiler/diagnostics/log.ts";
import type { GatewayModel } from "../../../../compiler/model/gateway-model.ts";
import { diffGateways } from "../../../../compiler/review/diff/diff-gateways.ts";
import { memoryHost } from "../../../support/memory-host.ts";

/** The model of a project in memory, by file name. */
export async function modelOf(files: Readonly<Record<string, string>>): Promise<GatewayModel> {
  const log = new DiagnosticLog();
  const loaded = await loadProject("shop", memoryHost(files), log);
  const checked = loaded && checkProject(loaded, log);
  const problems = log.all().map(({ code, message }) => `${code}: ${message}`);
  assert.ok(checked, problems.join("\n"));
  return lowerProject(checked).model;
}

/** `weaker limit-raised GET /shop/items`, sorted: the verdicts of all changes from one project to another. */
export async function verdicts(
  base: Readonly<Record<string, string>>,
  head: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  return said(await modelOf(base), await modelOf(head));
}

/** The same for two models. */
export function said(base: GatewayModel, head: GatewayModel): readonly string[] {
  return diffGateways(base, head)
    .map(({ verdict, code, subject }) => {
      if (subject === undefined) return `${verdict} ${code}`;
      const path = subject.basePath === "/" ? (subject.template ?? "/") : subject.basePath + (subject.template ?? "");
      return [verdict, code, subject.method, path].filter((part) => part !== undefined).join(" ");
    })
    .sort();
}
