/**
 * The first value of a query parameter, decoded; undefined when there is none. Names are compared decoded: `api%5Fkey`
 * is `api_key` for a backend, so it is here too. `query` with its `?`, or empty.
 */
export function queryValue(query: string, name: string): string | undefined {
  if (query.length < 2) return undefined;
  for (const part of query.slice(1).split("&")) {
    const equals = part.indexOf("=");
    const key = equals < 0 ? part : part.slice(0, equals);
    if (decoded(key) === name) return equals < 0 ? "" : decoded(part.slice(equals + 1));
  }
  return undefined;
}

/** A name or value of a query as a backend decodes it; as it stands when it cannot be. */
export function decoded(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
