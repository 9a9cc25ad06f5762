import { commonRequests, type Fillers, fillersFor, requestFor } from "../../2-check/rules/route-requests.ts";
import { type Budget, type Route, type RoutedOperation, RouteTrie } from "../../2-check/rules/route-trie.ts";
import { filler, shapeOf } from "../../2-check/rules/segments.ts";
import type { PathSegment } from "../../model/checked-project.ts";
import type { ApiModel, GatewayModel, OperationModel } from "../../model/gateway-model.ts";
import type { HttpMethod } from "../../model/names.ts";
import { baseSegments } from "./route-table.ts";

/** A request that stands for all that the same routes match: its path in the form in which requests are matched. */
export interface Witness {
  readonly method: HttpMethod;
  readonly segments: readonly string[];
}

type Apis = Pick<GatewayModel, "apis">;

/** Path of an operation as clients can send it: names of parameters say nothing. */
export function shapeOfPath({ basePath }: ApiModel, segments: readonly PathSegment[]): string {
  const own = segments.map((segment) => (segment.kind === "wildcard" ? "*" : shapeOf(segment)));
  return `/${[...baseSegments(basePath), ...own].join("/")}`;
}

/** The largest definition known, with 22,361 operations, takes some 200,000. */
const steps = 5_000_000;
/** Of an operation alone; further ones differ only in their length. */
const requestsOfOne = 8;
/** Further ones differ only in which third route matches them. */
const requestsOfTwo = 8;

/** Requests for the operations of two gateways. */
export class Witnesses {
  readonly #sides: readonly Apis[];
  /** Made when it is first needed: mostly no route came or went. */
  #shown: { readonly fillers: Fillers; readonly deepest: number } | undefined;

  constructor(base: Apis, head: Apis) {
    this.#sides = [base, head];
  }

  /** What stands for parameters, and the number of segments of the longest path. */
  #texts(): { readonly fillers: Fillers; readonly deepest: number } {
    if (this.#shown !== undefined) return this.#shown;
    const paths = this.#operations().map(({ segments }) => segments);
    const deepest = paths.reduce((most, { length }) => Math.max(most, length), 0);
    this.#shown = { fillers: fillersFor(paths), deepest };
    return this.#shown;
  }

  /** Requests for an operation that are accepted: the plainest, and for a wildcard those of other lengths. Empty: none is. */
  requestsFor(
    api: ApiModel,
    segments: readonly PathSegment[],
    accepts: (request: readonly string[]) => boolean,
  ): readonly (readonly string[])[] {
    const path = [...literals(api.basePath), ...segments];
    const { fillers, deepest } = this.#texts();
    const found: (readonly string[])[] = [];
    for (const request of commonRequests(path, path, deepest)) {
      const shown = requestFor([request], fillers, accepts);
      if (shown !== undefined) found.push(shown);
      if (found.length === requestsOfOne) break;
    }
    return found;
  }

  /**
   * Requests of operations that one side alone has, and of other routes of either side: these may get them now, or got them. An
   * API that came, went or changed its transports counts as a route too: it takes what lies below its base path from shorter ones.
   * `isShared`: both sides have the operation.
   */
  shared(isShared: (operation: OperationModel) => boolean): readonly Witness[] {
    const trie = new RouteTrie<PossiblyChanged>();
    let any = false;
    for (const operation of this.#operations()) {
      const changed = !isShared(operation.operation);
      trie.add({ ...operation, changed });
      any ||= changed;
    }
    for (const path of this.#changedMounts()) {
      trie.add({ method: "GET", path, segments: [...literals(path), { kind: "wildcard" }], changed: true });
      any = true;
    }
    if (!any) return [];
    const witnesses: Witness[] = [];
    const budget: Budget = { left: steps };
    const { fillers, deepest } = this.#texts();
    const text = fillers.at(-1) ?? "1";
    trie.overlaps(budget, (a, b) => {
      if (!isChanged(a) && !isChanged(b)) return;
      const methods = new Set([...a.methods.keys(), ...b.methods.keys()]);
      let left = requestsOfTwo;
      for (const request of commonRequests(a.segments, b.segments, deepest)) {
        const segments = request.map((segment) => segment.replaceAll(filler, text));
        for (const method of methods) witnesses.push({ method, segments });
        if (--left === 0) break;
      }
    });
    return witnesses;
  }

  #operations(): readonly (RoutedOperation & { readonly operation: OperationModel })[] {
    return this.#sides.flatMap(({ apis }) =>
      apis.flatMap(({ basePath, operations }) =>
        operations.map((operation) => ({
          method: operation.method,
          path: operation.template,
          segments: [...literals(basePath), ...operation.segments],
          operation,
        })),
      ),
    );
  }

  #changedMounts(): readonly string[] {
    const transports = this.#sides.map(
      ({ apis }) => new Map(apis.map((api) => [api.basePath, api.transports.toSorted().join()])),
    );
    const paths = new Set(transports.flatMap((side) => [...side.keys()]));
    return [...paths].filter((path) => new Set(transports.map((side) => side.get(path))).size > 1);
  }
}

/** An operation that one side alone has. */
type PossiblyChanged = RoutedOperation & { readonly changed: boolean };

function isChanged({ methods }: Route<PossiblyChanged>): boolean {
  for (const { changed } of methods.values()) if (changed) return true;
  return false;
}

function literals(basePath: string): readonly PathSegment[] {
  return baseSegments(basePath).map((text) => ({ kind: "literal", text }));
}
