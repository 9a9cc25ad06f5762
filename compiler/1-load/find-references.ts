import { escapeToken } from "./pointer.ts";

/** A `$ref` and where it stands. */
export interface FoundReference {
  readonly reference: string;
  /** Of the `$ref` member itself. */
  readonly pointer: string;
  /** The path whose whole path item it stands for: without its target, routes are lost. */
  readonly path: string | undefined;
  /** Members beside the `$ref` of a path item. */
  readonly siblings: readonly string[];
}

/** What the keys of an object are: names of the specification, names that the author chose, or mere data. */
type Context = "object" | "names" | "examples" | "data";

/** Members whose keys the author chose. */
const nameMaps = new Set([
  "$defs",
  "callbacks",
  "content",
  "definitions",
  "dependentSchemas",
  "encoding",
  "headers",
  "links",
  "parameters",
  "pathItems",
  "paths",
  "patternProperties",
  "properties",
  "requestBodies",
  "responses",
  "schemas",
  "securityDefinitions",
  "securitySchemes",
  "variables",
  "webhooks",
]);

/** Members that hold data: a `$ref` there is not a reference. */
const dataMembers = new Set(["const", "default", "enum", "example", "mapping", "scopes"]);

/** Every `$ref` of a document that means a reference, in document order; those in examples, defaults and `x-` data do not. */
export function findReferences(root: unknown): readonly FoundReference[] {
  const found: FoundReference[] = [];
  const path: (string | number)[] = [];
  const pointer = () => path.map((token) => `/${typeof token === "number" ? token : escapeToken(token)}`).join("");
  const visit = (value: unknown, context: Context): void => {
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) {
        path.push(index);
        visit(value[index], context === "names" ? "object" : context);
        path.pop();
      }
      return;
    }
    const members = value as Record<string, unknown>;
    if (Object.hasOwn(members, "$ref") && typeof members.$ref === "string") {
      const isPathItem = path.length === 2 && path[0] === "paths";
      found.push({
        reference: members.$ref,
        pointer: `${pointer()}/$ref`,
        path: isPathItem ? String(path[1]) : undefined,
        siblings: isPathItem ? Object.keys(members).filter((key) => key !== "$ref") : [],
      });
    }
    if (context === "examples") return;
    for (const key of Object.keys(members)) {
      const below = contextOf(key, context);
      if (below === "data") continue;
      path.push(key);
      if (below === "examples") {
        const examples = members[key];
        if (typeof examples === "object" && examples !== null && !Array.isArray(examples)) {
          for (const [name, example] of Object.entries(examples)) {
            path.push(name);
            visit(example, "examples");
            path.pop();
          }
        }
      } else visit(members[key], below);
      path.pop();
    }
  };
  visit(root, "object");
  return found;
}

function contextOf(key: string, context: Context): Context {
  if (context === "names") return "object";
  if (key === "examples") return "examples";
  if (dataMembers.has(key)) return "data";
  if (key.startsWith("x-")) return key.startsWith("x-wso2-") || key.startsWith("x-castgate-") ? "object" : "data";
  return nameMaps.has(key) ? "names" : "object";
}
