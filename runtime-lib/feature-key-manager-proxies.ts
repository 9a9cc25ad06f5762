import type { Feature } from "./feature.ts";
import { keyManagerProxiesModule } from "./key-manager-proxies.ts";

/**
 * `/token`, `/revoke`, `/authorize` and `/userinfo` of the key manager, on the token listener. The original always served them;
 * here `castgate.keyManagerProxies.enabled` switches them on, in both compatibilities: who does not use them has a port less.
 */
export const keyManagerProxies: Feature = {
  name: "key-manager-proxies",
  enabled: (settings) => settings.boolean("castgate.keyManagerProxies.enabled") === true,
  module: keyManagerProxiesModule,
};
