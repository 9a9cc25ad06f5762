/**
 * Web pages that may use an API key, as `permittedReferer` has them: patterns with commas between, in which `*` stands for any
 * text without blanks. A pattern without a scheme fits pages of any. What a client says here nobody can verify: the list keeps
 * a key from being used on other people's pages, not from being stolen (S-SEC-04).
 */
export class RefererList {
  readonly #patterns: readonly (readonly string[])[];

  private constructor(patterns: readonly (readonly string[])[]) {
    this.#patterns = patterns;
  }

  /** Undefined: a pattern is empty or has characters that no URL has. */
  static parse(text: string): RefererList | undefined {
    const patterns = text.split(",").map((pattern) => pattern.trim());
    if (!patterns.every((pattern) => /^[\x21-\x7e]+$/.test(pattern))) return undefined;
    return new RefererList(patterns.map((pattern) => pattern.split("*")));
  }

  /** `referer` is the field's value; without one nothing fits. */
  holds(referer: string | undefined): boolean {
    if (referer === undefined || !/^[\x21-\x7e]+$/.test(referer)) return false;
    const scheme = referer.indexOf("://");
    const bare = scheme < 0 ? referer : referer.slice(scheme + 3);
    return this.#patterns.some((parts) => fits(parts, referer) || fits(parts, bare));
  }
}

/** The parts in order, the first at the beginning and the last at the end; each is found once, so that no text is costly. */
function fits(parts: readonly string[], text: string): boolean {
  const first = parts[0] as string;
  if (parts.length === 1) return text === first;
  const last = parts[parts.length - 1] as string;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= text.length - last.length;
}
