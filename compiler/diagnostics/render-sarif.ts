import { catalogue, type Severity } from "./catalogue.ts";
import type { Sources } from "./locate.ts";
import type { Diagnostic } from "./log.ts";
import type { Place } from "./place.ts";
import { printableJson } from "./printable.ts";
import { joinPath } from "./render-github.ts";

export interface SarifOptions {
  /** Of castgate. */
  readonly version: string;
  /** The project folder relative to the repository: URIs are relative to the repository. */
  readonly folder?: string | undefined;
}

/** Diagnostics as a SARIF 2.1.0 log: every code of the catalogue is a rule, each diagnostic a result. */
export function renderSarif(
  diagnostics: readonly Diagnostic[],
  sources: Sources,
  { version, folder = "" }: SarifOptions,
): string {
  const codes = Object.keys(catalogue).sort() as (keyof typeof catalogue)[];
  const location = (place: Place) => physicalLocation(place, sources, folder);
  const document = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "castgate",
            semanticVersion: version,
            rules: codes.map((code) => {
              const { explanation, severity } = catalogue[code];
              const level = typeof severity === "string" ? severity : severity["wso2-3.2"];
              return {
                id: code,
                fullDescription: { text: explanation },
                help: { text: explanation },
                defaultConfiguration: { level: levelOf(level) },
              };
            }),
          },
        },
        columnKind: "utf16CodeUnits",
        results: diagnostics.map(({ code, severity, message, hint, place, related }) => ({
          ruleId: code,
          ruleIndex: codes.indexOf(code),
          level: levelOf(severity),
          message: { text: hint === undefined ? message : `${message}\nHint: ${hint}` },
          locations: location(place).map((physical) => ({ physicalLocation: physical })),
          ...(related.length === 0
            ? {}
            : {
                relatedLocations: related.flatMap((other, index) =>
                  location(other.place).map((physical) => ({
                    id: index + 1,
                    message: { text: other.label },
                    physicalLocation: physical,
                  })),
                ),
              }),
        })),
      },
    ],
  };
  return `${printableJson(document)}\n`;
}

function levelOf(severity: Severity): "error" | "warning" | "note" {
  return severity;
}

function physicalLocation(place: Place, sources: Sources, folder: string) {
  const { file } = place.ref;
  if (file === "") return [];
  const span = sources.locate(place);
  const artifactLocation = { uri: relativeUri(joinPath(folder, file)) };
  if (span === undefined) return [{ artifactLocation }];
  const { line, column, endLine, endColumn } = span;
  return [{ artifactLocation, region: { startLine: line, startColumn: column, endLine, endColumn } }];
}

/** A path as a relative URI reference. */
export function relativeUri(path: string): string {
  const uri = path
    .replaceAll(/\p{Cs}/gu, "\ufffd")
    .split("/")
    .map(encodeURIComponent)
    .join("/");
  return uri.startsWith("/") ? `.${uri}` : uri;
}
