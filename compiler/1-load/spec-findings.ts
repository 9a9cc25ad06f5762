import { createRequire } from "node:module";
import type { ErrorObject } from "ajv";
import type { Definition, SpecFinding } from "../model/loaded-project.ts";
import type { SourceDocument } from "../model/source.ts";
import { resolveReference } from "./cursor.ts";
import { childPointer, escapeToken } from "./pointer.ts";
import { memberOf, referenceIn } from "./reference.ts";
import { validatorFor } from "./spec-validators.ts";

const require = createRequire(import.meta.url);

/** More help nobody. */
const maxFindings = 1000;

/**
 * What the OpenAPI specification has against a definition: its JSON schema, and for Swagger 2.0 the rules that the schema
 * cannot say. One finding a place, by pointer. Never throws, fetches nothing, leaves the document as it is; references
 * are not followed here (a dangling one is found elsewhere). 41 MB with 22,361 operations take 0.9 s.
 */
export function specFindings(
  document: SourceDocument,
  version: Definition["version"],
  documents: ReadonlyMap<string, SourceDocument>,
): readonly SpecFinding[] {
  const found = new Map<string, SpecFinding>();
  const add = (pointer: string, message: string, target?: SpecFinding["target"]) => {
    const key = `${pointer} ${target ?? ""}`;
    if (!found.has(key)) found.set(key, { ref: { file: document.file, pointer }, message, ...(target && { target }) });
  };
  try {
    for (const { pointer, message, target } of schemaProblems(document.value, version)) {
      add(pointer, message, target);
      if (found.size < maxFindings) continue;
      add("", `there are more than ${maxFindings} findings; the rest was not looked at`);
      break;
    }
  } catch (error) {
    add("", `the definition cannot be validated: ${error instanceof Error ? error.message : "unknown reason"}`);
  }
  if (version === "2.0") {
    for (const { pointer, message } of swagger2Problems(document, documents)) {
      if (found.size <= maxFindings) add(pointer, message, "key");
    }
  }
  return [...found.values()].sort((a, b) =>
    a.ref.pointer < b.ref.pointer ? -1 : a.ref.pointer > b.ref.pointer ? 1 : 0,
  );
}

interface Problem {
  readonly pointer: string;
  readonly message: string;
  readonly target?: SpecFinding["target"];
}

function* schemaProblems(value: unknown, version: Definition["version"]): Generator<Problem> {
  const validate = validatorFor(version);
  for (const part of parts(value, version)) {
    if (validate(part)) continue;
    const errors = validate.errors ?? [];
    validate.errors = null;
    for (const error of withoutConsequences(outermostChoices(errors))) yield explain(error);
  }
}

/** Members of a large map that are validated at a time: the validator's time grows with the square of the errors. */
const chunkSize = 100;

/** The definition, cut so that each place is in one part; a small one is its only part. */
function* parts(value: unknown, version: Definition["version"]): Generator<unknown> {
  const paths = largeMap(memberOf(value, "paths")?.value);
  const definitions = version === "2.0" ? largeMap(memberOf(value, "definitions")?.value) : undefined;
  const components = version === "2.0" ? undefined : memberOf(value, "components")?.value;
  const schemas = largeMap(memberOf(components, "schemas")?.value);
  if (paths === undefined && definitions === undefined && schemas === undefined) {
    yield value;
    return;
  }
  yield {
    ...(value as object),
    ...(paths && { paths: {} }),
    ...(definitions && { definitions: {} }),
    ...(schemas && { components: { ...(components as object), schemas: {} } }),
  };
  const frame = {
    ...(version === "2.0" ? { swagger: "2.0" } : { openapi: `${version}.0` }),
    info: { title: "part", version: "1" },
    paths: {},
  };
  for (const chunk of chunks(paths)) yield { ...frame, paths: chunk };
  for (const chunk of chunks(definitions)) yield { ...frame, definitions: chunk };
  for (const chunk of chunks(schemas)) yield { ...frame, components: { schemas: chunk } };
}

function largeMap(value: unknown): object | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.keys(value).length > chunkSize ? value : undefined;
}

function* chunks(map: object | undefined): Generator<object> {
  const members = Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (let from = 0; from < members.length; from += chunkSize) {
    yield Object.fromEntries(members.slice(from, from + chunkSize));
  }
}

