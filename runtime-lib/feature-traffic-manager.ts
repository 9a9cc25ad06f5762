import type { Feature } from "./feature.ts";
import { trafficManagerModule } from "./traffic-manager.ts";

/** Limits over many gateways as the original had them: events to a traffic manager, its decisions back (R-DTH-*). */
export const trafficManager: Feature = {
  name: "traffic-manager",
  enabled: (settings) => settings.boolean("throttlingConfig.enabledGlobalTMEventPublishing") === true,
  module: trafficManagerModule,
};
