import type { GatewayPlan, RuntimeModuleName } from "../../model/gateway-plan.ts";
import type { FeatureName } from "../../model/names.ts";
import type { ImportList } from "../import-list.ts";
import type { GatewayView, TiersView } from "./template-views.ts";
import { callerTierView, corsView } from "./value-views.ts";

/** What a runtime module with a life cycle exports. */
export const moduleExports: Readonly<Record<RuntimeModuleName, string>> = {
  "auth-api-key": "apiKeyModule",
  "auth-basic": "basicModule",
  "auth-dpop": "dpopModule",
  "auth-jwt": "jwtModule",
  "auth-mutual-tls": "mutualTlsModule",
  throttle: "throttleModule",
  upstream: "upstreamModule",
  "upstream-etcd": "etcdModule",
  "upstream-header": "headerModule",
  "upstream-oauth2": "oauth2Module",
};

/** `keyManagerProxies` of `key-manager-proxies`. */
export function featureExport(feature: FeatureName): string {
  return feature.replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
}

/** `gateway.ts`: modules, built-in paths, and which API answers which base path. */
export function gatewayView(plan: GatewayPlan, imports: ImportList): GatewayView {
  imports.runtimeType("exchange", "Exchange");
  imports.runtimeType("gateway", "Gateway");
  imports.runtime("respond", "unknownApi");
  return {
    compatibility: plan.compatibility,
    modules: plan.runtimeModules.map((module) => imports.runtime(module, moduleExports[module])),
    hasExtensions: plan.extensions.length > 0,
    extensionsSymbol: plan.extensions.length > 0 ? imports.runtime("extension", "extensions") : "",
    extensions: plan.extensions.map(({ name, source, exported, symbol }, index) => ({
      first: index === 0,
      name,
      isWord: !name.includes("-"),
      exported,
      isShort: symbol === exported,
      symbol: imports.project(source, exported, symbol),
    })),
    hasCounters: plan.counters !== undefined,
    countersSymbol: plan.counters === undefined ? "" : imports.runtime("redis-counters", "redisCounters"),
    onUnavailable: plan.counters?.onUnavailable ?? "",
    hasFeatures: plan.features.length > 0,
    features: plan.features.map((feature) => imports.runtime(`feature-${feature}`, featureExport(feature))),
    builtinPaths: plan.builtinPaths,
    hasReplacedServices: plan.replacedServices.length > 0,
    replacedServices: plan.replacedServices,
    hasBuiltinCors: plan.builtinCors !== undefined,
    builtinCors: plan.builtinCors && corsView(plan.builtinCors, imports),
    encodedSlash: plan.mounts.some((mount) => mount.allowEncodedSlash),
    upgrades: plan.upgrades === true,
    mounts: plan.mounts.map(({ basePath, api, symbol, transports, allowEncodedSlash }) => ({
      basePath,
      symbol: imports.local(`./${api}/router.js`, symbol),
      oneTransport: transports.length === 1,
      transport: transports.join(),
      encodedSlash: allowEncodedSlash,
    })),
    faultStyle: plan.faults.global,
  };
}

/** `tiers.ts`: the tiers that callers' tokens may name, for the whole gateway. */
export function tiersView(plan: GatewayPlan, imports: ImportList): TiersView {
  imports.runtime("throttle", "callerTiers");
  return {
    application: plan.callerTiers.application.map((tier) => callerTierView(tier, imports)),
    subscription: plan.callerTiers.subscription.map((tier) => callerTierView(tier, imports)),
    forbidsUnlimited: plan.callerTiers.unlimited === false,
  };
}
