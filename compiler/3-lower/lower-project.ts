import type { ApiFacts, CheckedProject, OperationFacts } from "../model/checked-project.ts";
import type {
  ApiModel,
  CountersModel,
  ExtensionModel,
  FaultStyle,
  GatewayModel,
  LoweringNote,
  OperationModel,
  Throttle,
  TierUse,
} from "../model/gateway-model.ts";
import type { LoadedProject } from "../model/loaded-project.ts";
import {
  type Compatibility,
  featureNames,
  httpMethods,
  type Identifier,
  type Slug,
  servicePaths,
} from "../model/names.ts";
import { hashedIdentifier, hashedSlug, identifierOf, sha256, slugOf, symbolOf } from "../naming/names.ts";
import { accessOf, decisionOf, describeAccess, providersOf, unstated } from "./access.ts";
import { backendOf } from "./backend.ts";
import { callsOf } from "./calls.ts";
import { publicReasonNotes } from "./public-reasons.ts";
import { sentOnce } from "./resilience.ts";
import { sandboxNotes } from "./sandbox.ts";
import { addressLimitsOf, apiLimitOf, callerTiersOf, denyOf, isDenied, isLimited, throttleOf } from "./throttling.ts";

/** Answered by the gateway itself, before any API, unless an API has a route that equals one (T-OAS-12). */
const builtinPaths = ["/health", "/livez", "/readyz"];

/**
 * Decides precedence, defaults and names, once. Pure and total: what 2-check let through can be lowered. The notes are
 * decisions that the user must see.
 */
export function lowerProject(checked: CheckedProject): {
  readonly model: GatewayModel;
  readonly notes: readonly LoweringNote[];
} {
  const { compatibility } = checked.loaded.settings;
  const notes: LoweringNote[] = [];
  const slugs = apiSlugs(checked.apis);
  const apis = checked.apis
    .map((api) => lowerApi(api, slugs.get(api) as Slug, checked, notes))
    .sort((a, b) => (a.slug < b.slug ? -1 : 1));
  const looksUp = apis.some((api) => api.operations.some((operation) => operation.throttle.fromCaller));
  const ownPaths = new Set(checked.apis.flatMap(literalPaths));
  const firstSegments = new Set(checked.apis.flatMap(firstLiterals));
  const features = compatibility === "wso2-3.2" ? featureNames : checked.loaded.settings.features;
  const addressLimits = addressLimitsOf(checked.policies);
  const deny = denyOf(checked.policies);
  return {
    model: {
      compatibility,
      apis,
      callerTiers: looksUp ? callerTiersOf(checked.policies, compatibility) : { application: [], subscription: [] },
      counters: countersOf(checked, apis, notes),
      ...(addressLimits && { addressLimits }),
      ...(deny && { deny }),
      faults: faultStyle(compatibility, checked),
      builtinPaths: builtinPaths.filter((path) => !ownPaths.has(path)),
      replacedServices: servicePaths
        .filter(([, feature]) => features.includes(feature))
        .map(([path]) => path)
        .filter((path) => firstSegments.has(path)),
      builtinCors: checked.loaded.toolkit.builtinCors,
      features,
      extensions: extensionsOf(checked),
    },
    notes,
  };
}

function countersOf(
  { counters, policies }: CheckedProject,
  apis: readonly ApiModel[],
  notes: LoweringNote[],
): CountersModel | undefined {
  if (counters === undefined) return undefined;
  const { store, onUnavailable, ref } = counters;
  const unused = policies.addressLimits.length === 0 && !apis.some(hasLimits);
  if (unused) notes.push({ code: "counters-unused", ref, args: {} });
  return { store, onUnavailable };
}

function hasLimits({ apiLimit, operations }: ApiModel): boolean {
  return operations.some(
    ({ throttle: { resource, fromCaller, unauthenticated } }) =>
      apiLimit !== undefined || resource !== undefined || fromCaller || unauthenticated !== undefined,
  );
}

