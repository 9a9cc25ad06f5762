import type { DiagnosticLog } from "../diagnostics/log.ts";
import type { ToolkitConfig } from "../model/loaded-project.ts";
import { rootCursor } from "./cursor.ts";
import type { DocumentStore } from "./document-store.ts";
import { SettingReader } from "./setting-reader.ts";

const file = "conf/toolkit-config.toml";

/** T-CFG-10: what the original ships, and what an absent key means. */
const shippedCors = {
  allowOrigins: ["*"],
  allowHeaders: ["authorization", "Access-Control-Allow-Origin", "Content-Type", "SOAPAction"],
  allowMethods: ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"],
};

/** Reads `[codeGen]` and `[corsConfiguration]` (T-CFG-09 to 12). `[client]` and `[token]` belong to `import`. */
export async function loadToolkitConfig(store: DocumentStore, log: DiagnosticLog): Promise<ToolkitConfig> {
  const document = await store.load(file);
  const root = document && rootCursor(store.documents, file);
  new SettingReader(root, log).rejectOthers(
    ["client", "codeGen", "corsConfiguration", "token"],
    "toolkit-setting-unknown",
  );
  const codeGen = new SettingReader(root?.raw("codeGen"), log, "codeGen");
  codeGen.rejectOthers(["apiFaultResponses", "globalFaultResponses"], "toolkit-setting-unknown");
  const cors = new SettingReader(root?.raw("corsConfiguration"), log, "corsConfiguration");
  cors.rejectOthers(
    [
      "accessControlAllowCredentials",
      "accessControlAllowHeaders",
      "accessControlAllowMethods",
      "accessControlAllowOrigins",
      "accessControlExposeHeaders",
      "corsConfigurationEnabled",
    ],
    "toolkit-setting-unknown",
  );
  const facts = {
    allowOrigins: cors.strings("accessControlAllowOrigins") ?? shippedCors.allowOrigins,
    allowMethods: cors.strings("accessControlAllowMethods") ?? shippedCors.allowMethods,
    allowHeaders: cors.strings("accessControlAllowHeaders") ?? shippedCors.allowHeaders,
    exposeHeaders: cors.strings("accessControlExposeHeaders") ?? [],
    allowCredentials: cors.boolean("accessControlAllowCredentials") ?? false,
  };
  const anyOrigin = facts.allowOrigins.length === 0 || facts.allowOrigins.join() === "*";
  const credentials = cors.place("accessControlAllowCredentials");
  if (facts.allowCredentials && anyOrigin && credentials !== undefined)
    log.report("cors-credentials-for-any", credentials, {});
  return {
    apiFaultResponses: codeGen.boolean("apiFaultResponses") ?? false,
    globalFaultResponses: codeGen.boolean("globalFaultResponses") ?? false,
    builtinCors: cors.boolean("corsConfigurationEnabled") === true ? facts : undefined,
  };
}
