import { holdsTexts } from "../../../runtime-lib/segment.ts";
import type { RouteLeaf, RouteNode } from "../../model/gateway-plan.ts";

/**
 * The route that a request below an API's base path falls to, as the generated router finds it: literals win over affixed
 * parameters, those over plain ones, those over the wildcard, and what does not match further down falls back.
 */
export function matchRoute(node: RouteNode, segments: readonly string[], depth = 0): RouteLeaf | undefined {
  if (node.leaf !== undefined && segments.length === depth) return node.leaf;
  const segment = segments[depth];
  if (segment !== undefined) {
    const literal = node.literals.find(({ text }) => text === segment);
    const found =
      (literal && matchRoute(literal.node, segments, depth + 1)) ??
      matchAffixed(node, segment, segments, depth) ??
      (node.parameter !== undefined && segment !== "" ? matchRoute(node.parameter, segments, depth + 1) : undefined);
    if (found !== undefined) return found;
  }
  return node.wildcard;
}

function matchAffixed(
  { affixed }: RouteNode,
  segment: string,
  segments: readonly string[],
  depth: number,
): RouteLeaf | undefined {
  for (const { prefix, between, suffix, node } of affixed) {
    if (!holdsTexts(segment, [prefix, ...between, suffix])) continue;
    const found = matchRoute(node, segments, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
