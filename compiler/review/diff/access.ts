import type { Access, GatewayModel, OperationModel } from "../../model/gateway-model.ts";
import type { FindingFacts, Findings } from "./findings.ts";
import { isEqual, listed } from "./order.ts";
import {
  describeProof,
  describeProofs,
  describeWays,
  gives,
  opens,
  type Proof,
  proofsSuffice,
  type Way,
  waysOf,
} from "./ways.ts";

/** Who may call an operation: its credentials and scopes, and the kind of caller. */
export function diffAccess(
  base: OperationModel,
  head: OperationModel,
  { compatibility: ofBase }: Pick<GatewayModel, "compatibility">,
  { compatibility: ofHead }: Pick<GatewayModel, "compatibility">,
  findings: Findings,
): void {
  const isSame = isEqual(stated(base), stated(head)) && base.caller?.kind === head.caller?.kind;
  if (isSame && ofBase === ofHead) return;
  const before = waysOf(base.access, base.caller?.kind, ofBase);
  const after = waysOf(head.access, head.caller?.kind, ofHead);
  diffCallerKind(base, head, before, after, findings);
  const facts: Omit<FindingFacts, "message"> = {
    before: describeWays(before),
    after: describeWays(after),
    base: base.access.origin,
    head: head.access.origin,
  };
  const opened = after.filter((way) => !before.some((old) => opens(way, old)));
  const closed = before.filter((way) => !after.some((other) => opens(way, other)));
  if (opened.length + closed.length > 0) {
    addOpened(opened, before, head.access, facts, findings);
    addClosed(closed, after, facts, findings);
  } else if (base.access.kind === "public" && head.access.kind === "public") {
    const [old, now] = [reasonsOf(base.access), reasonsOf(head.access)];
    if (old !== now) {
      const message = "it is public for another reason";
      findings.add("public-reason-changed", { ...facts, message, before: old, after: now, step: "public" });
    }
  } else if (!isSame && !isEqual(stated(base), stated(head))) {
    const message = "what is asked of callers is said otherwise; the same callers may call";
    findings.add("access-reworded", { ...facts, message, step: "authenticate" });
  }
}

/** An access without its places. */
function stated({ access }: OperationModel): unknown {
  return access.kind === "public" ? reasonsOf(access) : access.anyOf;
}

/** What opens it, and what the definition says of that. */
function reasonsOf({ why, reason }: Extract<Access, { kind: "public" }>): string {
  return reason === undefined ? why : `${why}: ${reason}`;
}

type Facts = Omit<FindingFacts, "message">;

function addOpened(
  opened: readonly Way[],
  before: readonly Way[],
  head: Access,
  facts: Facts,
  findings: Findings,
): void {
  if (opened.some(isOpen)) {
    const message = `everyone may call now, without credentials${given(head)}; before, ${asked(before, "took")}`;
    return findings.add("operation-became-public", { ...facts, message, step: "public" });
  }
  const [scopes, ways] = sortedOut(opened, before);
  for (const { code, messages } of proofChanges(ways, before)) {
    for (const message of messages)
      findings.add(code.opened, { ...facts, message: message.opened, step: "authenticate" });
  }
  for (const { dropped, gained } of scopeChanges(scopes, before)) {
    const message =
      dropped.length > 0 && gained.length === 0
        ? `${theScopes(dropped)} ${areOrIs(dropped)} no longer needed`
        : `${theScopes(gained)} now ${suffices(gained)}`;
    const code = dropped.length > 0 && gained.length === 0 ? "scope-no-longer-needed" : "scope-now-suffices";
    findings.add(code, { ...facts, message, step: "require-scopes" });
  }
}

function addClosed(closed: readonly Way[], after: readonly Way[], facts: Facts, findings: Findings): void {
  if (closed.some(isOpen)) {
    const message = `it is no longer public; ${asked(after, "takes")} now`;
    return findings.add("operation-no-longer-public", { ...facts, message, step: "authenticate" });
  }
  const [scopes, ways] = sortedOut(closed, after);
  for (const { code, messages } of proofChanges(ways, after)) {
    for (const message of messages)
      findings.add(code.closed, { ...facts, message: message.closed, step: "authenticate" });
  }
  for (const { dropped, gained } of scopeChanges(scopes, after)) {
    const message =
      dropped.length > 0 && gained.length === 0
        ? `${theScopes(dropped)} ${areOrIs(dropped)} needed now`
        : `${theScopes(gained)} no longer ${suffices(gained)}`;
    const code = dropped.length > 0 && gained.length === 0 ? "scope-now-needed" : "scope-no-longer-suffices";
    findings.add(code, { ...facts, message, step: "require-scopes" });
  }
}

function isOpen({ proofs, scopes }: Way): boolean {
  return proofs.length + scopes.length === 0;
}

function asked(ways: readonly Way[], verb: "takes" | "took"): string {
  return ways.length === 0 ? "nobody may call" : `it ${verb} ${describeWays(ways)}`;
}

function given(access: Access): string {
  return access.kind === "public" && access.reason !== undefined ? ` ("${access.reason}")` : "";
}

/** Ways that the other side has too, but for the scopes; and the others. */
function sortedOut(
  ways: readonly Way[],
  others: readonly Way[],
): readonly [scopes: readonly Way[], ways: readonly Way[]] {
  const isKnown = (way: Way) => others.some((other) => proofsSuffice(way.proofs, other.proofs));
  return [ways.filter(isKnown), ways.filter((way) => !isKnown(way))];
}

