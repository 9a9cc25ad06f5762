import { featureNames } from "../../../compiler/model/names.ts";
import { type LoadedSettings, loadSettings, type SettingsSources } from "../../../runtime-lib/settings-load.ts";

/** Settings from the text of a file, of a bundle with all features, with whatever else a test says. */
export async function settingsFrom(text: string, more: Partial<SettingsSources> = {}): Promise<LoadedSettings> {
  return loadSettings({
    compatibility: "wso2-3.2",
    allowKnownDefaults: false,
    features: featureNames,
    overrides: [],
    env: {},
    file: { name: "micro-gw.conf", text },
    fileFolder: "/etc/gateway",
    workingFolder: "/srv/gateway",
    ...more,
  });
}

/** The findings of a load, one line each. */
export async function linesFrom(text: string, more: Partial<SettingsSources> = {}): Promise<readonly string[]> {
  return (await settingsFrom(text, more)).report.lines();
}
