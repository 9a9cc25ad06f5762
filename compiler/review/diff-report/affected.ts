import type { Change } from "../diff/change.ts";
import { backendsOf, type OperationIndex, type PlacedOperation, tiersOf } from "./operation-index.ts";
import type { Affected, DiffReport } from "./report.ts";

/** How much the changes of one finding are about. */
export function countAffected(changes: readonly Change[], base: OperationIndex, head: OperationIndex): Affected {
  const inHead = new Map<string, PlacedOperation>();
  const inBase = new Map<string, PlacedOperation>();
  for (const { subject } of changes) {
    for (const placed of head.of(subject)) inHead.set(placed.shape, placed);
    for (const placed of base.of(subject)) inBase.set(placed.shape, placed);
  }
  for (const [shape] of inHead) {
    const before = base.alike(shape);
    if (before !== undefined) inBase.set(shape, before);
  }
  const both = [...inHead.values(), ...inBase.values()];
  // As the head has them; those that it lacks, as the base had them.
  const current = [
    ...inHead.values(),
    ...[...inBase].flatMap(([shape, placed]) => (inHead.has(shape) ? [] : [placed])),
  ];
  const aspects = new Set(changes.map(({ aspect }) => aspect));
  return {
    operations: current.length,
    of: inHead.size > 0 || inBase.size === 0 ? head.all.length : base.all.length,
    publicOperations: [...inHead.values()].filter(({ operation }) => operation.access.kind === "public").length,
    apis: new Set(current.map(({ api }) => api.basePath)).size,
    tiers: new Set((aspects.has("limits") ? both : current).flatMap(tiersOf)).size,
    backends: new Set((aspects.has("backend") ? both : current).flatMap(backendsOf)).size,
  };
}

/**
 * How many operations are on one side only, and how many on both differ. Words do not count, nor does what is neutral for a
 * whole API or gateway: it would make every operation a changed one.
 */
export function countOperations(
  changes: readonly Change[],
  base: OperationIndex,
  head: OperationIndex,
): DiffReport["operations"] {
  const changed = new Set<string>();
  for (const { subject, aspect, verdict } of changes) {
    if (aspect === "text" || (subject?.method === undefined && verdict === "neutral")) continue;
    for (const { shape } of head.of(subject)) if (base.alike(shape) !== undefined) changed.add(shape);
  }
  return {
    added: head.all.filter(({ shape }) => base.alike(shape) === undefined).length,
    removed: base.all.filter(({ shape }) => head.alike(shape) === undefined).length,
    changed: changed.size,
  };
}
