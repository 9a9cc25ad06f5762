import type { GatewayModel } from "../../model/gateway-model.ts";
import type { FeatureName } from "../../model/names.ts";
import { diffAddressLimits } from "./address-limits.ts";
import { diffCallerTiers } from "./caller-tiers.ts";
import type { ChangeCode } from "./catalogue.ts";
import { diffCors, diffCorsMethod } from "./cors.ts";
import { diffDeny } from "./deny.ts";
import type { Findings } from "./findings.ts";
import { isEqual, listed, setDifference } from "./order.ts";

/** What holds for all APIs. */
export function diffGatewayWide(base: GatewayModel, head: GatewayModel, findings: Findings): void {
  diffCompatibility(base, head, findings);
  diffDeny(base, head, findings);
  diffAddressLimits(base, head, findings);
  // Where one side looks nobody's tiers up, the operations say so.
  if (looksUp(base) && looksUp(head)) diffCallerTiers(base, head, findings);
  diffCounters(base, head, findings);
  diffFaults(base, head, findings);
  diffPaths(base, head, findings);
  diffCors(base.builtinCors, head.builtinCors, noMethods, findings, "of built-in paths");
  diffCorsMethod(base.builtinCors, head.builtinCors, "GET", findings);
  diffFeatures(base, head, findings);
  diffExtensions(base, head, findings);
}

/** What is said of them is said below. */
const noMethods: ReadonlySet<string> = new Set(["GET"]);

function looksUp({ apis }: GatewayModel): boolean {
  return apis.some(({ operations }) => operations.some(({ throttle }) => throttle.fromCaller));
}

function diffCompatibility(
  { compatibility: before }: GatewayModel,
  { compatibility: after }: GatewayModel,
  findings: Findings,
): void {
  if (before === after) return;
  const facts = { before, after };
  findings.add("compatibility-changed", { ...facts, message: `the gateway is compiled as ${after} now` });
  if (after === "wso2-3.2")
    findings.add("path-spellings-added", {
      ...facts,
      message: "paths with a slash at the end or matrix parameters are taken for those without now",
    });
  else
    findings.add("path-spellings-removed", {
      ...facts,
      message: "paths with a slash at the end or matrix parameters are no longer taken for those without",
    });
}

function isAnythingLimited({ addressLimits, apis }: GatewayModel): boolean {
  return (
    addressLimits !== undefined ||
    apis.some(
      ({ apiLimit, operations }) =>
        apiLimit !== undefined ||
        operations.some(
          ({ throttle: { resource, fromCaller, unauthenticated } }) =>
            resource !== undefined || fromCaller || unauthenticated !== undefined,
        ),
    )
  );
}

/** Tokens that are no JWT, and what extensions make of claims: both only where tokens are taken. */
function takesTokens({ apis }: GatewayModel): boolean {
  return apis.some(({ operations }) =>
    operations.some(
      ({ access }) =>
        access.kind !== "public" && access.anyOf.some(({ allOf }) => allOf.some(({ kind }) => kind === "oauth2")),
    ),
  );
}

const lenience = { deny: 0, local: 1, allow: 2 } as const;
const whileAway = {
  deny: "requests are refused",
  local: "each process counts for itself",
  allow: "nothing is limited",
} as const;

function diffCounters(base: GatewayModel, head: GatewayModel, findings: Findings): void {
  const [{ counters: before }, { counters: after }] = [base, head];
  if (isEqual(before, after)) return;
  if (!isAnythingLimited(base) && !isAnythingLimited(head)) {
    return findings.add("counters-unused", { message: "requests are counted otherwise, but nothing is limited" });
  }
  const say = (counters: GatewayModel["counters"]) =>
    counters === undefined
      ? "each gateway counts for itself"
      : `${counters.store}; while it is away, ${whileAway[counters.onUnavailable]}`;
  const facts = { before: say(before), after: say(after), step: "throttle" } as const;
  if (before === undefined) findings.add("counters-shared", { ...facts, message: "gateways count together now" });
  if (after === undefined)
    findings.add("counters-no-longer-shared", {
      ...facts,
      message: "each gateway counts for itself now: together they let more pass",
    });
  const [old, now] = [before?.onUnavailable ?? "local", after?.onUnavailable ?? "local"];
  const message = `while nobody can be asked for counts, ${whileAway[now]} now`;
  if (lenience[now] > lenience[old]) findings.add("counters-fail-open", { ...facts, message });
  if (lenience[now] < lenience[old]) findings.add("counters-fail-closed", { ...facts, message });
}

function diffFaults({ faults: before }: GatewayModel, { faults: after }: GatewayModel, findings: Findings): void {
  for (const [where, what] of [
    ["api", "unknown paths and methods of an API"],
    ["global", "paths outside of all APIs"],
  ] as const) {
    if (before[where] === after[where]) continue;
    findings.add("fault-style-changed", {
      message: `${what} are answered as ${after[where]} now`,
      before: before[where],
      after: after[where],
    });
  }
}

