import type { DiagnosticLog } from "../diagnostics/log.ts";
import type { CompileHost } from "../host.ts";
import type { Cursor } from "../model/source.ts";
import { rootCursor } from "./cursor.ts";
import { type DocumentStore, listFiles } from "./document-store.ts";

/** Loads `policies/*.xml`: tiers in the format of API Manager's `tiers.xml`. Sorted by name. */
export async function loadTierFiles(
  store: DocumentStore,
  host: CompileHost,
  log: DiagnosticLog,
): Promise<readonly Cursor[]> {
  const files = (await listFiles(host, "policies", log)).filter((file) => /^policies\/[^./][^/]*\.xml$/i.test(file));
  const found: Cursor[] = [];
  for (const file of files) {
    await store.load(file);
    const root = rootCursor(store.documents, file);
    if (root !== undefined) found.push(root);
  }
  return found;
}
