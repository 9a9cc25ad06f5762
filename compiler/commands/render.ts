import { packageVersion } from "../6-bundle/package-root.ts";
import type { CompileResult } from "../compile.ts";
import { renderGithub } from "../diagnostics/render-github.ts";
import { renderJson } from "../diagnostics/render-json.ts";
import { renderPretty } from "../diagnostics/render-pretty.ts";
import { renderSarif } from "../diagnostics/render-sarif.ts";

export const formats = ["pretty", "json", "github", "sarif"] as const;
export type Format = (typeof formats)[number];

/** Diagnostics in one of the formats. `folder`: the project relative to where annotations are shown, `""` for there. */
export function renderDiagnostics(format: Format, result: CompileResult, folder: string, color: boolean): string {
  const { diagnostics, sources } = result;
  switch (format) {
    case "pretty":
      return renderPretty(diagnostics, sources, { color });
    case "json":
      return renderJson(diagnostics, sources);
    case "github":
      return renderGithub(diagnostics, sources, folder);
    case "sarif":
      return renderSarif(diagnostics, sources, { version: packageVersion(), folder });
  }
}