function diffPaths(base: GatewayModel, head: GatewayModel, findings: Findings): void {
  const builtin = setDifference(base.builtinPaths, head.builtinPaths);
  for (const path of builtin.added)
    findings.add("builtin-path-changed", {
      message: `${path} is answered by the gateway itself now, no longer by an API`,
    });
  for (const path of builtin.removed)
    findings.add("builtin-path-changed", {
      message: `${path} is answered by an API now, no longer by the gateway itself`,
    });
  const services = setDifference(base.replacedServices, head.replacedServices);
  for (const path of services.added)
    findings.add("service-replaced", { message: `an API stands in for the gateway's own ${path} now` });
  for (const path of services.removed)
    findings.add("service-restored", {
      message: `${path} may be answered by the gateway itself now, no longer by an API`,
    });
  if (isEqual(base.builtinPaths, head.builtinPaths) && isEqual(base.replacedServices, head.replacedServices)) return;
  if (builtin.added.length + builtin.removed.length + services.added.length + services.removed.length > 0) return;
  findings.add("builtin-path-changed", { message: "the built-in paths stand in another order" });
}

/** What becomes possible when the settings switch a feature on. */
const featureChanges: Readonly<Record<FeatureName, readonly [added: ChangeCode, removed: ChangeCode, what: string]>> = {
  "api-key-issuer": ["feature-added", "feature-removed", "API keys can be issued to users"],
  "backend-jwt": ["feature-changed", "feature-changed", "backends can be told who calls"],
  "event-hub": ["feature-changed", "feature-changed", "subscriptions can be checked with API Manager"],
  introspection: ["feature-added", "feature-removed", "opaque tokens can be taken"],
  "key-manager-proxies": ["feature-added", "feature-removed", "the key manager can be reached through the gateway"],
  revocation: ["protection-added", "protection-removed", "revoked tokens can be refused"],
  "traffic-manager": ["feature-changed", "feature-changed", "a traffic manager can decide about limits"],
};

/** A bundle may come from a later version. */
const ofNewer = ["feature-changed", "feature-changed", "what it does is not known here"] as const;

function diffFeatures(base: GatewayModel, head: GatewayModel, findings: Findings): void {
  const [{ features: before }, { features: after }] = [base, head];
  const { added, removed } = setDifference(before, after);
  const facts = { before: listed(before) || "none", after: listed(after) || "none" };
  for (const name of added as readonly FeatureName[]) {
    const [added, , what] = featureChanges[name] ?? ofNewer;
    const code = name === "introspection" && !takesTokens(head) ? "feature-unused" : added;
    findings.add(code, { ...facts, message: `the settings can switch ${name} on now: ${what}` });
  }
  for (const name of removed as readonly FeatureName[]) {
    const [, removed, what] = featureChanges[name] ?? ofNewer;
    const code = name === "introspection" && !takesTokens(base) ? "feature-unused" : removed;
    findings.add(code, { ...facts, message: `the settings can no longer switch ${name} on: ${what} no more` });
  }
  if (added.length + removed.length === 0 && !isEqual(before, after))
    findings.add("features-reworded", {
      ...facts,
      message: "the features stand in another order",
    });
}

function diffExtensions(base: GatewayModel, head: GatewayModel, findings: Findings): void {
  const [{ extensions: before }, { extensions: after }] = [base, head];
  if (isEqual(before, after)) return;
  if (!takesTokens(base) && !takesTokens(head)) {
    return findings.add("extension-unused", { message: "the project's own code is another, but no tokens are taken" });
  }
  const names = new Set([...before, ...after].map(({ name }) => name));
  let found = false;
  for (const name of [...names].sort()) {
    const [old, now] = [before.find((one) => one.name === name), after.find((one) => one.name === name)];
    if (isEqual(old, now)) continue;
    found = true;
    const facts = { before: old?.file ?? "none", after: now?.file ?? "none" };
    if (old === undefined)
      findings.add("extension-added", {
        ...facts,
        message: `the project's own ${name} can change what tokens say now`,
      });
    else if (now === undefined)
      findings.add("extension-removed", {
        ...facts,
        message: `the project's own ${name} no longer changes what tokens say`,
      });
    else {
      const { file: _base, ...ofBase } = old;
      const { file: _head, ...ofHead } = now;
      const isMoved = isEqual(ofBase, ofHead);
      const message = isMoved
        ? `the project's own ${name} stands in another file`
        : `the code of the project's own ${name} is another`;
      findings.add(isMoved ? "extension-moved" : "extension-changed", { ...facts, message });
    }
  }
  if (!found) findings.add("extension-moved", { message: "the project's own code is listed in another order" });
}
