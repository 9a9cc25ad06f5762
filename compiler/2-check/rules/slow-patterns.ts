import { at } from "../../diagnostics/place.ts";
import type { SourceDocument, SourceRef } from "../../model/source.ts";
import { type BlowUp, findBlowUp } from "../regular-expressions/blow-up.ts";
import type { Rule } from "./rule.ts";

/** Of each definition this many are listed; the last one says how many more there are. */
const listedAtMost = 10;

/** `pattern`s of schemas that a caller can make run for very long: each with a text that does it. */
export const slowPatterns: Rule = {
  codes: ["pattern-slow"],
  check({ loaded, log }) {
    const judged = new Map<string, BlowUp | undefined>();
    for (const document of loaded.documents.values()) {
      const found = patternsOf(document).flatMap(({ ref, pattern }) => {
        if (!judged.has(pattern)) judged.set(pattern, isUsable(pattern) ? findBlowUp(pattern) : undefined);
        const blowUp = judged.get(pattern);
        return blowUp === undefined ? [] : [{ ref, blowUp }];
      });
      const left = found.length - listedAtMost;
      for (const [index, { ref, blowUp }] of found.slice(0, listedAtMost).entries()) {
        const { growth, prefix, pump, suffix } = blowUp;
        const more = left > 0 && index === listedAtMost - 1 ? { more: String(left) } : {};
        log.report("pattern-slow", at(ref), {
          growth,
          attack: `${quoted(prefix)} + ${quoted(pump)}.repeat(${growth === "exponential" ? 40 : 4000}) + ${quoted(suffix)}`,
          ...more,
        });
      }
    }
  },
};

function quoted(text: string): string {
  return JSON.stringify(text);
}

function isUsable(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}

/** Each pattern once, where it first stands. */
export function patternsOf({
  file,
  format,
  value,
}: SourceDocument): readonly { readonly ref: SourceRef; readonly pattern: string }[] {
  if (format !== "json" && format !== "yaml") return [];
  const found = new Map<string, SourceRef>();
  const seen = new Set<object>();
  const path: string[] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null || seen.has(node)) return;
    seen.add(node);
    for (const key of Object.keys(node)) {
      const member = (node as Readonly<Record<string, unknown>>)[key];
      // What an example or an extension calls so is none of ours.
      if (typeof member === "string") {
        if (key === "pattern" && !found.has(member)) found.set(member, { file, pointer: pointerOf([...path, key]) });
      } else if (key !== "example" && key !== "examples" && !key.startsWith("x-")) {
        path.push(key);
        walk(member);
        path.pop();
      }
    }
  };
  walk(value);
  return [...found].map(([pattern, ref]) => ({ ref, pattern }));
}

function pointerOf(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
