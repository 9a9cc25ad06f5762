import { basename, resolve } from "node:path";
import { planGateway } from "../../4-plan/plan-gateway.ts";
import { openedBy } from "../../4-plan/route-summary.ts";
import { fullPath } from "../../6-bundle/manifest.ts";
import { at } from "../../diagnostics/place.ts";
import type {
  Access,
  ApiModel,
  GatewayModel,
  OperationModel,
  TierUse,
  UpstreamModel,
} from "../../model/gateway-model.ts";
import type { ApiPlan, HandlerPlan } from "../../model/gateway-plan.ts";
import type { HttpMethod } from "../../model/names.ts";
import type { Verdict } from "../diff/change.ts";
import type { DiffReport } from "../diff-report/report.ts";
import { textOfCheck } from "../explain/texts.ts";
import { GeneratedLines } from "../generated-line.ts";
import type { Side, SideCode, SidePlace } from "../side.ts";
import { accessText, limitTexts, quotaText } from "./words.ts";

/** What the page shows of a gateway. */
export interface ReportFacts {
  readonly title: string;
  readonly kind: Side["kind"];
  readonly compatibility: string;
  /** By base path. */
  readonly apis: readonly ReportApi[];
  /** Public ones first, then by path and method. */
  readonly operations: readonly ReportOperation[];
  /** By name. */
  readonly tiers: readonly ReportTier[];
  /** By URL. */
  readonly backends: readonly ReportBackend[];
  /** Of the gateway as a whole. */
  readonly features: readonly string[];
  readonly denies: number;
  readonly diagnostics: readonly ReportDiagnostic[];
  /** Differences to a base. */
  readonly diff: DiffReport | undefined;
  /** What the base is called; empty where there is none. */
  readonly baseTitle: string;
}

export interface ReportApi {
  readonly slug: string;
  readonly title: string;
  readonly version: string;
  readonly basePath: string;
  readonly transports: string;
  readonly operations: number;
  readonly publicOperations: number;
  readonly source: string;
}

export interface ReportOperation {
  readonly api: string;
  readonly id: string;
  readonly method: HttpMethod;
  /** With the base path, as clients call it. */
  readonly path: string;
  readonly isPublic: boolean;
  readonly access: string;
  /** Of a public one: what opens it. */
  readonly why: string | undefined;
  /** Words to filter by: `token`, `key`, `basic`, `certificate`. */
  readonly credentials: readonly string[];
  readonly limits: readonly string[];
  readonly backends: readonly { readonly environment: string; readonly url: string }[];
  readonly checks: readonly { readonly name: string; readonly text: string; readonly line: number | undefined }[];
  readonly source: string;
  /** File and line of the handler. */
  readonly generated: string | undefined;
  /** The gravest change at it; undefined: none, or there is no base. */
  readonly change: Verdict | undefined;
}

export interface ReportTier {
  readonly name: string;
  readonly levels: string;
  readonly quota: string;
  readonly operations: number;
}

export interface ReportBackend {
  readonly url: string;
  readonly environment: string;
  readonly setting: string;
  readonly operations: number;
}

export interface ReportDiagnostic {
  readonly severity: "warning" | "note" | "error";
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly place: string;
}

/** Puts together what the page shows. Pure: the same from the same input. */
export function reportFacts(
  side: Pick<Side, "found" | "kind" | "locate" | "model" | "name">,
  code: readonly SideCode[],
  diff: DiffReport | undefined,
): ReportFacts {
  const { model } = side;
  const plan = planGateway(model);
  const lines = new GeneratedLines(code);
  const changes = changesByOperation(diff);
  const operations = model.apis.flatMap((api) => {
    const planned = plan.apis.find(({ slug }) => slug === api.slug);
    const handlers = new Map(
      planned?.groups.flatMap(({ handlers }) => handlers.map((one) => [`${one.method} ${one.template}`, one] as const)),
    );
    return api.operations.map((operation) =>
      operationFacts(side, lines, api, operation, {
        planned,
        handler: handlers.get(`${operation.method} ${operation.template}`),
        changes,
      }),
    );
  });
  return {
    title: titleOf(side),
    kind: side.kind,
    compatibility: model.compatibility,
    apis: model.apis.map((api) => apiFacts(side, api)).sort((a, b) => order(a.basePath, b.basePath)),
    operations: operations.sort(
      (a, b) => Number(b.isPublic) - Number(a.isPublic) || order(a.path, b.path) || order(a.method, b.method),
    ),
    tiers: tierFacts(model),
    backends: backendFacts(model),
    features: model.features,
    denies: model.deny?.length ?? 0,
    diagnostics: (side.found?.diagnostics ?? []).map(({ severity, code, message, hint, place }) => ({
      severity,
      code,
      message,
      hint,
      place: place.ref.file === "" ? "" : placeText(side.locate(place)),
    })),
    diff,
    baseTitle: diff === undefined ? "" : titleOf(diff.base),
  };
}

/** Without folders: the page is the same wherever the project lies. */
function titleOf({ kind, name }: Pick<Side, "kind" | "name">): string {
  return kind === "revision" ? name : basename(resolve(name)).replace(/\.cjs$/, "");
}

function apiFacts(side: Pick<Side, "locate">, api: ApiModel): ReportApi {
  return {
    slug: api.slug,
    title: api.title,
    version: api.version,
    basePath: api.basePath,
    transports: api.transports.join(", "),
    operations: api.operations.length,
    publicOperations: api.operations.filter(({ access }) => access.kind === "public").length,
    source: placeText(side.locate(at(api.origin))),
  };
}