/** OpenAPI 3.1 calls a member unevaluated also when the branch that would have looked at it failed for another reason. */
function withoutConsequences(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const places = new Set<string>();
  for (const { instancePath, keyword } of errors) {
    if (keyword === "unevaluatedProperties") continue;
    // The place itself, and each member on the way to it.
    for (let path = instancePath; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) places.add(path);
    places.add(`${instancePath} own`);
  }
  return errors.filter(
    ({ keyword, instancePath, params }) =>
      keyword !== "unevaluatedProperties" ||
      !(places.has(childPointer(instancePath, params.unevaluatedProperty)) || places.has(`${instancePath} own`)),
  );
}

/**
 * Where a value fits none of several shapes, the validator reports what is wrong with it as each of them. Of those, the
 * shape that it misses least is kept.
 */
function outermostChoices(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const kept: ErrorObject[] = [];
  for (const error of errors) {
    if (error.keyword === "if") continue;
    if (error.propertyName !== undefined && error.keyword !== "propertyNames") continue; // said once, of the name
    if (!["oneOf", "anyOf", "not", "dependentSchemas"].includes(error.keyword)) {
      kept.push(error);
      continue;
    }
    // The branches' errors were reported just before.
    const branches: ErrorObject[] = [];
    while (kept.length > 0 && isBelow(kept.at(-1), error.instancePath)) {
      const last = kept.pop();
      if (last !== undefined) branches.unshift(last);
    }
    kept.push(furthest(likeliestBranch(branches, error.schemaPath)) ?? error);
  }
  return kept;
}

/** The errors of the branch that has the fewest; a branch that wants a `$ref` is not what the author meant. */
function likeliestBranch(errors: readonly ErrorObject[], choice: string): readonly ErrorObject[] {
  const branches = new Map<string, ErrorObject[]>();
  for (const error of errors) {
    const inline = error.schemaPath.startsWith(`${choice}/`);
    const name = inline
      ? error.schemaPath.slice(0, error.schemaPath.indexOf("/", choice.length + 1))
      : error.schemaPath.split("/", 3).join("/");
    const branch = branches.get(name);
    if (branch === undefined) branches.set(name, [error]);
    else branch.push(error);
  }
  const meant = [...branches.values()].filter((each) => !each.some(({ params }) => params.missingProperty === "$ref"));
  // Where all branches are told apart by one word (`in`, `type`), the mistake is that word.
  const [first = []] = meant;
  for (const { instancePath } of first) {
    const words = meant.map((each) => each.find((error) => error.instancePath === instancePath && isWord(error)));
    if (words.length < 2 || words.includes(undefined)) continue;
    const allowedValues = words.flatMap((error) => error?.params.allowedValues ?? error?.params.allowedValue ?? []);
    return [
      { instancePath, schemaPath: choice, keyword: "enum", params: { allowedValues: [...new Set(allowedValues)] } },
    ];
  }
  // A branch whose words fit is the one that was meant, whatever else is wrong with it.
  const misses = (branch: readonly ErrorObject[]) => branch.filter(isWord).length * 1000 + branch.length;
  return meant.reduce((best, branch) => (misses(branch) < misses(best) ? branch : best), first);
}

function isWord({ keyword }: ErrorObject): boolean {
  return keyword === "enum" || keyword === "const";
}

function isBelow(error: ErrorObject | undefined, path: string): boolean {
  return error !== undefined && (error.instancePath === path || error.instancePath.startsWith(`${path}/`));
}

function furthest(errors: readonly ErrorObject[]): ErrorObject | undefined {
  let best: ErrorObject | undefined;
  for (const error of errors) {
    if (best === undefined || depth(error) > depth(best)) best = error;
  }
  return best;
}

/** A member that is not allowed stands one level deeper than the object that the validator names. */
function depth({ instancePath, keyword }: ErrorObject): number {
  return instancePath.split("/").length * 2 + (keyword === "required" ? 1 : 0);
}

function explain({ instancePath, keyword, params, message }: ErrorObject): Problem {
  const pointer = instancePath;
  const child = (key: unknown) => childPointer(pointer, String(key));
  switch (keyword) {
    case "required":
      return { pointer, message: `"${params.missingProperty}" is missing`, target: "missing" };
    case "additionalProperties":
      return {
        pointer: child(params.additionalProperty),
        message: notAllowed(params.additionalProperty),
        target: "key",
      };
    case "unevaluatedProperties":
      return {
        pointer: child(params.unevaluatedProperty),
        message: notAllowed(params.unevaluatedProperty),
        target: "key",
      };
    case "propertyNames":
      return {
        pointer: child(params.propertyName),
        message: `"${params.propertyName}" is no name that may stand here`,
        target: "key",
      };
    case "type":
      return { pointer, message: `must be ${[params.type].flat().map(article).join(" or ")}` };
    case "enum":
      return { pointer, message: `must be ${alternatives(params.allowedValues)}` };
    case "const":
      return { pointer, message: `must be ${JSON.stringify(params.allowedValue)}` };
    case "pattern":
      return { pointer, message: `must match the pattern ${params.pattern}` };
    case "minItems":
    case "minProperties":
    case "minLength":
      return { pointer, message: "must not be empty" };
    case "not":
    case "oneOf":
    case "anyOf":
      return { pointer, message: "has none of the shapes that may stand here" };
    case "uniqueItems":
      return { pointer: child(params.i), message: `repeats element ${params.j}` };
    default:
      return { pointer, message: message ?? `breaks the rule "${keyword}"` };
  }
}

