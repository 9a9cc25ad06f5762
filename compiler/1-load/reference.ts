/** A `$ref` as text, taken apart. */
export type ReferenceTarget =
  | { readonly kind: "project"; readonly file: string; readonly pointer: string }
  /** `http:`, `https:` or any other scheme: never fetched. */
  | { readonly kind: "remote" }
  /** An absolute path, or one that leaves the project folder: never read. */
  | { readonly kind: "outside" }
  /** Neither: `#Pet` (an anchor) or a broken pointer. */
  | { readonly kind: "malformed" };

/** Where `reference`, written in `from`, points to. Decides by the text alone; nothing is read. */
export function parseReference(from: string, reference: string): ReferenceTarget {
  const hash = reference.indexOf("#");
  const path = hash < 0 ? reference : reference.slice(0, hash);
  const fragment = hash < 0 ? "" : reference.slice(hash + 1);
  if (/^[a-z][a-z0-9+.-]+:/i.test(path) && !/^file:/i.test(path)) return { kind: "remote" };
  if (path.startsWith("//")) return { kind: "remote" };
  const file = path === "" ? from : joinInside(from, decode(path));
  if (file === undefined) return { kind: "outside" };
  const pointer = fragment === "/" ? "" : decode(fragment);
  if (pointer !== "" && !pointer.startsWith("/")) return { kind: "malformed" };
  return { kind: "project", file, pointer };
}

/** The own member of an object or element of an array that a pointer token names. */
export function memberOf(value: unknown, token: string): { readonly value: unknown } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) {
    if (!/^(0|[1-9][0-9]{0,8})$/.test(token)) return undefined;
    const index = Number(token);
    return index < value.length ? { value: value[index] } : undefined;
  }
  return Object.hasOwn(value, token) ? { value: (value as Record<string, unknown>)[token] } : undefined;
}

/** The text of an object's own `$ref`; undefined when it has none (a property named `$ref` holds an object, not text). */
export function referenceIn(value: unknown): string | undefined {
  const found = Array.isArray(value) ? undefined : memberOf(value, "$ref")?.value;
  return typeof found === "string" ? found : undefined;
}

function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a key may hold a bare `%`
  }
}

function joinInside(from: string, path: string): string | undefined {
  if (path.startsWith("/") || path.includes("\\") || /^(file|[a-z]):/i.test(path) || path.includes("\0"))
    return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}
