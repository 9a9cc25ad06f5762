import type { DiagnosticLog } from "../diagnostics/log.ts";
import type { CompileHost } from "../host.ts";
import type { ServiceDefinition } from "../model/loaded-project.ts";
import { rootCursor } from "./cursor.ts";
import { type DocumentStore, listFiles } from "./document-store.ts";

/**
 * Loads the services of every `.proto` file, at any depth (T-PRJ-06). A file of messages alone has none (T-GRPC-14).
 * `found`: files, usable or not.
 */
export async function loadServices(
  store: DocumentStore,
  host: CompileHost,
  log: DiagnosticLog,
): Promise<{ readonly services: readonly ServiceDefinition[]; readonly found: number }> {
  const files = (await listFiles(host, "grpc_definitions", log)).filter((file) =>
    /(^|\/)[^./][^/]*\.proto$/.test(file),
  );
  const services: ServiceDefinition[] = [];
  for (const file of files) {
    await store.load(file);
    const document = rootCursor(store.documents, file);
    const fileOptions = document?.raw("options");
    for (const [, root] of document?.raw("services")?.entries() ?? []) services.push({ file, root, fileOptions });
  }
  return { services, found: files.length };
}
