import type { PathSegment } from "../../model/checked-project.ts";
import type { ApiModel, GatewayModel, OperationModel } from "../../model/gateway-model.ts";
import type { HttpMethod } from "../../model/names.ts";

/** Under which scheme a request comes. */
export type Transport = "http" | "https";

/** An operation and the API that it is of. */
export interface Routed {
  readonly api: ApiModel;
  readonly operation: OperationModel;
}

/**
 * Which operation gets a request: the API with the longest base path that its scheme may use, then literals before texts with
 * parameters, those before plain parameters, and wildcards last; path before method. The rules are those of the generated code,
 * written once more: a comparison has no generated code to ask.
 */
export class RouteTable {
  readonly #mounts: readonly Mount[];

  constructor({ apis }: Pick<GatewayModel, "apis">) {
    this.#mounts = apis
      .map(mountOf)
      .sort((a, b) => b.api.basePath.length - a.api.basePath.length || (a.api.basePath < b.api.basePath ? -1 : 1));
  }

  /** Segments in the form in which requests are matched. Undefined: nobody takes it. */
  resolve(method: HttpMethod, segments: readonly string[], transport: Transport): Routed | undefined {
    for (const { api, base, root } of this.#mounts) {
      if (!api.transports.includes(transport)) continue;
      if (base.length > segments.length || !base.every((text, index) => segments[index] === text)) continue;
      const isRoot = segments.length === base.length + 1 && segments[base.length] === "";
      const leaf = find(root, isRoot ? base : segments, base.length);
      const operation = leaf?.get(method);
      return operation && { api, operation };
    }
    return undefined;
  }
}

interface Mount {
  readonly api: ApiModel;
  readonly base: readonly string[];
  readonly root: Node;
}

type Leaf = Map<HttpMethod, OperationModel>;

interface Node {
  readonly literals: Map<string, Node>;
  readonly affixed: Map<string, { readonly texts: Texts; readonly node: Node }>;
  parameter: Node | undefined;
  leaf: Leaf | undefined;
  wildcard: Leaf | undefined;
  /** Most specific first; made when it is first asked for. */
  sorted: readonly { readonly texts: Texts; readonly node: Node }[] | undefined;
}

/** What stands around and between the parameters of one segment. */
export type Texts = readonly [first: string, ...rest: string[]];

/** Undefined: the segment is a plain parameter, or none. */
export function textsOf(segment: PathSegment): Texts | undefined {
  if (segment.kind !== "parameter") return undefined;
  const { prefix, suffix, more = [] } = segment;
  if (prefix === "" && suffix === "" && more.length === 0) return undefined;
  return [prefix, ...more.map(({ text }) => text), suffix];
}

/** The segments of a base path. */
export function baseSegments(basePath: string): readonly string[] {
  return basePath.split("/").filter((text) => text !== "");
}

function newNode(): Node {
  return {
    literals: new Map(),
    affixed: new Map(),
    parameter: undefined,
    leaf: undefined,
    wildcard: undefined,
    sorted: undefined,
  };
}

function mountOf(api: ApiModel): Mount {
  const root = newNode();
  for (const operation of api.operations) add(root, operation);
  return { api, base: baseSegments(api.basePath), root };
}

function add(root: Node, operation: OperationModel): void {
  let node = root;
  for (const segment of operation.segments) {
    if (segment.kind === "wildcard") {
      node.wildcard ??= new Map();
      node.wildcard.set(operation.method, operation);
      return;
    }
    node = childOf(node, segment);
  }
  node.leaf ??= new Map();
  node.leaf.set(operation.method, operation);
}

function childOf(node: Node, segment: Exclude<PathSegment, { kind: "wildcard" }>): Node {
  if (segment.kind === "literal") {
    const known = node.literals.get(segment.text) ?? newNode();
    node.literals.set(segment.text, known);
    return known;
  }
  const texts = textsOf(segment);
  if (texts === undefined) {
    node.parameter ??= newNode();
    return node.parameter;
  }
  const key = texts.join("{}");
  const known = node.affixed.get(key)?.node ?? newNode();
  node.affixed.set(key, { texts, node: known });
  return known;
}

function find(node: Node, segments: readonly string[], from: number): Leaf | undefined {
  if (from === segments.length) return node.leaf ?? node.wildcard;
  const segment = segments[from] as string;
  const literal = node.literals.get(segment);
  const found = literal && find(literal, segments, from + 1);
  if (found !== undefined) return found;
  if (node.affixed.size > 0) {
    node.sorted ??= [...node.affixed.values()].sort((a, b) => bySpecificity(a.texts, b.texts));
    for (const { texts, node: child } of node.sorted) {
      const below = holdsTexts(segment, texts) ? find(child, segments, from + 1) : undefined;
      if (below !== undefined) return below;
    }
  }
  if (node.parameter !== undefined && segment !== "") {
    const below = find(node.parameter, segments, from + 1);
    if (below !== undefined) return below;
  }
  return node.wildcard;
}

function bySpecificity(a: Texts, b: Texts): number {
  const [prefixOfA, prefixOfB] = [a[0], b[0]];
  if (prefixOfA.length !== prefixOfB.length) return prefixOfB.length - prefixOfA.length;
  const [suffixOfA, suffixOfB] = [a.at(-1) ?? "", b.at(-1) ?? ""];
  if (suffixOfA.length !== suffixOfB.length) return suffixOfB.length - suffixOfA.length;
  if (a.length !== b.length) return b.length - a.length;
  return a.join("1") < b.join("1") ? -1 : 1;
}

/** Whether a segment has these texts in this order, with something around each (runtime-lib/segment.ts). */
export function holdsTexts(segment: string, texts: Texts): boolean {
  const last = texts.at(-1) ?? "";
  if (!segment.startsWith(texts[0]) || !segment.endsWith(last)) return false;
  let from = texts[0].length + 1;
  for (const text of texts.slice(1, -1)) {
    const found = segment.indexOf(text, from);
    if (found < 0) return false;
    from = found + text.length + 1;
  }
  return from <= segment.length - last.length;
}