function extensionsOf({ loaded }: CheckedProject): readonly ExtensionModel[] {
  return loaded.extensions
    .map(({ name, file, exported }) => ({
      name: slugOf(name, name),
      file,
      exported,
      sha256: digestOf(file, loaded.code),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The SHA-256 of a file of the project's own code and of what it imports, each by its name. */
function digestOf(file: string, code: LoadedProject["code"]): string {
  const found = new Set([file]);
  for (const name of found) for (const imported of code.get(name)?.imports.values() ?? []) found.add(imported);
  return sha256(JSON.stringify([...found].sort().map((name) => [name, code.get(name)?.text ?? ""])));
}

function faultStyle(compatibility: Compatibility, { loaded }: CheckedProject): FaultStyle {
  if (compatibility === "standard") return { api: "fault", global: "fault" };
  return {
    api: loaded.toolkit.apiFaultResponses ? "status-report" : "text",
    global: loaded.toolkit.globalFaultResponses ? "status-report" : "text",
  };
}

function apiSlugs(apis: readonly ApiFacts[]): ReadonlyMap<ApiFacts, Slug> {
  const plain = new Map(
    apis.map((api) => [api, slugOf(api.basePath.value === "/" ? "root" : api.basePath.value, api.basePath.value)]),
  );
  const uses = countBy([...plain.values()]);
  return new Map(
    [...plain].map(([api, slug]) => [api, uses.get(slug) === 1 ? slug : hashedSlug(slug, api.basePath.value)]),
  );
}

function lowerApi(api: ApiFacts, slug: Slug, checked: CheckedProject, notes: LoweringNote[]): ApiModel {
  const { compatibility } = checked.loaded.settings;
  const names = operationNames(api, slug);
  const lowered = api.operations.map((operation) => ({
    operation,
    model: lowerOperation(api, operation, names.get(operation) as Identifier, checked, notes),
  }));
  const operations = lowered.map(({ model }) => model).sort(byPath);
  const accesses = lowered.map(({ operation, model: { access } }) => ({ operation, access }));
  notes.push(...publicReasonNotes(api, accesses, compatibility));
  if (operations.some(({ access }) => access.kind === "public" && access.why === unstated && !access.reason)) {
    notes.push({ code: "security-unstated", ref: { file: api.file, pointer: "" }, args: { api: api.title.value } });
  }
  if (api.dpop !== undefined && !operations.some(takesTokens)) {
    notes.push({ code: "dpop-unused", ref: api.dpop.ref, args: { api: api.title.value } });
  }
  notes.push(...sandboxNotes(operations));
  if (compatibility === "wso2-3.2") notes.push(...sentOnce(operations));
  return {
    slug,
    symbol: symbolOf(slug),
    title: api.title.value,
    version: api.version.value,
    basePath: api.basePath.value,
    transports: api.transports,
    cors: api.cors?.value,
    authHeader: api.authHeader?.value,
    allowEncodedSlash: api.allowEncodedSlash,
    challenges: challengesOf(api),
    apiLimit: apiLimitOf(api, checked.policies),
    operations,
    origin: { file: api.file, pointer: "" },
  };

  function challengesOf(facts: ApiFacts): readonly ("oauth2" | "basic")[] {
    const providers = providersOf(facts.security, facts.schemes);
    const named = (["oauth2", "basic"] as const).filter((kind) => providers.has(kind));
    // The default of T-SEC-03, which an optional application security has not.
    const defaulted = compatibility === "wso2-3.2" && facts.security.application?.value.optional !== true;
    return named.length > 0 || providers.has("api-key") || !defaulted ? named : ["oauth2"];
  }
}

function takesTokens({ access }: OperationModel): boolean {
  return access.kind !== "public" && access.anyOf.some(({ allOf }) => allOf.some(({ kind }) => kind === "oauth2"));
}

function byPath(a: OperationModel, b: OperationModel): number {
  if (a.template !== b.template) return a.template < b.template ? -1 : 1;
  return httpMethods.indexOf(a.method) - httpMethods.indexOf(b.method);
}

/** operationId where it makes a good and unique name, else method and path. Names never depend on other operations' order. */
function operationNames(api: ApiFacts, slug: Slug): ReadonlyMap<OperationFacts, Identifier> {
  const plain = new Map(api.operations.map((operation) => [operation, plainName(operation)]));
  const uses = countBy([...plain.values()]);
  const own = symbolOf(slug);
  return new Map(
    [...plain].map(([operation, name]) => [
      operation,
      uses.get(name) === 1 && name !== own ? name : hashedIdentifier(name, identityOf(operation)),
    ]),
  );
}

function plainName(operation: OperationFacts): Identifier {
  const { operationId, method, path } = operation;
  return identifierOf(operationId ?? `${method.toLowerCase()} ${path}`, identityOf(operation));
}

function identityOf({ method, path }: OperationFacts): string {
  return `${method} ${path}`;
}

function lowerOperation(
  api: ApiFacts,
  operation: OperationFacts,
  id: Identifier,
  checked: CheckedProject,
  notes: LoweringNote[],
): OperationModel {
  const { compatibility } = checked.loaded.settings;
  const access = accessOf(api, operation, compatibility);
  const backend = backendOf(api, operation, checked.loaded);
  const shown = `${operation.method} ${operation.path}`;
  if (access.kind === "public") {
    const { why, reason } = access;
    const args = { operation: shown, why, ...(reason !== undefined && { reason }) };
    notes.push({ code: "operation-public", ref: operation.origin, args });
  }
  // A .proto file says it in words of its own: there is no OpenAPI reading of them.
  if (compatibility === "wso2-3.2" && api.protocol === "http") {
    const standard = accessOf(api, operation, "standard");
    if (decisionOf(access) !== decisionOf(standard)) {
      notes.push({
        code: "compatibility-difference",
        ref: operation.origin,
        args: { operation: shown, here: describeAccess(access), standard: describeAccess(standard) },
      });
    }
  }
  if (backend.kind === "not-built") {
    for (const feature of backend.features) {
      notes.push({ code: "feature-not-built", ref: operation.origin, args: { operation: shown, feature } });
    }
  }
  const throttle = throttleOf(api, operation, access, checked.policies, compatibility);
  const denied = isDenied(api, checked.policies);
  if (checked.policies.forbidUnlimited !== undefined && !denied) {
    const problem = unlimitedProblem(shown, apiLimitOf(api, checked.policies), throttle, checked);
    if (problem !== undefined) notes.push({ code: "unlimited-forbidden", ref: operation.origin, args: problem });
  }
  return {
    id,
    method: operation.method,
    // One without a slash is read as if it had one (2-check says so).
    template: operation.path.startsWith("/") ? operation.path : `/${operation.path}`,
    segments: operation.segments,
    access,
    ...callsOf(api, operation, access, notes),
    ...(denied && { denied }),
    throttle,
    backend,
    origin: operation.origin,
  };
}

function unlimitedProblem(
  operation: string,
  api: TierUse | undefined,
  throttle: Throttle,
  { policies }: CheckedProject,
): { readonly problem: string; readonly hint: string } | undefined {
  if (isLimited(api, throttle, policies)) return undefined;
  return {
    problem: `no limit holds for ${operation}`,
    hint: "give it or its API a tier, or define subscription policies (Unauthenticated for public operations), or ipLimits with other",
  };
}

/** Full paths of an API's routes that have no parameter, in the form in which requests are matched. */
function literalPaths(api: ApiFacts): readonly string[] {
  const base = api.basePath.value === "/" ? "" : api.basePath.value;
  return api.operations.flatMap(({ segments }) => {
    const texts = segments.flatMap((segment) => (segment.kind === "literal" ? [`/${segment.text}`] : []));
    return texts.length === segments.length ? [base + texts.join("")] : [];
  });
}

/** The first segments, as paths, of what the API answers there for sure. */
function firstLiterals({ basePath, operations }: ApiFacts): readonly string[] {
  if (basePath.value !== "/") return [`/${basePath.value.split("/", 2)[1]}`];
  return operations.flatMap(({ segments: [first] }) => (first?.kind === "literal" ? [`/${first.text}`] : []));
}

function countBy<T>(values: readonly T[]): ReadonlyMap<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
