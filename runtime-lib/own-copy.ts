/** For texts up to a third of its size. A copy is made at once, so one buffer serves all. */
const scratch = Buffer.allocUnsafeSlow(32_768);

/**
 * The same text, for whoever keeps it: what came in may be a part of a longer one, and would keep all of that alive.
 * Surrogates without their other half become U+FFFD.
 */
export function ownCopy(text: string): string {
  if (text.length * 3 > scratch.length) return Buffer.from(text, "utf8").toString("utf8");
  return scratch.toString("utf8", 0, scratch.write(text, "utf8"));
}
