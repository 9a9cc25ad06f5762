import { apiKeyIssuerModule } from "./api-key-issuer.ts";
import type { Feature } from "./feature.ts";

/**
 * API keys from `/apikey`. Switched on and off by `apikey.issuer.tokenConfig.enabled`. Not said: off in `standard`; in
 * `wso2-3.2`, where it was on by default, it is looked at when there are users and a key store, and stays off without its key.
 */
export const apiKeyIssuer: Feature = {
  name: "api-key-issuer",
  enabled(settings) {
    const said = settings.boolean("apikey.issuer.tokenConfig.enabled");
    if (said !== undefined || settings.compatibility === "standard") return said === true;
    const store =
      settings.path("apikey.issuer.tokenConfig.keyStorePath") ?? settings.path("listenerConfig.keyStorePath");
    return store !== undefined && settings.named("b7a.users").length > 0;
  },
  module: apiKeyIssuerModule,
};
