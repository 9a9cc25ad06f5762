/**
 * One notion of path. A request target is parsed here, once; the router, the checks, the logs and the backend URL all
 * use the result. Pure: the compiler imports it too, so that a literal of a definition and a request meet in one form.
 *
 * Two forms of one path:
 * - `raw`, which is forwarded: as the client sent it, but percent-encoded unreserved characters are decoded and hex
 *   digits are upper case (RFC 3986 sections 6.2.2.1 and 6.2.2.2: the same path, spelt in one way);
 * - `segments`, which are matched: also every other printable ASCII character is decoded, except those that would then
 *   mean something else: `/`, `;`, `%`, `?`, `#`. What matches `/@me` is thus what a decoding backend takes for `/@me`.
 *
 * Whatever two parties could read differently is rejected, never repaired: see `PathFlaw`.
 */
export interface RequestPath {
  /** The path as it is forwarded, without the query. Starts with `/`. */
  readonly raw: string;
  /** The query with its `?`, exactly as it came; `""` when there is none. */
  readonly query: string;
  /** All segments, for matching. A trailing slash is no segment where it is ignored, else the last one is `""`. */
  readonly segments: readonly string[];
  /** For each segment, where it ends in `raw` (its matrix parameters included). */
  readonly ends: readonly number[];
  /** No `%` and no `;`: `raw` and `segments` are spelt alike. */
  readonly plain: boolean;
  /** Holds a `%2F`, which only an API that opted in may serve. */
  readonly encodedSlash: boolean;
}

/** Why a request target is answered with 400. */
export type PathFlaw =
  | "not a path"
  | "fragment"
  | "dot segment"
  | "empty segment"
  | "backslash"
  | "encoded slash"
  | "matrix parameter"
  | "illegal character"
  | "bad percent-encoding"
  | "bad UTF-8";

/** What differs between gateways. */
export interface PathRules {
  /** `;name=value` in a segment passes and is not matched (`wso2-3.2`), else it is refused. */
  readonly matrixParameters: boolean;
  /** One trailing slash is not matched (`wso2-3.2`, R-RTE-03). */
  readonly ignoreTrailingSlash: boolean;
  /** Some API may be called with `%2F`; `under` then decides which. */
  readonly encodedSlash: boolean;
}

/** The rules of a compatibility. */
export function pathRules(compatibility: "wso2-3.2" | "standard", encodedSlash: boolean): PathRules {
  const original = compatibility === "wso2-3.2";
  return { matrixParameters: original, ignoreTrailingSlash: original, encodedSlash };
}

const slash = 0x2f;
const question = 0x3f;
const percent = 0x25;
const semicolon = 0x3b;
const dot = 0x2e;

/** Per ASCII code: 0 ordinary, 1 needs the careful parser, 2 illegal as it stands. */
const classes = new Uint8Array(256).fill(2);
for (let c = 0x21; c < 0x7f; c++) classes[c] = 0;
classes[percent] = 1;
classes[semicolon] = 1;
classes[0x23] = 2; // #
classes[0x5c] = 2; // \

/** Parses a request target in origin-form. A string is the reason of a rejection. */
export function parseRequestTarget(target: string, rules: PathRules): RequestPath | PathFlaw {
  if (target.charCodeAt(0) !== slash) return "not a path";
  const segments: string[] = [];
  const ends: number[] = [];
  const length = target.length;
  let start = 1;
  let i = 1;
  let pathEnd = length;
  for (; i <= length; i++) {
    const c = i === length ? question : target.charCodeAt(i);
    if (c === slash || c === question) {
      if (i === start) {
        if (c === slash) return "empty segment";
        if (i > 1 && !rules.ignoreTrailingSlash) {
          segments.push("");
          ends.push(i);
        }
      } else {
        if (i - start < 3 && isDots(target, start, i)) return "dot segment";
        segments.push(target.slice(start, i));
        ends.push(i);
      }
      if (c === question) {
        pathEnd = i;
        break;
      }
      start = i + 1;
    } else {
      const kind = c < 256 ? classes[c] : 2;
      if (kind === 1) return parseCarefully(target, rules);
      if (kind === 2) return illegal(c);
    }
  }
  const query = parseQuery(target, pathEnd);
  if (query === undefined) return queryFlaw(target, pathEnd);
  return {
    raw: pathEnd === length ? target : target.slice(0, pathEnd),
    query,
    segments,
    ends,
    plain: true,
    encodedSlash: false,
  };
}

