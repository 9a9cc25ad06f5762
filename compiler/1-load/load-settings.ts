import { type Code, catalogue } from "../diagnostics/catalogue.ts";
import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at } from "../diagnostics/place.ts";
import { suggest } from "../diagnostics/suggest.ts";
import type { ProjectSettings } from "../model/loaded-project.ts";
import { type FeatureName, featureNames } from "../model/names.ts";
import { compatibilityWord, projectKeys } from "../vocabulary/project-settings.ts";
import { rootCursor } from "./cursor.ts";
import type { DocumentStore } from "./document-store.ts";
import { loadAccepted } from "./load-accepted.ts";
import { loadLevels } from "./load-levels.ts";
import { SettingReader } from "./setting-reader.ts";

const file = "castgate.yaml";

/**
 * Reads castgate.yaml and tells the log the compatibility. Without the file the project is a migrated one, whose meaning
 * is the original's; a file that does not name a compatibility changes nothing about that.
 */
export async function loadSettings(
  store: DocumentStore,
  log: DiagnosticLog,
): Promise<{ readonly name: string | undefined; readonly settings: ProjectSettings }> {
  const document = await store.load(file);
  const root = document && rootCursor(store.documents, file);
  const reader = new SettingReader(root, log);
  const compatibility = reader.oneOf("compatibility", compatibilityWord.words) ?? "wso2-3.2";
  log.compatibility = compatibility;
  reader.rejectOthers(projectKeys, "setting-unknown");
  const name = reader.string("name");
  const usable = name !== undefined && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) && !name.endsWith(".");
  const nameRef = root?.raw("name")?.ref;
  if (name !== undefined && !usable && nameRef !== undefined) {
    log.report("setting-value", at(nameRef), {
      key: "name",
      value: name,
      expected: "up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit",
    });
  }
  log.levels = loadLevels(root?.raw("diagnostics"), log);
  const ignore = reader.strings("ignore") ?? [];
  for (const [index, code] of ignore.entries()) checkIgnored(code, { file, pointer: `/ignore/${index}` }, log);
  return {
    name: usable ? name : undefined,
    settings: {
      compatibility,
      features: featuresOf(reader.strings("features") ?? [], log),
      ignore,
      accepted: loadAccepted(root?.raw("accepted"), log),
      denyWarnings: reader.boolean("deny-warnings") ?? false,
    },
  };
}

/** In the original's meaning every feature is there: the list then changes nothing. */
function featuresOf(names: readonly string[], log: DiagnosticLog): readonly FeatureName[] {
  const found = new Set<FeatureName>();
  for (const [index, name] of names.entries()) {
    const feature = featureNames.find((candidate) => candidate === name);
    if (feature !== undefined) found.add(feature);
    else {
      const expected = featureNames.join(", ");
      log.report("setting-value", at({ file, pointer: `/features/${index}` }), {
        key: "features",
        value: name,
        expected,
      });
    }
  }
  return [...found].sort();
}

function checkIgnored(code: string, ref: { file: string; pointer: string }, log: DiagnosticLog): void {
  if (!Object.hasOwn(catalogue, code)) {
    const suggestion = suggest(code, Object.keys(catalogue));
    log.report("ignore-unknown", at(ref), { code, ...(suggestion === undefined ? {} : { suggestion }) });
    return;
  }
  const { severity } = catalogue[code as Code];
  const grade = typeof severity === "string" ? severity : severity[log.compatibility];
  if (grade !== "warning") log.report("ignore-useless", at(ref), { code, severity: grade });
}
