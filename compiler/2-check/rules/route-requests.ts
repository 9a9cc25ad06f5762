import type { PathSegment } from "../../model/checked-project.ts";
import { commonTexts, fill, filler, isPlain, type OneSegment } from "./segments.ts";

/** Segments of a request's path below the base path. */
export type Request = readonly string[];

/** Of two templates at most so many requests are tried; more than one is needed only where a third template takes some. */
const requestsAtMost = 500;

/**
 * Requests that two templates both match, `filler` for what is arbitrary: as many as can differ in which other template
 * matches them. `deepest` is the number of segments of the longest template beside them; beyond it all remainders are alike.
 * With one template for both: requests for it.
 */
export function* commonRequests(
  a: readonly PathSegment[],
  b: readonly PathSegment[],
  deepest: number,
): Generator<Request> {
  const [one, other] = [fixedPart(a), fixedPart(b)];
  const [openA, openB] = [one.length < a.length, other.length < b.length];
  const shortest = Math.max(one.length, other.length);
  if ((!openA && one.length < shortest) || (!openB && other.length < shortest)) return;
  const left = { count: requestsAtMost };
  for (const length of openA && openB ? lengths(shortest, deepest + 1) : [shortest]) {
    const choices = Array.from({ length }, (_, index) => () => textsAt(one[index], other[index]));
    yield* combined(choices, [], left);
  }
}

/** A wildcard is best shown by a request with something in its place. */
function lengths(shortest: number, longest: number): readonly number[] {
  const others = Array.from({ length: Math.max(0, longest - shortest - 1) }, (_, index) => shortest + 2 + index);
  return [shortest + 1, shortest, ...others];
}

function fixedPart(segments: readonly PathSegment[]): readonly OneSegment[] {
  return segments.filter((segment) => segment.kind !== "wildcard");
}

function textsAt(a: OneSegment | undefined, b: OneSegment | undefined): Iterable<string> {
  if (a !== undefined && b !== undefined) return commonTexts(a, b);
  const only = a ?? b;
  return [only === undefined ? filler : fill(only)];
}

function* combined(
  choices: readonly (() => Iterable<string>)[],
  chosen: Request,
  left: { count: number },
): Generator<Request> {
  const [first, ...others] = choices;
  if (first === undefined) {
    left.count--;
    return yield chosen;
  }
  for (const text of first()) {
    yield* combined(others, [...chosen, text], left);
    if (left.count <= 0) return;
  }
}

/** What can stand for a parameter in a request that is shown, the plainest first. */
export type Fillers = readonly string[];

/**
 * `1`, and a text that no literal of these routes holds, in whole or in part: what takes a request with it would take any
 * other in its place, too.
 */
export function fillersFor(routes: Iterable<readonly PathSegment[]>): Fillers {
  const literals: string[] = [];
  const around: string[] = [];
  for (const segments of routes) {
    for (const segment of segments) {
      if (segment.kind === "literal") literals.push(segment.text);
      else if (segment.kind === "parameter" && !isPlain(segment)) around.push(fill(segment));
    }
  }
  const [aroundAll, all] = [around.join(" "), literals.join(" ")];
  const sign = [..."1234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_~"].find(
    (one) => !aroundAll.includes(one) && !all.includes(one),
  );
  const free = sign ?? [..."0123456789QXZJ_~"].find((one) => !aroundAll.includes(one)) ?? "~";
  let fresh = free;
  while (all.includes(fresh)) fresh += free;
  return fresh === "1" ? ["1"] : ["1", fresh];
}

/** The first of `requests`, as it is sent, that is accepted. */
export function requestFor(
  requests: Iterable<Request>,
  fillers: Fillers,
  accepts: (request: Request) => boolean,
): Request | undefined {
  for (const request of requests) {
    for (const text of fillers) {
      const shown = request.map((segment) => segment.replaceAll(filler, text));
      if (accepts(shown)) return shown;
    }
  }
  return undefined;
}
