import { apiKeyIssuerModule } from "../../../runtime-lib/api-key-issuer.ts";
import type { Handler } from "../../../runtime-lib/gateway.ts";
import type { Service } from "../../../runtime-lib/module.ts";
import type { Settings, SettingsReport } from "../../../runtime-lib/settings.ts";
import type { GatewayPlan } from "../../model/gateway-plan.ts";
import type { FeatureName } from "../../model/names.ts";

/** Whether the settings switch a feature on, as each says it itself (`runtime-lib/feature-*`). */
export function isOn(feature: FeatureName, settings: Settings): boolean {
  const is = (key: string) => settings.boolean(key) === true;
  switch (feature) {
    case "api-key-issuer": {
      const said = settings.boolean("apikey.issuer.tokenConfig.enabled");
      if (said !== undefined || settings.compatibility === "standard") return said === true;
      const store =
        settings.path("apikey.issuer.tokenConfig.keyStorePath") ?? settings.path("listenerConfig.keyStorePath");
      return store !== undefined && settings.named("b7a.users").length > 0;
    }
    case "backend-jwt":
      return is("jwtGeneratorConfig.jwtGeneratorEnabled");
    case "event-hub":
      return (
        is("apim.eventHub.enable") ||
        is("security.validateSubscriptions") ||
        settings.tables("jwtTokenConfig").some((table) => table.boolean("validateSubscription") === true)
      );
    case "introspection":
      return (
        ["keyManager.serverUrl", "keyManager.username", "keymanager.security.basic.username"].some(
          (key) => (settings.string(key) ?? "") !== "",
        ) || is("keymanager.security.oauth2.enabled")
      );
    case "key-manager-proxies":
      return is("castgate.keyManagerProxies.enabled");
    case "revocation":
      return (
        is("tokenRevocationConfig.realtime.enableRealtimeMessageRetrieval") ||
        is("tokenRevocationConfig.persistent.enablePersistentStorageRetrieval")
      );
    case "traffic-manager":
      return is("throttlingConfig.enabledGlobalTMEventPublishing");
  }
}

/**
 * What the gateway serves itself beside its APIs, as far as paths go: what it says is not looked into. Wrong settings of the
 * issuer of API keys, which has to have a key, are reported.
 */
export async function servicesOf(
  { features }: GatewayPlan,
  settings: Settings,
  report: SettingsReport,
  served: (segment: string) => void,
): Promise<readonly Service[]> {
  const serve =
    (segment: string): Handler =>
    () =>
      served(segment);
  const services: Service[] = [];
  if (features.includes("api-key-issuer") && isOn("api-key-issuer", settings)) {
    await apiKeyIssuerModule.configure(settings, report, noPools);
    const found = apiKeyIssuerModule.services?.() ?? [];
    services.push(...found.map((one) => ({ ...one, handle: serve(one.segment) })));
  }
  if (features.includes("key-manager-proxies") && isOn("key-manager-proxies", settings)) {
    const listeners =
      settings.boolean("castgate.keyManagerProxies.onApiListener") === true
        ? (["token", "api"] as const)
        : (["token"] as const);
    for (const listener of listeners)
      for (const [segment, method] of proxied)
        services.push({ listener, segment, methods: [method], handle: serve(segment) });
  }
  return services;
}

/** Keys are made here, nobody is asked. */
const noPools = () => Promise.reject(new Error("nothing is sent"));

const proxied = [
  ["token", "POST"],
  ["revoke", "POST"],
  ["authorize", "GET"],
  ["userinfo", "GET"],
] as const;
