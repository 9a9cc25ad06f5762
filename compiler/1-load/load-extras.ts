import type { DiagnosticLog } from "../diagnostics/log.ts";
import { at } from "../diagnostics/place.ts";
import { type CompileHost, HostError } from "../host.ts";
import type { ProjectExtras } from "../model/loaded-project.ts";
import type { Cursor, SourceRef } from "../model/source.ts";
import { rootCursor } from "./cursor.ts";
import { type DocumentStore, listFiles } from "./document-store.ts";
import { doesNothing } from "./untouched-extension.ts";

/** T-PRJ-03: what the original's `init` puts there. */
const initExtensions = new Set(
  ["extension_filter", "startup_extension", "token_revocation_extension"].map((name) => `extensions/${name}.bal`),
);

/** Finds what asks for features of its own: code, filters, images and deployments. */
export async function loadExtras(store: DocumentStore, host: CompileHost, log: DiagnosticLog): Promise<ProjectExtras> {
  const codeFiles: string[] = [];
  for (const folder of ["extensions", "interceptors", "lib"]) {
    for (const file of await listFiles(host, folder, log)) {
      if (!/\.(bal|jar)$/i.test(file)) continue;
      if (initExtensions.has(file) && (await isUntouched(file, host))) continue;
      codeFiles.push(file);
    }
  }
  const document = await store.load("conf/deployment-config.toml");
  const root = document && rootCursor(store.documents, document.file);
  return {
    codeFiles: codeFiles.sort(),
    filters: readFilters(root, log),
    deployments: ["docker", "kubernetes"].flatMap((name) => {
      const ref = enabledIn(root?.raw(name));
      return ref === undefined ? [] : [{ name, ref }];
    }),
  };
}

async function isUntouched(file: string, host: CompileHost): Promise<boolean> {
  try {
    const text = await host.read(file);
    return text === undefined || doesNothing(text);
  } catch (error) {
    if (error instanceof HostError) return false;
    throw error;
  }
}

function readFilters(root: Cursor | undefined, log: DiagnosticLog): ProjectExtras["filters"] {
  const filters = root?.raw("filters");
  if (filters === undefined) return [];
  if (!Array.isArray(filters.value)) {
    log.report("setting-type", at(filters.ref), { key: "filters", expected: "a list of tables: [[filters]]" });
    return [];
  }
  return filters.items().map((filter, index) => {
    const name = filter.raw("name")?.value;
    return { name: typeof name === "string" ? name : `number ${index + 1}`, ref: filter.ref };
  });
}

/** The first `enable = true` below a table; the original also takes the word in quotes. */
function enabledIn(table: Cursor | undefined): SourceRef | undefined {
  for (const [key, member] of table?.entries() ?? []) {
    if (key === "enable" && (member.value === true || member.value === "true")) return member.ref;
    const below = enabledIn(member);
    if (below !== undefined) return below;
  }
  return undefined;
}
