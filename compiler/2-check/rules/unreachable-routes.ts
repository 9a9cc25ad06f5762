import { at, type Place } from "../../diagnostics/place.ts";
import type { ApiFacts, OperationFacts, PathSegment } from "../../model/checked-project.ts";
import type { Compatibility, HttpMethod } from "../../model/names.ts";
import { pathRef } from "../read/operations.ts";
import { baseSegments, firstPaths, literalPaths, ownPaths, servicesOf, shownBase } from "./own-paths.ts";
import { lostMethods, type RouteTable, routeTable } from "./route-clashes.ts";
import { commonRequests, type Request, requestFor } from "./route-requests.ts";
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

type Transport = ApiFacts["transports"][number];

/** Who answers instead of an API, below its base path. */
export type Taker =
  | { readonly kind: "api"; readonly api: ApiFacts }
  /** The gateway itself. */
  | { readonly kind: "builtin"; readonly path: string }
  /** The gateway itself, where the settings switch it on. */
  | { readonly kind: "service"; readonly path: string };

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

/** A taker with the part of its path that lies below the API's base path. */
interface Rival {
  readonly taker: Taker;
  readonly template: readonly PathSegment[];
}

/** All routes that lose requests to others than routes of their own API. By API, then as written. */
export function findTaken({
  apis,
  compatibility,
  loaded,
}: Pick<CheckContext, "apis" | "compatibility" | "loaded">): readonly Taken[] {
  const answered = new Set(apis.flatMap(literalPaths));
  const replaced = new Set(apis.flatMap(firstPaths));
  const builtins = ownPaths.filter((path) => !answered.has(path));
  const services = servicesOf(compatibility, loaded.settings.features).filter((path) => !replaced.has(path));
  const tables = new Map<ApiFacts, RouteTable<OperationFacts>>();
  const tableOf = (api: ApiFacts): RouteTable<OperationFacts> => {
    const known = tables.get(api) ?? routeTable(api.operations);
    tables.set(api, known);
    return known;
  };
  return apis.flatMap((api) => {
    const rivals = new Map(
      api.transports.map((transport) => [transport, rivalsOf(api, transport, apis, builtins, services)]),
    );
    if ([...rivals.values()].every((list) => list.length === 0)) return [];
    const table = tableOf(api);
    return table.routes.flatMap((route) => takenOf(api, route, rivals, tableOf, compatibility));
  });
}

/** In the order in which they are asked. */
function rivalsOf(
  api: ApiFacts,
  transport: Transport,
  apis: readonly ApiFacts[],
  builtins: readonly string[],
  services: readonly string[],
): readonly Rival[] {
  const below = (taker: Taker, path: readonly string[], open: boolean): readonly Rival[] => {
    const base = baseSegments(api);
    const shared = Math.min(base.length, path.length);
    if (base.slice(0, shared).some((text, index) => path[index] !== text)) return [];
    if (path.length < base.length && !open) return [];
    const rest = path.slice(base.length).map((text): PathSegment => ({ kind: "literal", text }));
    return [{ taker, template: [...rest, ...(open ? [{ kind: "wildcard" } as const] : [])] }];
  };
  const inner = apis
    .filter((other) => other.transports.includes(transport) && baseSegments(other).length > baseSegments(api).length)
    .sort((a, b) => baseSegments(b).length - baseSegments(a).length)
    .flatMap((other) => below({ kind: "api", api: other }, baseSegments(other), true));
  return [
    ...(transport === "https" ? services : []).flatMap((path) =>
      below({ kind: "service", path }, [path.slice(1)], true),
    ),
    ...builtins.flatMap((path) => below({ kind: "builtin", path }, [path.slice(1)], path === "/health")),
    ...inner,
  ];
}

function takenOf(
  api: ApiFacts,
  route: Route<OperationFacts>,
  rivals: ReadonlyMap<Transport, readonly Rival[]>,
  tableOf: (api: ApiFacts) => RouteTable<OperationFacts>,
  compatibility: Compatibility,
): readonly Taken[] {
  const table = tableOf(api);
  const [method] = route.methods.keys();
  const deepest = Math.max(table.deepest, ...[...rivals.values()].flat().map(({ template }) => template.length));
  const isOwn = (request: Request): boolean => table.trie.resolve(request) === route;
  const takers = (transport: Transport): readonly Rival[] =>
    (rivals.get(transport) ?? []).filter(({ taker }) => taker.kind !== "service");
  const takerOf = (transport: Transport, request: Request): Taker | undefined =>
    takers(transport).find(({ template }) => isUnder(template, request))?.taker;
  const requests = () => commonRequests(route.segments, route.segments, deepest);
  const sample = requestFor(requests(), table.fillers, isOwn);
  // Without one, other routes of its API take them all: another rule says so.
  if (sample === undefined || method === undefined) return [];
  const reached = api.transports.some(
    (transport) =>
      requestFor(requests(), table.fillers, (one) => isOwn(one) && takerOf(transport, one) === undefined) !== undefined,
  );
  if (!reached) {
    const taker = takerOf(api.transports[0] as Transport, sample);
    if (taker === undefined) return [];
    return [{ api, route, taker, whole: true, method, request: sample, transport: undefined, answer: undefined }];
  }
  const found = new Map<string, Taken>();
  for (const transport of api.transports) {
    for (const { taker, template } of rivals.get(transport) ?? []) {
      const key = JSON.stringify([taker.kind, taker.kind === "api" ? taker.api.basePath.value : taker.path]);
      const known = found.get(key);
      let lost: { method: HttpMethod; answer: Taken["answer"] } | undefined;
      const request = requestFor(commonRequests(route.segments, template, deepest), table.fillers, (one) => {
        if (!isOwn(one) || (taker.kind !== "service" && takerOf(transport, one) !== taker)) return false;
        lost = taker.kind === "api" ? lostIn(taker.api, one) : { method, answer: undefined };
        return lost !== undefined;
      });
      if (request === undefined || lost === undefined) continue;
      const only = known === undefined && (api.transports.length > 1 || taker.kind === "service");
      found.set(key, { api, route, taker, whole: false, ...lost, request, transport: only ? transport : undefined });
    }
  }
  return [...found.values()];

  function lostIn(inner: ApiFacts, request: Request): { method: HttpMethod; answer: 404 | 405 } | undefined {
    const rest = request.slice(baseSegments(inner).length - baseSegments(api).length);
    const winner = tableOf(inner).trie.resolve(rest.length === 1 && rest[0] === "" ? [] : rest);
    const [lost] = lostMethods(winner, route, compatibility);
    return lost && { method: lost, answer: winner === undefined ? 404 : 405 };
  }
}

/** Whether a request has the literal segments of a template, and what follows only where that is open. */
function isUnder(template: readonly PathSegment[], request: Request): boolean {
  const open = template.at(-1)?.kind === "wildcard";
  const fixed = open ? template.length - 1 : template.length;
  if (open ? request.length < fixed : request.length !== fixed) return false;
  return request.slice(0, fixed).every((text, index) => {
    const segment = template[index];
    return segment?.kind === "literal" && segment.text === text;
  });
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
