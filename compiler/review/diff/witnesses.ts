import { commonRequests, type Fillers, fillersFor, requestFor } from "../../2-check/rules/route-requests.ts";
import { type Budget, type RoutedOperation, RouteTrie } from "../../2-check/rules/route-trie.ts";
import { filler, shapeOf } from "../../2-check/rules/segments.ts";
import type { PathSegment } from "../../model/checked-project.ts";
import type { ApiModel, GatewayModel } from "../../model/gateway-model.ts";
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
/** Further ones differ only in which third route matches them. */
const requestsOfTwo = 8;

/** Requests for the operations of two gateways. */
export class Witnesses {
  readonly #sides: readonly Apis[];
  readonly #fillers: Fillers;
  /** Number of segments of the longest path. */
  readonly #deepest: number;

  constructor(base: Apis, head: Apis) {
    this.#sides = [base, head];
    const paths = this.#operations().map(({ segments }) => segments);
    this.#fillers = fillersFor(paths);
    this.#deepest = paths.reduce((deepest, { length }) => Math.max(deepest, length), 0);
  }

  /** A request for an operation that is accepted; undefined: none is. */
  requestFor(api: ApiModel, segments: readonly PathSegment[], accepts: (request: readonly string[]) => boolean) {
    const path = [...literals(api.basePath), ...segments];
    return requestFor(commonRequests(path, path, this.#deepest), this.#fillers, accepts);
  }

  /**
   * Requests that more than one route of either side matches: where a route came or went, another one may get them now. An API
   * that came, went or changed its transports counts as a route too: it takes what lies below its base path from shorter ones.
   */
  shared(): readonly Witness[] {
    const trie = new RouteTrie();
    for (const operation of this.#operations()) trie.add(operation);
    for (const path of this.#changedMounts())
      trie.add({ method: "GET", path, segments: [...literals(path), { kind: "wildcard" }] });
    const witnesses: Witness[] = [];
    const budget: Budget = { left: steps };
    const text = this.#fillers.at(-1) ?? "1";
    trie.overlaps(budget, (a, b) => {
      const methods = new Set([...a.methods.keys(), ...b.methods.keys()]);
      let left = requestsOfTwo;
      for (const request of commonRequests(a.segments, b.segments, this.#deepest)) {
        const segments = request.map((segment) => segment.replaceAll(filler, text));
        for (const method of methods) witnesses.push({ method, segments });
        if (--left === 0) break;
      }
    });
    return witnesses;
  }

  #operations(): readonly RoutedOperation[] {
    return this.#sides.flatMap(({ apis }) =>
      apis.flatMap(({ basePath, operations }) =>
        operations.map(({ method, template, segments }) => ({
          method,
          path: template,
          segments: [...literals(basePath), ...segments],
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

function literals(basePath: string): readonly PathSegment[] {
  return baseSegments(basePath).map((text) => ({ kind: "literal", text }));
}
