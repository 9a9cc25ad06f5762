import { at, type Place } from "../../diagnostics/place.ts";
import type { ApiFacts, OperationFacts } from "../../model/checked-project.ts";
import type { Compatibility, HttpMethod } from "../../model/names.ts";
import { pathRef } from "../read/operations.ts";
import { baseSegments, shownBase } from "./own-paths.ts";
import { lostMethods, type RouteTable, routeTable } from "./route-clashes.ts";
import { commonRequests, type Request, requestFor } from "./route-requests.ts";
import { isTaken, type Rivals, rivalsOfAll, type Taker, type Transport, takerOf } from "./route-takers.ts";
import type { Route } from "./route-trie.ts";
import type { CheckContext, Rule } from "./rule.ts";

/** Of each kind and API this many are listed; the last one says how many more there are. */
const listedAtMost = 10;

/** Routes whose requests, all or some of them, are answered outside their API. */
export const unreachableRoutes: Rule = {
  codes: ["route-taken", "route-unreachable"],
  check(context) {
    const found = findTaken(context);
    for (const api of context.apis) {
      const own = found.filter((one) => one.api === api);
      reportUnreachable(
        context,
        own.filter(({ whole }) => whole),
      );
      reportTaken(
        context,
        own.filter(({ whole }) => !whole),
      );
    }
  },
};

/** A route that loses requests to a taker, and such a request. */
export interface Taken {
  readonly api: ApiFacts;
  readonly route: Route<OperationFacts>;
  readonly taker: Taker;
  /** It loses all its requests, to this taker or to others beside it. */
  readonly whole: boolean;
  readonly method: HttpMethod;
  /** Segments below the API's base path. */
  readonly request: Request;
  /** Where it holds on one transport only of those that the API has. */
  readonly transport: Transport | undefined;
  /** Of an API that takes it: what such requests get there. */
  readonly answer: 404 | 405 | undefined;
}

/** All routes that lose requests to others than routes of their own API. By API, then as written. */
export function findTaken(context: Pick<CheckContext, "apis" | "compatibility" | "loaded">): readonly Taken[] {
  const { apis, compatibility } = context;
  const rivalsOf = rivalsOfAll(context);
  const tables = new Map<ApiFacts, RouteTable<OperationFacts>>();
  const tableOf = (api: ApiFacts): RouteTable<OperationFacts> => {
    const known = tables.get(api) ?? routeTable(api.operations);
    tables.set(api, known);
    return known;
  };
  return apis.flatMap((api) => {
    const rivals = rivalsOf.get(api);
    if (rivals === undefined || [...rivals.values()].every((list) => list.length === 0)) return [];
    const table = tableOf(api);
    return table.routes.flatMap((route) => takenOf(api, route, rivals, tableOf, compatibility));
  });
}

