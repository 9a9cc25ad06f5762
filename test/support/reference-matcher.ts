/**
 * What a request must meet, worked out the slow and obvious way: every template is tried on its own, then the matches are
 * compared. It shares no code with the compiler or the runtime, so that agreement means something.
 */
export interface ReferenceRules {
  /** `wso2-3.2`: one trailing slash and `;name=value` are not matched. */
  readonly compatibility: "wso2-3.2" | "standard";
  /** The API opted in to `%2F` inside a parameter. */
  readonly allowEncodedSlash?: boolean;
}

export type ReferenceVerdict =
  /** The target is refused before any route is looked for. */
  | { readonly kind: "bad-request" }
  | { readonly kind: "unknown" }
  /** The most specific template that matches; its methods decide, no other template is asked. */
  | { readonly kind: "route"; readonly template: string };

/** A matcher over the path templates of one API. Give it a request target below the base path: `/pets/1?x=y`. */
export function referenceMatcher(
  templates: readonly string[],
  rules: ReferenceRules,
): (target: string) => ReferenceVerdict {
  const known = templates.map((template) => ({ template, parts: readTemplate(template, rules) }));
  return (target) => {
    const segments = readTarget(target, rules);
    if (segments === undefined) return { kind: "bad-request" };
    const [best] = known
      .filter(({ parts }) => fits(parts, segments))
      .sort((a, b) => compareSpecificity(a.parts, b.parts));
    return best === undefined ? { kind: "unknown" } : { kind: "route", template: best.template };
  };
}

/** The path and query that a backend sees: percent-encoding in its one normal spelling, all else as it came. */
export function referenceForward(target: string): string {
  const [path = "", ...query] = target.split("?");
  const spelt = path.replace(/%([0-9A-Fa-f]{2})/g, (triplet, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
  });
  return [spelt, ...query].join("?");
}

type Part =
  | { readonly kind: "literal"; readonly text: string }
  /** Something non-empty stands between each two texts: `["", "...", ""]` for `{base}...{head}`. */
  | { readonly kind: "parameter"; readonly texts: readonly string[] }
  | { readonly kind: "wildcard" };

function readTemplate(template: string, rules: ReferenceRules): readonly Part[] {
  const texts = template.split("/").slice(1);
  if (texts.at(-1) === "" && (texts.length === 1 || rules.compatibility === "wso2-3.2")) texts.pop();
  return texts.map((text, index): Part => {
    if (text === "*" && index === texts.length - 1) return { kind: "wildcard" };
    const pieces = text.split(/\{[^{}]*\}/).map((piece) => canonical(encodeNonAscii(piece)));
    return pieces.length === 1 ? { kind: "literal", text: pieces[0] as string } : { kind: "parameter", texts: pieces };
  });
}

/** The segments of a request target; undefined when two parties could read it differently. */
function readTarget(target: string, rules: ReferenceRules): readonly string[] | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(target) || target.includes("#")) return undefined;
  const path = target.split("?")[0] as string;
  if (path.includes("\\") || /%(?![0-9A-Fa-f]{2})/.test(path)) return undefined;
  if (/%(0[0-9A-F]|1[0-9A-F]|7F|5C)/i.test(path)) return undefined;
  if (/%2F/i.test(path) && rules.allowEncodedSlash !== true) return undefined;
  try {
    decodeURIComponent(path);
  } catch {
    return undefined;
  }
  const texts = path.slice(1).split("/");
  if (texts.at(-1) === "" && (texts.length === 1 || rules.compatibility === "wso2-3.2")) texts.pop();
  const segments: string[] = [];
  for (const [index, text] of texts.entries()) {
    // A trailing slash of `standard` is an empty last segment; that of `wso2-3.2` is gone already, a second one is not.
    if (text === "" && (index < texts.length - 1 || rules.compatibility === "wso2-3.2")) return undefined;
    const plain = canonical(text);
    const pieces = plain.replace(/%2F/g, "/").split("/");
    if (pieces.some((piece) => /^(\.|\.\.)(;.*|%3B.*)?$/.test(piece))) return undefined;
    if (plain.includes(";") && rules.compatibility === "standard") return undefined;
    const matched = plain.split(";")[0] as string;
    if (matched === "" && text !== "") return undefined;
    segments.push(matched);
  }
  return segments;
}

function fits(parts: readonly Part[], segments: readonly string[]): boolean {
  const open = parts.at(-1)?.kind === "wildcard";
  const fixed = open ? parts.slice(0, -1) : parts;
  if (open ? segments.length < fixed.length : segments.length !== fixed.length) return false;
  return fixed.every((part, index) => {
    const segment = segments[index] as string;
    if (part.kind === "literal") return segment === part.text;
    if (part.kind === "wildcard") return false;
    return holds(segment, part.texts);
  });
}

/** Whether a segment is these texts with something non-empty between each two: every way to cut it is tried. */
function holds(segment: string, [text = "", ...others]: readonly string[]): boolean {
  if (!segment.startsWith(text)) return false;
  const rest = segment.slice(text.length);
  if (others.length === 0) return rest === "";
  return Array.from(rest, (_, index) => index).some((index) => holds(rest.slice(index + 1), others));
}

/** Negative when `a` is the more specific of two templates that match the same segments: the leftmost difference decides. */
function compareSpecificity(a: readonly Part[], b: readonly Part[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = rank(b[index]) - rank(a[index]);
    if (difference !== 0) return difference;
    const [one, other] = [a[index], b[index]];
    if (one?.kind === "parameter" && other?.kind === "parameter") {
      const byText = compareTexts(one.texts, other.texts);
      if (byText !== 0) return byText;
    }
  }
  return 0;
}

/** Longer text at the front, longer text at the end, more texts, and at last plain order. */
function compareTexts(a: readonly string[], b: readonly string[]): number {
  const length = (texts: readonly string[], index: number) => (texts.at(index) as string).length;
  return (
    length(b, 0) - length(a, 0) ||
    length(b, -1) - length(a, -1) ||
    b.length - a.length ||
    (a.join("1") === b.join("1") ? 0 : a.join("1") < b.join("1") ? -1 : 1)
  );
}

function rank(part: Part | undefined): number {
  if (part === undefined || part.kind === "literal") return 3;
  if (part.kind === "wildcard") return 0;
  return part.texts.join("") === "" && part.texts.length === 2 ? 1 : 2;
}

/** One spelling for all spellings of a segment: printable ASCII decoded unless it would then mean something else. */
function canonical(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (triplet, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[\x21-\x7e]/.test(character) && !"/;%?#\\".includes(character) ? character : triplet.toUpperCase();
  });
}

function encodeNonAscii(text: string): string {
  return text.replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}
