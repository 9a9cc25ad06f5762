import type { EndpointFact } from "../model/checked-project.ts";
import type { UpstreamModel } from "../model/gateway-model.ts";
import type { Compatibility } from "../model/names.ts";

type Binding = Pick<UpstreamModel, "appendPath" | "credentials" | "pins" | "pool">;

/** How an upstream is reached, where that is not as usual. */
export function bindingOf({ type, binding }: EndpointFact, compatibility: Compatibility): Binding {
  if (binding === undefined) return {};
  const { pool, credentials, pins } = binding;
  // The original knew the word, and appended the path all the same (T-END-03).
  const appendPath = binding.appendPath ?? (type !== "address" || compatibility === "wso2-3.2");
  const [pin, ...more] = pins;
  return {
    ...(pool && { pool }),
    ...(!appendPath && { appendPath }),
    ...(credentials && { credentials }),
    ...(pin !== undefined && { pins: [pin, ...more] as const }),
  };
}