function takenOf(
  api: ApiFacts,
  route: Route<OperationFacts>,
  rivals: Rivals,
  tableOf: (api: ApiFacts) => RouteTable<OperationFacts>,
  compatibility: Compatibility,
): readonly Taken[] {
  const table = tableOf(api);
  const method = route.methods.keys().next().value as HttpMethod;
  const deepest = Math.max(table.deepest, ...[...rivals.values()].flat().map(({ template }) => template.length));
  const isOwn = (request: Request): boolean => table.trie.resolve(request) === route;
  const requests = () => commonRequests(route.segments, route.segments, deepest);
  if (requestFor(requests(), table.fillers, (one) => isOwn(one) && !isTaken(rivals, one)) !== undefined)
    return partly();
  const sample = requestFor(requests(), table.fillers, isOwn);
  // Other routes of its API take them all: another rule says so, if they get any of them.
  if (sample === undefined && requestFor(requests(), table.fillers, (one) => !isTaken(rivals, one))) return [];
  const request = sample ?? requestFor(requests(), table.fillers, () => true);
  const taker = request && takerOf(rivals, api.transports[0] as Transport, request);
  if (request === undefined || taker === undefined) return [];
  return [{ api, route, taker, whole: true, method, request, transport: undefined, answer: undefined }];

  function partly(): readonly Taken[] {
    const found = new Map<string, Taken>();
    for (const transport of api.transports) {
      for (const { taker, template } of rivals.get(transport) ?? []) {
        const key = JSON.stringify([taker.kind, taker.kind === "api" ? taker.api.basePath.value : taker.path]);
        const known = found.get(key);
        let lost: { method: HttpMethod; answer: Taken["answer"] } | undefined;
        const request = requestFor(commonRequests(route.segments, template, deepest), table.fillers, (one) => {
          if (!isOwn(one) || (taker.kind !== "service" && takerOf(rivals, transport, one) !== taker)) return false;
          lost = taker.kind === "api" ? lostIn(taker.api, one) : { method, answer: undefined };
          return lost !== undefined;
        });
        if (request === undefined || lost === undefined) continue;
        const only = known === undefined && (api.transports.length > 1 || taker.kind === "service");
        found.set(key, { api, route, taker, whole: false, ...lost, request, transport: only ? transport : undefined });
      }
    }
    return [...found.values()];
  }

  function lostIn(inner: ApiFacts, request: Request): { method: HttpMethod; answer: 404 | 405 } | undefined {
    const rest = request.slice(baseSegments(inner).length - baseSegments(api).length);
    const winner = tableOf(inner).trie.resolve(rest.length === 1 && rest[0] === "" ? [] : rest);
    const [lost] = lostMethods(winner, route, compatibility);
    return lost && { method: lost, answer: winner === undefined ? 404 : 405 };
  }
}

function reportUnreachable({ log }: CheckContext, taken: readonly Taken[]): void {
  for (const [index, one] of taken.slice(0, listedAtMost).entries()) {
    const left = index === listedAtMost - 1 ? taken.length - listedAtMost : 0;
    const args = {
      path: one.route.path,
      request: shown(one),
      by: one.taker.kind === "api" ? belowIt(one.taker.api) : "is answered by the gateway itself",
      fix: one.taker.kind === "api" ? `move it to ${one.taker.api.file}, or remove it` : "rename the path",
    };
    log.report(
      "route-unreachable",
      placeOf(one),
      { ...args, ...(left > 0 && { more: String(left) }) },
      takerPlace(one),
    );
  }
}

/** One line for a route: its first taker, and how many more there are. */
function reportTaken({ log }: CheckContext, taken: readonly Taken[]): void {
  const byRoute = new Map<Route, Taken[]>();
  for (const one of taken) byRoute.set(one.route, [...(byRoute.get(one.route) ?? []), one]);
  for (const [index, [first, ...more]] of [...byRoute.values()].slice(0, listedAtMost).entries()) {
    if (first === undefined) continue;
    const left = index === listedAtMost - 1 ? byRoute.size - listedAtMost : 0;
    const args = {
      path: first.route.path,
      request: shown(first),
      by: describeTaker(first),
      ...(more.length > 0 && { more: String(more.length) }),
      ...(left > 0 && { others: String(left) }),
    };
    log.report("route-taken", placeOf(first), args, takerPlace(first));
  }
}

function describeTaker({ taker, answer }: Taken): string {
  switch (taker.kind) {
    case "api":
      return `${belowIt(taker.api)}, which ${answer === 404 ? "has no such path" : "lacks the method"}`;
    case "builtin":
      return "is answered by the gateway itself";
    case "service":
      return `is answered by the gateway itself where the settings switch ${taker.path} on`;
  }
}

function belowIt({ basePath, file }: ApiFacts): string {
  return `is below ${basePath.value}, the base path of ${file}`;
}

function shown({ api, method, request, transport }: Taken): string {
  const path = `${shownBase(api)}${request.map((text) => `/${text}`).join("")}`;
  return `${method} ${path === "" ? "/" : path}${transport === undefined ? "" : ` over ${transport}`}`;
}

/** Of a service of gRPC: the rpc. */
function placeOf({ api, route }: Taken): Place {
  const [operation] = route.methods.values();
  const ref = api.protocol === "grpc" && operation !== undefined ? operation.origin : pathRef(api.file, route.path);
  return at(ref, "key");
}

function takerPlace({ taker }: Taken) {
  return taker.kind === "api" ? [{ place: at(taker.api.basePath.ref), label: "this base path gets it" }] : [];
}
