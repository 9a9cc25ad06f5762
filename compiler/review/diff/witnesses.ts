import { findOverlaps, RouteTrie } from "../../2-check/rules/route-trie.ts";
import type { OperationFacts, PathSegment } from "../../model/checked-project.ts";
import type { ApiModel, GatewayModel } from "../../model/gateway-model.ts";
import type { HttpMethod } from "../../model/names.ts";
import { baseSegments, textsOf } from "./route-table.ts";

/** A request that stands for all that the same routes match: its path in the form in which requests are matched. */
export interface Witness {
  readonly method: HttpMethod;
  readonly segments: readonly string[];
}

type Apis = Pick<GatewayModel, "apis">;

/** Shape of an operation as clients can send it: names of parameters say nothing. */
export function shapeOf({ basePath }: ApiModel, segments: readonly PathSegment[]): string {
  const own = segments.map((segment) => {
    if (segment.kind === "literal") return segment.text;
    return segment.kind === "wildcard" ? "*" : (textsOf(segment)?.join("{}") ?? "{}");
  });
  return `/${[...baseSegments(basePath), ...own].join("/")}`;
}

/** A text for parameters that no literal of either side is. */
export function freshText(...sides: readonly Apis[]): string {
  const literals = new Set<string>();
  for (const { apis } of sides) {
    for (const { basePath, operations } of apis) {
      for (const text of baseSegments(basePath)) literals.add(text);
      for (const { segments } of operations) {
        for (const segment of segments) if (segment.kind === "literal") literals.add(segment.text);
      }
    }
  }
  let number = 1;
  while (literals.has(String(number))) number++;
  return String(number);
}

/** Paths that an operation may get, the plainest first: a wildcard stands for one segment, for two, or for none. */
export function samplesOf(
  { basePath }: ApiModel,
  segments: readonly PathSegment[],
  text: string,
): readonly (readonly string[])[] {
  const path = [...baseSegments(basePath)];
  for (const segment of segments) {
    if (segment.kind === "literal") path.push(segment.text);
    else if (segment.kind === "wildcard") return [[...path, text], [...path, text, text], path];
    else path.push(textsOf(segment)?.join(text) ?? text);
  }
  return [path];
}

/**
 * Requests that more than one route of either side matches: where a route came or went, another one may get them now. An API
 * that came, went or changed its transports counts as a route too: it takes what lies below its base path from shorter ones.
 */
export function sharedWitnesses(base: Apis, head: Apis): readonly Witness[] {
  const trie = new RouteTrie();
  // Only these three are looked at.
  const add = (method: HttpMethod, path: string, segments: readonly PathSegment[]) =>
    trie.add({ method, path, segments } as OperationFacts);
  for (const { apis } of [base, head]) {
    for (const { basePath, operations } of apis) {
      const literals = baseSegments(basePath).map((text): PathSegment => ({ kind: "literal", text }));
      for (const { method, template, segments } of operations) add(method, template, [...literals, ...segments]);
    }
  }
  for (const basePath of changedMounts(base, head)) {
    const literals = baseSegments(basePath).map((text): PathSegment => ({ kind: "literal", text }));
    add("GET", basePath, [...literals, { kind: "wildcard" }]);
  }
  const witnesses: Witness[] = [];
  findOverlaps(trie, ({ winner, loser, witness }) => {
    const wanted = new Set([...winner.methods.keys(), ...loser.methods.keys()]);
    for (const method of wanted) witnesses.push({ method, segments: witness });
  });
  return witnesses;
}

function changedMounts({ apis: base }: Apis, { apis: head }: Apis): readonly string[] {
  const transportsOf = (apis: readonly ApiModel[], path: string) =>
    apis
      .find(({ basePath }) => basePath === path)
      ?.transports.toSorted()
      .join();
  const paths = new Set([...base, ...head].map(({ basePath }) => basePath));
  return [...paths].filter((path) => transportsOf(base, path) !== transportsOf(head, path));
}
