import type { Feature } from "./feature.ts";
import { subscriptionModule } from "./subscriptions.ts";

/** Subscriptions are checked (S-SUB-*): those in tokens, and those of the event hub where that is enabled. */
export const eventHub: Feature = {
  name: "event-hub",
  enabled: (settings) =>
    settings.boolean("apim.eventHub.enable") === true ||
    settings.boolean("security.validateSubscriptions") === true ||
    settings.tables("jwtTokenConfig").some((table) => table.boolean("validateSubscription") === true),
  module: subscriptionModule,
};
