/**
 * JSON in the canonical form of RFC 8785: members sorted by UTF-16 code units, no white space, numbers and strings as
 * ECMAScript prints them. What YAML and TOML can say and JSON cannot (dates, infinities, big integers, values that hold
 * themselves) becomes a string, so that every parsed document has a canonical form.
 */
export function canonicalJson(value: unknown): string {
  return print(value, new Set());
}

function print(value: unknown, open: Set<object>): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(String(value));
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return JSON.stringify(String(value));
    case "object":
      return value === null ? "null" : printObject(value, open);
    default:
      return "null";
  }
}

function printObject(value: object, open: Set<object>): string {
  if (value instanceof Date) return JSON.stringify(value.toJSON());
  if (open.has(value)) return '"(holds itself)"';
  open.add(value);
  const text = Array.isArray(value)
    ? `[${value.map((item) => print(item, open)).join(",")}]`
    : `{${members(value, open).join(",")}}`;
  open.delete(value);
  return text;
}

function members(value: object, open: Set<object>): string[] {
  const own = value as Readonly<Record<string, unknown>>;
  return Object.keys(own)
    .filter((key) => own[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${print(own[key], open)}`);
}
