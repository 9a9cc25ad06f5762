import { createHash } from "node:crypto";
import type { Change } from "../diff/change.ts";

/**
 * `d1-` and 32 hexadecimal digits over all that a group of changes says of itself: code, values on both sides, and every
 * operation concerned. One operation more or less, or another value, is another fingerprint. Places do not count.
 */
export function fingerprintOf(changes: readonly Change[]): string {
  const said = changes
    .map(({ code, verdict, aspect, subject, message, before, after, step }) =>
      JSON.stringify([
        code,
        verdict,
        aspect,
        subject?.basePath ?? null,
        subject?.method ?? null,
        subject?.template ?? null,
        message,
        before ?? null,
        after ?? null,
        step ?? null,
      ]),
    )
    .sort();
  return `d1-${createHash("sha256").update(said.join("\n")).digest("hex").slice(0, 32)}`;
}
