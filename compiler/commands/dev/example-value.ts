import type { Cursor } from "../../model/source.ts";

/** Schemas can hold themselves: below this depth only what is plain is filled in. */
const depthLimit = 6;

/**
 * A value that a schema describes: its example, default or first allowed word where it has one, else the simplest of its
 * type. For mocks and sample requests; no promise that every constraint holds.
 */
export function exampleOf(schema: Cursor | undefined, depth = 0): unknown {
  if (schema === undefined) return {};
  for (const key of ["example", "const", "default"]) {
    const given = schema.raw(key);
    if (given !== undefined) return given.value;
  }
  const first = schema.raw("examples")?.items()[0] ?? schema.raw("enum")?.items()[0];
  if (first !== undefined) return first.value;
  const parts = schema.get("allOf")?.items() ?? [];
  if (parts.length > 0) return mergeParts([...parts.map((part) => exampleOf(part, depth + 1)), ofType(schema, depth)]);
  const choice = schema.get("oneOf")?.items()[0] ?? schema.get("anyOf")?.items()[0];
  return choice === undefined ? ofType(schema, depth) : exampleOf(choice, depth + 1);
}

function ofType(schema: Cursor, depth: number): unknown {
  switch (typeOf(schema)) {
    case "string":
      return exampleText(textOf(schema.raw("format")));
    case "integer":
    case "number":
      return numberOf(schema.raw("minimum")) ?? 1;
    case "boolean":
      return true;
    case "null":
      return null;
    case "array":
      return depth >= depthLimit ? [] : [exampleOf(schema.get("items"), depth + 1)];
    default:
      return exampleObject(schema, depth);
  }
}

function typeOf(schema: Cursor): string | undefined {
  const type = schema.raw("type");
  const stated = type?.items().find(({ value }) => value !== "null")?.value ?? type?.value;
  if (typeof stated === "string") return stated;
  return schema.raw("items") === undefined ? undefined : "array";
}

function exampleObject(schema: Cursor, depth: number): object {
  if (depth >= depthLimit) return {};
  const properties = schema.get("properties")?.entries() ?? [];
  return Object.fromEntries(properties.map(([name, property]) => [name, exampleOf(property, depth + 1)]));
}

function exampleText(format: string | undefined): string {
  switch (format) {
    case "date-time":
      return "2024-01-31T12:00:00Z";
    case "date":
      return "2024-01-31";
    case "uuid":
      return "123e4567-e89b-42d3-a456-426614174000";
    case "email":
      return "someone@example.com";
    case "uri":
    case "url":
      return "https://example.com/";
    case "ipv4":
      return "192.0.2.1";
    case "byte":
      return "dGV4dA==";
    default:
      return "string";
  }
}

function mergeParts(values: readonly unknown[]): unknown {
  const objects = values.filter((value) => typeof value === "object" && value !== null && !Array.isArray(value));
  if (objects.length === 0) return values[0];
  return Object.fromEntries(objects.flatMap((value) => Object.entries(value as object)));
}

function textOf(cursor: Cursor | undefined): string | undefined {
  return typeof cursor?.value === "string" ? cursor.value : undefined;
}

function numberOf(cursor: Cursor | undefined): number | undefined {
  return typeof cursor?.value === "number" ? cursor.value : undefined;
}