function notAllowed(key: unknown): string {
  return `"${String(key)}" is not allowed here`;
}

function article(type: unknown): string {
  const names: Record<string, string> = {
    array: "a list",
    boolean: "true or false",
    integer: "an integer",
    null: "null",
    number: "a number",
    object: "an object",
    string: "a text",
  };
  return names[String(type)] ?? String(type);
}

function alternatives(values: unknown): string {
  const list = Array.isArray(values) ? values.map((value) => JSON.stringify(value)) : [];
  return list.length <= 8 ? list.join(" or ") : `one of ${list.slice(0, 8).join(", ")}, ...`;
}

/**
 * The rules of Swagger 2.0 beyond the schema. The library stops at its first finding, so it is asked operation by
 * operation, with the parameters that are given by reference put in their place.
 */
function* swagger2Problems(
  document: SourceDocument,
  documents: ReadonlyMap<string, SourceDocument>,
): Generator<{ readonly pointer: string; readonly message: string }> {
  const validateSpec = require("@apidevtools/swagger-parser/lib/validators/spec") as (api: object) => void;
  const paths = memberOf(document.value, "paths")?.value;
  if (typeof paths !== "object" || paths === null || Array.isArray(paths)) return;
  const consumes = memberOf(document.value, "consumes")?.value;
  for (const [path, item] of Object.entries(paths)) {
    if (!path.startsWith("/") || typeof item !== "object" || item === null || Array.isArray(item)) continue;
    const shared = parametersOf(item, document.file, documents);
    for (const method of ["get", "put", "post", "delete", "options", "head", "patch"]) {
      const operation = memberOf(item, method)?.value;
      if (typeof operation !== "object" || operation === null || Array.isArray(operation)) continue;
      const own = parametersOf(operation, document.file, documents);
      if (shared === undefined || own === undefined) continue; // the schema has its own word on those
      const inspected = {
        swagger: "2.0",
        consumes,
        paths: {
          [path]: {
            parameters: shared,
            [method]: {
              consumes: memberOf(operation, "consumes")?.value,
              parameters: own,
              responses: responsesOf(operation),
            },
          },
        },
      };
      try {
        validateSpec(inspected);
      } catch (error) {
        // Anything but the library's own verdict is its failure to cope with input that the schema already refuses.
        const verdict =
          error instanceof SyntaxError
            ? /^(?:SyntaxError: )?(?:Validation failed\. )?([\s\S]*)$/.exec(error.message)
            : null;
        if (verdict?.[1])
          yield {
            pointer: `/paths/${escapeToken(path)}/${method}`,
            message: verdict[1].replaceAll("\n", " ").replace(`/paths${path}/${method}`, "the operation"),
          };
      }
    }
  }
}

/** Parameters with references resolved; undefined when one is not an object. */
function parametersOf(
  holder: object,
  file: string,
  documents: ReadonlyMap<string, SourceDocument>,
): readonly object[] | undefined {
  const listed = memberOf(holder, "parameters")?.value ?? [];
  if (!Array.isArray(listed)) return undefined;
  const parameters: object[] = [];
  for (const each of listed) {
    const reference = referenceIn(each);
    const value = reference === undefined ? each : resolveReference(documents, file, reference)?.value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const schema = memberOf(value, "schema")?.value;
    // Properties that come from elsewhere are not known here, so `required` cannot be judged.
    const foreign = memberOf(schema, "allOf") !== undefined;
    parameters.push(foreign ? { ...value, schema: { ...(schema as object), required: undefined } } : value);
  }
  return parameters;
}

/** Responses that are written in place. */
function responsesOf(operation: object): object {
  const responses = memberOf(operation, "responses")?.value;
  if (typeof responses !== "object" || responses === null || Array.isArray(responses)) return {};
  return Object.fromEntries(Object.entries(responses).filter(([name]) => !name.startsWith("x-")));
}
