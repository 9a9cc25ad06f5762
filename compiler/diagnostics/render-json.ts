import type { Sources } from "./locate.ts";
import type { Diagnostic } from "./log.ts";
import type { Place } from "./place.ts";
import { printableJson } from "./printable.ts";
import { countBySeverity } from "./summary.ts";

/**
 * Diagnostics for programs: `{ version: 1, summary, diagnostics }`. Lines and columns start at 1, columns count UTF-16
 * units, ends are exclusive. Files are project-relative; what has no place in a file has none of these members.
 */
export function renderJson(diagnostics: readonly Diagnostic[], sources: Sources): string {
  const { error, warning, note } = countBySeverity(diagnostics);
  const document = {
    version: 1,
    summary: { errors: error, warnings: warning, notes: note },
    diagnostics: diagnostics.map(({ code, severity, message, hint, place, related }) => ({
      code,
      severity,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...describe(place, sources),
      ...(related.length === 0
        ? {}
        : { related: related.map((other) => ({ label: other.label, ...describe(other.place, sources) })) }),
    })),
  };
  return `${printableJson(document)}\n`;
}

function describe(place: Place, sources: Sources) {
  const { file, pointer } = place.ref;
  if (file === "") return {};
  const span = sources.locate(place);
  if (span === undefined) return { file };
  const { line, column, endLine, endColumn } = span;
  return {
    file,
    line,
    column,
    endLine,
    endColumn,
    ...(place.range === undefined || pointer !== "" ? { pointer } : {}),
  };
}
