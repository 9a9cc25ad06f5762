import type { ApiModel, GatewayModel, OperationModel } from "../../model/gateway-model.ts";
import { diffAccess } from "./access.ts";
import { diffApi, diffApiName } from "./api.ts";
import { diffBackend, diffRefusal, refusalOf } from "./backend.ts";
import type { Change, Subject } from "./change.ts";
import { diffCors, diffCorsMethod } from "./cors.ts";
import { diffDomains } from "./domains.ts";
import { ChangeLog, type Findings } from "./findings.ts";
import { diffGatewayWide } from "./gateway.ts";
import { describeUse, diffLimits } from "./limits.ts";
import { type Pair, pairOperations } from "./pairs.ts";
import type { Routed } from "./route-table.ts";
import { diffUpgrades } from "./upgrades.ts";
import { describeWays, waysOf } from "./ways.ts";
import { shapeOfPath } from "./witnesses.ts";

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
      comparePair(before, after, pair, paired, base, head, log);
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
  paired: ReadonlySet<OperationModel>,
  base: GatewayModel,
  head: GatewayModel,
  log: ChangeLog,
): void {
  const [old, now] = [before.operation, after.operation];
  const places = { base: old.origin, head: now.origin };
  if (pair.same) {
    const samePath = shapeOf(before) === shapeOf(after);
    return compareOperations(before, after, samePath, base, head, log.about(subjectOf(after), places));
  }
  // What came or went is what it is about; both may be there still, and share requests.
  const isGone = !paired.has(old) && paired.has(now);
  const sample = `${now.method} ${pair.sample}`;
  const about = isGone
    ? `requests as ${sample}, which go to ${nameOf(after)} now`
    : `requests as ${sample}, which went to ${nameOf(before)}`;
  const subject = subjectOf(isGone ? before : after);
  compareOperations(before, after, true, base, head, log.about(subject, places, about));
  const message = isGone
    ? `requests as ${sample} go to ${nameOf(after)} now`
    : `it takes requests as ${sample} now, which went to ${nameOf(before)}`;
  log.about(subject, places).add("requests-rerouted", { message });
}

function compareOperations(
  before: Routed,
  after: Routed,
  samePath: boolean,
  base: GatewayModel,
  head: GatewayModel,
  findings: Findings,
): void {
  const [old, now] = [before.operation, after.operation];
  const refused = [old, now].filter((operation) => refusalOf(operation) !== undefined).length;
  if (refused > 0) diffRefusal(old, now, findings);
  // Where nobody gets an answer, nothing else changes for anybody.
  if (refused === 1) return;
  const inner = refused === 2 ? new ChangeLog() : undefined;
  const into = inner?.about(undefined) ?? findings;
  diffAccess(old, now, base, head, into);
  diffDomains(old, now, into);
  diffUpgrades(old, now, before.api, after.api, into);
  diffLimits(old, now, before.api, after.api, into);
  diffCorsMethod(before.api.cors, after.api.cors, now.method, into);
  diffApiName(before, after, into);
  diffBackend(before, after, samePath, into);
  if (inner !== undefined && inner.sorted().length > 0)
    findings.add("refused-operation-changed", { message: "what it would do is another, but every call is refused" });
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
      if (after === partner)
        diffApi(before, after, { base: takesKeys(base), head: takesKeys(head) }, log.about(subject, places));
      else
        diffCors(
          before.cors,
          after.cors,
          new Set(),
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
        access.kind !== "public" &&
        access.anyOf.some(({ allOf }) =>
          allOf.some((scheme) => scheme.kind === "api-key" && scheme.locations.length > 0),
        ),
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
  const former = log.about({ basePath: from.basePath }, { base: from.origin, head: to.origin });
  former.add("base-path-removed", {
    ...facts,
    message: `what stood below ${from.basePath} can no longer be reached there`,
  });
}

function subjectOf({ api: { basePath }, operation: { method, template } }: Routed): Subject {
  return { basePath, method, template };
}

function shapeOf({ api, operation }: Routed): string {
  return shapeOfPath(api, operation.segments);
}

function nameOf({ api: { basePath }, operation: { method, template } }: Routed): string {
  return `${method} ${basePath === "/" ? template : basePath + template}`;
}
