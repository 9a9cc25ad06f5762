import type { SpecFinding } from "../model/loaded-project.ts";
import type { SourceDocument } from "../model/source.ts";

export function specFindings(_document: SourceDocument, _version: "2.0" | "3.0" | "3.1"): readonly SpecFinding[] {
  return [];
}
