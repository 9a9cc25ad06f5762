import { joinPath } from "../../diagnostics/render-github.ts";
import type { SidePlace } from "../side.ts";
import type { GeneratedPlace, SideFacts } from "./report.ts";

/** `shop/policies.yaml:3:5`, `HEAD~1:shop/policies.yaml:3:5`; of a bundle, what was its input: `policies.yaml:3:5 of shop.cjs`. */
export function placeText(side: SideFacts, place: SidePlace): string {
  const { file, line, column, pointer } = place;
  const at = line === undefined ? `#${pointer}` : column === undefined ? `:${line}` : `:${line}:${column}`;
  return side.kind === "bundle" ? `${file}${at} of ${side.name}` : `${fileText(side, file)}${at}`;
}

/** `shop/generated/shop-v1/items.ts:31`; in a bundle, the line of the bundle. */
export function generatedText(side: SideFacts, { file, line }: GeneratedPlace): string {
  return `${side.kind === "bundle" ? side.name : fileText(side, `generated/${file}`)}:${line}`;
}

/** A file of a side as a path of the repository, as annotations want it; undefined where it has none. */
export function repositoryFile(side: SideFacts, file: string): string | undefined {
  switch (side.kind) {
    case "bundle":
      return undefined;
    case "revision":
      return joinPath(side.name.slice(side.name.indexOf(":") + 1), file);
    case "project":
      return joinPath(side.folder, file);
    default:
      return side.kind satisfies never;
  }
}

function fileText({ name, kind }: SideFacts, file: string): string {
  if (kind !== "revision") return joinPath(name, file);
  return name.endsWith(":") || name.endsWith("/") ? `${name}${file}` : `${name}/${file}`;
}
