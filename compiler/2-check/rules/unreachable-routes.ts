import { at } from "../../diagnostics/place.ts";
import type { ApiFacts, OperationFacts } from "../../model/checked-project.ts";
import { pathRef } from "../read/operations.ts";
import type { Rule } from "./rule.ts";

/** Of each API this many are listed; the last one says how many more there are. */
const listedAtMost = 10;

/** Routes that lie below the longer base path of another API, which gets all their requests. */
export const unreachableRoutes: Rule = {
  codes: ["route-unreachable"],
  check({ apis, log }) {
    for (const api of apis) {
      const inner = apis.filter((other) => isInside(other, api));
      if (inner.length === 0) continue;
      const lost = api.operations.flatMap((operation, index) => {
        // Operations stand by path: each path once, by its first method.
        if (api.operations[index - 1]?.path === operation.path) return [];
        const winner = inner.find((other) => takes(other, api, operation));
        return winner === undefined ? [] : [{ operation, winner }];
      });
      const left = lost.length - listedAtMost;
      for (const [index, { operation, winner }] of lost.slice(0, listedAtMost).entries()) {
        const { method, path } = operation;
        const request = `${method} ${[...segmentsOf(api), ...witness(operation)].map((text) => `/${text}`).join("")}`;
        const args = { path, request, basePath: winner.basePath.value, other: winner.file };
        log.report(
          "route-unreachable",
          at(api.protocol === "grpc" ? operation.origin : pathRef(api.file, path), "key"),
          { ...args, ...(left > 0 && index === listedAtMost - 1 && { more: String(left) }) },
          [{ place: at(winner.basePath.ref), label: "this base path gets it" }],
        );
      }
    }
  },
};

/** Whether `inner` has the longer base path, and is asked on every transport that `outer` is. */
function isInside(inner: ApiFacts, outer: ApiFacts): boolean {
  const [long, short] = [segmentsOf(inner), segmentsOf(outer)];
  return (
    long.length > short.length &&
    short.every((text, index) => long[index] === text) &&
    outer.transports.every((transport) => inner.transports.includes(transport))
  );
}

function takes(inner: ApiFacts, outer: ApiFacts, { segments }: OperationFacts): boolean {
  const rest = segmentsOf(inner).slice(segmentsOf(outer).length);
  return rest.every((text, index) => {
    const segment = segments[index];
    return segment?.kind === "literal" && segment.text === text;
  });
}

function segmentsOf({ basePath }: ApiFacts): readonly string[] {
  return basePath.value === "/" ? [] : basePath.value.split("/").slice(1);
}

/** The segments of a request for a path. */
function witness({ segments }: OperationFacts): readonly string[] {
  return segments.map((segment) => {
    if (segment.kind === "literal") return segment.text;
    if (segment.kind === "wildcard") return "1";
    return [segment.prefix, ...(segment.more ?? []).map(({ text }) => text), segment.suffix].join("1");
  });
}
