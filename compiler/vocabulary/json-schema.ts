import type { MapTerm, Term } from "./term.ts";

/** A JSON Schema of draft 7, which editors know best. Members in the order in which they are read best. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const dialect = "http://json-schema.org/draft-07/schema#";

/** Only numbers of digits: what the checks take as one. */
const digits = "^\\s*-?\\d+(\\.\\d+)?\\s*$";

/** The schema of a whole file. `markdownDescription` is what editors show; `description` is for all others. */
export function fileSchema(title: string, schema: JsonSchema): JsonSchema {
  return { $schema: dialect, title, ...schema };
}

/** Terms that stand in several places, by the name under `definitions` that they are printed under. */
export type Shared = ReadonlyMap<Term, string>;

const nothing: Shared = new Map();

/** What a term takes, as JSON Schema can say it: never less than the checks take. */
export function schemaOf(term: Term, shared: Shared = nothing): JsonSchema {
  const name = shared.get(term);
  // Draft 7 takes nothing beside a $ref.
  const shape = name === undefined ? shapeOf(term, shared) : { allOf: [{ $ref: `#/definitions/${name}` }] };
  return { ...shown(term.doc), ...shape, ...(term.default !== undefined && { default: term.default }) };
}

/** The shared terms themselves. */
export function definitionsOf(shared: Shared): JsonSchema {
  return Object.fromEntries([...shared].map(([term, name]) => [name, shapeOf(term, shared)]));
}

export function shown(doc: string): JsonSchema {
  return doc.includes("`") ? { description: doc.replaceAll("`", ""), markdownDescription: doc } : { description: doc };
}

function shapeOf(term: Term, shared: Shared): JsonSchema {
  switch (term.kind) {
    case "any":
      return {};
    case "text":
      return {
        type: "string",
        pattern: term.pattern ?? "\\S",
        ...(term.example !== undefined && { examples: [term.example] }),
      };
    case "flag":
      return term.only === undefined ? { type: "boolean" } : { const: term.only };
    case "number": {
      const { min, max, whole } = term.range;
      const number = { type: whole ? "integer" : "number", minimum: min, ...(max !== undefined && { maximum: max }) };
      return { anyOf: [number, { type: "string", pattern: digits }] };
    }
    case "word":
      return term.anyCase === true
        ? // The words stand first for completion; the pattern takes them in other cases.
          { anyOf: [{ enum: term.words }, { type: "string", pattern: anyCase(term.words) }] }
        : { anyOf: [{ enum: term.words }, { type: "string", pattern: padded(term.words) }] };
    case "list":
      return { type: "array", items: schemaOf(term.of, shared), ...(term.min !== undefined && { minItems: term.min }) };
    case "map":
      return mapShape(term, shared);
    case "either":
      return { anyOf: term.of.map((one) => schemaOf(one, shared)) };
    default:
      return term satisfies never;
  }
}

function mapShape({ keys, required, others }: MapTerm, shared: Shared): JsonSchema {
  const properties = Object.fromEntries(Object.entries(keys).map(([key, term]) => [key, schemaOf(term, shared)]));
  const more = others === "refused" ? false : others === "ignored" ? true : schemaOf(others, shared);
  return {
    type: "object",
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(required !== undefined && { required }),
    // A map from names: without one it says nothing.
    ...(Object.keys(properties).length === 0 && { minProperties: 1 }),
    ...(more !== true && { additionalProperties: more }),
  };
}

/** Blanks around a word are cut off. */
function padded(words: readonly string[]): string {
  return `^\\s*(${words.map(escaped).join("|")})\\s*$`;
}

function anyCase(words: readonly string[]): string {
  const one = (letter: string) => (/[a-z]/i.test(letter) ? `[${letter.toLowerCase()}${letter.toUpperCase()}]` : letter);
  return `^\\s*(${words.map((each) => [...escaped(each)].map(one).join("")).join("|")})\\s*$`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
