import type { PathSegment } from "../../model/checked-project.ts";
import type { ApiModel, GatewayModel, OperationModel, TierUse, UpstreamModel } from "../../model/gateway-model.ts";
import type { Subject } from "../diff/change.ts";

/** An operation and the API that it belongs to. */
export interface PlacedOperation {
  readonly api: ApiModel;
  readonly operation: OperationModel;
  /** Method and path as clients can send it: names of parameters do not count. */
  readonly shape: string;
}

/** The operations of one side, by what names them. */
export class OperationIndex {
  readonly apis: readonly ApiModel[];
  /** By API, path and method, as the model has them. */
  readonly all: readonly PlacedOperation[];
  readonly #byShape: ReadonlyMap<string, PlacedOperation>;
  readonly #byName: ReadonlyMap<string, PlacedOperation>;

  constructor(model: GatewayModel) {
    this.apis = model.apis;
    this.all = model.apis.flatMap((api) =>
      api.operations.map((operation) => ({ api, operation, shape: shapeOf(api, operation) })),
    );
    this.#byShape = new Map(this.all.map((placed) => [placed.shape, placed]));
    this.#byName = new Map(
      this.all.map((placed) => [
        nameOf(placed.api.basePath, placed.operation.method, placed.operation.template),
        placed,
      ]),
    );
  }

  /** The operations that a change is about: one, those of an API or of a path, or all. */
  of(subject: Subject | undefined): readonly PlacedOperation[] {
    if (subject === undefined) return this.all;
    const { basePath, method, template } = subject;
    if (method !== undefined && template !== undefined) {
      const found = this.#byName.get(nameOf(basePath, method, template));
      return found === undefined ? [] : [found];
    }
    return this.all.filter(
      ({ api, operation }) => api.basePath === basePath && (template === undefined || operation.template === template),
    );
  }

  /** The one that takes the same requests. */
  alike(shape: string): PlacedOperation | undefined {
    return this.#byShape.get(shape);
  }
}

function nameOf(basePath: string, method: string, template: string): string {
  return `${method} ${basePath} ${template}`;
}

function shapeOf({ basePath }: ApiModel, { method, segments }: OperationModel): string {
  return `${method} ${basePath} ${segments.map(segmentShape).join("/")}`;
}

function segmentShape(segment: PathSegment): string {
  switch (segment.kind) {
    case "literal":
      return segment.text;
    case "wildcard":
      return "*";
    case "parameter":
      // Braces cannot stand in a literal.
      return `${segment.prefix}{}${(segment.more ?? []).map(({ text }) => `${text}{}`).join("")}${segment.suffix}`;
    default:
      return segment satisfies never;
  }
}

/** Names of the tiers that an operation is counted against. */
export function tiersOf({ api, operation }: PlacedOperation): readonly string[] {
  const { resource, unauthenticated } = operation.throttle;
  return [api.apiLimit, resource, unauthenticated].flatMap((use) => (use === undefined ? [] : [tierName(use)]));
}

function tierName(use: TierUse): string {
  return use.kind === "tier" ? use.tier.name : use.name;
}

/** What tells one backend from another: its environment and URLs. */
export function backendsOf({ operation: { backend, denied } }: PlacedOperation): readonly string[] {
  if (backend.kind !== "forward" || denied) return [];
  return [backend.production, backend.sandbox].flatMap((upstream) => (upstream === undefined ? [] : [keyOf(upstream)]));
}

function keyOf({ environment, urls }: UpstreamModel): string {
  return JSON.stringify([environment, ...urls]);
}