interface Surroundings {
  readonly planned: ApiPlan | undefined;
  readonly handler: HandlerPlan | undefined;
  readonly changes: ReadonlyMap<string, Verdict>;
}

function operationFacts(
  side: Pick<Side, "kind" | "locate" | "model" | "name">,
  lines: GeneratedLines,
  api: ApiModel,
  operation: OperationModel,
  { planned, handler, changes }: Surroundings,
): ReportOperation {
  const { access, backend, id, method, template } = operation;
  const path = fullPath(api.basePath, template);
  const chain = handler?.chain ?? [];
  const first = lines.check(api.slug, id, undefined);
  const file = first && (side.kind === "bundle" ? basename(side.name) : `generated/${first.file}`);
  return {
    api: api.slug,
    id,
    method,
    path,
    isPublic: access.kind === "public",
    access: planned === undefined ? "" : accessText(operation, chain, planned),
    why: access.kind === "public" ? openedBy(access) : undefined,
    credentials: credentialsOf(access),
    limits: limitTexts(side.model, api, operation),
    backends: backend.kind === "forward" ? backendsOf(backend.production, backend.sandbox) : [],
    checks: chain.map((step) => ({
      name: step.kind.replaceAll("-", " "),
      text: planned === undefined ? "" : textOfCheck.step(step, planned),
      line: lines.check(api.slug, id, step.kind)?.line,
    })),
    source: placeText(side.locate(at(operation.origin, "key"))),
    generated: first && `${file}:${first.line}`,
    change: changes.get(`${method} ${path}`),
  };
}

const credentialWords = { oauth2: "token", basic: "basic", "api-key": "key", "mutual-tls": "certificate" } as const;

function credentialsOf(access: Access): readonly string[] {
  if (access.kind === "public") return [];
  const kinds = access.anyOf.flatMap(({ allOf }) => allOf.map(({ kind }) => credentialWords[kind]));
  return [...new Set(kinds)].sort();
}

function backendsOf(...upstreams: readonly (UpstreamModel | undefined)[]): ReportOperation["backends"] {
  return upstreams.flatMap((upstream) =>
    upstream === undefined ? [] : upstream.urls.map((url) => ({ environment: environmentText(upstream), url })),
  );
}

function environmentText({ environment, choice, urls }: UpstreamModel): string {
  if (urls.length === 1) return environment;
  return `${environment}, ${choice?.kind === "failover" ? "failover" : "balanced"}`;
}

function tierFacts({ apis, callerTiers }: GatewayModel): readonly ReportTier[] {
  const found = new Map<string, { name: string; quota: string; levels: Set<string>; operations: number }>();
  const note = (use: TierUse | undefined, level: string): void => {
    if (use === undefined) return;
    const name = use.kind === "tier" ? use.tier.name : use.name;
    const quota = use.kind === "tier" ? quotaText(use.tier) : "not defined: calls are answered with 500";
    const key = JSON.stringify([name, quota]);
    const tier = found.get(key) ?? { name, quota, levels: new Set(), operations: 0 };
    tier.levels.add(level);
    tier.operations++;
    found.set(key, tier);
  };
  for (const api of apis) {
    for (const { throttle } of api.operations) {
      note(api.apiLimit, "API");
      note(throttle.resource, "operation");
      note(throttle.unauthenticated, "client address");
    }
  }
  const looking = apis.flatMap(({ operations }) => operations.filter(({ throttle }) => throttle.fromCaller)).length;
  const own = [
    ...callerTiers.application.map((tier) => ({ tier, level: "caller's application" })),
    ...callerTiers.subscription.map((tier) => ({ tier, level: "caller's subscription" })),
  ].map(({ tier, level }) => ({ name: tier.name, levels: level, quota: quotaText(tier), operations: looking }));
  const used = [...found.values()].map(({ levels, ...tier }) => ({ ...tier, levels: [...levels].sort().join(", ") }));
  return [...used, ...own].sort((a, b) => order(a.name, b.name) || order(a.levels, b.levels));
}

function backendFacts({ apis }: GatewayModel): readonly ReportBackend[] {
  const found = new Map<string, { url: string; environment: string; setting: string; operations: number }>();
  for (const { operations } of apis) {
    for (const { backend } of operations) {
      if (backend.kind !== "forward") continue;
      for (const upstream of [backend.production, backend.sandbox]) {
        for (const [index, url] of (upstream?.urls ?? []).entries()) {
          const setting = `${upstream?.overrideKey}_endpoint_${index}`;
          const known = found.get(setting) ?? { url, environment: upstream?.environment ?? "", setting, operations: 0 };
          known.operations++;
          found.set(setting, known);
        }
      }
    }
  }
  return [...found.values()].sort((a, b) => order(a.url, b.url) || order(a.setting, b.setting));
}

const gravest: readonly Verdict[] = ["weaker", "unknown", "stronger", "neutral"];

function changesByOperation(diff: DiffReport | undefined): ReadonlyMap<string, Verdict> {
  const found = new Map<string, Verdict>();
  for (const { verdict, occurrences } of diff?.findings ?? []) {
    for (const { method, path } of occurrences) {
      if (method === undefined || path === undefined) continue;
      const key = `${method} ${path}`;
      const known = found.get(key);
      if (known === undefined || gravest.indexOf(verdict) < gravest.indexOf(known)) found.set(key, verdict);
    }
  }
  return found;
}

/** `policies.yaml:3:5`; without lines, as of a bundle without its sources.json, the pointer. */
export function placeText({ file, line, column, pointer }: SidePlace): string {
  if (line === undefined) return `${file}#${pointer}`;
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
