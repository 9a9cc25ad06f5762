import type { ApiFacts, OperationFacts } from "../model/checked-project.ts";
import type { Access, LoweringNote } from "../model/gateway-model.ts";
import type { Compatibility } from "../model/names.ts";
import { unstated } from "./access.ts";

/** Of each API this many are listed; the last one says how many more there are. */
const listedAtMost = 10;

/** An operation, and who may call it. */
export interface OperationAccess {
  readonly operation: OperationFacts;
  readonly access: Access;
}

/**
 * `x-castgate-public` says why an operation is public, and opens nothing. `standard` asks for it; where no security is stated at
 * all, that is asked for first. Reasons at what is not public are told in both: whoever wrote one took it for public.
 */
export function publicReasonNotes(
  api: ApiFacts,
  operations: readonly OperationAccess[],
  compatibility: Compatibility,
): readonly LoweringNote[] {
  const unneeded = operations.flatMap(({ operation, access }): readonly LoweringNote[] =>
    operation.publicReason === undefined || access.kind === "public"
      ? []
      : [unneededNote(`${operation.method} ${operation.path} is not public`, operation.publicReason.ref)],
  );
  if (api.publicReason !== undefined && operations.every(({ access }) => access.kind !== "public"))
    return [...unneeded, unneededNote("no operation of the API is public", api.publicReason.ref)];
  // A .proto file has no place for reasons.
  if (compatibility !== "standard" || api.protocol !== "http") return unneeded;
  const silent = operations.filter(
    ({ access }) => access.kind === "public" && access.reason === undefined && access.why !== unstated,
  );
  const left = silent.length - listedAtMost;
  const missing = silent.slice(0, listedAtMost).map(({ operation }, index): LoweringNote => {
    const more = left > 0 && index === listedAtMost - 1 ? { more: String(left) } : {};
    return {
      code: "public-without-reason",
      ref: operation.origin,
      args: { operation: `${operation.method} ${operation.path}`, ...more },
    };
  });
  return [...unneeded, ...missing];
}

function unneededNote(what: string, ref: LoweringNote["ref"]): LoweringNote {
  return { code: "public-reason-unneeded", ref, args: { what } };
}
