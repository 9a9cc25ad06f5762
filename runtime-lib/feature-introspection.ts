import type { Feature } from "./feature.ts";
import { introspectionModule } from "./introspection.ts";
import type { Settings } from "./settings.ts";

/**
 * Opaque tokens. On when the settings name a key manager, by its URL or by credentials for it. The original always asked
 * one, by default on its own machine as admin with the password admin: known defaults like these, and so that address, come
 * back in `wso2-3.2` under `--allow-known-defaults` only.
 */
export const introspection: Feature = {
  name: "introspection",
  enabled: (settings) =>
    namesKeyManager(settings) || (settings.compatibility === "wso2-3.2" && settings.allowKnownDefaults),
  module: introspectionModule,
};

function namesKeyManager(settings: Settings): boolean {
  const named = ["keyManager.serverUrl", "keyManager.username", "keymanager.security.basic.username"];
  return (
    named.some((key) => (settings.string(key) ?? "") !== "") ||
    settings.boolean("keymanager.security.oauth2.enabled") === true
  );
}
