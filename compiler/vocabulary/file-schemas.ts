import type { SettingSpec } from "../../runtime-lib/settings-schema.ts";
import { endpointTerm } from "./endpoint.ts";
import { definitionTerm, operationTerm } from "./extensions.ts";
import { definitionsOf, fileSchema, type JsonSchema, type Shared, schemaOf, shown } from "./json-schema.ts";
import { policiesTerm } from "./policies.ts";
import { projectSettingsTerm } from "./project-settings.ts";
import { grantTexts, settingTexts, unreadText } from "./run-time-settings.ts";
import type { MapTerm } from "./term.ts";

/** What the schemas need to know besides: it is decided elsewhere. */
export interface Vocabulary {
  /** Codes of warnings, by what they mean. */
  readonly warnings: ReadonlyMap<string, string>;
  readonly features: readonly string[];
  readonly methods: readonly string[];
  /** `settingsSchema` of the runtime. */
  readonly settings: ReadonlyMap<string, SettingSpec>;
}

/** The schemas that editors use, by file name. */
export function editorSchemas(vocabulary: Vocabulary): ReadonlyMap<string, JsonSchema> {
  return new Map([
    ["castgate.schema.json", projectSchema(vocabulary)],
    ["definition.schema.json", definitionSchema(vocabulary.methods)],
    ["micro-gw.schema.json", settingsFileSchema(vocabulary.settings)],
    ["policies.schema.json", fileSchema("policies.yaml", schemaOf(policiesTerm))],
  ]);
}

function projectSchema({ warnings, features }: Vocabulary): JsonSchema {
  const schema = schemaOf(projectSettingsTerm([...warnings.keys()], features));
  const properties = schema.properties as Readonly<Record<string, JsonSchema>>;
  const items = { enum: [...warnings.keys()], markdownEnumDescriptions: [...warnings.values()] };
  return fileSchema("castgate.yaml", {
    ...schema,
    properties: { ...properties, ignore: { ...properties.ignore, items } },
  });
}

/** Of a definition only the extensions: the rest is OpenAPI's to say. */
function definitionSchema(methods: readonly string[]): JsonSchema {
  const pathItem = {
    type: "object",
    properties: Object.fromEntries(
      methods.map((method) => [method.toLowerCase(), { $ref: "#/definitions/operation" }]),
    ),
    // Neither reads any.
    patternProperties: { "^x-(wso2|castgate)-": false },
  };
  const { properties, ...root } = extensions(definitionTerm);
  return fileSchema("Extensions of an OpenAPI definition", {
    ...root,
    properties: {
      ...properties,
      paths: { type: "object", additionalProperties: { $ref: "#/definitions/pathItem" } },
    },
    definitions: { operation: extensions(operationTerm), pathItem, ...definitionsOf(sharedTerms) },
  });
}

const sharedTerms: Shared = new Map([[endpointTerm, "endpoint"]]);

/** Keys of ours and of the original that nobody reads at this place are marked; all others are somebody else's. */
function extensions(term: MapTerm): JsonSchema & { readonly properties: JsonSchema } {
  const known = Object.keys(term.keys).join("|");
  const schema = schemaOf(term, sharedTerms);
  return {
    ...schema,
    properties: schema.properties as JsonSchema,
    patternProperties: { [`^(?!(?:${known})$)x-(wso2|castgate)-`]: false },
  };
}

interface Table {
  readonly own: Map<string, Table>;
  spec?: SettingSpec;
  name: string;
}

/** The settings of a bundle, as nested tables. */
function settingsFileSchema(settings: Vocabulary["settings"]): JsonSchema {
  const root: Table = { own: new Map(), name: "" };
  for (const [name, spec] of settings) {
    let table = root;
    for (const step of name.replaceAll("[]", ".[]").split(".")) {
      const next = table.own.get(step) ?? { own: new Map(), name: "" };
      table.own.set(step, next);
      table = next;
    }
    table.spec = spec;
    table.name = name;
  }
  // Overrides of endpoints stand at the top, under names that only a project knows.
  return fileSchema("Run-time settings (micro-gw.conf)", { ...tableSchema(root), additionalProperties: true });
}

function tableSchema(table: Table): JsonSchema {
  const { own, spec } = table;
  const element = own.get("[]");
  if (element !== undefined) return { type: "array", items: tableSchema(element) };
  if (own.size === 0) return spec === undefined ? {} : settingSchema(table.name, spec);
  const named = own.get("*");
  const properties = Object.fromEntries(
    [...own].filter(([key]) => key !== "*").map(([key, one]) => [key, tableSchema(one)]),
  );
  return {
    type: "object",
    ...(Object.keys(properties).length > 0 && { properties }),
    additionalProperties: named === undefined ? false : tableSchema(named),
  };
}

/** Any value may also be taken from the environment. */
const fromEnvironment = { type: "string", pattern: "@env:\\{" };

function settingSchema(name: string, spec: SettingSpec): JsonSchema {
  const text = spec.ignored !== undefined ? unreadText : (settingTexts[name] ?? grantText(name));
  return {
    ...(text !== undefined && shown(text)),
    anyOf: [valueSchema(spec), fromEnvironment],
    ...(spec.default !== undefined && { default: spec.default }),
  };
}

/** What explains a setting; undefined: nothing does, which a test refuses. */
export function grantText(name: string): string | undefined {
  return /^keymanager\.security\.oauth2\.\w+\.(\w+)$/.exec(name)?.[1]?.replace(/^.*$/, (key) => grantTexts[key] ?? "");
}

function valueSchema(spec: SettingSpec): JsonSchema {
  const { min, max, oneOf, pattern } = spec;
  const text = {
    type: "string",
    ...(oneOf !== undefined && { pattern: `^(${oneOf.map(inAnyCase).join("|")})$`, examples: oneOf }),
  };
  switch (spec.type) {
    case "boolean":
      return { type: "boolean" };
    case "integer":
    case "number":
      return {
        type: spec.type,
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && { maximum: max }),
      };
    case "list":
    case "texts":
      return { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] };
    case "path":
    case "string":
      return {
        ...text,
        ...(oneOf === undefined && pattern !== undefined && !pattern[0].ignoreCase && { pattern: pattern[0].source }),
      };
    default:
      return spec.type satisfies never;
  }
}

function inAnyCase(word: string): string {
  return [...word]
    .map((letter) => (/[a-z]/i.test(letter) ? `[${letter.toLowerCase()}${letter.toUpperCase()}]` : letter))
    .join("");
}
