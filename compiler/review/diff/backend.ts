import type { Access, ApiModel, Backend, OperationModel, UpstreamModel } from "../../model/gateway-model.ts";
import type { Change } from "./change.ts";
import type { FindingFacts, Findings } from "./findings.ts";
import { isEqual, listed } from "./order.ts";
import { baseSegments, type Routed } from "./route-table.ts";
import { diffUpstream, isSameUpstream } from "./upstream.ts";

/**
 * By which backend an operation is answered for whom. `samePath`: the same requests are meant, not those below a base path that the
 * API moved to. A backend gets what stands below the base path: what only one side has in its own is part of the other side's URL.
 */
export function diffBackend(
  { api: ofBase, operation: base }: Routed,
  { api: ofHead, operation: head }: Routed,
  samePath: boolean,
  findings: Findings,
): void {
  if (base.backend.kind !== "forward" || head.backend.kind !== "forward") return;
  for (const environment of ["production", "sandbox"] as const) {
    const [before, after] = [
      samePath ? withPath(base.backend[environment], beyond(ofBase, ofHead)) : base.backend[environment],
      samePath ? withPath(head.backend[environment], beyond(ofHead, ofBase)) : head.backend[environment],
    ];
    if (before === undefined || after === undefined) diffPresence(environment, before, after, base, head, findings);
    else if (!isSameUpstream(before, after)) {
      if (environment === "sandbox" && base.access.kind === "public" && head.access.kind === "public") {
        unused(before, after, findings);
      } else diffUpstream(before, after, head.method, findings);
    }
  }
}

/** What the base path of the other API has more: `/v1`. */
function beyond(own: ApiModel, other: ApiModel): string {
  const more = baseSegments(other.basePath).slice(baseSegments(own.basePath).length);
  return more.map((text) => `/${text}`).join("");
}

function withPath(upstream: UpstreamModel | undefined, path: string): UpstreamModel | undefined {
  if (upstream === undefined || path === "" || upstream.appendPath === false) return upstream;
  const [first, ...others] = upstream.urls;
  const longer = (url: string) => url.replace(/\/?(?=$|\?)/, path);
  return { ...upstream, urls: [longer(first), ...others.map(longer)] };
}

/** Why every call of an operation is refused, whoever makes it; undefined: it is not. */
export function refusalOf({ access, backend, denied }: OperationModel): string | undefined {
  if (backend.kind === "not-built") return `501, because it needs ${listed(backend.features)}`;
  if (denied === true) return "403, because a deny condition names the API";
  if (access.kind === "public" && backend.production === undefined) return "403, because it has no production backend";
  return undefined;
}

/** Whether an operation is answered at all. */
export function diffRefusal(base: OperationModel, head: OperationModel, findings: Findings): void {
  const [before, after] = [refusalOf(base), refusalOf(head)];
  if (before === after && isEqual(featuresOf(base.backend), featuresOf(head.backend))) return;
  const facts: Omit<FindingFacts, "message"> = {
    before: before ?? "answered",
    after: after ?? "answered",
    step: stepOf(after === undefined ? base : head),
  };
  const isDenied = ({ backend, denied }: OperationModel) => backend.kind === "forward" && denied === true;
  if (before === undefined)
    findings.add(isDenied(head) ? "operation-denied" : "operation-refused", {
      ...facts,
      message: `every call is refused now: ${after}`,
    });
  else if (after === undefined)
    findings.add(isDenied(base) ? "operation-no-longer-denied" : "operation-no-longer-refused", {
      ...facts,
      message: `it is answered now; before, every call was refused: ${before}`,
    });
  else
    findings.add("refusal-changed", {
      ...facts,
      message: `every call is refused for another reason: ${after}; before: ${before}`,
    });
}

function featuresOf(backend: Backend): readonly string[] {
  return backend.kind === "not-built" ? backend.features : [];
}

function stepOf({ backend, denied }: OperationModel): Change["step"] {
  if (backend.kind === "not-built") return "not-built";
  return denied === true ? "blocked" : "no-endpoint";
}

function diffPresence(
  environment: "production" | "sandbox",
  before: UpstreamModel | undefined,
  after: UpstreamModel | undefined,
  base: OperationModel,
  head: OperationModel,
  findings: Findings,
): void {
  const some = after ?? before;
  if (some === undefined) return;
  const facts: Omit<FindingFacts, "message"> = {
    before: before === undefined ? "none" : listed(before.urls),
    after: after === undefined ? "none" : listed(after.urls),
    base: before?.origin,
    head: after?.origin,
    step: "require-key-type",
  };
  // Callers without a token count as PRODUCTION (T-END-13), those of a public operation too.
  const isUsed =
    environment === "production"
      ? isAuthenticated(base) && isAuthenticated(head)
      : takesKeys(base.access) && takesKeys(head.access);
  if (!isUsed) return unused(before, after, findings);
  const whose = environment === "production" ? "production credentials" : "sandbox keys";
  if (after !== undefined) {
    const message = `callers with ${whose} may call now; their requests go to ${listed(after.urls)}`;
    findings.add("key-type-allowed", { ...facts, message });
  } else findings.add("key-type-refused", { ...facts, message: `callers with ${whose} may no longer call` });
}

function isAuthenticated({ access }: OperationModel): boolean {
  return access.kind !== "public";
}

/** Credentials that can say that they are for the sandbox. */
function takesKeys(access: Access): boolean {
  return (
    access.kind !== "public" &&
    access.anyOf.some(({ allOf }) => allOf.some(({ kind }) => kind === "oauth2" || kind === "api-key"))
  );
}

function unused(before: UpstreamModel | undefined, after: UpstreamModel | undefined, findings: Findings): void {
  findings.add("backend-not-used", {
    message: `a backend is written otherwise that no request of it goes to on both sides`,
    before: before === undefined ? "none" : listed(before.urls),
    after: after === undefined ? "none" : listed(after.urls),
    base: before?.origin,
    head: after?.origin,
    step: "forward",
  });
}
