import type { ApiModel, GatewayModel } from "../../model/gateway-model.ts";
import { diffAccess } from "./access.ts";
import { diffApi } from "./api.ts";
import { diffBackend, refusalOf } from "./backend.ts";
import type { Change, Subject } from "./change.ts";
import { diffCors } from "./cors.ts";
import { diffDomains } from "./domains.ts";
import { ChangeLog } from "./findings.ts";
import { diffGatewayWide } from "./gateway.ts";
import { describeUse, diffLimits } from "./limits.ts";
import { type Pair, pairOperations } from "./pairs.ts";
import type { Routed } from "./route-table.ts";
import { diffUpgrades } from "./upgrades.ts";
import { describeWays, waysOf } from "./ways.ts";

/**
 * What the head does differently from the base, decided by meaning: each operation is compared with that which takes its requests
 * on the other side. Nothing that differs goes unsaid but names in generated code and places. Sorted: the gateway, then by path,
 * method and code. Pure and total.
 */
export function diffGateways(base: GatewayModel, head: GatewayModel): readonly Change[] {
  const log = new ChangeLog();
  diffGatewayWide(base, head, log.about(undefined));
  const { pairs, paired, moved } = pairOperations(base, head);
  const apis = new Map<ApiModel, Set<ApiModel>>();
  for (const pair of pairs) {
    const { base: before, head: after } = pair;
    if (before !== undefined && after !== undefined) {
      const known = apis.get(before.api) ?? new Set();
      apis.set(before.api, known.add(after.api));
      comparePair(before, after, pair, base, head, log);
    } else if (after !== undefined) addAdded(after, pair, paired.has(after.operation), head, log);
    else if (before !== undefined) addRemoved(before, pair, paired.has(before.operation), base, log);
  }
  for (const [from, to] of moved) addMoved(from, to, log);
  compareApis(apis, base, head, moved, log);
  return log.sorted();
}

function comparePair(
  before: Routed,
  after: Routed,
  pair: Pair,
  base: GatewayModel,
  head: GatewayModel,
  log: ChangeLog,
): void {
  const [old, now] = [before.operation, after.operation];
  const places = { base: old.origin, head: now.origin };
  const name = `${old.method} ${fullPath(before)}`;
  const about = pair.same ? "" : `requests as ${now.method} ${pair.sample}, which went to ${name}`;
  const findings = log.about(subjectOf(after), places, about);
  diffAccess(old, now, base, head, findings);
  diffDomains(old, now, findings);
  diffUpgrades(old, now, before.api, after.api, findings);
  diffLimits(old, now, before.api, after.api, findings);
  diffBackend(old, now, findings);
  if (!pair.same) {
    log.about(subjectOf(after), places).add("requests-rerouted", {
      message: `it takes requests as ${now.method} ${pair.sample} now, which went to ${name}`,
    });
  }
}

function addAdded(after: Routed, pair: Pair, isKnown: boolean, head: GatewayModel, log: ChangeLog): void {
  const { operation, api } = after;
  const findings = log.about(subjectOf(after), { head: operation.origin });
  if (pair.unreachable)
    return findings.add("unreachable-operation-changed", { message: "it is new, and no request reaches it" });
  const ways = waysOf(operation.access, operation.caller?.kind, head.compatibility);
  const who = operation.access.kind === "public" ? "everyone may call it" : `it takes ${describeWays(ways)}`;
  if (isKnown) {
    return findings.add("requests-now-taken", {
      message: `it takes requests as ${operation.method} ${pair.sample} now, which nobody took: ${who}`,
    });
  }
  const refusal = refusalOf(operation);
  if (refusal !== undefined)
    return findings.add("refusing-operation-added", { message: `it is new, and every call is refused: ${refusal}` });
  const limits = [api.apiLimit, operation.throttle.resource, operation.throttle.unauthenticated].filter(
    (use) => use !== undefined,
  );
  const often = limits.length === 0 ? "" : `; ${limits.map(describeUse).join("; ")}`;
  if (operation.access.kind === "public")
    findings.add("public-operation-added", {
      message: `it is new, and everyone may call it, without credentials${often}`,
      step: "public",
    });
  else findings.add("operation-added", { message: `it is new: ${who}${often}`, step: "authenticate" });
}

function addRemoved(before: Routed, pair: Pair, isKnown: boolean, base: GatewayModel, log: ChangeLog): void {
  const { operation } = before;
  const findings = log.about(subjectOf(before), { base: operation.origin });
  if (isKnown) {
    return findings.add("requests-no-longer-taken", {
      message: `requests as ${operation.method} ${pair.sample} are no longer taken`,
    });
  }
  if (pair.unreachable)
    return findings.add("unreachable-operation-changed", { message: "it is gone, and no request reached it" });
  const refusal = refusalOf(operation);
  if (refusal !== undefined)
    return findings.add("refusing-operation-removed", { message: `it is gone; it refused every call: ${refusal}` });
  const ways = waysOf(operation.access, operation.caller?.kind, base.compatibility);
  const who = operation.access.kind === "public" ? "everyone could call it" : `it took ${describeWays(ways)}`;
  findings.add("operation-removed", { message: `it is gone, and nothing takes its requests: ${who}` });
}

/** Under one base path, or moved: all of it. Where only some requests went over: what pages of other origins may do. */
function compareApis(
  apis: ReadonlyMap<ApiModel, ReadonlySet<ApiModel>>,
  base: GatewayModel,
  head: GatewayModel,
  moved: readonly (readonly [from: ApiModel, to: ApiModel])[],
  log: ChangeLog,
): void {
  const partners = new Map(moved);
  for (const before of base.apis) {
    const partner = partners.get(before) ?? head.apis.find(({ basePath }) => basePath === before.basePath);
    for (const after of new Set([...(partner === undefined ? [] : [partner]), ...(apis.get(before) ?? [])])) {
      const places = { base: before.origin, head: after.origin };
      const subject: Subject = { basePath: after.basePath };
      if (after === partner) diffApi(before, after, takesKeys(head), log.about(subject, places));
      else
        diffCors(
          before.cors,
          after.cors,
          log.about(subject, places, `requests that went to ${before.basePath}`),
          "of this API",
        );
    }
  }
}

function takesKeys({ apis }: GatewayModel): boolean {
  return apis.some(({ operations }) =>
    operations.some(
      ({ access }) =>
        access.kind !== "public" && access.anyOf.some(({ allOf }) => allOf.some(({ kind }) => kind === "api-key")),
    ),
  );
}

function addMoved(from: ApiModel, to: ApiModel, log: ChangeLog): void {
  const facts = { before: from.basePath, after: to.basePath };
  const findings = log.about({ basePath: to.basePath }, { base: from.origin, head: to.origin });
  findings.add("base-path-added", {
    ...facts,
    message: `what stood below ${from.basePath} can be reached below ${to.basePath} now`,
  });
  findings.add("base-path-removed", { ...facts, message: `it can no longer be reached below ${from.basePath}` });
}

function subjectOf({ api: { basePath }, operation: { method, template } }: Routed): Subject {
  return { basePath, method, template };
}

function fullPath({ api: { basePath }, operation: { template } }: Routed): string {
  return basePath === "/" ? template : basePath + template;
}
