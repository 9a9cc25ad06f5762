import type { Sources } from "./locate.ts";
import type { Diagnostic } from "./log.ts";
import { printable } from "./printable.ts";

/**
 * Diagnostics as workflow commands of GitHub Actions, which shows them as annotations. `folder` is the project folder
 * relative to the repository, because annotations want paths of the repository.
 */
export function renderGithub(diagnostics: readonly Diagnostic[], sources: Sources, folder = ""): string {
  return diagnostics
    .map(({ code, severity, message, hint, place }) => {
      const span = sources.locate(place);
      const { file } = place.ref;
      const properties: [string, string | number][] = [];
      if (file !== "") properties.push(["file", joinPath(folder, file)]);
      if (span !== undefined) {
        properties.push(["line", span.line], ["col", span.column]);
        // A column to end at means something on one line only.
        if (span.endLine === span.line) properties.push(["endColumn", span.endColumn]);
        else properties.push(["endLine", span.endLine]);
      }
      properties.push(["title", code]);
      const text = hint === undefined ? printable(message) : `${printable(message)}\nhint: ${printable(hint)}`;
      const command = severity === "note" ? "notice" : severity;
      return workflowCommand(command, properties, text);
    })
    .join("");
}

/** One annotation. `text` may have several lines, each of them printable. */
export function workflowCommand(
  command: "error" | "warning" | "notice",
  properties: readonly (readonly [name: string, value: string | number])[],
  text: string,
): string {
  const written = properties.map(([name, value]) => `${name}=${escapeProperty(printable(String(value)))}`);
  return `::${command} ${written.join(",")}::${escapeData(text)}\n`;
}

/** `shop` and `policies.yaml` -> `shop/policies.yaml`. */
export function joinPath(folder: string, file: string): string {
  const clean = folder.replaceAll("\\", "/").replace(/^(\.\/)+|\/+$/g, "");
  return clean === "" || clean === "." ? file : `${clean}/${file}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