interface ProofChange {
  readonly code: {
    readonly opened: "proof-no-longer-needed" | "way-in-added";
    readonly closed: "proof-now-needed" | "way-in-removed";
  };
  readonly messages: readonly { readonly opened: string; readonly closed: string }[];
}

/** In words of the side that has these ways; the other has none that asks for as little. */
function proofChanges(ways: readonly Way[], others: readonly Way[]): readonly ProofChange[] {
  const relaxed = new Map<string, { readonly opened: string; readonly closed: string }>();
  const alone = new Map<string, Way>();
  for (const way of ways) {
    const closest = closestOf(way, others);
    if (closest === undefined) {
      alone.set(describeProofs(way.proofs), way);
      continue;
    }
    const spared = closest.proofs.filter((proof) => !way.proofs.some((one) => gives(one, proof)));
    const what = listed(spared.map(describeProof));
    const beside = way.proofs.length === 0 ? "" : ` beside ${describeProofs(way.proofs)}`;
    relaxed.set(`${what}${beside}`, {
      opened: `${what} ${spared.length > 1 ? "are" : "is"} no longer asked for${beside}`,
      closed: `${what} ${spared.length > 1 ? "are" : "is"} asked for now${beside}`,
    });
  }
  const changes: ProofChange[] = [];
  if (relaxed.size > 0)
    changes.push({
      code: { opened: "proof-no-longer-needed", closed: "proof-now-needed" },
      messages: [...relaxed.values()],
    });
  if (alone.size > 0) {
    const who = listed([...alone.keys()], "or");
    changes.push({
      code: { opened: "way-in-added", closed: "way-in-removed" },
      messages: [
        { opened: `callers with only ${who} may call now`, closed: `callers with only ${who} may no longer call` },
      ],
    });
  }
  return changes;
}

/** The way of the other side that asks for the same proofs and more: as few more as possible. */
function closestOf(way: Way, others: readonly Way[]): Way | undefined {
  let found: Way | undefined;
  for (const other of others) {
    if (!proofsSuffice(other.proofs, way.proofs)) continue;
    if (found === undefined || excess(other, way) < excess(found, way)) found = other;
  }
  return found;
}

function excess({ proofs }: Way, { proofs: asked }: Way): number {
  return proofs.filter((proof: Proof) => !asked.some((one) => gives(one, proof))).length;
}

/** Scopes that the other side asks for with the same proofs, and those that it does not; each once, whatever the proofs. */
function scopeChanges(
  ways: readonly Way[],
  others: readonly Way[],
): readonly { readonly dropped: readonly string[]; readonly gained: readonly string[] }[] {
  const found = new Map<string, { dropped: readonly string[]; gained: readonly string[] }>();
  for (const { proofs, scopes } of ways) {
    const [first, ...rest] = others
      .filter((other) => proofsSuffice(proofs, other.proofs))
      .map((other) => ({
        dropped: other.scopes.filter((scope) => !scopes.includes(scope)),
        gained: scopes.filter((scope) => !other.scopes.includes(scope)),
      }));
    if (first === undefined) continue;
    const size = (one: typeof first) => one.gained.length * 1000 + one.dropped.length;
    const change = rest.reduce((best, one) => (size(one) < size(best) ? one : best), first);
    found.set(JSON.stringify(change), change);
  }
  return [...found.values()];
}

function theScopes(names: readonly string[]): string {
  return names.length === 0 ? "no scope" : `the scope${names.length === 1 ? "" : "s"} ${listed(names)}`;
}

function areOrIs(names: readonly string[]): string {
  return names.length === 1 ? "is" : "are";
}

function suffices(names: readonly string[]): string {
  return names.length === 1 ? "suffices" : "suffice";
}

function diffCallerKind(
  base: OperationModel,
  head: OperationModel,
  waysBefore: readonly Way[],
  waysAfter: readonly Way[],
  findings: Findings,
): void {
  const [before, after] = [base.caller, head.caller];
  if (before?.kind === after?.kind) return;
  const facts: Facts = {
    before: describeKind(before?.kind),
    after: describeKind(after?.kind),
    base: before?.origin,
    head: after?.origin,
    step: "require-caller",
  };
  let found = false;
  // What kind of caller a key or a password stands for is known without asking.
  if (before !== undefined && dependsOnKind(waysAfter, waysBefore)) {
    found = true;
    findings.add("caller-kind-dropped", { ...facts, message: `${otherKind[before.kind]} are taken too now` });
  }
  if (after !== undefined && dependsOnKind(waysBefore, waysAfter)) {
    found = true;
    findings.add("caller-kind-required", { ...facts, message: `${otherKind[after.kind]} are no longer taken` });
  }
  if (!found) {
    const message = "another kind of caller is asked for, which decides nothing about those who may call";
    findings.add("caller-kind-unused", { ...facts, message });
  }
}

const otherKind = { app: "credentials of a user", user: "credentials of an application alone" };

/** Whether some way asks for a token, which may be of either kind, and no way of the other side goes by the proofs beside it. */
function dependsOnKind(ways: readonly Way[], others: readonly Way[]): boolean {
  return ways.some((way) => hasToken(way) && !others.some((other) => !hasToken(other) && opens(way, other)));
}

function hasToken({ proofs }: Way): boolean {
  return proofs.some(({ kind }) => kind === "token" || kind === "token-with-proof");
}

function describeKind(kind: "app" | "user" | undefined): string {
  return kind === undefined ? "any caller" : kind === "app" ? "applications only" : "users only";
}
