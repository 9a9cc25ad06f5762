import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at } from "../diagnostics/place.ts";
import type { CompileHost } from "../host.ts";
import type { LoadedProject } from "../model/loaded-project.ts";
import { rootCursor } from "./cursor.ts";
import { DocumentStore, kindOf } from "./document-store.ts";
import { loadDefinitions } from "./load-definitions.ts";
import { loadExtensions } from "./load-extensions.ts";
import { loadExtras } from "./load-extras.ts";
import { checkLevelPlaces } from "./load-levels.ts";
import { loadServices } from "./load-services.ts";
import { loadSettings } from "./load-settings.ts";
import { loadTierFiles } from "./load-tier-files.ts";
import { loadToolkitConfig } from "./load-toolkit-config.ts";

/**
 * Reads everything that a project consists of. `root` is the project folder as the user named it, and only gives the
 * project its name: all files are read through `host`. Undefined, and reported, when there is no project to speak of; a
 * file that cannot be used is reported and left out.
 */
export async function loadProject(
  root: string,
  host: CompileHost,
  log: DiagnosticLog,
): Promise<LoadedProject | undefined> {
  const folderName = root.split(/[\\/]/).findLast((part) => part !== "" && part !== ".") ?? "gateway";
  const kind = await kindOf(host, "");
  if (kind !== "folder") {
    log.report(kind === "file" ? "project-not-a-folder" : "project-missing", at({ file: "", pointer: "" }), {
      project: folderName,
    });
    return undefined;
  }
  const store = new DocumentStore(host, log);
  await reportMisnamed(host, log);
  // First: how grave the rest is depends on `compatibility`.
  const { name, settings } = await loadSettings(store, log);
  log.ignored = new Set(settings.ignore);
  log.denyWarnings ||= settings.denyWarnings;
  const policies = await store.load("policies.yaml");
  const tierFiles = await loadTierFiles(store, host, log);
  const toolkit = await loadToolkitConfig(store, log);
  const extras = await loadExtras(store, host, log);
  const { extensions, code } = await loadExtensions(host, log);
  const definitions = await loadDefinitions(store, host, log);
  const services = await loadServices(store, host, log);
  checkLevelPlaces(log, store.documents);
  if (definitions.found === 0 && services.found === 0) {
    log.report("nothing-to-compile", at({ file: "", pointer: "" }), {});
  }
  return {
    name: name ?? folderName,
    settings,
    documents: store.documents,
    definitions: definitions.definitions,
    services: services.services,
    policies: policies && rootCursor(store.documents, policies.file),
    tierFiles,
    toolkit,
    extensions,
    code,
    extras,
  };
}

/** Files that look like the ones that are read, where those are absent: their settings would silently not apply. */
async function reportMisnamed(host: CompileHost, log: DiagnosticLog): Promise<void> {
  for (const [expected, others] of lookAlikes) {
    if ((await kindOf(host, expected)) !== undefined) continue;
    for (const file of others) {
      if ((await kindOf(host, file)) === "file") {
        log.report("file-misnamed", at({ file, pointer: "" }), { file, expected });
      }
    }
  }
}

const lookAlikes = [
  ["castgate.yaml", ["castgate.json", "castgate.toml", "castgate.yml"]],
  ["policies.yaml", ["policies.json", "policies.yml"]],
] as const;
