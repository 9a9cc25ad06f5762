import { parsePathTemplate } from "../../compiler/2-check/read/path-template.ts";
import { findClashes, type RouteClashes, routeTable } from "../../compiler/2-check/rules/route-clashes.ts";
import type { RoutedOperation } from "../../compiler/2-check/rules/route-trie.ts";
import type { HttpMethod } from "../../compiler/model/names.ts";
import { type ReferenceRules, referenceMatcher } from "./reference-matcher.ts";
import type { OracleFindings, OracleOperation } from "./route-oracle.ts";

/** Operations as the rules see them; those with a path that nobody could route are left out. */
export function routedOperations(
  operations: readonly OracleOperation[],
  { compatibility, allowEncodedSlash = false }: ReferenceRules,
): readonly RoutedOperation[] {
  const options = { ignoreTrailingSlash: compatibility === "wso2-3.2", encodedSlash: allowEncodedSlash };
  return operations.flatMap(({ method, template }) => {
    const parsed = parsePathTemplate(template, options);
    return parsed.kind === "segments"
      ? [{ method: method as HttpMethod, path: template, segments: parsed.segments }]
      : [];
  });
}

export function clashesOf(
  operations: readonly OracleOperation[],
  rules: ReferenceRules,
): RouteClashes<RoutedOperation> {
  return findClashes(routeTable(routedOperations(operations, rules)), rules.compatibility);
}

/** What the rules find, as the oracle writes it. */
export function asOracleWrites(clashes: RouteClashes<RoutedOperation>): OracleFindings {
  return {
    duplicates: clashes.duplicates
      .map(({ operation, earlier }) => `${operation.method} ${operation.path} is ${earlier.path}`)
      .sort(),
    ambiguous: clashes.ambiguous.map(({ winner, loser }) => `${loser.path} loses to ${winner.path}`).sort(),
    shadowed: clashes.shadowed
      .map(({ winner, loser, methods }) => `${loser.path} loses ${[...methods].sort()} to ${winner.path}`)
      .sort(),
    unreachable: clashes.unreachable.map(({ loser }) => loser.path).sort(),
  };
}

/** What is wrong with the requests that show the clashes, by the plain matcher: each must go to the winner and fit the loser. */
export function wrongRequests(
  operations: readonly OracleOperation[],
  clashes: RouteClashes<RoutedOperation>,
  rules: ReferenceRules,
): readonly string[] {
  const plain = (path: string): string => `${path.startsWith("/") ? "" : "/"}${path}`.replace(/\/\{[^{}*]+\*\}$/, "/*");
  const templates = new Set(routedOperations(operations, rules).map(({ path }) => plain(path)));
  const choose = referenceMatcher([...templates], rules);
  return [...clashes.ambiguous, ...clashes.shadowed, ...clashes.unreachable].flatMap(({ winner, loser, request }) => {
    const target = `/${request.join("/")}`;
    const verdict = choose(target);
    const fits = referenceMatcher([plain(loser.path)], rules)(target).kind === "route";
    const right = verdict.kind === "route" && verdict.template === plain(winner.path) && fits;
    return right ? [] : [`${target}: ${JSON.stringify(verdict)}, not ${winner.path} over ${loser.path}`];
  });
}
