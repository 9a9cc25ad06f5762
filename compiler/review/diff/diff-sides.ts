import type { Side } from "../side.ts";
import type { Change } from "./change.ts";
import { diffGateways } from "./diff-gateways.ts";
import { diffSettings } from "./diff-settings.ts";

/**
 * What the head does differently from the base: its gateway, and, between projects, the run-time settings that they keep. A bundle
 * keeps none: what it runs with, nobody knows here.
 */
export function diffSides(
  base: Pick<Side, "kind" | "model" | "settings">,
  head: Pick<Side, "kind" | "model" | "settings">,
): readonly Change[] {
  const changes = diffGateways(base.model, head.model);
  if (base.kind === "bundle" || head.kind === "bundle") return changes;
  return [...changes, ...diffSettings(base.settings, head.settings)];
}
