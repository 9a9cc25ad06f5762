import type { Compatibility, HttpMethod } from "../../model/names.ts";
import { commonRequests, type Fillers, fillersFor, type Request, requestFor } from "./route-requests.ts";
import { type Budget, type Route, type RoutedOperation, RouteTrie } from "./route-trie.ts";
import { compareTemplates, covers } from "./segments.ts";

/** An operation with the shape and method of an earlier one, and a request that both match. */
export interface Duplicate<T extends RoutedOperation> {
  readonly operation: T;
  readonly earlier: T;
  readonly request: Request;
}

/** Two routes that match one request, and such a request: one that the winner gets. */
export interface Clash<T extends RoutedOperation> {
  readonly winner: Route<T>;
  readonly loser: Route<T>;
  readonly request: Request;
}

/** What the routes of one API do to each other. */
export interface RouteClashes<T extends RoutedOperation> {
  readonly duplicates: readonly Duplicate<T>[];
  /** Neither route of a pair matches only what the other does. */
  readonly ambiguous: readonly Clash<T>[];
  /** The winner matches only what the loser does, and lacks methods of it: such requests are refused. */
  readonly shadowed: readonly (Clash<T> & { readonly methods: readonly HttpMethod[] })[];
  /** All that the loser matches goes to other routes; the winner gets the request. */
  readonly unreachable: readonly Clash<T>[];
  /** False: there was too much to look at, and some may be missing. */
  readonly complete: boolean;
}

/** The routes of one API as a trie, and what is needed to show requests for them. */
export interface RouteTable<T extends RoutedOperation> {
  readonly trie: RouteTrie<T>;
  /** In the order in which they were written. */
  readonly routes: readonly Route<T>[];
  /** Number of segments of the longest one. */
  readonly deepest: number;
  readonly fillers: Fillers;
  readonly repeated: readonly { readonly operation: T; readonly earlier: T; readonly route: Route<T> }[];
}

export function routeTable<T extends RoutedOperation>(operations: readonly T[]): RouteTable<T> {
  const trie = new RouteTrie<T>();
  const repeated: { operation: T; earlier: T; route: Route<T> }[] = [];
  const routes = new Set<Route<T>>();
  for (const operation of operations) {
    const { route, earlier } = trie.add(operation);
    routes.add(route);
    if (earlier !== undefined) repeated.push({ operation, earlier, route });
  }
  const deepest = Math.max(0, ...lengthsOf(operations));
  return {
    trie,
    routes: [...routes],
    deepest,
    fillers: fillersFor(operations.map(({ segments }) => segments)),
    repeated,
  };
}

/** Not spread over arguments: there may be more operations than a call takes. */
function lengthsOf(operations: readonly RoutedOperation[]): ReadonlySet<number> {
  return new Set(operations.map(({ segments }) => segments.length));
}

/**
 * All clashes among the routes of one API, each with a request that shows it: a pair of routes of which a third one takes
 * every common request, or others than this API (`isTaken`), is none. `steps` bounds the work on hostile input (the largest definition known, with 22,361
 * operations, takes some 200,000).
 */
export function findClashes<T extends RoutedOperation>(
  table: RouteTable<T>,
  compatibility: Compatibility,
  isTaken: (request: Request) => boolean = () => false,
  steps = 5_000_000,
): RouteClashes<T> {
  const { trie, routes, deepest, fillers, repeated } = table;
  const budget: Budget = { left: steps };
  const resolve = (request: Request): Route<T> | undefined => trie.resolve(request, budget);
  const goesTo = (request: Request, route: Route<T>): boolean => resolve(request) === route && !isTaken(request);
  const ambiguous: Clash<T>[] = [];
  const shadowed: (Clash<T> & { methods: readonly HttpMethod[] })[] = [];
  trie.overlaps(budget, (a, b) => {
    const [winner, loser] = compareTemplates(a.segments, b.segments) < 0 ? [a, b] : [b, a];
    if (covers(winner.segments, loser.segments)) return;
    const inside = covers(loser.segments, winner.segments);
    const methods = lostMethods(winner, loser, compatibility);
    if (inside && methods.length === 0) return;
    const requests = commonRequests(winner.segments, loser.segments, deepest);
    const request = requestFor(requests, fillers, (one) => goesTo(one, winner));
    if (request === undefined) return;
    if (inside) shadowed.push({ winner, loser, request, methods });
    else ambiguous.push({ winner, loser, request });
  });
  const unreachable = routes.flatMap((loser) => {
    const requests = () => commonRequests(loser.segments, loser.segments, deepest);
    if (budget.left < 0 || requestFor(requests(), fillers, (one) => resolve(one) === loser) !== undefined) return [];
    const request = requestFor(requests(), fillers, (one) => !isTaken(one));
    const winner = request && resolve(request);
    return request === undefined || winner === undefined ? [] : [{ winner, loser, request }];
  });
  const lost = new Set(unreachable.map(({ loser }) => loser));
  return {
    duplicates: repeated.map(({ route, ...pair }) => ({ ...pair, request: sampleRequest(route, table) })),
    ambiguous,
    shadowed: shadowed.filter(({ loser }) => !lost.has(loser)),
    unreachable,
    complete: budget.left >= 0,
  };
}

/** A request for a route: one that goes to it, if any does. */
export function sampleRequest<T extends RoutedOperation>(route: Route<T>, table: RouteTable<T>): Request {
  const requests = () => commonRequests(route.segments, route.segments, table.deepest);
  const own = requestFor(requests(), table.fillers, (request) => table.trie.resolve(request) === route);
  return own ?? requestFor(requests(), table.fillers, () => true) ?? [];
}

/** Methods of the loser that are refused where the winner takes the path. In `wso2-3.2` OPTIONS is answered for every path. */
export function lostMethods(
  winner: Pick<Route, "methods"> | undefined,
  loser: Pick<Route, "methods">,
  compatibility: Compatibility,
): readonly HttpMethod[] {
  const answered = (method: HttpMethod): boolean => method === "OPTIONS" && compatibility === "wso2-3.2";
  return [...loser.methods.keys()].filter((method) => !answered(method) && winner?.methods.has(method) !== true);
}
