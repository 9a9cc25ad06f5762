import { readOptions } from "../../../runtime-lib/options.ts";
import type { Settings, SettingsReport } from "../../../runtime-lib/settings.ts";
import { type LoadedSettings, loadSettings } from "../../../runtime-lib/settings-load.ts";
import type { GatewayModel } from "../../model/gateway-model.ts";

/** The run-time settings that a request is judged by, as `--config` and what follows `--` name them. */
export interface SettingsInput {
  /** As the user named it; undefined: only what follows `--`. */
  readonly file: { readonly name: string; readonly text: string } | undefined;
  readonly overrides: readonly (readonly [name: string, value: string])[];
  readonly allowKnownDefaults: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths of the file are relative to. */
  readonly fileFolder: string;
  readonly workingFolder: string;
}

/** Settings as they stand on a bundle's command line. A text says why they are none. */
export function settingsOfWords(
  words: readonly string[],
): Pick<SettingsInput, "overrides" | "allowKnownDefaults"> | string {
  const found = readOptions(words);
  if (found.kind === "error") return found.message;
  if (found.kind !== "run" || found.config !== undefined || found.checkOnly || found.precompile !== undefined)
    return "only settings may stand there";
  return found;
}

/** Reads them as the bundle would. */
export function settingsOf(model: GatewayModel, input: SettingsInput | undefined): LoadedSettings {
  return loadSettings({
    compatibility: model.compatibility,
    allowKnownDefaults: input?.allowKnownDefaults ?? false,
    features: model.features,
    overrides: input?.overrides ?? [],
    env: input?.env ?? {},
    file: input?.file,
    fileFolder: input?.fileFolder ?? "/",
    workingFolder: input?.workingFolder ?? "/",
  });
}

/** An issuer whose keys a running gateway fetches. */
export interface RemoteIssuer {
  readonly issuer: string;
  readonly audience: readonly string[] | undefined;
  readonly consumerKeyClaim: string | undefined;
  /** From where: `jwksURL` or `discoveryURL`. */
  readonly url: string;
}

/** Issuers with keys at a URL. Nothing is fetched here, so their tokens cannot be verified. */
export function remoteIssuers(settings: Settings): readonly RemoteIssuer[] {
  return settings.tables("jwtTokenConfig").flatMap((table) => {
    const url = keyUrl(table);
    const issuer = table.string("issuer") ?? "";
    if (url === "" || issuer === "") return [];
    return [
      {
        issuer,
        audience: table.strings("audience"),
        consumerKeyClaim: table.string("consumerKeyClaim") || undefined,
        url,
      },
    ];
  });
}

function keyUrl(table: Settings): string {
  return table.string("jwksURL") || table.string("discoveryURL") || "";
}

/** The same settings with those issuers alone whose keys are at hand, and without a memory of tokens. */
export function withoutRemoteIssuers(settings: Settings): Settings {
  return changed(settings, {
    number: (key) => (key === "caching.tokenCacheExpiryTime" ? 0 : settings.number(key)),
    tables: (name) => {
      const tables = settings.tables(name);
      return name === "jwtTokenConfig" ? tables.filter((table) => keyUrl(table) === "") : tables;
    },
  });
}

/** The same settings, where nobody has said by which origins clients call the gateway. */
export function calledAs(settings: Settings, origin: string): Settings {
  return changed(settings, {
    strings: (key) => (key === "castgate.publicOrigins" ? [origin] : settings.strings(key)),
  });
}

function changed(settings: Settings, changes: Partial<Settings>): Settings {
  return {
    compatibility: settings.compatibility,
    allowKnownDefaults: settings.allowKnownDefaults,
    string: (key) => settings.string(key),
    number: (key) => settings.number(key),
    boolean: (key) => settings.boolean(key),
    strings: (key) => settings.strings(key),
    tables: (name) => settings.tables(name),
    named: (name) => settings.named(name),
    nameOf: (key) => settings.nameOf(key),
    override: (name) => settings.override(name),
    path: (key) => settings.path(key),
    ...changes,
  };
}

/** Where mistakes do not matter: without settings, modules find some missing. */
export const unheard: SettingsReport = { error: () => undefined, warn: () => undefined };
