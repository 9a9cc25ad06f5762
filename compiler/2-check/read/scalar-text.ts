import { isScalar, parseDocument } from "yaml";
import type { SourceDocument, SourceRef } from "../../model/source.ts";

/** A number as its author wrote it: `1.0` where the parsed value is 1. Reads the whole file, so only for the rare case. */
export function sourceText(document: SourceDocument | undefined, ref: SourceRef): string | undefined {
  if (document === undefined) return undefined;
  const path = ref.pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  const node = parseDocument(document.text).getIn(path, true);
  return isScalar(node) ? node.source : undefined;
}
