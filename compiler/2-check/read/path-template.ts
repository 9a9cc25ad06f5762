import { canonicalSegment } from "../../../runtime-lib/request-path.ts";
import type { PathSegment } from "../../model/checked-project.ts";

export type PathTemplate =
  | { readonly kind: "segments"; readonly segments: readonly PathSegment[]; readonly slashAdded: boolean }
  /** Not a template that anyone could route. */
  | { readonly kind: "malformed"; readonly problem: string }
  /** Well formed, but no request that the gateway accepts has this path. */
  | { readonly kind: "unmatchable"; readonly problem: string };

type Parameter = Extract<PathSegment, { kind: "parameter" }>;

interface Options {
  /** One slash at the end is not part of the path, as in the original's matching. */
  readonly ignoreTrailingSlash: boolean;
  /** Requests may hold `%2F`. */
  readonly encodedSlash: boolean;
}

const impossible =
  "it has text that no accepted request holds: a dot segment, ;, or an encoded slash, backslash or control";

/** Reads a path template (T-OAS-16, 17); literals in the form in which requests are matched. */
export function parsePathTemplate(path: string, options: Options): PathTemplate {
  if (/[?#]/.test(path)) {
    const sign = path.includes("?") ? "?" : "#";
    return { kind: "unmatchable", problem: `a request's path ends before "${sign}"` };
  }
  const slashAdded = !path.startsWith("/");
  const parts = (slashAdded ? `/${path}` : path).slice(1).split("/");
  // No segment stands before the slash of `/`: it is the base path itself, with and without it.
  if (parts.at(-1) === "" && (options.ignoreTrailingSlash || parts.length === 1)) parts.pop();
  const segments: PathSegment[] = [];
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    // Where the last slash is none, the one before it is no end of a path, either.
    if (part === "" && (!last || options.ignoreTrailingSlash))
      return { kind: "unmatchable", problem: "it has an empty segment (//)" };
    // `{rest*}` is what RFC 6570 makes of the same, with a name (K-19).
    if (part === "*" || /^\{[^{}*]+\*\}$/.test(part)) {
      if (!last) return { kind: "malformed", problem: `${part} may stand only at the end, as /${part}` };
      segments.push({ kind: "wildcard" });
      continue;
    }
    const segment = /[{}]/.test(part) ? parseParameter(part, options) : parseLiteral(part, options);
    if (segment === undefined) return { kind: "unmatchable", problem: impossible };
    if (typeof segment === "string") return { kind: "malformed", problem: segment };
    segments.push(segment);
  }
  return { kind: "segments", segments, slashAdded };
}

function parseLiteral(part: string, options: Options): PathSegment | undefined {
  const text = /^\.{1,2}$/.test(part) ? undefined : canonical(part, options);
  return text === undefined || /^\.{1,2}$/.test(text) ? undefined : { kind: "literal", text };
}

/** `{name}` with text before, after and, with several parameters, between. Text says what is wrong with it. */
function parseParameter(part: string, options: Options): Parameter | string | undefined {
  if (!/^([^{}]*\{[^{}]*\})+[^{}]*$/.test(part)) return "its braces do not match";
  const pieces: { text: string; name: string }[] = [];
  for (const [, text = "", name = ""] of part.matchAll(/([^{}]*)\{([^{}]*)\}/g)) {
    if (name.trim() === "") return "a parameter has no name";
    if (pieces.length > 0 && text === "") return "two parameters stand side by side without text between";
    const found = canonical(text, options);
    if (found === undefined) return undefined;
    pieces.push({ text: found, name });
  }
  const suffix = canonical(part.slice(part.lastIndexOf("}") + 1), options);
  const [first, second, ...rest] = pieces;
  if (first === undefined || suffix === undefined) return undefined;
  const more = second && { more: [second, ...rest] as const };
  return { kind: "parameter", name: first.name, prefix: first.text, suffix, ...more };
}

/** Literal text in the form in which requests are matched; `undefined` when no request can hold it. */
function canonical(text: string, options: Options): string | undefined {
  // A letter before it keeps a lone dot from being read as a dot segment.
  const found = canonicalSegment(`x${text}`)?.slice(1);
  return found?.includes("%2F") && !options.encodedSlash ? undefined : found;
}