/**
 * How many segments of the path the base path covers; -1: the path does not lie at or below it. Base paths are in the
 * form of `canonicalSegment`; a trailing slash of theirs says nothing.
 */
export function depthBelow(path: RequestPath, basePath: string): number {
  if (basePath === "/") return 0;
  const { raw, segments, ends } = path;
  if (path.plain) {
    if (!raw.startsWith(basePath)) return -1;
    const length = basePath.charCodeAt(basePath.length - 1) === 0x2f ? basePath.length - 1 : basePath.length;
    for (let i = 0; i < ends.length; i++) if (ends[i] === length) return i + 1;
    return -1;
  }
  const base = basePath.split("/");
  if (base[base.length - 1] === "") base.pop();
  for (let i = 1; i < base.length; i++) if (segments[i - 1] !== base[i]) return -1;
  return base.length - 1;
}

/** A literal segment of a definition in the form in which request segments are matched; undefined when no request can match it. */
export function canonicalSegment(text: string): string | undefined {
  let target = "/";
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    target += c === 0x20 ? "%20" : c < 128 ? text[i] : encodeCharacter(text, i);
    if (c >= 0xd800 && c < 0xdc00) i++;
  }
  const path = parseRequestTarget(target, { matrixParameters: false, ignoreTrailingSlash: false, encodedSlash: true });
  if (typeof path === "string" || path.segments.length !== 1 || path.query !== "") return undefined;
  return path.segments[0];
}

function encodeCharacter(text: string, index: number): string {
  try {
    return encodeURIComponent(String.fromCodePoint(text.codePointAt(index) as number));
  } catch {
    return "%"; // a lone surrogate: the parser refuses it
  }
}

/** The query from its `?` on; undefined when it holds what no URI may hold. Its percent-encoding is the backend's business. */
function parseQuery(target: string, from: number): string | undefined {
  if (from === target.length) return "";
  for (let i = from + 1; i < target.length; i++) {
    const c = target.charCodeAt(i);
    if (c <= 0x20 || c >= 0x7f || c === 0x23) return undefined;
  }
  return target.slice(from);
}

function queryFlaw(target: string, from: number): PathFlaw {
  return target.indexOf("#", from) === -1 ? "illegal character" : "fragment";
}

function illegal(c: number): PathFlaw {
  if (c === 0x23) return "fragment";
  return c === 0x5c ? "backslash" : "illegal character";
}

function isDots(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) !== dot) return false;
  return end > start && end - start < 3;
}

