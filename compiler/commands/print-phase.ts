/** The result of a phase as JSON with sorted keys: maps as lists of pairs, places instead of cursors. */
export function printPhase(value: unknown): string {
  return `${JSON.stringify(plain(value), undefined, 2)}\n`;
}

function plain(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(([key, item]) => [plain(key), plain(item)]);
  if (value instanceof Set) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "bigint" || value instanceof Date) return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (isCursor(value)) return { ref: value.ref };
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, plain(item)]),
  );
}

function isCursor(value: object): value is { readonly ref: unknown } {
  return "ref" in value && "get" in value && "items" in value;
}
