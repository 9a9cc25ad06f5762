import { at } from "../../diagnostics/place.ts";
import type { ApiFacts } from "../../model/checked-project.ts";
import type { HttpMethod } from "../../model/names.ts";
import { pathRef } from "../read/operations.ts";
import { firstSegment, servicesOf } from "./base-path.ts";
import { findOverlaps, type Overlap, type Route, RouteTrie } from "./route-trie.ts";
import type { CheckContext, Rule } from "./rule.ts";

/** Of each kind and API this many are listed; the last one says how many more there are. */
const listedAtMost = 10;
const builtinPaths = ["/health", "/livez", "/readyz"];

/** Routes that clash, each with a request that shows it. */
export const routes: Rule = {
  codes: ["route-ambiguous", "route-builtin", "route-duplicate", "route-shadowed"],
  check(context) {
    for (const api of context.apis) {
      const trie = new RouteTrie();
      for (const operation of api.operations) {
        const earlier = trie.add(operation);
        if (earlier === undefined) continue;
        const args = { method: operation.method, path: operation.path, other: earlier.path, base: shownBase(api) };
        const related = [{ place: at(pathRef(api.file, earlier.path), "key"), label: "the same route" }];
        context.log.report("route-duplicate", at(pathRef(api.file, operation.path), "key"), args, related);
      }
      reportOverlaps(context, api, trie);
      reportBuiltin(context, api);
    }
  },
};

/** A loser that lacks methods where winners take its paths: the first such winner, and how many more there are. */
interface Shadow {
  readonly overlap: Overlap;
  readonly methods: readonly HttpMethod[];
  more: number;
}

function reportOverlaps({ log }: CheckContext, api: ApiFacts, trie: RouteTrie): void {
  const ambiguous: Overlap[] = [];
  let ambiguities = 0;
  const shadows = new Map<Route, Shadow>();
  const complete = findOverlaps(trie, (overlap) => {
    if (!overlap.contained) {
      if (ambiguities++ < listedAtMost) ambiguous.push(overlap);
      return;
    }
    const methods = lostMethods(overlap);
    const known = shadows.get(overlap.loser);
    if (known !== undefined && methods.length > 0) known.more++;
    else if (methods.length > 0) shadows.set(overlap.loser, { overlap, methods, more: 0 });
  });
  for (const [index, overlap] of ambiguous.entries()) {
    const left = index === listedAtMost - 1 ? ambiguities - listedAtMost : 0;
    const args = { ...describe(api, overlap), ...(left > 0 && { more: `${left}${complete ? "" : " or more"}` }) };
    log.report("route-ambiguous", loserPlace(api, overlap), args, winnerPlace(api, overlap));
  }
  for (const [index, { overlap, methods, more }] of [...shadows.values()].slice(0, listedAtMost).entries()) {
    const left = index === listedAtMost - 1 ? shadows.size - listedAtMost : 0;
    const args = {
      ...describe(api, overlap),
      methods: methods.join(", "),
      ...(more > 0 && { more: String(more) }),
      ...(left > 0 && { others: String(left) }),
    };
    log.report("route-shadowed", loserPlace(api, overlap), args, winnerPlace(api, overlap));
  }
}

/** Methods of the loser that get a 405 where the winner takes the path. OPTIONS is answered for every path. */
function lostMethods({ winner, loser }: Overlap): readonly HttpMethod[] {
  return [...loser.methods.keys()].filter((method) => method !== "OPTIONS" && !winner.methods.has(method));
}

function describe(api: ApiFacts, overlap: Overlap): { winner: string; loser: string; request: string } {
  const { winner, loser } = overlap;
  const shared = [...loser.methods.keys()].find((method) => winner.methods.has(method));
  const method = overlap.contained ? lostMethods(overlap)[0] : (shared ?? loser.methods.keys().next().value);
  const request = `${method} ${shownBase(api)}/${overlap.witness.join("/")}`;
  return { winner: winner.path, loser: loser.path, request };
}

function loserPlace(api: ApiFacts, { loser }: Overlap) {
  return at(pathRef(api.file, loser.path), "key");
}

function winnerPlace(api: ApiFacts, { winner }: Overlap) {
  return [{ place: at(pathRef(api.file, winner.path), "key"), label: "this one wins" }];
}

function shownBase(api: ApiFacts): string {
  return api.basePath.value === "/" ? "" : api.basePath.value;
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
    if (builtinPaths.includes(full)) log.report("route-builtin", at(pathRef(api.file, path), "key"), { path: full });
  }
}
