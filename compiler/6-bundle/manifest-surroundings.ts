import { featuresReading, settingsSchema } from "../../runtime-lib/settings-schema.ts";
import type { GatewayModel, UpstreamModel } from "../model/gateway-model.ts";
import type { HostEntry } from "../model/manifest.ts";
import type { FeatureName } from "../model/names.ts";

/** Names of settings whose values say where requests of the gateway itself go. */
const hostNames = /(?:url|hostname|proxy\.host|eventListeningEndpoints)$/i;

/**
 * The environment variables that a start of the gateway reads: all settings that mean something there, with `_` for each dot, and
 * those that replace what was compiled in for an endpoint (T-OVR-01). Sorted.
 */
export function environmentNames(model: GatewayModel, features: readonly FeatureName[]): string[] {
  const settings = settingsOf(model, features).map((name) => name.replaceAll("[]", "").replaceAll(".", "_"));
  const overrides = forwarding(model).flatMap(overrideNames);
  return [...new Set([...settings, ...overrides, "MGW_RUNTIME_HOME"])].sort();
}

/** Where requests go without any setting. By origin. */
export function hostsOf(model: GatewayModel): HostEntry[] {
  const found = new Map<string, { readonly origin: string; readonly use: HostEntry["use"]; settings: string[] }>();
  const add = (url: string, use: HostEntry["use"], setting: string) => {
    const origin = URL.canParse(url) ? new URL(url).origin : url;
    const key = JSON.stringify([origin, use]);
    const entry = found.get(key) ?? { origin, use, settings: [] };
    found.set(key, entry);
    if (!entry.settings.includes(setting)) entry.settings.push(setting);
  };
  for (const { overrideKey, urls, credentials } of forwarding(model)) {
    for (const [index, url] of urls.entries()) add(url, "backend", `${overrideKey}_endpoint_${index}`);
    if (credentials?.type === "oauth2") add(credentials.tokenUrl, "token", `${overrideKey}_oauth2_token_url`);
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, entry]) => ({ ...entry, settings: entry.settings.sort() }));
}

/** The settings that name further hosts. Sorted. */
export function hostSettings(model: GatewayModel, features: readonly FeatureName[]): string[] {
  return settingsOf(model, features)
    .filter((name) => hostNames.test(name) && settingsSchema.get(name)?.type !== "boolean")
    .sort();
}

/** Names of the settings that this gateway reads. */
function settingsOf(model: GatewayModel, features: readonly FeatureName[]): string[] {
  const fromEtcd = forwarding(model).some((upstream) => upstream.fromEtcd !== undefined);
  const isRead = (name: string): boolean => {
    if (name.startsWith("castgate.redis.")) return model.counters !== undefined;
    if (name.startsWith("etcd")) return fromEtcd;
    // A mistake for no bundle, and read by one feature alone.
    if (name.startsWith("throttlingConfig.")) return features.includes("traffic-manager");
    const readers = featuresReading(name);
    return readers.length === 0 || readers.some((feature) => features.includes(feature));
  };
  return [...settingsSchema]
    .filter(([name, { ignored }]) => ignored === undefined && isRead(name))
    .map(([name]) => name);
}

function overrideNames({ overrideKey, urls, fromEtcd, credentials }: UpstreamModel): string[] {
  const own = [
    "basic_password",
    "basic_username",
    "keyStorePassword",
    "keyStorePath",
    "trustStorePassword",
    "trustStorePath",
    ...urls.map((_, index) => `endpoint_${index}`),
    ...(fromEtcd ?? []).map(({ index }) => `${index}_etcdKey`),
    ...(credentials?.type === "header" ? ["header_value"] : []),
    ...(credentials?.type === "oauth2" ? ["oauth2_client_id", "oauth2_client_secret", "oauth2_token_url"] : []),
  ];
  return own.map((name) => `${overrideKey}_${name}`);
}

/** Each upstream that requests are forwarded to. */
export function forwarding(model: GatewayModel): UpstreamModel[] {
  const found: UpstreamModel[] = [];
  for (const { backend, denied } of model.apis.flatMap(({ operations }) => operations)) {
    if (backend.kind !== "forward" || denied) continue;
    if (backend.production !== undefined) found.push(backend.production);
    if (backend.sandbox !== undefined) found.push(backend.sandbox);
  }
  return found;
}
