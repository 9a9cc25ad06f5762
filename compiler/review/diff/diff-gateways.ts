import type { GatewayModel } from "../../model/gateway-model.ts";
import type { Change } from "./change.ts";

/** What the head does differently from the base, decided by meaning. Sorted. Pure, and total. */
export function diffGateways(_base: GatewayModel, _head: GatewayModel): readonly Change[] {
  return [];
}