/** The same with percent-encoding and `;`: builds both forms character by character. */
function parseCarefully(target: string, rules: PathRules): RequestPath | PathFlaw {
  const segments: string[] = [];
  const ends: number[] = [];
  let raw = "/";
  let matched = "";
  let inMatrix = false;
  let segmentStart = 1; // in raw
  let partStart = 0; // in matched: a part ends at `;` or an encoded slash, and must not be a dot segment
  let encodedSlash = false;
  let utf8 = 0; // continuation bytes to come
  let utf8Low = 0x80; // range of the next one
  let utf8High = 0xbf;
  let partOpen = true; // still in what decides about dot segments
  const length = target.length;
  let i = 1;
  for (; i <= length; i++) {
    const c = i === length ? question : target.charCodeAt(i);
    if (utf8 > 0 && c !== percent) return "bad UTF-8";
    if (c === slash || c === question) {
      if (partOpen && isDots(matched, partStart, matched.length)) return "dot segment";
      if (raw.length === segmentStart) {
        if (c === slash) return "empty segment";
        if (raw.length > 1 && !rules.ignoreTrailingSlash) {
          segments.push("");
          ends.push(raw.length);
        }
      } else {
        if (matched === "") return "empty segment"; // nothing but matrix parameters
        segments.push(matched);
        ends.push(raw.length);
      }
      if (c === question) break;
      raw += "/";
      matched = "";
      inMatrix = false;
      partOpen = true;
      partStart = 0;
      segmentStart = raw.length;
      continue;
    }
    if (c === semicolon) {
      // `..;` is a dot segment for a backend that drops matrix parameters, whatever `;` means here.
      if (partOpen && isDots(matched, partStart, matched.length)) return "dot segment";
      // Servlet containers drop what follows, others take it for a part of the name: two readings of one path.
      if (!rules.matrixParameters) return "matrix parameter";
      partOpen = false;
      inMatrix = true;
      raw += ";";
      continue;
    }
    if (c !== percent) {
      if (c > 255 || classes[c] === 2) return illegal(c);
      raw += target[i];
      if (!inMatrix) matched += target[i];
      continue;
    }
    const byte = hexByte(target, i);
    if (byte < 0) return "bad percent-encoding";
    i += 2;
    if (utf8 > 0) {
      if (byte < utf8Low || byte > utf8High) return "bad UTF-8";
      utf8--;
      utf8Low = 0x80;
      utf8High = 0xbf;
    } else if (byte >= 0x80) {
      // RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
      if (byte < 0xc2 || byte > 0xf4) return "bad UTF-8";
      utf8 = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      if (byte === 0xe0) utf8Low = 0xa0;
      else if (byte === 0xed) utf8High = 0x9f;
      else if (byte === 0xf0) utf8Low = 0x90;
      else if (byte === 0xf4) utf8High = 0x8f;
    } else if (byte < 0x20 || byte === 0x7f) {
      return "illegal character";
    } else if (byte === 0x5c) {
      return "backslash";
    } else if (byte === slash) {
      // In a matrix parameter it is matched by nobody: whoever decodes first sees more segments than were checked.
      if (!rules.encodedSlash || inMatrix) return "encoded slash";
      if (isDots(matched, partStart, matched.length)) return "dot segment";
      encodedSlash = true;
    } else if (byte === semicolon && partOpen && isDots(matched, partStart, matched.length)) {
      return "dot segment"; // `..%3B`
    }
    const encoded = `%${upperHex[byte >> 4]}${upperHex[byte & 15]}`;
    const character = String.fromCharCode(byte);
    raw += isUnreserved(byte) ? character : encoded;
    if (!inMatrix) matched += decodesForMatching(byte) ? character : encoded;
    if (byte === slash) {
      partOpen = true;
      partStart = matched.length;
    }
  }
  const query = parseQuery(target, i);
  if (query === undefined) return queryFlaw(target, i);
  return { raw, query, segments, ends, plain: false, encodedSlash };
}

const upperHex = "0123456789ABCDEF";

function hexByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at + 1));
  const low = hexDigit(text.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  if (c >= 0x41 && c <= 0x46) return c - 0x37;
  if (c >= 0x61 && c <= 0x66) return c - 0x57;
  return -1;
}

function isUnreserved(c: number): boolean {
  return (
    (c >= 0x30 && c <= 0x39) ||
    (c >= 0x41 && c <= 0x5a) ||
    (c >= 0x61 && c <= 0x7a) ||
    c === 0x2d ||
    c === dot ||
    c === 0x5f ||
    c === 0x7e
  );
}

function decodesForMatching(c: number): boolean {
  return c > 0x20 && c < 0x7f && c !== slash && c !== semicolon && c !== percent && c !== question && c !== 0x23;
}
