import type { ApiModel, GatewayModel } from "../../model/gateway-model.ts";
import { shapeOfPath } from "./witnesses.ts";

type Apis = Pick<GatewayModel, "apis">;

/**
 * APIs of the base that stand under another base path in the head: those of one title that neither side has under the path of
 * the other, with at least half of their operations in common.
 */
export function movedApis(
  { apis: base }: Apis,
  { apis: head }: Apis,
): readonly (readonly [from: ApiModel, to: ApiModel])[] {
  const pathsOf = (apis: readonly ApiModel[]) => new Set(apis.map(({ basePath }) => basePath));
  const [ofBase, ofHead] = [pathsOf(base), pathsOf(head)];
  const gone = base.filter(({ basePath }) => !ofHead.has(basePath));
  const come = head.filter(({ basePath }) => !ofBase.has(basePath));
  return gone.flatMap((from): (readonly [ApiModel, ApiModel])[] => {
    const [to, second] = come.filter(({ title }) => title === from.title);
    const isOnly = gone.filter(({ title }) => title === from.title).length === 1 && second === undefined;
    return to !== undefined && isOnly && haveMuchInCommon(from, to) ? [[from, to]] : [];
  });
}

function haveMuchInCommon(from: ApiModel, to: ApiModel): boolean {
  const known = new Set(from.operations.map((one) => `${one.method} ${shapeOfPath(to, one.segments)}`));
  const common = to.operations.filter((one) => known.has(`${one.method} ${shapeOfPath(to, one.segments)}`));
  return 2 * common.length >= Math.max(from.operations.length, to.operations.length);
}
