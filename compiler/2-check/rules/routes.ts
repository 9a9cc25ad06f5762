import { at, type Place } from "../../diagnostics/place.ts";
import type { ApiFacts, OperationFacts } from "../../model/checked-project.ts";
import { pathRef } from "../read/operations.ts";
import { firstSegment, ownPaths, servicesOf, shownBase } from "./own-paths.ts";
import { type Clash, findClashes, type RouteClashes, routeTable } from "./route-clashes.ts";
import type { Request } from "./route-requests.ts";
import { isTaken, rivalsOfAll } from "./route-takers.ts";
import type { Route } from "./route-trie.ts";
import type { CheckContext, Rule } from "./rule.ts";

/** Of each kind and API this many are listed; the last one says how many more there are. */
const listedAtMost = 10;

/** Routes of one API that clash, each with a request that shows it. */
export const routes: Rule = {
  codes: ["route-ambiguous", "route-builtin", "route-duplicate", "route-shadowed", "route-unreachable"],
  check(context) {
    const rivals = rivalsOfAll(context);
    for (const api of context.apis) {
      const elsewhere = (request: Request): boolean => isTaken(rivals.get(api) ?? new Map(), request);
      const clashes = findClashes(routeTable(api.operations), context.compatibility, elsewhere);
      reportDuplicates(context, api, clashes);
      reportAmbiguous(context, api, clashes);
      reportShadowed(context, api, clashes);
      reportUnreachable(context, api, clashes);
      reportBuiltin(context, api);
    }
  },
};

type Clashes = RouteClashes<OperationFacts>;

function reportDuplicates({ log }: CheckContext, api: ApiFacts, { duplicates }: Clashes): void {
  for (const { operation, earlier, request } of duplicates) {
    const { method, path } = operation;
    const args = { method, path, other: earlier.path, request: shown(api, method, request) };
    log.report("route-duplicate", keyOf(api, operation), args, [
      { place: keyOf(api, earlier), label: "the same route" },
    ]);
  }
}

function reportAmbiguous({ log }: CheckContext, api: ApiFacts, { ambiguous, complete }: Clashes): void {
  for (const [index, clash] of ambiguous.slice(0, listedAtMost).entries()) {
    const { winner, loser } = clash;
    const left = index === listedAtMost - 1 ? ambiguous.length - listedAtMost : 0;
    const shared = [...loser.methods.keys()].find((method) => winner.methods.has(method));
    const args = { ...describe(api, clash, shared), ...(left > 0 && { more: `${left}${complete ? "" : " or more"}` }) };
    log.report("route-ambiguous", placeOf(api, loser), args, winnerPlace(api, clash));
  }
}

function reportShadowed({ log }: CheckContext, api: ApiFacts, { shadowed }: Clashes): void {
  // One line for a loser: its first winner, and how many more there are.
  const byLoser = new Map<Route, (typeof shadowed)[number][]>();
  for (const clash of shadowed) {
    const known = byLoser.get(clash.loser);
    if (known === undefined) byLoser.set(clash.loser, [clash]);
    else known.push(clash);
  }
  for (const [index, [clash, ...more]] of [...byLoser.values()].slice(0, listedAtMost).entries()) {
    if (clash === undefined) continue;
    const left = index === listedAtMost - 1 ? byLoser.size - listedAtMost : 0;
    const args = {
      ...describe(api, clash, clash.methods[0]),
      methods: clash.methods.join(", "),
      ...(more.length > 0 && { more: String(more.length) }),
      ...(left > 0 && { others: String(left) }),
    };
    log.report("route-shadowed", placeOf(api, clash.loser), args, winnerPlace(api, clash));
  }
}

function reportUnreachable({ log }: CheckContext, api: ApiFacts, { unreachable }: Clashes): void {
  for (const [index, clash] of unreachable.slice(0, listedAtMost).entries()) {
    const { request, winner, loser } = describe(api, clash, undefined);
    const left = index === listedAtMost - 1 ? unreachable.length - listedAtMost : 0;
    const by = `goes to "${winner}"`;
    const args = {
      path: loser,
      request,
      by,
      fix: "remove it, or make it more specific",
      ...(left > 0 && { more: String(left) }),
    };
    log.report("route-unreachable", placeOf(api, clash.loser), args, winnerPlace(api, clash));
  }
}

function describe(
  api: ApiFacts,
  { winner, loser, request }: Clash<OperationFacts>,
  method = loser.methods.keys().next().value,
): { winner: string; loser: string; request: string } {
  return { winner: winner.path, loser: loser.path, request: shown(api, method ?? "", request) };
}

function shown(api: ApiFacts, method: string, request: Request): string {
  return `${method} ${shownBase(api)}${request.map((text) => `/${text}`).join("") || (shownBase(api) === "" ? "/" : "")}`;
}

/** Of a service of gRPC: the rpc. */
function keyOf(api: ApiFacts, { path, origin }: OperationFacts): Place {
  return at(api.protocol === "grpc" ? origin : pathRef(api.file, path), "key");
}

function placeOf(api: ApiFacts, { path, methods }: Route<OperationFacts>): Place {
  const [first] = methods.values();
  return first === undefined ? at(pathRef(api.file, path), "key") : keyOf(api, first);
}

function winnerPlace(api: ApiFacts, { winner }: Clash<OperationFacts>) {
  return [{ place: placeOf(api, winner), label: "this one wins" }];
}

/** A literal route that is one of the gateway's own paths, or one in the place of a feature's (T-OAS-12). */
function reportBuiltin({ log, compatibility, loaded }: CheckContext, api: ApiFacts): void {
  const seen = new Set<string>();
  const services = api.basePath.value === "/" ? servicesOf(compatibility, loaded.settings.features) : [];
  for (const { path, segments } of api.operations) {
    if (seen.has(path)) continue;
    seen.add(path);
    const [first] = segments;
    if (first?.kind === "literal" && services.includes(firstSegment(`/${first.text}`)))
      log.report("route-builtin", at(pathRef(api.file, path), "key"), { path: `/${first.text}` });
    if (segments.some((segment) => segment.kind !== "literal")) continue;
    const full = `${shownBase(api)}${segments.map((segment) => (segment.kind === "literal" ? `/${segment.text}` : "")).join("")}`;
    if (ownPaths.includes(full)) log.report("route-builtin", at(pathRef(api.file, path), "key"), { path: full });
  }
}
