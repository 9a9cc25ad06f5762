import type { Feature } from "./feature.ts";
import { revocationModule } from "./revocation.ts";

/** Revoked tokens and API keys are refused before they end (S-REV-*). */
export const revocation: Feature = {
  name: "revocation",
  enabled: (settings) =>
    settings.boolean("tokenRevocationConfig.realtime.enableRealtimeMessageRetrieval") === true ||
    settings.boolean("tokenRevocationConfig.persistent.enablePersistentStorageRetrieval") === true,
  module: revocationModule,
};
