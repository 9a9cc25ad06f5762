import { at } from "../../diagnostics/place.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import type { ApiFacts } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { ownEndpointKeys } from "../../vocabulary/endpoint.ts";
import { originalKeys, ownKeys } from "../../vocabulary/extensions.ts";
import { keyPlace, keysOf } from "../read/values.ts";
import type { CheckContext, Rule } from "./rule.ts";

type Level = "api" | "path" | "operation";

const read: Readonly<Record<Level, readonly string[]>> = { ...originalKeys, path: [] };
const ours: Readonly<Record<Level, readonly string[]>> = { ...ownKeys, path: [] };
/** Where those of ours stand, for those who put them elsewhere. */
const homes = new Map([
  ...ownEndpointKeys.map((key): [string, string] => [key, "in an endpoint, beside its urls"]),
  ...ownKeys.api.map((key): [string, string] => [key, homeOf(key)]),
]);

function homeOf(key: string): string {
  const also = ownKeys.operation.includes(key) ? " and in an operation" : "";
  return `at the top of the definition${also}`;
}

/** Extensions that nobody reads: misspelt, at the wrong level, or of an older product (T-EXT-19). */
export const extensionKeys: Rule = {
  codes: ["castgate-extension-unknown", "extension-legacy", "extension-misplaced", "extension-unknown"],
  check(context) {
    for (const api of context.apis) {
      checkKeys(context, api.root, "api");
      for (const item of pathItems(api)) checkKeys(context, item, "path");
      for (const operation of api.operations) checkKeys(context, operation.node, "operation");
    }
  },
};

function pathItems(api: ApiFacts): readonly Cursor[] {
  return (api.root.get("paths")?.entries() ?? []).flatMap(([path, item]) => (path.startsWith("x-") ? [] : [item]));
}

function checkKeys({ log }: CheckContext, map: Cursor, level: Level): void {
  for (const key of keysOf(map)) {
    if (key[0] !== "x" && key[0] !== "X") continue;
    const folded = key.toLowerCase().replaceAll("_", "-");
    if (folded.startsWith("x-mgw-")) log.report("extension-legacy", keyPlace(map, key), { key });
    else if (folded.startsWith("x-castgate-")) {
      if (ours[level].includes(key)) continue;
      const home = homes.get(key);
      const suggestion = suggest(key, ours[level]);
      log.report("castgate-extension-unknown", keyPlace(map, key), {
        key,
        ...(suggestion && { suggestion }),
        ...(home && { home }),
      });
    } else if (folded.startsWith("x-wso2-")) {
      if (read[level].includes(key)) continue;
      if (read.api.includes(key)) {
        const levels = read.operation.includes(key)
          ? "at the top of the definition and in an operation"
          : "at the top of the definition";
        log.report("extension-misplaced", keyPlace(map, key), { key, levels });
        continue;
      }
      const suggestion = read.api.find((known) => known.toLowerCase() === folded) ?? suggest(key, read.api);
      log.report("extension-unknown", at(map.raw(key)?.ref ?? map.ref, "key"), {
        key,
        ...(suggestion && { suggestion }),
      });
    }
  }
}
